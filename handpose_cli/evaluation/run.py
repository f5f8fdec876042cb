"""Score files: read labels and predictions, or predict the labelled images first, bring both together and evaluate."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from handpose_cli.annotator.settings import AnnotateSettings, Networks
from handpose_cli.evaluation.evaluate import Evaluation, evaluate
from handpose_cli.evaluation.matching import with_all_boxes
from handpose_cli.evaluation.predicting import predict_labelled
from handpose_cli.evaluation.settings import EvaluateSettings
from handpose_cli.evaluation.sizes import same_sizes
from handpose_cli.formats._notes import say
from handpose_cli.formats.errors import FormatError
from handpose_cli.labels.file_matching import Key, by_image, rename
from handpose_cli.labels.source import Source
from handpose_cli.labels.units import in_pixels, with_probabilities
from handpose_cli.records import ImageRecord
from handpose_cli.runs.report import Report

COCO_LIKE = ("coco", "coco-wholebody", "mmpose")  # whose files name images by ids


class Labels(NamedTuple):
    """What people labelled.

    Attributes:
        source: where it was read, for the figures' head and for errors; None: nowhere.
        images: folder with the images, or the COCO file that a results list's image ids are of; None: where the labels
            are.
    """

    records: dict[Key, ImageRecord]
    source: Source | None
    images: Path | None

    @property
    def folder(self) -> Path:
        """Where the images are."""
        if self.images is not None and self.images.is_dir():
            return self.images
        return Path() if self.source is None else self.source.folder

    def described(self) -> dict[str, Any]:
        """Return what they are, for the figures' head."""
        return _described(self.source, self.records)


class Predictor(NamedTuple):
    """Networks that predict the labelled images, `threads` at a time.

    Attributes:
        load: loads them, once in each thread.
        settings: how they are used. Hands count from their `score_threshold` on, unless the evaluation has its own.
        described: what they are, for the figures' head.
    """

    load: Callable[[], Networks]
    settings: AnnotateSettings
    threads: int
    described: dict[str, Any]


def read_truth(
    labels: Source | Iterable[ImageRecord],
    settings: EvaluateSettings,
    images: Path | None = None,
    boxes: Source | None = None,
) -> Labels:
    """Read labels.

    Args:
        boxes: boxes of all hands, where the labels have keypoints of only some.

    Raises:
        FormatError: if they cannot be read, or have nothing to score against.
    """
    source = labels if isinstance(labels, Source) else None
    name = "the labels" if source is None else source.path
    records = by_image(labels.read(images) if isinstance(labels, Source) else in_pixels(labels, Path(name)))
    hands = [hand for record in records.values() for hand in record.hands]
    if not hands:
        if not any(record.exhaustive for record in records.values()):
            raise FormatError(f"{name}: no hand to score against")
        say(f"{name}: no image has a hand: only false hands are counted")
    if "head" in settings.norms and not any(hand.head_size for hand in hands):
        have = "Panoptic's labels have them, in the formats panoptic and mmpose"
        raise FormatError(f"{name}: no head sizes, which the norm head needs ({have})", "norm")
    if boxes is not None:
        every = rename(by_image(boxes.read(images)), records, "box")
        records = with_all_boxes(same_sizes(records, every, "what has its boxes", settings.rescale), every)
    if not settings.exhaustive:
        records = {key: replace(record, exhaustive=False) for key, record in records.items()}
    return Labels(records, source, images)


def score_predictions(
    labels: Labels, predictions: Source | Iterable[ImageRecord], settings: EvaluateSettings
) -> Evaluation:
    """Score predictions that were made before; raise FormatError if they cannot be read or are of other images."""
    source = predictions if isinstance(predictions, Source) else None
    if isinstance(predictions, Source):
        records = _read(predictions, labels)
    else:
        records = in_pixels(predictions, Path("the predictions"))
    if settings.score_threshold is not None:  # else scores are ranks, and may be logits
        records = with_probabilities(records, Path("the predictions") if source is None else source.path)
    predicted = rename(by_image(records), labels.records, "prediction")
    truth = same_sizes(labels.records, predicted, "what was predicted", settings.rescale)
    described = (labels.described(), _described(source, predicted))
    return evaluate(truth, predicted, settings, described=described)


def score_network(
    labels: Labels,
    predictor: Predictor,
    settings: EvaluateSettings,
    report: Report | None = None,
    progress: Callable[[ImageRecord], None] = lambda record: None,
) -> Evaluation:
    """Predict the labelled images, in the labelled boxes and end to end, and score that.

    Args:
        report: counts what is done.
        progress: called with each record when it was counted.

    Raises:
        FormatError: if an image cannot be read, or is of another size than its labels.
    """
    report = Report() if report is None else report
    report.total = len(labels.records)
    report.start()

    def advance(record: ImageRecord) -> None:
        report.inputs += 1
        report.add(record)
        progress(record)

    predicted, given, truth = predict_labelled(
        labels.records, labels.folder, predictor.load, predictor.settings, predictor.threads, advance, settings.rescale
    )
    if settings.score_threshold is None:
        settings = replace(settings, score_threshold=predictor.settings.score_threshold)
    return evaluate(truth, predicted, settings, given, described=(labels.described(), predictor.described))


def _read(predictions: Source, labels: Labels) -> Iterable[ImageRecord]:
    """Read predictions; a COCO results list names images, categories and keypoints as the labels' file does."""
    images, named_by = labels.images, labels.source
    if named_by is not None and predictions.format.name == "coco-results" and named_by.format.name in COCO_LIKE:
        images = named_by.path if images is None or images.is_dir() else images
        predictions = replace(predictions, options=named_by.options)
    return predictions.read(images)


def _described(source: Source | None, records: dict[Key, ImageRecord]) -> dict[str, Any]:
    read = {} if source is None else {"source": str(source.path), "format": source.format.name}
    return {**read, "images": len(records), "hands": sum(len(record.hands) for record in records.values())}
