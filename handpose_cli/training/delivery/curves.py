"""A run's learning curves as one picture."""

from __future__ import annotations

import csv
import math
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, MaxNLocator, NullLocator

from handpose_cli.files import atomic

# title: beginnings of the columns' names
PANELS = {
    "loss": ("loss", "stack"),
    "PCK, validation": ("val_pck@",),
    "mean error over the hand's size, validation": ("val_nme",),
    "boxes, validation": ("val_ap", "val_recall"),
    "hand head": ("hand_loss", "val_handedness", "val_is_hand"),
}


def draw_curves(log: Path, png: Path) -> None:
    """Draw what a log says of each epoch: a panel each for the loss, PCK, the mean error, boxes and the hand head,
    where it has them.

    Args:
        log: CSV file with a row for each epoch; its column `epoch` counts from 1.
        png: picture to write.

    Raises:
        ValueError: if the log has no epochs.
    """
    epochs, columns = read_columns(log)
    panels = {
        title: [name for name in columns if name.startswith(beginnings)]
        for title, beginnings in PANELS.items()
        if any(name.startswith(beginnings) for name in columns)
    }
    across = 3 if len(panels) == 3 else 2
    down = math.ceil(len(panels) / across)
    figure = Figure(figsize=(5 * across, 3.4 * down), layout="constrained")
    for number, (title, names) in enumerate(panels.items()):
        axes = figure.add_subplot(down, across, number + 1)
        _draw(axes, title, epochs, {name: columns[name] for name in names})
    with atomic(png, "wb") as file:
        figure.savefig(file, format="png", dpi=110)


def read_columns(log: Path) -> tuple[list[int], dict[str, list[float]]]:
    """Return a log's epochs, and its other columns by name, NaN where a cell is empty.

    Raises:
        ValueError: if it has no epochs.
    """
    with log.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    if not rows:
        raise ValueError(f"{log}: no epochs")
    columns = {name: [float(row[name] or "nan") for row in rows] for name in rows[0]}
    return [int(epoch) for epoch in columns.pop("epoch")], columns


def _draw(axes: Axes, title: str, epochs: list[int], columns: dict[str, list[float]]) -> None:
    for name, values in columns.items():
        label = name.removeprefix("val_").removesuffix("/keypoints")
        axes.plot(epochs, values, label=label, marker="o" if len(epochs) < 20 else None, markersize=3)
    axes.set_xlabel("epoch")
    axes.set_xlim(epochs[0] - 0.5, epochs[-1] + 0.5)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.grid(alpha=0.3)
    if title.startswith("PCK"):
        axes.set_ylim(0, 1)
    elif title.startswith("mean error"):
        axes.set_ylim(bottom=0)
    elif title == "loss":
        known = [value for values in columns.values() for value in values if math.isfinite(value)]
        if known and max(known) > 10 * min(known) > 0:
            axes.set_yscale("log")
            axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
            axes.yaxis.set_major_formatter("{x:g}")
            axes.yaxis.set_minor_locator(NullLocator())
            title += ", logarithmic"
    axes.set_title(title, fontsize=10)
    if len(columns) > 1:
        axes.legend(fontsize=8, frameon=False)
