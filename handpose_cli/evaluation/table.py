"""The figures as tables on the terminal."""

from __future__ import annotations

from collections.abc import Mapping

from rich.console import Console
from rich.table import Table

from handpose_cli.evaluation.figures import Detection, EndToEnd, ErrorSplit, Figure, Figures, Handedness, Reliability
from handpose_cli.evaluation.hand_sizes import SIZES
from handpose_cli.records import FINGERS


def print_tables(figures: Figures, console: Console | None = None) -> None:
    """Print what `evaluate` found."""
    console = console or Console()
    pose, end = figures.pose, figures.end_to_end
    boxes = "the labelled boxes" if pose.boxes == "given" else "the predictions' boxes, hands found only"
    if end.hands:
        console.print(_metrics(pose.metrics, f"Pose alone: {boxes}, {pose.hands} hands"))
        title = f"End to end: {end.hands} hands, {end.missed} missed, {end.extra} extra ({counted(end)})"
        console.print(_metrics(end.metrics, title))
        console.print(_split(figures.error_split))
    console.print(_detection(figures.detection, figures.handedness))
    console.print(_by_size(figures.detection))
    for what, curve in (("joints", figures.calibration.joints), ("hands", figures.calibration.hands)):
        if curve is not None:
            console.print(_calibration(curve, what))


def number(value: float | None) -> str:
    """Return a figure with three decimals, or fewer where it is large."""
    if value is None:
        return "-"
    return f"{value:.3f}" if abs(value) < 10 else f"{value:.1f}" if abs(value) < 1000 else f"{value:.0f}"


def counted(end_to_end: EndToEnd) -> str:
    """Return which hands count end to end."""
    threshold = end_to_end.score_threshold
    return "all that are predicted" if threshold is None else f"score >= {threshold:g}"


def with_interval(figure: Figure) -> str:
    if figure.low is None:
        return number(figure.value)
    return f"{number(figure.value)} [{number(figure.low)}, {number(figure.high)}]"


def _metrics(metrics: Mapping[str, Figure], title: str) -> Table:
    table = _table(title)  # 79 columns wide
    for column in ("", "all joints", "wrist", *FINGERS):
        table.add_column(column, justify="left" if not column else "right", no_wrap=True)
    for name, figure in metrics.items():
        by_finger = [number(figure.by_finger[part]) for part in ("wrist", *FINGERS)]
        table.add_row(name, with_interval(figure).replace("[", "\\["), *by_finger)
    return table


def _table(title: str, *columns: str) -> Table:
    return Table(*columns, title=f"\n{title}", title_justify="left", title_style="bold", box=None, padding=(0, 1, 0, 0))


def _split(split: ErrorSplit) -> Table:
    table = _table(f"Where the error comes from ({split.threshold})", "of the labelled joints", "share")
    table.add_row("right", f"{split.right:.1%}")
    table.add_row("wrong: hand missed", f"{split.missed_hands:.1%}")
    table.add_row(f"wrong: bad box ({split.bad_boxes_are})", f"{split.bad_boxes:.1%}")
    table.add_row("wrong: joint", f"{split.wrong_joints:.1%}")
    table.add_row("extra hands for each labelled one", number(split.extra_hands_per_labelled_hand))
    return table


def rows_of(detection: Detection) -> list[tuple[str, str]]:
    """Return the figures on finding hands, each with its name."""
    rows = []
    for name, figure in detection.to_json().items():
        if name == "by_size":
            continue
        if isinstance(figure, dict):
            rows += [(f"{name} {part}", number(value)) for part, value in figure.items()]
        else:
            rows.append((name, str(figure) if isinstance(figure, (int, str)) else number(figure)))
    return rows


def _detection(detection: Detection, handedness: Handedness | None) -> Table:
    around = "" if detection.boxes == "own" else ", boxes around the keypoints"
    table = _table(f"Finding hands: {detection.hands} labelled{around}", "", "")
    table.show_header = False
    for name, value in rows_of(detection):
        if name not in ("hands", "boxes"):
            table.add_row(name, value)
    if handedness is not None:
        table.add_row(f"handedness right, of {handedness.hands}", number(handedness.right))
    return table


def _by_size(detection: Detection) -> Table:
    columns = ("of the picture's longer side", "labelled", "recall", "precision", "average precision")
    table = _table("Finding hands, by their size (IoU .5)", *columns)
    for name, of_size in detection.by_size.items():
        low, high = SIZES[name]
        share = f"{name}: under {high:g}" if not low else f"{name}: from {low:g}"
        figures = (of_size.recall, of_size.precision, of_size.average_precision)
        table.add_row(share, str(of_size.hands), *map(number, figures))
    return table


def _calibration(curve: Reliability, what: str) -> Table:
    title = f"Scores of {what}: expected calibration error {number(curve.ece)}"
    table = _table(title, "score", "mean score", "right", "count")
    for each in curve.bins:
        table.add_row(f"{each.low:.1f}-{each.high:.1f}", number(each.score), number(each.right), str(each.count))
    return table
