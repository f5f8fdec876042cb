"""Average precision of boxes."""

from __future__ import annotations

import numpy as np


def iou(boxes: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Return the intersection over union of boxes [n, 4] with others [m, 4] (x, y, width, height): [n, m]."""
    boxes, others = np.asarray(boxes, np.float64)[:, None], np.asarray(others, np.float64)[None]
    low = np.maximum(boxes[..., :2], others[..., :2])
    high = np.minimum(boxes[..., :2] + boxes[..., 2:], others[..., :2] + others[..., 2:])
    shared = np.clip(high - low, 0, None).prod(axis=-1)
    return shared / np.maximum(boxes[..., 2:].prod(axis=-1) + others[..., 2:].prod(axis=-1) - shared, 1e-12)


def average_precision(images: list[tuple[np.ndarray, np.ndarray, np.ndarray]], threshold: float) -> float:
    """Return the area under the precision envelope over recall (PASCAL VOC 2010 on, all points).

    Args:
        images: for each image predicted boxes [n, 4], their scores [n], and labelled boxes [m, 4].
        threshold: IoU from which a prediction can count as a labelled box; each label counts once, for the best-scored
            prediction that overlaps it most.
    """
    hits: list[tuple[float, bool]] = []
    labels = 0
    for boxes, scores, truth in images:
        labels += len(truth)
        free = np.ones(len(truth), bool)
        for i in np.argsort(-np.asarray(scores), kind="stable"):
            overlap = iou(boxes[i : i + 1], truth)[0] * free if len(truth) else np.zeros(1)
            best = int(overlap.argmax())
            hit = bool(overlap[best] >= threshold)
            if hit:
                free[best] = False
            hits.append((float(scores[i]), hit))
    if not labels:
        return 0.0
    hits.sort(key=lambda item: -item[0])
    found = np.cumsum([hit for _, hit in hits])
    recall = np.concatenate([[0], found / labels])
    precision = np.concatenate([[1], found / np.arange(1, len(found) + 1)])
    envelope = np.maximum.accumulate(precision[::-1])[::-1]
    return float(np.sum(np.diff(recall) * envelope[1:]))
