"""Coordinates are pixels: what is from 0 to 1 instead would give wrong numbers without a word."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from handpose_cli.formats.errors import FormatError
from handpose_cli.formats.fields import image_name
from handpose_cli.records import Hand, ImageRecord

LARGEST = 1.5  # of a share of the image's size, for a joint that a labeller guesses beyond the edge


def is_normalised(hand: Hand) -> bool:
    """Return whether a hand's coordinates can only be shares of the image's size: all of it is in 1.5 pixels."""
    points = np.stack([hand.box[:2], hand.box[:2] + hand.box[2:]])
    if hand.keypoints is not None:
        points = hand.keypoints[np.isfinite(hand.keypoints).all(axis=1)]
    return len(points) > 1 and bool(np.abs(points).max() <= LARGEST)


def in_pixels(records: Iterable[ImageRecord], path: Path) -> Iterator[ImageRecord]:
    """Yield the records of a file.

    Raises:
        FormatError: if a hand's coordinates are from 0 to 1.
    """
    for record in records:
        for number, hand in enumerate(record.hands):
            if is_normalised(hand):
                raise FormatError(
                    f"{path}: {image_name(record)}, hand {number}: coordinates from 0 to 1, where pixels are expected"
                )
        yield record
