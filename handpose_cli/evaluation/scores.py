"""A table of figures for hands and what was predicted for them: each with its interval, by joint and by finger."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from handpose_cli.evaluation import metrics
from handpose_cli.evaluation.intervals import Samples, interval
from handpose_cli.evaluation.matching import Pair
from handpose_cli.records import FINGERS, NUM_JOINTS

THRESHOLDS = {"bbox": (0.05, 0.1, 0.2), "palm": (0.2, 0.5), "px": (5.0, 10.0, 20.0), "head": (0.5, 0.7)}


@dataclass(frozen=True)
class EvaluateSettings:
    """What is measured.

    Attributes:
        norms: what PCK's errors are divided by, of `metrics.norm_of`; the first one is used for the split of the error
            and the calibration.
        thresholds: PCK's; empty: `THRESHOLDS` of each norm.
        visible_only: leave out joints that are labelled as hidden.
        oks_area: see `detection.area_of`.
        seed: of the bootstrap.
    """

    norms: tuple[str, ...] = ("bbox",)
    thresholds: tuple[float, ...] = ()
    visible_only: bool = False
    oks_area: str = "box"
    seed: int = 0

    def thresholds_of(self, norm: str) -> tuple[float, ...]:
        return self.thresholds or THRESHOLDS[norm]

    @property
    def main_threshold(self) -> float:
        """The middle one of the first norm's: by it a joint is right or wrong where one threshold has to do."""
        thresholds = sorted(self.thresholds_of(self.norms[0]))
        return thresholds[len(thresholds) // 2]


def pck_name(threshold: float, norm: str) -> str:
    return f"pck@{threshold:g}px" if norm == "px" else f"pck@{threshold:g}/{norm}"


def errors_of(pairs: Sequence[Pair], visible_only: bool = False) -> np.ndarray:
    """Return errors in pixels [n, 21] as `metrics` takes them: NaN not labelled, infinite not found."""
    errors = np.full((len(pairs), NUM_JOINTS), np.nan)
    for row, pair in zip(errors, pairs, strict=True):
        label, prediction = pair.label, pair.prediction
        if label.keypoints is None:
            continue
        counted = np.isfinite(label.keypoints).all(axis=1)
        if visible_only and label.visibility is not None:
            counted &= label.visibility != 1
        row[counted] = np.inf
        if prediction is not None and prediction.keypoints is not None:
            error = metrics.distances(prediction.keypoints, label.keypoints)
            row[counted] = np.where(np.isnan(error), np.inf, error)[counted]
    return errors


def norms_of(pairs: Sequence[Pair], norm: str) -> np.ndarray:
    return np.array([metrics.norm_of(pair.label, norm) for pair in pairs], np.float64)


def right_joints(pairs: Sequence[Pair], settings: EvaluateSettings) -> np.ndarray:
    """Return by the main threshold which joints are right: [n, 21] of 1, 0, and NaN where a joint does not count."""
    errors, norms = errors_of(pairs, settings.visible_only), norms_of(pairs, settings.norms[0])
    return metrics.correct(errors, norms, settings.main_threshold)


def score(pairs: Sequence[Pair], settings: EvaluateSettings) -> dict[str, dict[str, Any]]:
    """Return the figures by name: value, 95 % interval (low, high), by joint and by finger, and hands counted.

    A hand that was not found counts as wrong in PCK and AUC (as in the seed paper), and not at all in the others, which
    have no worst value.
    """
    errors = errors_of(pairs, settings.visible_only)
    table: dict[str, tuple[np.ndarray, str]] = {}
    for norm in settings.norms:
        for threshold in settings.thresholds_of(norm):
            contributions = metrics.correct(errors, norms_of(pairs, norm), threshold)
            table[pck_name(threshold, norm)] = contributions, "macro"
    table["auc/mmpose30px"] = metrics.auc_mmpose(errors), "macro"
    table["auc/trapz0-30px"] = metrics.auc_trapezoid(errors), "macro"
    found = metrics.found(errors)
    table["epe_px"] = found, "micro"
    table["epe_px_macro"] = found, "macro"
    table["epe_px_median"] = found, "median"
    table["mse_px2"] = found**2, "micro"
    table["nme/bbox"] = found / norms_of(pairs, "bbox")[:, None], "micro"

    samples = Samples.of([pair.sample for pair in pairs], settings.seed)
    figures = {name: _figure(*entry, samples) for name, entry in table.items()}
    figures["rmse_px"] = _root(figures["mse_px2"])
    return figures


def _figure(contributions: np.ndarray, how: str, samples: Samples) -> dict[str, Any]:
    joints = metrics.by_joint(contributions, how)
    low, high = interval(contributions, how, samples) or (None, None)
    value = metrics.average(contributions, how)
    return {
        "value": None if np.isnan(value) else value,
        "low": low,
        "high": high,
        "average": how,
        "hands": int(np.isfinite(contributions).any(axis=1).sum()),
        "by_finger": {"wrist": joints[0]} | {finger: _mean([joints[j] for j in of]) for finger, of in FINGERS.items()},
        "by_joint": joints,
    }


def _mean(values: list[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None


def _root(figure: dict[str, Any]) -> dict[str, Any]:
    def root(value: float | None) -> float | None:
        return None if value is None else value**0.5

    return {
        **figure,
        **{name: root(figure[name]) for name in ("value", "low", "high")},
        "by_finger": {name: root(value) for name, value in figure["by_finger"].items()},
        "by_joint": [root(value) for value in figure["by_joint"]],
    }
