"""What stops a run before or while it annotates."""


class RunError(ValueError):
    """The run cannot begin or go on; the message says why and which option helps, in one line."""
