"""Coordinates are pixels: what is from 0 to 1 instead would give wrong numbers without a word."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from handpose_cli.formats._notes import say
from handpose_cli.formats.errors import FormatError
from handpose_cli.formats.fields import image_name
from handpose_cli.records import Hand, ImageRecord

LARGEST = 1.5  # of a share of the image's size, for a joint that a labeller guesses beyond the edge


def is_normalised(hand: Hand) -> bool:
    """Return whether a hand's coordinates can only be shares of the image's size: all of it is in 1.5 pixels."""
    points = np.stack([hand.box[:2], hand.box[:2] + hand.box[2:]])
    if hand.keypoints is not None:
        points = hand.keypoints[np.isfinite(hand.keypoints).all(axis=1)]
    # all 0: it was not found
    return len(points) > 1 and bool(points.any()) and bool(np.abs(points).max() <= LARGEST)


def in_pixels(records: Iterable[ImageRecord], path: Path) -> Iterator[ImageRecord]:
    """Yield the records of a file.

    Raises:
        FormatError: at the end, if most hands' coordinates are from 0 to 1. One alone may be a prediction's that has
            collapsed; it is spoken of.
    """
    hands = normalised = 0
    first = ""
    for record in records:
        for number, hand in enumerate(record.hands):
            if (hand.box if hand.keypoints is None else hand.keypoints[0])[0] > LARGEST:  # as nearly always
                hands += 1
                continue
            hands += _is_somewhere(hand)
            if is_normalised(hand):
                normalised += 1
                first = first or f"{image_name(record)}, hand {number}"
        yield record
    if not normalised:
        return
    line = f"{path}: {normalised} of {hands} hands have coordinates from 0 to 1, where pixels are expected: {first}"
    if 2 * normalised >= hands:
        raise FormatError(f"{line}. Results of MediaPipe are read as they are if named mediapipe:PATH")
    say(line)


def _is_somewhere(hand: Hand) -> bool:
    """Return whether not all coordinates are 0, as some programs write a hand that was not found."""
    return bool(hand.box.any()) or bool(hand.keypoints is not None and np.nan_to_num(hand.keypoints).any())
