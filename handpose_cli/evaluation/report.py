"""The evaluation as one HTML page that needs nothing else: tables, charts, and pictures of the worst hands."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from html import escape
from importlib.resources import files
from pathlib import Path
from string import Template

from handpose_cli.evaluation import charts
from handpose_cli.evaluation.evaluate import Evaluation
from handpose_cli.evaluation.figures import Detection, Figure, Figures
from handpose_cli.evaluation.gallery import pictures, worst_found
from handpose_cli.evaluation.intervals import DRAWS
from handpose_cli.evaluation.matching import BACKGROUND_IOU, GOOD_IOU
from handpose_cli.evaluation.norms import NORMS
from handpose_cli.evaluation.scores import pck_name
from handpose_cli.evaluation.table import counted, number, rows_of
from handpose_cli.files import atomic
from handpose_cli.labels.file_matching import Key
from handpose_cli.records import FINGERS, Hand

WORST, MISSED, EXTRA = 24, 12, 12  # pictures


def write_report(path: Path, evaluation: Evaluation, folder: Path) -> None:
    """Write the page.

    Args:
        folder: where the images are; one that is missing is left out of the galleries.
    """
    figures, settings = evaluation.figures, evaluation.settings
    pose, end, split = figures.pose, figures.end_to_end, figures.error_split
    main = pck_name(settings.main_threshold, settings.norms[0])
    given = pose.boxes == "given"
    boxes = "the labelled boxes" if given else "the boxes of the predictions: only hands that were found"
    template = Template((files("handpose_cli.evaluation") / "report.html").read_text(encoding="utf-8"))
    page = template.substitute(
        title="Hand pose evaluation",
        source=_source(figures),
        cards=_cards(figures, main),
        split_note=f"Of {split.joints} labelled joints, right by {escape(split.threshold)}. Bad box: "
        f"{escape(split.bad_boxes_are)}.",
        split_bar=charts.split_bar(split),
        pose_note=f"{pose.hands} hands, in {boxes}.",
        pose_table=_metrics(pose.metrics),
        end_note=f"{end.hands} hands, {end.missed} missed, {end.extra} extra ({counted(end)}). A missed hand "
        "counts as wrong in PCK and AUC; the other figures leave it out.",
        end_table=_metrics(end.metrics),
        pck_curves=charts.pck_curves(evaluation.pose, evaluation.end_to_end, settings),
        calibration=charts.calibration(figures.calibration),
        histogram=charts.error_histogram(evaluation.pose, settings),
        joint_bars=charts.joint_bars(pose.metrics[main], main),
        detection_table=_detection(figures.detection),
        galleries=_galleries(evaluation, folder),
        method=METHOD,
    )
    with atomic(path) as file:
        file.write(page)


METHOD = (
    "PCK: share of joints whose error is below the threshold times the norm, mean of the joints' shares (MMPose's "
    f"PCKAccuracy). Norms: {'; '.join(f'{name}: {norm.what}' for name, norm in NORMS.items())}. "
    "auc/mmpose30px: mean of PCK at 0, 1.5, ... 28.5 px (at most 0.95); auc/trapz0-30px: area under PCK from 0 to 30 "
    "px (FreiHAND). epe_px: mean error in pixels over all joints; macro: mean of the joints' means. mse_px2: mean "
    "squared error of a joint. nme/bbox: mean error over the norm. Small print: 95 % intervals, "
    f"{DRAWS} bootstrap draws of samples (an image, a video, all versions of a pose). A prediction belongs to the "
    f"labelled hand that its box overlaps most, by an IoU of {GOOD_IOU:g}, or, of those left, of {BACKGROUND_IOU:g} at "
    "least."
)


def _source(figures: Figures) -> str:
    labels, predictions = figures.labels, figures.predictions
    of = f"network {predictions['weights']}" if "weights" in predictions else f"predictions {predictions['source']}"
    return escape(f"Labels {labels['source']} ({labels['images']} images, {labels['hands']} hands), {of}.")


def _cards(figures: Figures, main: str) -> str:
    pose, end, detection = figures.pose.metrics, figures.end_to_end.metrics, figures.detection
    shown = [
        (number(pose[main].value), f"{main}, pose alone"),
        (number(end[main].value), f"{main}, end to end"),
        (number(pose["nme/bbox"].value), "mean error / bbox, pose alone"),
        (number(detection.recall[0.5]), "recall of hands, IoU .5"),
        (number(detection.precision[0.5]), "precision of hands, IoU .5"),
    ]
    return "".join(f'<div class="card"><b>{value}</b><small>{escape(what)}</small></div>' for value, what in shown)


def _metrics(metrics: Mapping[str, Figure]) -> str:
    parts = ("wrist", *FINGERS)
    rows = [f"<tr><th></th><th>all joints</th>{''.join(f'<th>{part}</th>' for part in parts)}</tr>"]
    for name, figure in metrics.items():
        interval = "" if figure.low is None else f" <small>{number(figure.low)}–{number(figure.high)}</small>"
        cells = "".join(f"<td>{number(figure.by_finger[part])}</td>" for part in parts)
        rows.append(f"<tr><td>{escape(name)}</td><td><b>{number(figure.value)}</b>{interval}</td>{cells}</tr>")
    return f"<table>{''.join(rows)}</table>"


def _detection(detection: Detection) -> str:
    rows = [f"<tr><td>{escape(name)}</td><td>{value}</td></tr>" for name, value in rows_of(detection)]
    for name, size in detection.by_size.items():
        rows.append(
            f"<tr><td>{name} hands: {size.hands} labelled, recall / precision / AP@iou0.5</td>"
            f"<td>{number(size.recall)} / {number(size.precision)} / {number(size.average_precision)}</td></tr>"
        )
    return f"<table>{''.join(rows)}</table>"


def _galleries(evaluation: Evaluation, folder: Path) -> str:
    legend = '<p>Green: <span class="label">label</span>, orange: <span class="prediction">prediction</span>.</p>'
    worst = worst_found(evaluation.pose, evaluation.settings, WORST)
    missed = [pair for pair in evaluation.end_to_end if pair.prediction is None][:MISSED]
    extra = sorted(evaluation.extra, key=lambda item: -(item[1].score or 0))[:EXTRA]
    unit = f" {NORMS[evaluation.settings.norms[0]].unit}"
    return "".join(
        [
            _gallery(
                "Worst hands, pose alone",
                legend,
                folder,
                [((p.file, p.frame), p.label, p.prediction, f"mean error {error:.2f}{unit}") for p, error in worst],
            ),
            _gallery("Missed hands", "", folder, [((p.file, p.frame), p.label, None, "not found") for p in missed]),
            _gallery(
                "Extra hands",
                "<p>Predictions that belong to no label, best score first.</p>",
                folder,
                [(key, None, hand, f"score {number(hand.score)}") for key, hand in extra],
            ),
        ]
    )


def _gallery(title: str, note: str, folder: Path, hands: Sequence[tuple[Key, Hand | None, Hand | None, str]]) -> str:
    images = pictures(folder, [hand[:3] for hand in hands])
    shown = []
    for ((file, frame), _, _, caption), image in zip(hands, images, strict=True):
        if image is not None:
            name = file if frame is None else f"{file}, frame {frame}"
            data = base64.b64encode(image).decode()
            shown.append(
                f'<figure><img src="data:image/jpeg;base64,{data}" alt="{escape(name)}">'
                f"<figcaption>{escape(name)}<br>{escape(caption)}</figcaption></figure>"
            )
    return f'<h2>{title}</h2>{note}<div class="gallery">{"".join(shown)}</div>' if shown else ""
