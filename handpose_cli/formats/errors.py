"""The error that every format raises."""


class FormatError(ValueError):
    """A file does not follow its format; the message names the file and the place, in one line."""
