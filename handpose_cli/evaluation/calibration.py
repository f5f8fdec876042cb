"""Do scores mean what they say: reliability curves."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from handpose_cli.evaluation.figures import Bin, Reliability

BINS = 10


def reliability(scores: Sequence[float] | np.ndarray, right: Sequence[bool] | np.ndarray) -> Reliability | None:
    """Compare scores (0 to 1) with how often what has them is right, in ten bins of equal width.

    The expected calibration error (Naeini et al., AAAI 2015) is the mean distance of score and share of right ones,
    weighted by bin.

    Returns:
        None if there are no scores, or if some are no probabilities (below 0 or above 1).
    """
    scores, right = np.asarray(scores, np.float64), np.asarray(right, np.float64)
    if not scores.size or scores.min() < 0 or scores.max() > 1:
        return None
    number = np.clip((scores * BINS).astype(int), 0, BINS - 1)
    bins = [
        Bin(
            index / BINS,
            (index + 1) / BINS,
            int((number == index).sum()),
            float(scores[number == index].mean()),
            float(right[number == index].mean()),
        )
        for index in range(BINS)
        if (number == index).any()
    ]
    gap = sum(each.count * abs(each.score - each.right) for each in bins) / scores.size
    return Reliability(float(gap), bins)
