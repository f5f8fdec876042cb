"""Find hands in regions of pictures: which pixels the detector gets, and where its boxes lie in the picture."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from handpose_cli.engine.contract import Boxes, Detector
from handpose_cli.media.picture import Picture

MOST_AT_ONCE = 16  # regions in a batch: large pictures have hundreds of tiles, each of a megabyte here


class Region(NamedTuple):
    """A part of a picture, in whole pixels."""

    picture: Picture
    x: int
    y: int
    width: int
    height: int


def whole(picture: Picture) -> Region:
    """Return all of a picture."""
    return Region(picture, 0, 0, picture.width, picture.height)


def detect(detector: Detector, regions: Sequence[Region], threshold: float) -> list[Boxes]:
    """Find the hands in regions of pictures, in batches of at most `MOST_AT_ONCE`.

    Args:
        threshold: least score of a hand, 0 to 1.

    Returns:
        for each region its boxes, in pixels of the picture and inside the region.
    """
    found = []
    for first in range(0, len(regions), MOST_AT_ONCE):
        batch = regions[first : first + MOST_AT_ONCE]
        pixels = [_pixels(region, detector.input_size) for region in batch]
        for region, image, of_region in zip(batch, pixels, detector.boxes(pixels, threshold), strict=True):
            scale = np.array([region.width / image.shape[1], region.height / image.shape[0]] * 2)
            moved = of_region.boxes * scale + np.array([region.x, region.y, 0, 0])
            found.append(of_region._replace(boxes=moved.astype(np.float32)))
    return found


def _pixels(region: Region, size: int) -> np.ndarray:
    """Return a region's pixels, as coarse as a detector that sees so many of them on a side can do with."""
    picture, x, y, width, height = region
    pixels, factor = picture.reduced(max(width, height) // size)
    return pixels[y // factor : (y + height) // factor, x // factor : (x + width) // factor]
