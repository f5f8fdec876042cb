"""Find hands in an image with the SSD: pixels in, boxes with scores out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import cv2
import numpy as np

from handpose_cli.anchors import INPUT_SIZE, decode_boxes, make_anchors
from handpose_cli.sources.picture import Picture

NMS_IOU = 0.5  # as the detector's authors have it
ANCHORS = make_anchors()
MOST_AT_ONCE = 16  # regions in a batch: large pictures have hundreds of tiles, each of a megabyte here

Network = Callable[[np.ndarray], dict[str, np.ndarray]]


def squeeze(image: np.ndarray) -> np.ndarray:
    """Squeeze an RGB image (uint8 [h, w, 3]) into the detector's square: float32 [300, 300, 3], 0 to 255."""
    return cv2.resize(image, (INPUT_SIZE, INPUT_SIZE), interpolation=cv2.INTER_LINEAR).astype(np.float32)


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


def detect(network: Network, regions: Sequence[Region], threshold: float) -> list[tuple[np.ndarray, np.ndarray]]:
    """Find the hands in regions of pictures, in batches of at most `MOST_AT_ONCE`.

    Args:
        network: the SSD, from `engine`.
        threshold: least score of a hand, 0 to 1.

    Returns:
        for each region boxes float32 [n, 4] (x, y, width, height in pixels of the picture, inside the region) and
        scores float32 [n], best first.
    """
    found = []
    for first in range(0, len(regions), MOST_AT_ONCE):
        batch = regions[first : first + MOST_AT_ONCE]
        outputs = network(np.stack([squeeze(_pixels(region)) for region in batch]))
        for region, scores, encodings in zip(batch, outputs["scores"], outputs["encodings"], strict=True):
            boxes, scores = select_boxes(scores, encodings, region.width, region.height, threshold)
            found.append((boxes + np.array([region.x, region.y, 0, 0], np.float32), scores))
    return found


def _pixels(region: Region) -> np.ndarray:
    """Return a region's pixels, as coarse as the detector can do with."""
    picture, x, y, width, height = region
    pixels, factor = picture.reduced(max(width, height) // INPUT_SIZE)
    return pixels[y // factor : (y + height) // factor, x // factor : (x + width) // factor]


def select_boxes(
    scores: np.ndarray, encodings: np.ndarray, width: int, height: int, threshold: float
) -> tuple[np.ndarray, np.ndarray]:
    """Turn the SSD's outputs for one image (scores [1917], encodings [1917, 4]) into boxes: decode, clip, NMS."""
    above = np.flatnonzero(scores >= threshold)
    boxes = decode_boxes(encodings[above], ANCHORS[above]) * np.array([width, height, width, height], np.float32)
    low = np.clip(boxes[:, :2], 0, [width, height])
    high = np.clip(boxes[:, :2] + boxes[:, 2:], 0, [width, height])
    return without_overlaps(np.concatenate([low, high - low], axis=1).astype(np.float32), scores[above])


def without_overlaps(boxes: np.ndarray, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return boxes [n, 4] and their scores [n], best first, without those that overlap a better one (NMS)."""
    kept = np.asarray(cv2.dnn.NMSBoxes(boxes.tolist(), scores.tolist(), 0.0, NMS_IOU), int).reshape(-1)
    return boxes[kept], scores[kept]
