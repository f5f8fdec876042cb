"""The errors of formats."""


class FormatError(ValueError):
    """A file does not follow its format; the message names the file and the place, in one line.

    Attributes:
        remedy: what a caller could give to help: "images", "classes", "keypoint_names", "rescale" or "video"; empty if
            nothing would. A command adds its option to the message.
    """

    def __init__(self, message: str, remedy: str = ""):
        super().__init__(message)
        self.remedy = remedy


class Unclear(ValueError):
    """Something in a file cannot be understood unless a caller says more; it becomes a FormatError with its place.

    Attributes:
        remedy: as in `FormatError`.
    """

    def __init__(self, message: str, remedy: str):
        super().__init__(message)
        self.remedy = remedy
