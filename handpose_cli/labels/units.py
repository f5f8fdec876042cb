"""Whether a file's coordinates are pixels, as all readers promise, or shares of the image from 0 to 1."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from handpose_cli.formats.errors import FormatError
from handpose_cli.records import Hand, ImageRecord

BEYOND = 1.5  # a joint outside its image may be at 1.2; pixels of a whole file are never so few
MOST = 0.95  # of a file's coordinates that are within it; an odd value may be wrong in another way


class Units:
    """Counts coordinates, over all hands of a file: one hand's may be small by chance, or all 0 if it was missed."""

    def __init__(self) -> None:
        self._keypoints = np.zeros(2, int)  # small ones, all
        self._boxes = np.zeros(2, int)

    def add(self, hand: Hand) -> None:
        if hand.keypoints is not None:
            self._keypoints += _small_and_all(hand.keypoints)
        self._boxes += _small_and_all(hand.box)

    @property
    def normalised(self) -> str:
        """What is from 0 to 1: "keypoints", "boxes", or "" if neither is."""
        for what, (small, every) in (("keypoints", self._keypoints), ("boxes", self._boxes)):
            if every and small >= MOST * every:
                return what
        return ""


def are_small(coordinates: np.ndarray) -> bool:
    """Return whether none of the coordinates (any shape; NaN: not labelled) is beyond what a share can be."""
    small, every = _small_and_all(coordinates)
    return bool(every and small == every)


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


def _small_and_all(coordinates: np.ndarray) -> np.ndarray:
    """Return how many coordinates are small, and how many there are; 0 says nothing."""
    told = np.abs(coordinates[np.isfinite(coordinates) & (coordinates != 0)])
    return np.array([(told <= BEYOND).sum(), told.size])
