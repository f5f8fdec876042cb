"""The error that every source raises."""

NO_FRAME = "no frame"  # begins the message of a video that has none between the times that were asked for


NO_MEMORY = "not enough memory to decode it"


class UnreadableError(ValueError):
    """An input cannot be decoded; the message says why, in one line, and becomes the record's `failure`.

    Attributes:
        transient: whether the file system was the cause (no such file, no permission, a disk that fails), memory
            that was short, or a package that is not installed, so that trying again may help; the same bytes would fail
            again otherwise.
    """

    def __init__(self, message: str, transient: bool = False):
        super().__init__(message)
        self.transient = transient


class EncodingError(ValueError):
    """An annotated video cannot be encoded here; the message says why, in one line."""


class InexactError(Exception):
    """A stretch cannot be decoded to exactly the frames that it should have."""
