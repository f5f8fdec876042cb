"""`handpose evaluate`: parse, read, call `evaluation.evaluate`, report."""

from __future__ import annotations

import json
import math
import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from handpose_cli.annotator.settings import SCORE_THRESHOLD, AnnotateSettings
from handpose_cli.commands.help_sections import SectionedCommand
from handpose_cli.commands.idle_options import check_evaluate, one_of
from handpose_cli.commands.option_types import FiniteRange, LocalPath
from handpose_cli.commands.options import (
    SourceType,
    class_option,
    config_option,
    detector_option,
    keypoint_names_option,
    video_option,
    views_option,
)
from handpose_cli.commands.progress import progress
from handpose_cli.commands.remedies import failure
from handpose_cli.evaluation.norms import NORMS
from handpose_cli.evaluation.settings import OKS_AREAS
from handpose_cli.formats import ReadOptions
from handpose_cli.labels.source import Source
from handpose_cli.runs.report import Report

if TYPE_CHECKING:
    from handpose_cli.annotator.settings import Networks
    from handpose_cli.evaluation.figures import Figures
    from handpose_cli.evaluation.run import Predictor
    from handpose_cli.formats._keypoint_names import KeypointNames

MANY, EXCHANGED = 10, 0.2  # hands whose sides tell something, and up to which share of right ones they are exchanged


@click.command("evaluate", cls=SectionedCommand, context_settings={"show_default": True})
@click.option("--labels", type=SourceType(), required=True,
              help="What people labelled; the format is recognised, or named before a colon.")  # fmt: skip
@click.option("--predictions", type=SourceType(), help="What is to be scored, in any readable format.")
@click.option("--weights", metavar="NAME|FILE|RUN",
              help="Predict the labelled images with these first: a bundled network, a run folder of train, a "
              "weights file, or mediapipe.")  # fmt: skip
@click.option("--boxes", type=SourceType(), help="Boxes of all hands, where --labels has keypoints of only some.")
@click.option("--images", type=LocalPath(exists=True),
              help="Folder with the images, or the COCO file that a results list's image ids are of.  "
              "[default: where the labels are]")  # fmt: skip
@class_option
@keypoint_names_option
@video_option
@click.option("--norm", "norms", type=click.Choice(list(NORMS)), multiple=True, default=["bbox"],
              help="What PCK's errors are divided by: "
              + ", ".join(f"{norm.what} ({name})" for name, norm in NORMS.items()) + "; repeatable.")  # fmt: skip
@click.option("--pck", "thresholds", type=click.FloatRange(min=0, min_open=True), multiple=True, metavar="T",
              help="PCK's threshold; repeatable.  [default: "
              + ", ".join(" ".join([name, *map("{:g}".format, norm.thresholds)]) for name, norm in NORMS.items()) + "]",
              show_default=False)  # fmt: skip
@click.option("--score-threshold", type=FiniteRange(0, 1),
              help="Least score of a hand that counts.  "
              f"[default: {SCORE_THRESHOLD} with --weights, else none]")  # fmt: skip
@click.option("--oks-area", type=click.Choice(OKS_AREAS), default="box",
              help="Area in OKS: the labelled box, 0.53 of it, or the labels' own.")  # fmt: skip
@click.option("--visible-only", is_flag=True, help="Leave out joints that are labelled as hidden.")
@click.option("--seed", type=click.IntRange(min=0), default=0, help="Of the bootstrap.")
@click.option("--not-exhaustive", is_flag=True,
              help="The labels may lack hands: what finds none is not false, and only recall counts.")  # fmt: skip
@click.option("--rescale", is_flag=True, help="Scale labels that are for another size than their image or prediction.")
@views_option
@detector_option
@click.option("--engine", type=click.Choice(["litert", "keras"]), default="litert", help="With --weights.")
@click.option("--threads", type=click.IntRange(min=1), help="With --weights.  [default: all processors]")
@config_option
@click.option("--json", "as_json", is_flag=True, help="Print the figures as JSON.")
@click.option("--report", type=LocalPath(dir_okay=False), help="Write an HTML page to this file.")
@click.option("--overwrite", is_flag=True, help="Replace the report.")
@click.option("-q", "--quiet", is_flag=True, help="Print the figures only.")
def command(
    labels: Source,
    predictions: Source | None,
    weights: str | None,
    boxes: Source | None,
    images: Path | None,
    classes: tuple[str, ...],
    keypoint_names: KeypointNames | None,
    video: str | None,
    norms: tuple[str, ...],
    thresholds: tuple[float, ...],
    score_threshold: float | None,
    oks_area: str,
    visible_only: bool,
    seed: int,
    not_exhaustive: bool,
    rescale: bool,
    views: int,
    detector: str,
    engine: str,
    threads: int | None,
    as_json: bool,
    report: Path | None,
    overwrite: bool,
    quiet: bool,
) -> None:
    """Score predicted keypoints against labels.

    Two blocks: the pose alone (in the labelled boxes with --weights, else of the hands that were found) and end to end,
    where a missed hand counts as wrong in PCK and AUC; then where the error comes from, how well hands are found, and
    whether scores mean what they say. All hands in a labelled image are taken to be labelled, unless --boxes says more
    or --not-exhaustive. Of labels without keypoints, only how well hands are found is scored.
    Figures say their norm in their name; the brackets are 95 % intervals (bootstrap over images and videos).

    \b
    Exit codes: 0 done, 1 an error, 2 wrong usage, or labels, predictions or weights are not there,
                130 interrupted
    """
    from handpose_cli.evaluation.run import read_truth, score_network, score_predictions
    from handpose_cli.evaluation.settings import EvaluateSettings
    from handpose_cli.formats._notes import say
    from handpose_cli.formats.errors import FormatError
    from handpose_cli.labels.source import of_classes, of_video
    from handpose_cli.media.damaged import telling_damaged
    from handpose_cli.weights import WeightsError

    ctx = click.get_current_context()
    if len(chosen := one_of(ctx, "predictions", "weights")) != 1:
        raise click.UsageError("Give either --predictions or --weights.")
    if chosen == ["weights"]:
        predictions = None
    check_evaluate(ctx, predicts=predictions is None)
    if len(norms) > 1 and thresholds:
        raise click.UsageError("--pck goes with one --norm; each of several has thresholds of its own.")
    if not all(math.isfinite(threshold) for threshold in thresholds):
        raise click.UsageError("--pck must be a finite number.")
    if report is not None and report.exists() and not overwrite:
        raise click.ClickException(f"{report} exists. Replace it with --overwrite or choose another --report.")
    if weights is not None or report is not None:  # images are read
        ctx.with_resource(telling_damaged(say))
    settings = EvaluateSettings(
        norms, thresholds, visible_only, oks_area, seed, score_threshold, rescale, not not_exhaustive
    )
    try:
        labels = replace(labels, options=ReadOptions(keypoint_names=keypoint_names))
        labelled: Source | None = labels
        if classes:
            labelled, predictions, boxes = of_classes([labelled, predictions, boxes], classes)
        if video is not None:
            labelled, predictions, boxes = of_video([labelled, predictions, boxes], video)
        labels = labelled or labels
        truth = read_truth(labels, settings, images, boxes)
        if predictions is not None:
            evaluation = score_predictions(truth, predictions, settings)
        elif weights is not None:
            predictor = _predictor(weights, detector, views, engine, threads)
            counts = Report()
            with progress(counts, quiet) as show:
                evaluation = score_network(truth, predictor, settings, counts, show)
    except (FormatError, WeightsError) as error:
        raise failure(error) from error
    if as_json:
        click.echo(json.dumps(evaluation.figures.to_json(), indent=1, allow_nan=False))
    else:
        from handpose_cli.evaluation.table import print_tables

        print_tables(evaluation.figures)
    if report is not None:  # the figures are there already if it cannot be written
        from handpose_cli.evaluation.report import write_report

        try:
            write_report(report, evaluation, truth.folder)
        except OSError as error:
            raise click.ClickException(f"Cannot write {report}: {error.strerror}. Choose another --report.") from error
    if not quiet:
        _say(evaluation.figures, report)


def _predictor(weights: str, detector: str, views: int, engine: str, threads: int | None) -> Predictor:
    from handpose_cli.api import Annotator
    from handpose_cli.evaluation.run import Predictor
    from handpose_cli.processors import processors
    from handpose_cli.runs.settings import NetworkSettings

    def load() -> Networks:
        return Annotator.load(weights, NetworkSettings(detector=detector).detector_name, engine).networks

    networks = load()  # wrong weights stop it before anything else
    settings = AnnotateSettings(SCORE_THRESHOLD, views)
    described = {"weights": weights, "detector": detector, "views": views, "engine": engine}
    if engine == "keras":
        return Predictor(lambda: networks, settings, 1, described)
    return Predictor(load, settings, threads or processors(), described)


def _say(figures: Figures, report: Path | None) -> None:
    """Say on standard error what the figures leave open."""
    if missing := figures.images_without_predictions:
        click.echo(f"{missing} labelled images have no prediction: all their hands count as missed", err=True)
    if unlabelled := figures.images_without_labels:
        click.echo(f"{unlabelled} predicted images have no labels and do not count", err=True)
    found = figures.end_to_end
    counted = found.metrics["auc/mmpose30px"].hands
    for norm in figures.settings["norms"]:
        of_norm = [figure.hands for name, figure in found.metrics.items() if re.fullmatch(f"pck@.*/{norm}", name)]
        if without := counted - min(of_norm, default=counted):
            click.echo(
                f"{without} of {counted} hands do not count in figures by the norm {norm} ({NORMS[norm].what}): "
                "their labels lack it, or it is too short",
                err=True,
            )
    if found.hands and found.extra and not found.found:
        click.echo(
            f"None of {found.extra} predicted hands is where a labelled one is: are units, image sizes and order of x "
            "and y as in the labels?",
            err=True,
        )
    sides = figures.handedness
    if sides is not None and sides.hands >= MANY and sides.right < EXCHANGED:
        click.echo(
            f"Left and right are exchanged in {1 - sides.right:.0%} of {sides.hands} hands: does one of both name them "
            "as a mirror shows them, as MediaPipe does of images that are not mirrored?",
            err=True,
        )
    if report is not None:
        click.echo(f"Report: {report}", err=True)
