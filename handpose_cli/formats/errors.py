"""The errors of formats."""

from handpose_cli.errors import Remediable


class FormatError(Remediable, ValueError):
    """A file does not follow its format; the message names the file and the place, in one line.

    What could help is "images", "classes", "keypoint_names", "rescale", "video" and others of `commands.remedies`.
    """


class Unclear(ValueError):
    """Something in a file cannot be understood unless a caller says more; it becomes a FormatError with its place.

    Attributes:
        remedy: as in `Remediable`.
    """

    def __init__(self, message: str, remedy: str):
        super().__init__(message)
        self.remedy = remedy
