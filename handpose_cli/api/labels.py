"""Labels and figures in Python: what `handpose evaluate` does, on paths and records."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

from handpose_cli.api.annotator import Annotator
from handpose_cli.api.plain import plain
from handpose_cli.errors import Remediable
from handpose_cli.formats import ReadOptions
from handpose_cli.formats._keypoint_names import KeypointNames
from handpose_cli.labels.source import Source
from handpose_cli.records import ImageRecord

if TYPE_CHECKING:
    from handpose_cli.evaluation.figures import Figures

Labelled = str | PathLike[str] | Iterable[ImageRecord]
# what the library's errors name as the remedy, as parameters of the functions below
REMEDIES = {
    "images": "pass images=FOLDER",
    "rescale": "pass rescale=True",
    "classes": "pass classes=[NAME, ...] to read_labels",
    "keypoint_names": "pass keypoint_names=NAMES to read_labels",
    "video": "pass video=NAME to read_labels",
    "norm": "pass other norms",
}


def read_labels(
    path: str | PathLike[str],
    images: str | PathLike[str] | None = None,
    *,
    classes: Sequence[str] | str = (),
    keypoint_names: str | None = None,
    video: str | None = None,
) -> Iterator[ImageRecord]:
    """Yield the records of labels or predictions in any format that handpose reads.

    Scores are as the file has them; those of some networks' results go beyond 1.

    Args:
        path: of a file or folder; its format is recognised, or named before a colon ("coco:labels.json").
        images: where the images are, for formats that do not give their sizes or names.
        classes: names of the classes that are hands, where the file has classes.
        keypoint_names: how the file names its keypoints, as for `--keypoint-names`, where that is not understood.
        video: name of the video, for formats that have frames' numbers alone.

    Raises:
        handpose_cli.FormatError: a ValueError, if it is not such a file; the message names the place.
        ValueError: if `images` is not there.

    >>> from handpose_cli import read_labels
    >>> next(read_labels("samples/labels.json")).hands[0].keypoints.shape
    (21, 2)
    """
    names = None if keypoint_names is None else KeypointNames.parse(keypoint_names)
    options = ReadOptions((classes,) if isinstance(classes, str) else tuple(classes), names, video)
    source = replace(Source.parse(str(path)), options=options)
    return _with_remedies(source.read(_there(images)))


def _with_remedies(records: Iterator[ImageRecord]) -> Iterator[ImageRecord]:
    with _remedies():
        yield from records


@contextmanager
def _remedies() -> Iterator[None]:
    """Have errors say which parameter helps, as those of the commands say which option."""
    try:
        yield
    except Remediable as error:
        said = REMEDIES.get(error.remedy)
        if said is None:
            raise
        raise type(error)(f"{str(error).rstrip('.')}: {said}", error.remedy) from error


def evaluate(
    labels: Labelled,
    predictions: Labelled | Annotator,
    images: str | PathLike[str] | None = None,
    *,
    norms: Sequence[str] | str = ("bbox",),
    thresholds: Sequence[float] | float = (),
    score_threshold: float | None = None,
    visible_only: bool = False,
    oks_area: str = "box",
    rescale: bool = False,
    seed: int = 0,
    boxes: str | PathLike[str] | None = None,
    exhaustive: bool = True,
) -> Figures:
    """Score predictions against labels, as `handpose evaluate` does.

    Args:
        labels: a path, see `read_labels`, or records.
        predictions: likewise; or an annotator, which is then given the labelled images, and uses its own settings.
        images: folder with the images; None: where the labels are.
        norms: what PCK's errors are divided by: "bbox", "palm", "px" or "head".
        thresholds: PCK's; empty: those of each norm.
        score_threshold: least score of a hand that counts; None: an annotator's own, else all count.
        visible_only: leave out joints that are labelled as hidden.
        oks_area: what OKS divides by: "box", "box53" or "field".
        rescale: scale labels that are for another size than their image or prediction.
        seed: of the bootstrap.
        boxes: labels with the boxes of all hands, where `labels` have keypoints of only some.
        exhaustive: False for labels that may lack hands: what finds none is not false, and only recall counts.

    Returns:
        all figures; `figures["pck@0.1/bbox"]` is one end to end, with `value`, `low` and `high`.

    Raises:
        handpose_cli.FormatError: a ValueError, if labels or predictions cannot be read, or do not fit.
        ValueError: if a setting is none, or records are.

    >>> from handpose_cli import Annotator, evaluate
    >>> figures = evaluate("samples/labels.json", Annotator.load(views=1))
    >>> figures["pck@0.2/bbox"].value > 0.9
    True
    """
    from handpose_cli.evaluation.run import Predictor, read_truth, score_network, score_predictions
    from handpose_cli.evaluation.settings import EvaluateSettings

    norms, thresholds = (norms,) if isinstance(norms, str) else norms, _several(thresholds)
    settings = EvaluateSettings(
        tuple(norms), thresholds, visible_only, oks_area, plain(seed), plain(score_threshold), rescale, exhaustive
    )
    folder = _there(images)
    with _remedies():
        every = None if boxes is None else Source.parse(str(boxes))
        truth = read_truth(_source(labels, "labels"), settings, folder, every)
        if not isinstance(predictions, Annotator):
            return score_predictions(truth, _source(predictions, "predictions"), settings).figures
        networks = predictions.networks
        predictor = Predictor(lambda: networks, predictions.settings, 1, predictions.described())
        return score_network(truth, predictor, settings).figures


def _there(images: str | PathLike[str] | None) -> Path | None:
    """Return where the images are said to be; raise ValueError if that is not there."""
    if images is not None and not Path(images).exists():
        raise ValueError(f"images must be a folder, or the file that names them. Received: {str(images)!r}")
    return None if images is None else Path(images)


def _several(thresholds: Sequence[float] | float) -> tuple[float, ...]:
    thresholds = plain(thresholds)
    return (float(thresholds),) if isinstance(thresholds, int | float) else tuple(map(plain, thresholds))


def _source(labels: Labelled, name: str) -> Source | list[ImageRecord]:
    """Return what labels or predictions are read from; raise ValueError if they are neither a path nor records."""
    if isinstance(labels, str | PathLike):
        return Source.parse(str(labels))
    if not isinstance(labels, Iterable):
        raise ValueError(f"{name} must be a path or records (ImageRecord). Received: {type(labels).__name__}")
    records = list(labels)
    for record in records:
        if not isinstance(record, ImageRecord):
            raise ValueError(f"{name} must be records (ImageRecord). Received one of: {type(record).__name__}")
    if not records and isinstance(labels, Iterator):
        raise ValueError(f"{name} are an iterator that gives no records, or none any more: pass a list, or the path")
    return records
