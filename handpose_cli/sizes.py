"""Two files that say how large an image is must agree: coordinates of one size are not those of another."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from handpose_cli.formats.errors import FormatError
from handpose_cli.records import Hand, ImageRecord

SAME_ASPECT = 0.01  # relative difference of width over height that rounding to whole pixels may make


def same_size(label: ImageRecord, width: int | None, height: int | None, of: str, rescale: bool) -> ImageRecord:
    """Return a label of an image whose other size is given, scaled to that if it differs and may be.

    Args:
        width, height: in pixels; None: it is not known.
        of: whose size that is, for the error: "the image".
        rescale: whether labels may be scaled.

    Raises:
        FormatError: if the sizes differ and labels may not be scaled, or width and height do not change alike.
    """
    if not (label.width and label.height and width and height) or (label.width, label.height) == (width, height):
        return label
    sizes = f"{label.file}: its labels are for {label.width} x {label.height} pixels, {of} is {width} x {height}"
    x, y = width / label.width, height / label.height
    if abs(x / y - 1) > SAME_ASPECT + 1 / min(width, height, label.width, label.height):
        raise FormatError(f"{sizes}: they are not of the same picture")
    if not rescale:
        raise FormatError(sizes, "rescale")
    hands = [scaled(hand, x, y) for hand in label.hands]
    return replace(label, width=width, height=height, hands=hands)


def scaled(hand: Hand, x: float, y: float) -> Hand:
    """Return a hand as it is in a picture whose sides are so many times as long."""
    scale = np.array([x, y], np.float32)
    changes: dict[str, Any] = {"box": hand.box * np.tile(scale, 2)}
    for name in ("keypoints", "raw_keypoints"):
        if (points := getattr(hand, name)) is not None:
            changes[name] = points * scale + (scale - 1) / 2  # pixel centres are whole numbers
    if hand.area is not None:
        changes["area"] = hand.area * float(scale.prod())
    if hand.head_size is not None:
        changes["head_size"] = hand.head_size * float(scale.prod() ** 0.5)
    return replace(hand, **changes)
