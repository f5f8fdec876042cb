"""How far a hand's proportions are from those that hands have: its bones' lengths, and how they are bent."""

from __future__ import annotations

import numpy as np

from handpose_cli.records import FINGERS, SKELETON

# The largest in 27,000 hands (19,000 photographs, 8,000 renders), and a tenth more, over the longer side of the tight
# box around the keypoints; for a finger's bones from the wrist outwards. A picture shortens bones, never lengthens
# them, so only too long ones say something, and so with angles: a fist seen from the front folds any finger on itself,
# but not with bones that look long.
LONGEST_BONES = {
    "thumb": (0.9, 0.65, 0.55, 0.55),
    **dict.fromkeys(("index", "middle", "ring", "little"), (1.4, 0.85, 0.6, 0.6)),
}
# Folded back at a joint (two bones that form an angle of less than 90 degrees): root of their dot product, negative.
MOST_FOLDED = {
    "thumb": (0.33, 0.22, 0.23),
    **dict.fromkeys(("index", "middle", "ring", "little"), (0.8, 0.4, 0.26)),
}
# Bent one way at a joint and the other way at the next: fourth root of the product of the two cross products.
MOST_ZIGZAG = {
    "thumb": (0.35, 0.25),
    **dict.fromkeys(("index", "middle", "ring", "little"), (0.36, 0.18)),
}
_TABLES = LONGEST_BONES, MOST_FOLDED, MOST_ZIGZAG
_BONES, _FOLDED, _ZIGZAG = (np.array([table[finger] for finger in FINGERS]) for table in _TABLES)
_FROM, _TO = np.array(SKELETON).T


def strangeness(keypoints: np.ndarray) -> tuple[float, float]:
    """Return how large the bones' lengths and their bends are, over the largest that hands have; more is implausible.

    Args:
        keypoints: float [21, 2] in pixels; a hand of which a joint is not labelled cannot be judged: (0, 0).

    Returns:
        for lengths and for bends the largest ratio, from 0; plausible up to 1.
    """
    points = np.asarray(keypoints, np.float64)
    size = float((points.max(axis=0) - points.min(axis=0)).max())  # NaN if a joint is
    if not 0 < size < np.inf:
        return 0.0, 0.0
    bones = ((points[_TO] - points[_FROM]) / size).reshape(len(FINGERS), 4, 2)
    before, after = bones[:, :-1], bones[:, 1:]
    folded = np.sqrt(np.maximum(-(before * after).sum(axis=2), 0))
    turns = before[..., 0] * after[..., 1] - before[..., 1] * after[..., 0]
    zigzag = np.sqrt(np.sqrt(np.maximum(-turns[:, :-1] * turns[:, 1:], 0)))
    lengths = np.sqrt((bones * bones).sum(axis=2))
    return float((lengths / _BONES).max()), float(max((folded / _FOLDED).max(), (zigzag / _ZIGZAG).max()))
