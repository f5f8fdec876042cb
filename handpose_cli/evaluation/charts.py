"""The report's charts, each an SVG text."""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from handpose_cli.colours import JOINT_COLOURS
from handpose_cli.evaluation import figures as evaluated
from handpose_cli.evaluation import metrics
from handpose_cli.evaluation.matching import Pair
from handpose_cli.evaluation.norms import NORMS
from handpose_cli.evaluation.scores import errors_of, lengths
from handpose_cli.evaluation.settings import EvaluateSettings
from handpose_cli.records import KEYPOINT_NAMES

POSE_COLOUR, END_COLOUR, RIGHT_COLOUR = "#2563eb", "#ea580c", "#16a34a"


def pck_curves(pose: Sequence[Pair], end_to_end: Sequence[Pair], settings: EvaluateSettings) -> str:
    """PCK against the threshold, for the pose alone and end to end."""
    figure, axes = _axes(5.2, 3.4)
    norm = settings.norms[0]
    thresholds = np.linspace(0, NORMS[norm].furthest, 61)
    for pairs, label, colour in ((pose, "pose alone", POSE_COLOUR), (end_to_end, "end to end", END_COLOUR)):
        errors, norms = errors_of(pairs, settings.visible_only), lengths(pairs, norm)
        axes.plot(thresholds, [metrics.pck(errors, norms, t) for t in thresholds], color=colour, label=label)
    axes.axvline(settings.main_threshold, color="#999", linestyle=":", linewidth=1)
    unit = "pixels" if norm == "px" else f"of {norm}"
    axes.set(xlabel=f"threshold ({unit})", ylabel="PCK", ylim=(0, 1), xlim=(0, NORMS[norm].furthest))
    axes.legend(loc="lower right", frameon=False)
    return _svg(figure)


def joint_bars(of: evaluated.Figure, name: str) -> str:
    """A figure by joint, coloured as joints are drawn."""
    figure, axes = _axes(8.6, 3.2)
    values = [np.nan if value is None else value for value in of.by_joint]
    colours = [tuple(0.85 * channel / 255 for channel in colour) for colour in JOINT_COLOURS]
    axes.bar(range(len(values)), values, color=colours, width=0.75)
    axes.set_xticks(range(len(values)), KEYPOINT_NAMES, rotation=55, ha="right", fontsize=8)
    axes.set(ylabel=name, ylim=(0, 1))
    return _svg(figure)


def error_histogram(pairs: Sequence[Pair], settings: EvaluateSettings) -> str:
    """How many joints of the hands found have which error, on a logarithmic axis."""
    figure, axes = _axes(5.2, 3.0)
    norm = settings.norms[0]
    shares = metrics.found(errors_of(pairs, settings.visible_only)) / lengths(pairs, norm)[:, None]
    shares = shares[np.isfinite(shares)]
    unit = 1.0 if norm == "px" else 0.01
    axes.hist(
        np.clip(shares, 0.1 * unit, 200 * unit),
        bins=np.geomspace(0.1 * unit, 200 * unit, 50).tolist(),
        color=POSE_COLOUR,
    )
    axes.set_xscale("log")
    for threshold in settings.thresholds_of(norm):
        axes.axvline(threshold, color="#999", linestyle=":", linewidth=1)
    axes.set(xlabel=f"error ({'pixels' if norm == 'px' else f'of {norm}'})", ylabel="joints")
    return _svg(figure)


def calibration(curves: evaluated.Calibration) -> str:
    """How often joints and hands are right, against their scores."""
    figure, axes = _axes(5.2, 3.4)
    axes.plot([0, 1], [0, 1], color="#999", linestyle=":", linewidth=1)
    for name, curve, colour in (("joints", curves.joints, POSE_COLOUR), ("hands", curves.hands, END_COLOUR)):
        if curve is not None:
            label = f"{name} (calibration error {curve.ece:.3f})"
            axes.plot(
                [each.score for each in curve.bins],
                [each.right for each in curve.bins],
                "o-", color=colour, label=label, ms=4,
            )  # fmt: skip
    axes.set(xlabel="mean score", ylabel="share that is right", xlim=(0, 1), ylim=(0, 1.02))
    if curves.joints or curves.hands:
        axes.legend(loc="upper left", frameon=False, fontsize=8)
    return _svg(figure)


def split_bar(split: evaluated.ErrorSplit) -> str:
    """Where the labelled joints go, as one bar."""
    figure, axes = _axes(8.6, 1.5)
    left = 0.0
    parts = (
        (split.right, "right", RIGHT_COLOUR),
        (split.missed_hands, "hand missed", "#7f1d1d"),
        (split.bad_boxes, "bad box", "#ea580c"),
        (split.wrong_joints, "wrong joint", "#facc15"),
    )
    for share, name, colour in parts:
        axes.barh([0], [share], left=left, color=colour, label=f"{name} {share:.1%}")
        left += share
    axes.set(xlim=(0, 1), yticks=[])
    figure.legend(loc="outside upper center", ncol=4, frameon=False)
    return _svg(figure)


def _axes(width: float, height: float) -> tuple[Figure, Axes]:
    figure = Figure((width, height), layout="constrained")
    axes = figure.add_subplot()
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(alpha=0.25)
    axes.set_axisbelow(True)
    return figure, axes


def _svg(figure: Figure) -> str:
    """Return the figure as SVG to put into a page, the same for the same figure."""
    from matplotlib import rc_context

    text = io.StringIO()
    with rc_context({"svg.fonttype": "none", "svg.hashsalt": "handpose"}):
        figure.savefig(text, format="svg", metadata={"Date": None})
    return text.getvalue()[text.getvalue().index("<svg") :]
