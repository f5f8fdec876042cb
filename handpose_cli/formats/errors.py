"""The error that every format raises."""


class FormatError(ValueError):
    """A file does not follow its format; the message names the file and the place, in one line.

    Attributes:
        remedy: what a caller could give to help: "images", "classes", "keypoint_names", "rescale" or "video"; empty if
            nothing would. A command adds its option to the message.
    """

    def __init__(self, message: str, remedy: str = ""):
        super().__init__(message)
        self.remedy = remedy
