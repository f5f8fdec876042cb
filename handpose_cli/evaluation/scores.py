"""A table of figures for hands and what was predicted for them: each with its interval, by joint and by finger."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from handpose_cli.evaluation import metrics
from handpose_cli.evaluation.figures import Figure
from handpose_cli.evaluation.intervals import Samples, interval
from handpose_cli.evaluation.matching import Pair
from handpose_cli.evaluation.norms import lengths_of
from handpose_cli.evaluation.settings import EvaluateSettings
from handpose_cli.records import FINGERS, NUM_JOINTS


def pck_name(threshold: float, norm: str) -> str:
    text = f"{threshold:g}"
    if float(text) != threshold:  # two that are nearly the same have two names
        text = str(threshold)
    return f"pck@{text}px" if norm == "px" else f"pck@{text}/{norm}"


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


def lengths(pairs: Sequence[Pair], norm: str) -> np.ndarray:
    """Return the norm of each labelled hand, see `norms.lengths_of`."""
    return lengths_of([pair.label for pair in pairs], norm)


def right_joints(pairs: Sequence[Pair], settings: EvaluateSettings) -> np.ndarray:
    """Return by the main threshold which joints are right: [n, 21] of 1, 0, and NaN where a joint does not count."""
    errors, norms = errors_of(pairs, settings.visible_only), lengths(pairs, settings.norms[0])
    return metrics.correct(errors, norms, settings.main_threshold)


def score(pairs: Sequence[Pair], settings: EvaluateSettings) -> dict[str, Figure]:
    """Return the figures by name.

    A hand that was not found counts as wrong in PCK and AUC (as in the student paper), and not at all in the others,
    which have no worst value.
    """
    errors = errors_of(pairs, settings.visible_only)
    samples = Samples.of([pair.sample for pair in pairs], settings.seed)
    figures = {}  # one after the other: all contributions at once would take much memory
    for norm in settings.norms:
        sizes = lengths(pairs, norm)
        for threshold in settings.thresholds_of(norm):
            right = metrics.correct(errors, sizes, threshold)
            figures[pck_name(threshold, norm)] = _figure(right, "macro", False, samples)
    sides = lengths(pairs, "bbox")
    for name, metric in metrics.METRICS.items():
        figures[name] = _figure(metric.contributions(errors, sides), metric.average, metric.root, samples)
    return figures


def _figure(contributions: np.ndarray, how: str, root: bool, samples: Samples) -> Figure:
    def final(value: float | None) -> float | None:
        return None if value is None or np.isnan(value) else value**0.5 if root else value

    joints = metrics.by_joint(contributions, how)
    low, high = interval(contributions, how, samples) or (None, None)
    fingers = {"wrist": joints[0]} | {finger: _mean([joints[j] for j in of]) for finger, of in FINGERS.items()}
    return Figure(
        final(metrics.average(contributions, how)),
        final(low),
        final(high),
        how,
        int(np.isfinite(contributions).any(axis=1).sum()),
        {part: final(value) for part, value in fingers.items()},
        [final(value) for value in joints],
    )


def _mean(values: list[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None
