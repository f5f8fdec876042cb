"""95 % intervals by the bootstrap: figures on samples drawn anew, with replacement, from those that there are."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

DRAWS = 1000


def draw_weights(samples: Sequence[str], seed: int = 0, draws: int = DRAWS) -> tuple[np.ndarray, np.ndarray]:
    """Draw samples with replacement.

    Whole samples (an image, a video, the versions of one pose) are drawn, since the hands in one are alike (the cluster
    bootstrap: Davison and Hinkley, "Bootstrap Methods", 1997).

    Args:
        samples: which sample each hand belongs to.

    Returns:
        how often each sample is in each draw, [draws, samples], and the number of each hand's sample, [hands].
    """
    names, number = np.unique(np.asarray(samples, object).astype(str), return_inverse=True)
    if not len(names):
        return np.zeros((draws, 0)), number
    rng = np.random.default_rng(seed)
    return rng.multinomial(len(names), np.full(len(names), 1 / len(names)), size=draws).astype(np.float64), number


def interval(
    contributions: np.ndarray, how: str, weights: np.ndarray, number: np.ndarray
) -> tuple[float, float] | None:
    """Return the 2.5th and the 97.5th percentile of `metrics.average` over the draws; None for the median.

    Args:
        contributions: [hands, joints], NaN where a joint does not count.
        weights, number: from `draw_weights`.
    """
    if how == "median" or not np.isfinite(contributions).any():
        return None
    counts = np.isfinite(contributions)
    sums = np.zeros((weights.shape[1], contributions.shape[1]))
    totals = sums.copy()
    np.add.at(sums, number, np.where(counts, contributions, 0.0))
    np.add.at(totals, number, counts)
    drawn_sums, drawn_totals = weights @ sums, weights @ totals
    if how == "micro":
        drawn_sums, drawn_totals = drawn_sums.sum(axis=1, keepdims=True), drawn_totals.sum(axis=1, keepdims=True)
    counted = drawn_totals > 0  # a draw may lack a joint, or have nothing that counts at all
    means = np.divide(drawn_sums, drawn_totals, out=np.zeros_like(drawn_sums), where=counted)
    some = counted.any(axis=1)
    low, high = np.percentile(means[some].sum(axis=1) / counted[some].sum(axis=1), [2.5, 97.5])
    return float(low), float(high)
