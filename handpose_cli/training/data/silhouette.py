"""Where a hand is in an image, by its keypoints: its palm and the bones of its fingers."""

from __future__ import annotations

import cv2
import numpy as np

from handpose_cli.records import SKELETON

PALM = [0, 1, 5, 9, 13, 17]


def silhouette(keypoints: np.ndarray, shape: tuple[int, int], width: int) -> np.ndarray:
    """Draw the palm and the fingers' bones: uint8 [h, w], 255 there and 0 elsewhere.

    Args:
        keypoints: pixels [21, 2]; those that are NaN are left out.
        shape: h and w.
        width: of the bones, in pixels; the palm is wider than its joints by half of it on each side.
    """
    drawn = np.zeros(shape, np.uint8)
    known = np.isfinite(keypoints).all(axis=1)
    points = np.nan_to_num(keypoints).round().astype(np.int32)
    if known[PALM].sum() >= 3:
        hull = cv2.convexHull(points[PALM][known[PALM]])
        cv2.fillConvexPoly(drawn, hull, 255)
        cv2.polylines(drawn, [hull], True, 255, width)
    for a, b in SKELETON:
        if known[a] and known[b]:
            cv2.line(drawn, points[a].tolist(), points[b].tolist(), 255, width)
    return drawn
