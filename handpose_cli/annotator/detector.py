"""Find hands in an image with the SSD: pixels in, boxes with scores out."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from handpose_cli.anchors import INPUT_SIZE, decode_boxes, make_anchors
from handpose_cli.sources.picture import Picture

NMS_IOU = 0.5  # as the detector's authors have it
ANCHORS = make_anchors()

Network = Callable[[np.ndarray], dict[str, np.ndarray]]


def squeeze(image: np.ndarray) -> np.ndarray:
    """Squeeze an RGB image (uint8 [h, w, 3]) into the detector's square: float32 [300, 300, 3], 0 to 255."""
    return cv2.resize(image, (INPUT_SIZE, INPUT_SIZE), interpolation=cv2.INTER_LINEAR).astype(np.float32)


def detect(
    network: Network, picture: Picture, threshold: float, most: int | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Find the hands in a picture.

    Args:
        network: the SSD, from `engine`.
        threshold: least score of a hand, 0 to 1.
        most: keep only the best so many hands; None: all.

    Returns:
        boxes float32 [n, 4] (x, y, width, height in pixels, inside the picture) and scores float32 [n], best first.
    """
    pixels, _ = picture.reduced(max(picture.width, picture.height))  # as small as it can be had
    outputs = network(squeeze(pixels)[None])
    return select_boxes(outputs["scores"][0], outputs["encodings"][0], picture.width, picture.height, threshold, most)


def select_boxes(
    scores: np.ndarray, encodings: np.ndarray, width: int, height: int, threshold: float, most: int | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Turn the SSD's outputs for one image (scores [1917], encodings [1917, 4]) into boxes: decode, clip, NMS."""
    above = np.flatnonzero(scores >= threshold)
    boxes = decode_boxes(encodings[above], ANCHORS[above]) * np.array([width, height, width, height], np.float32)
    low = np.clip(boxes[:, :2], 0, [width, height])
    high = np.clip(boxes[:, :2] + boxes[:, 2:], 0, [width, height])
    boxes = np.concatenate([low, high - low], axis=1).astype(np.float32)
    kept = np.asarray(cv2.dnn.NMSBoxes(boxes.tolist(), scores[above].tolist(), threshold, NMS_IOU), int).reshape(-1)
    return boxes[kept][:most], scores[above][kept][:most]
