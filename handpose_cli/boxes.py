"""How boxes overlap. Boxes are x, y, width, height in pixels."""

from __future__ import annotations

import numpy as np


def iou(boxes: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Return the intersection over union of boxes [n, 4] with others [m, 4]: [n, m]."""
    shared = _shared(boxes, others)
    ious: np.ndarray = shared / np.maximum(_areas(boxes)[:, None] + _areas(others)[None] - shared, 1e-12)
    return ious


def share_inside(boxes: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Return the share of the area of boxes [n, 4] that lies in others [m, 4]: [n, m], 0 for a box without area."""
    shares: np.ndarray = _shared(boxes, others) / np.maximum(_areas(boxes)[:, None], 1e-12)
    return shares


def _areas(boxes: np.ndarray) -> np.ndarray:
    areas: np.ndarray = np.asarray(boxes, np.float64)[:, 2:].prod(axis=-1)
    return areas


def _shared(boxes: np.ndarray, others: np.ndarray) -> np.ndarray:
    boxes, others = np.asarray(boxes, np.float64)[:, None], np.asarray(others, np.float64)[None]
    low = np.maximum(boxes[..., :2], others[..., :2])
    high = np.minimum(boxes[..., :2] + boxes[..., 2:], others[..., :2] + others[..., 2:])
    areas: np.ndarray = np.clip(high - low, 0, None).prod(axis=-1)
    return areas
