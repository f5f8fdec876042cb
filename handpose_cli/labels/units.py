"""Whether a file's coordinates are pixels, as all readers promise, or shares of the image from 0 to 1."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from handpose_cli.formats._shares import Shares
from handpose_cli.formats.errors import FormatError
from handpose_cli.records import Hand, ImageRecord


class Units:
    """Counts the coordinates of all hands of a file."""

    def __init__(self) -> None:
        self._keypoints, self._boxes = Shares(), Shares()

    def add(self, hand: Hand) -> None:
        if hand.keypoints is not None:
            self._keypoints.add(hand.keypoints)
        self._boxes.add(hand.box)

    @property
    def normalised(self) -> str:
        """What is from 0 to 1: "keypoints", "boxes", or "" if neither is."""
        return "keypoints" if self._keypoints else "boxes" if self._boxes else ""


def in_pixels(records: Iterable[ImageRecord], where: object) -> Iterator[ImageRecord]:
    """Yield the records.

    Args:
        where: the file that they are of, for the error.

    Raises:
        FormatError: at their end, if their coordinates are from 0 to 1.
    """
    units = Units()
    for record in records:
        for hand in record.hands:
            units.add(hand)
        yield record
    if what := units.normalised:
        raise FormatError(
            f"{where}: its {what} are from 0 to 1, where pixels are expected. Multiply x by the image's width and y by "
            f"its height; MediaPipe's results are read as they are by mediapipe:PATH"
        )
