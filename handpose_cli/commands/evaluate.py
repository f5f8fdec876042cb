"""`handpose evaluate`: parse, read, call `evaluation.evaluate`, report."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import click

from handpose_cli import __version__
from handpose_cli.commands.options import SCORE_THRESHOLD, SourceType, config_option, detector_option, views_option
from handpose_cli.commands.remedies import failure
from handpose_cli.labels.source import Source

COCO_LIKE = ("coco", "coco-wholebody", "mmpose")  # whose files name images by ids
NORMS = ("bbox", "palm", "px", "head")


@click.command(context_settings={"show_default": True})
@click.option("--labels", type=SourceType(), required=True,
              help="What people labelled; the format is recognised, or named before a colon.")  # fmt: skip
@click.option("--predictions", type=SourceType(), help="What is to be scored, in any readable format.")
@click.option("--weights",
              help="Predict the labelled images with these first: a bundled hourglass, a run folder of train or a "
              "weights file.")  # fmt: skip
@click.option("--boxes", type=SourceType(), help="Boxes of all hands, where --labels has keypoints of only some.")
@click.option("--images", type=click.Path(path_type=Path, exists=True),
              help="Folder with the images, or the COCO file that a results list's image ids are of.  "
              "[default: where the labels are]")  # fmt: skip
@click.option("--norm", "norms", type=click.Choice(NORMS), multiple=True, default=["bbox"],
              help="What PCK's errors are divided by: longer side of the labelled box, wrist to middle MCP joint, "
              "nothing, or head size; repeatable.")  # fmt: skip
@click.option("--pck", "thresholds", type=click.FloatRange(min=0, min_open=True), multiple=True, metavar="T",
              help="PCK's threshold; repeatable.  [default: bbox .05 .1 .2, palm .2 .5, px 5 10 20, head .5 .7]",
              show_default=False)  # fmt: skip
@click.option("--score-threshold", type=click.FloatRange(0, 1),
              help="Least score of a hand that counts.  [default: 0.5 with --weights, else none]")  # fmt: skip
@click.option("--oks-area", type=click.Choice(["box", "box53", "field"]), default="box",
              help="Area in OKS: the labelled box, 0.53 of it, or the labels' own.")  # fmt: skip
@click.option("--visible-only", is_flag=True, help="Leave out joints that are labelled as hidden.")
@click.option("--seed", type=click.IntRange(min=0), default=0, help="Of the bootstrap.")
@click.option("--rescale", is_flag=True, help="Scale labels that are for another size than their image or prediction.")
@views_option
@detector_option
@click.option("--engine", type=click.Choice(["litert", "keras"]), default="litert", help="With --weights.")
@click.option("--threads", type=click.IntRange(min=1), help="With --weights.  [default: all processors]")
@config_option
@click.option("--json", "as_json", is_flag=True, help="Print the figures as JSON.")
@click.option("--report", type=click.Path(path_type=Path, dir_okay=False), help="Write an HTML page to this file.")
@click.option("--overwrite", is_flag=True, help="Replace the report.")
@click.option("-q", "--quiet", is_flag=True, help="Print the figures only.")
def command(labels, predictions, weights, boxes, images, norms, thresholds, score_threshold, oks_area, visible_only,
            seed, rescale, views, detector, engine, threads, as_json, report, overwrite, quiet) -> None:  # fmt: skip
    """Score predicted keypoints against labels.

    Two blocks: the pose alone (in the labelled boxes with --weights, else of the hands that were found) and end to end,
    where a missed hand counts as wrong in PCK and AUC; then where the error comes from, how well hands are found, and
    whether scores mean what they say. All hands in a labelled image are taken to be labelled, unless --boxes says more.
    Figures say their norm in their name; the brackets are 95 % intervals (bootstrap over images).

    \b
    Exit codes: 0 done, 1 an error, 2 wrong usage
    """
    from handpose_cli.evaluation.evaluate import evaluate
    from handpose_cli.evaluation.file_matching import by_image, rename
    from handpose_cli.evaluation.matching import with_all_boxes
    from handpose_cli.evaluation.scores import EvaluateSettings
    from handpose_cli.evaluation.sizes import same_sizes
    from handpose_cli.formats.errors import FormatError
    from handpose_cli.weights import WeightsError

    if (predictions is None) == (weights is None):
        raise click.UsageError("Give either --predictions or --weights.")
    if len(norms) > 1 and thresholds:
        raise click.UsageError("--pck goes with one --norm; each of several has thresholds of its own.")
    if not all(math.isfinite(threshold) for threshold in thresholds):
        raise click.UsageError("--pck must be a finite number.")
    if report is not None and report.exists() and not overwrite:
        raise click.ClickException(f"{report} exists. Replace it with --overwrite or choose another --report.")
    settings = EvaluateSettings(norms, thresholds, visible_only, oks_area, seed)
    try:
        folder = images if images is not None and images.is_dir() else labels.folder
        truth = by_image(_read(labels, images))
        hands = [hand for record in truth.values() for hand in record.hands]
        if not any(hand.keypoints is not None for hand in hands):
            raise FormatError(f"{labels.path}: no hand with keypoints to score against")
        if "head" in norms and not any(hand.head_size for hand in hands):
            raise FormatError(f"{labels.path}: no head sizes, which --norm head needs")
        if boxes is not None:
            all_boxes = rename(by_image(_read(boxes, images)), truth, "box")
            truth = with_all_boxes(same_sizes(truth, all_boxes, "what has its boxes", rescale), all_boxes)
        if predictions is not None:
            predicted, given = rename(by_image(_read(predictions, images, labels)), truth, "prediction"), None
            truth = same_sizes(truth, predicted, "what was predicted", rescale)
        else:
            predicted, given, truth = _predict(truth, folder, rescale, weights, detector, views, engine, threads, quiet)
            score_threshold = SCORE_THRESHOLD if score_threshold is None else score_threshold
        evaluation = evaluate(truth, predicted, settings, score_threshold, given)
    except (FormatError, WeightsError) as error:
        raise failure(error) from error
    evaluation.figures = {
        "handpose": __version__,
        "labels": _described(labels, truth),
        "predictions": {"weights": weights, "detector": detector, "views": views, "engine": engine}
        if weights
        else _described(predictions, predicted),
        "settings": {"norms": norms, "visible_only": visible_only, "oks_area": oks_area, "seed": seed},
        **evaluation.figures,
    }
    if report is not None:
        from handpose_cli.evaluation.report import write_report

        try:
            write_report(report, evaluation, settings, folder)
        except OSError as error:
            raise click.ClickException(f"Cannot write {report}: {error.strerror}. Choose another --report.") from error
    if as_json:
        click.echo(json.dumps(evaluation.figures, indent=1, allow_nan=False))
    else:
        from handpose_cli.evaluation.table import print_tables

        print_tables(evaluation.figures)
    if not quiet:
        _tell(evaluation.figures, report)


def _tell(figures: dict[str, Any], report: Path | None) -> None:
    """Say on standard error what the figures leave open."""
    if missing := figures["images_without_predictions"]:
        click.echo(f"{missing} labelled images have no prediction: all their hands count as missed", err=True)
    if unlabelled := figures["images_without_labels"]:
        click.echo(f"{unlabelled} predicted images have no labels and do not count", err=True)
    if report is not None:
        click.echo(f"Report: {report}", err=True)


def _read(source: Source, images: Path | None, named_by: Source | None = None):
    """Read labels or predictions; a COCO results list names images by their ids in the labels' file."""
    if source.format.name == "coco-results" and named_by is not None:
        images = named_by.path if named_by.format.name in COCO_LIKE and images is None else images
    return source.read(images)


def _predict(
    labels,
    folder: Path,
    rescale: bool,
    weights: str,
    detector: str,
    views: int,
    engine: str,
    threads: int | None,
    quiet: bool,
):
    from handpose_cli.annotator.settings import Networks
    from handpose_cli.api import Annotator
    from handpose_cli.commands.progress import progress
    from handpose_cli.evaluation.predicting import predict_labelled
    from handpose_cli.runs.executors.threads import processors
    from handpose_cli.runs.report import Report
    from handpose_cli.runs.settings import NetworkSettings

    def load() -> Networks:
        return Annotator.load(weights, NetworkSettings(detector=detector).detector_name, engine).networks

    networks = load()  # wrong weights stop it before anything else
    if engine == "keras":
        threads, load = 1, lambda: networks
    report = Report(len(labels))
    report.start()
    with progress(report, quiet) as show:

        def advance(record) -> None:
            report.inputs += 1
            report.add(record)
            show(record)

        return predict_labelled(labels, folder, load, views, threads or processors(), advance, rescale)


def _described(source: Source, records) -> dict[str, Any]:
    return {
        "source": str(source.path),
        "format": source.format.name,
        "images": len(records),
        "hands": sum(len(record.hands) for record in records.values()),
    }
