"""The error that every source raises."""


class UnreadableError(ValueError):
    """An input cannot be decoded; the message says why, in one line, and becomes the record's `failure`."""
