"""Do scores mean what they say: reliability curves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

BINS = 10


def reliability(scores: Sequence[float] | np.ndarray, right: Sequence[bool] | np.ndarray) -> dict[str, Any] | None:
    """Compare scores (0 to 1) with how often what has them is right, in ten bins of equal width.

    Returns:
        {"ece": the expected calibration error (Naeini et al., AAAI 2015: the mean distance of score and share of right
        ones, weighted by bin), "bins": [{"low", "high", "count", "score": mean, "right": share}, ...] without empty
        ones}; None if there are no scores, or if some are no probabilities (below 0 or above 1).
    """
    scores, right = np.asarray(scores, np.float64), np.asarray(right, np.float64)
    if not scores.size or scores.min() < 0 or scores.max() > 1:
        return None
    number = np.clip((scores * BINS).astype(int), 0, BINS - 1)
    bins = [
        {
            "low": index / BINS,
            "high": (index + 1) / BINS,
            "count": int((number == index).sum()),
            "score": float(scores[number == index].mean()),
            "right": float(right[number == index].mean()),
        }
        for index in range(BINS)
        if (number == index).any()
    ]
    gap = sum(entry["count"] * abs(entry["score"] - entry["right"]) for entry in bins) / scores.size
    return {"ece": float(gap), "bins": bins}
