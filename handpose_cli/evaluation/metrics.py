"""Figures that compare predicted with labelled keypoints.

Each metric turns the joints' errors into contributions, float64 [hands, joints], NaN where a joint does not count;
`average` makes one figure of them. So every metric can be given by joint and by finger, and with an interval
(`intervals`). Errors are distances in pixels of the original image: NaN where the joint is not labelled, infinite where
it is labelled but its hand was not found. Names of figures say the norm: `pck@0.1/bbox`, `auc/mmpose30px`, `epe_px`.
To add a metric, put it into `METRICS`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

# Sigmas of COCO-WholeBody's hands (Jin et al., ECCV 2020), which are the same left and right.
HAND_SIGMAS = np.array(
    [0.029, 0.022, 0.035, 0.037, 0.047, 0.026, 0.025, 0.024, 0.035, 0.018, 0.024, 0.022, 0.026, 0.017, 0.021, 0.021,
     0.032, 0.020, 0.019, 0.022, 0.031]
)  # fmt: skip


def distances(predicted: np.ndarray, labelled: np.ndarray) -> np.ndarray:
    """Return the distance in pixels of each joint: [n, joints] from keypoints [n, joints, 2]."""
    lengths: np.ndarray = np.linalg.norm(np.asarray(predicted, np.float64) - labelled, axis=-1)
    return lengths


def longer_sides(keypoints: np.ndarray) -> np.ndarray:
    """Return the longer side [n] of each hand's tight keypoint box, from keypoints [n, joints, 2]."""
    sides: np.ndarray = np.nanmax(keypoints, axis=1) - np.nanmin(keypoints, axis=1)
    longer: np.ndarray = sides.max(axis=-1)
    return longer.astype(np.float64)


def correct(error: np.ndarray, norm: np.ndarray, threshold: float, or_equal: bool = False) -> np.ndarray:
    """Contributions to PCK: 1 where error / norm < threshold, 0 where not, NaN where error or norm is NaN.

    In float32 and strict, as MMPose's `PCKAccuracy`, so that an error on the threshold is decided as there; `or_equal`
    is FreiHAND's way.
    """
    share = error.astype(np.float32) / np.asarray(norm, np.float32).reshape(-1, 1)
    limit = np.float32(threshold)
    within = (share <= limit if or_equal else share < limit).astype(np.float64)
    return np.where(np.isnan(share), np.nan, within)


def pck(error: np.ndarray, norm: np.ndarray, threshold: float) -> float:
    """Percentage of correct keypoints, 0 to 1, in the mean of the joints' (MMPose's `PCKAccuracy`)."""
    return average(correct(error, norm, threshold), "macro")


def auc_mmpose(error: np.ndarray, norm: float = 30.0, steps: int = 20) -> np.ndarray:
    """Contributions to MMPose's `keypoint_auc`: the mean of PCK at 0, 1/20, ... 19/20 of `norm` pixels.

    A perfect prediction scores 0.95, since nothing is closer than 0.
    """
    norms = np.full(len(error), norm)
    total = np.zeros(error.shape)
    for step in range(steps):  # one after the other: all at once would take 100 times the memory
        total += correct(error, norms, step / steps)
    return total / steps


def auc_trapezoid(error: np.ndarray, most: float = 30.0, steps: int = 100) -> np.ndarray:
    """Contributions to the AUC of FreiHAND's `EvalUtil`: trapezoids under PCK (<=) at `steps` points to `most` px."""
    thresholds = np.linspace(0, most, steps)
    shares = np.full(steps, 1 / (steps - 1))
    shares[[0, -1]] /= 2
    total = np.zeros(error.shape)
    for threshold, share in zip(thresholds, shares, strict=True):
        total += share * correct(error, np.ones(len(error)), threshold, or_equal=True)
    return total


def found(error: np.ndarray) -> np.ndarray:
    """Return errors [n, joints] with NaN for those of hands not found: contributions to EPE."""
    return np.where(np.isinf(error), np.nan, error)


def average(contributions: np.ndarray, how: str) -> float:
    """Return one figure: "macro", the mean of the joints' means; "micro", of all joints of all hands; or "median"."""
    counted = contributions[:, np.isfinite(contributions).any(axis=0)]
    if not counted.size:
        return float("nan")
    if how == "macro":
        return float(np.nanmean(counted, axis=0).mean())
    return float(np.nanmean(counted) if how == "micro" else np.nanmedian(counted))


def by_joint(contributions: np.ndarray, how: str) -> list[float | None]:
    """Return each joint's mean (or median, if that is `how`); None for a joint that is never counted."""
    columns = (column[np.isfinite(column)] for column in contributions.T)
    middle = np.median if how == "median" else np.mean
    return [float(middle(column)) if column.size else None for column in columns]


def oks(error: np.ndarray, area: np.ndarray, sigmas: np.ndarray = HAND_SIGMAS) -> np.ndarray:
    """COCO's object keypoint similarity [n], 0 to 1: mean over labelled joints of exp(-d^2 / (2 area (2 sigma)^2))."""
    exponent = error.astype(np.float64) ** 2 / (2 * np.asarray(area)[:, None] * (2 * sigmas) ** 2)
    similarity: np.ndarray = np.nanmean(np.exp(-exponent), axis=1)
    return similarity


class Metric(NamedTuple):
    """A figure's recipe.

    Attributes:
        contributions: from errors [n, joints] and the longer side [n] of the labelled boxes, both in pixels.
        average: how they are averaged, see `average`.
        root: whether the figure is the square root of that average.
    """

    contributions: Callable[[np.ndarray, np.ndarray], np.ndarray]
    average: str
    root: bool = False


# besides PCK, of which there is one for each norm and threshold
METRICS = {
    "auc/mmpose30px": Metric(lambda error, box: auc_mmpose(error), "macro"),
    "auc/trapz0-30px": Metric(lambda error, box: auc_trapezoid(error), "macro"),
    "epe_px": Metric(lambda error, box: found(error), "micro"),
    "epe_px_macro": Metric(lambda error, box: found(error), "macro"),
    "epe_px_median": Metric(lambda error, box: found(error), "median"),
    "mse_px2": Metric(lambda error, box: found(error) ** 2, "micro"),
    "nme/bbox": Metric(lambda error, box: found(error) / box[:, None], "micro"),
    "rmse_px": Metric(lambda error, box: found(error) ** 2, "micro", root=True),
}
