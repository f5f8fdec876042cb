"""95 % intervals by the bootstrap: figures on samples drawn again, with replacement, from those that there are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

DRAWS, BLOCK = 1000, 50


@dataclass(frozen=True)
class Samples:
    """Which sample each hand belongs to, and the seed of the draws.

    Whole samples (an image, a video, the versions of one pose) are drawn, since the hands in one are alike (the cluster
    bootstrap: Davison and Hinkley, "Bootstrap Methods", 1997).
    """

    number: np.ndarray
    count: int
    seed: int

    @classmethod
    def of(cls, names: Sequence[str], seed: int = 0) -> Samples:
        unique, number = np.unique(np.array(names, dtype=str), return_inverse=True)
        return cls(number, len(unique), seed)

    @cached_property
    def draws(self) -> np.ndarray:
        """How often each sample is in each draw, uint8 [DRAWS, samples]: the same for every figure, so drawn once.

        No sample is drawn more than 255 times: of so many each comes once in the mean.
        """
        rng = np.random.default_rng(self.seed)
        drawn = np.empty((DRAWS, self.count), np.uint8)
        for start in range(0, DRAWS, BLOCK):
            drawn[start : start + BLOCK] = rng.multinomial(self.count, np.full(self.count, 1 / self.count), size=BLOCK)
        return drawn


def interval(contributions: np.ndarray, how: str, samples: Samples) -> tuple[float, float] | None:
    """Return the 2.5th and the 97.5th percentile of `metrics.average` over the draws.

    None for the median, and where there are not two samples to draw from.

    Args:
        contributions: [hands, joints], NaN where a joint does not count.
    """
    counts = np.isfinite(contributions)
    if how == "median" or samples.count < 2 or not counts.any():
        return None
    sums = np.zeros((samples.count, contributions.shape[1]))
    totals = sums.copy()
    np.add.at(sums, samples.number, np.where(counts, contributions, 0.0))
    np.add.at(totals, samples.number, counts)
    if how == "micro":
        sums, totals = sums.sum(axis=1, keepdims=True), totals.sum(axis=1, keepdims=True)
    values = []
    for start in range(0, DRAWS, BLOCK):  # all at once would take 8 times the memory of the draws
        drawn = samples.draws[start : start + BLOCK].astype(np.float64)
        drawn_sums, drawn_totals = drawn @ sums, drawn @ totals
        counted = drawn_totals > 0  # a draw may lack a joint, or have nothing that counts at all
        means = np.divide(drawn_sums, drawn_totals, out=np.zeros_like(drawn_sums), where=counted)
        some = counted.any(axis=1)
        values.append(means[some].sum(axis=1) / counted[some].sum(axis=1))
    low, high = np.percentile(np.concatenate(values), [2.5, 97.5])
    return float(low), float(high)
