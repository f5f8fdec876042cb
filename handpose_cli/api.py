"""The tool in Python: what `handpose predict` does, on arrays and files, without result files.

>>> from handpose_cli import Annotator
>>> annotator = Annotator.load()
>>> hands = annotator("samples/two_hands.jpg")
>>> len(hands), hands[0].keypoints.shape
(2, (21, 2))
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from itertools import chain, islice
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from handpose_cli import engine as engines
from handpose_cli import weights as bundled
from handpose_cli.annotator.pipeline import annotate
from handpose_cli.annotator.settings import SCORE_THRESHOLD, AnnotateSettings, Networks
from handpose_cli.doubt.video import flagged
from handpose_cli.labels.source import Source
from handpose_cli.media.errors import UnreadableError
from handpose_cli.media.frames import Frame, frames
from handpose_cli.media.images import open_image
from handpose_cli.media.inputs import Input
from handpose_cli.media.picture import Picture
from handpose_cli.records import Hand, ImageRecord
from handpose_cli.tracking.follow import DETECT_EVERY, follow
from handpose_cli.tracking.tracks import DOUBTFUL, link, tracked

if TYPE_CHECKING:
    from handpose_cli.evaluation.figures import Figures

Image = np.ndarray | str | PathLike[str]
Labelled = str | PathLike[str] | Iterable[ImageRecord]


class Annotator:
    """Finds hands and their 21 keypoints in images and videos.

    Attributes:
        networks: the detector, or None, and the keypoint network.
        settings: how they are used.
    """

    def __init__(self, networks: Networks, settings: AnnotateSettings):
        """Use networks that are loaded already; `load` is the usual way."""
        self.networks, self.settings = networks, settings

    @classmethod
    def load(
        cls,
        weights: str | PathLike[str] = bundled.KEYPOINT_NETWORK,
        detector: str | PathLike[str] | None = bundled.DETECTOR,
        engine: str = "litert",
        *,
        score_threshold: float = SCORE_THRESHOLD,
        views: int = 2,
        max_hands: int | None = None,
        tile: int | None = None,
    ) -> Annotator:
        """Load the networks.

        Args:
            weights: keypoint network: a bundled name, a run folder of `handpose train`, or a file.
            detector: likewise; None: each image is one hand.
            engine: "litert", for processors, or "keras", which uses a GPU if TensorFlow sees one.
            score_threshold: least score of a hand, 0 to 1.
            views: most views of a hand, 1 to 4: more are more accurate, and slower.
            max_hands: keep the best so many hands of an image; None: all.
            tile: about the side, in pixels, of tiles in which small hands are searched for; None: they are not.

        Raises:
            handpose_cli.weights.WeightsError: a ValueError, if there is no such network.
            ValueError: for another engine, or settings out of range.
        """
        if engine not in engines.ENGINES:
            raise ValueError(f"engine must be one of {', '.join(engines.ENGINES)}. Received: {engine!r}")
        if not 0 <= score_threshold <= 1:
            raise ValueError(f"score_threshold must be from 0 to 1. Received: {score_threshold}")
        if views not in (1, 2, 3, 4):
            raise ValueError(f"views must be 1, 2, 3 or 4. Received: {views}")
        networks = Networks(
            None if detector is None else engines.load_detector(engine, str(detector)),
            engines.load_keypoint_network(engine, str(weights)),
        )
        return cls(networks, AnnotateSettings(score_threshold, views, max_hands, tile=tile))

    def __call__(self, image: Image) -> list[Hand]:
        """Return the hands in an image, best first.

        Args:
            image: uint8 [height, width, 3], RGB, upright; or the path of an image file, to which its EXIF orientation
                is applied.

        Returns:
            hands with `box` (float32 [4]: x, y, width, height), `keypoints` (float32 [21, 2], pixels; the centre of the
            first pixel is (0, 0)), `keypoint_scores` (float32 [21], 0 to 1), `score`, `handedness` and `flags`
            (reasons to doubt it).

        Raises:
            ValueError: if an array is not such an image; `handpose_cli.UnreadableError`, which is one, if a file is
                not.
        """
        return self.batch([image])[0]

    def batch(self, images: Iterable[Image]) -> list[list[Hand]]:
        """Return the hands of each of some images, as for one; faster on a GPU."""
        pictures = [_picture(image) for image in images]
        batch = [Frame("", partial(_itself, picture)) for picture in pictures]
        results = annotate(batch, self.networks, self.settings)
        return [record.hands for result in results for record in flagged([result.record])]

    def video(self, path: str | PathLike[str], track: bool = True, every: int = 1) -> Iterator[ImageRecord]:
        """Yield a record for each frame of a video, as `handpose predict` writes them.

        Args:
            track: give the same hand the same `track_id` through the video, and run the detector less. Records then
                come when the whole video has been annotated, since a track's handedness is that of all its frames.
            every: annotate every n-th frame.

        Raises:
            handpose_cli.UnreadableError: if the file is no video, or damaged; records up to there came before.
        """
        entry = Input(Path(path).name, str(path))
        if not entry.is_video:
            raise UnreadableError(f"{path}: no video by its name")
        records: Iterable[ImageRecord] = self._records(entry, track, every)
        failures: list[ImageRecord] = []
        if track:
            found = list(records)
            failures = [record for record in found[-1:] if record.failure is not None]
            found = found[: len(found) - len(failures)]
            records = chain(tracked(found, link(found, self.settings.score_threshold)), failures)
        for record in flagged(records):
            if record.failure is not None:
                raise UnreadableError(f"{path}: {record.failure}")
            yield record

    def _records(self, entry: Input, track: bool, every: int) -> Iterator[ImageRecord]:
        """Yield a video's records, the last with `failure` if it is damaged; to be tracked, with doubtful hands."""
        work, settings = annotate, self.settings
        if track:
            work, settings = follow, replace(settings, score_threshold=min(settings.score_threshold, DOUBTFUL))
        of_video = frames([entry], every)
        while chunk := list(islice(of_video, DETECT_EVERY)):
            for record, _ in work(chunk, self.networks, settings):
                yield record


def _itself(picture: Picture) -> Picture:
    return picture


def _picture(image: Image) -> Picture:
    if isinstance(image, str | PathLike):
        try:
            return open_image(Path(image))
        except UnreadableError as error:
            raise UnreadableError(f"{image}: {error}", error.transient) from error
    if not isinstance(image, np.ndarray) or image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
        what = f"{image.dtype} {list(image.shape)}" if isinstance(image, np.ndarray) else type(image).__name__
        raise ValueError(f"an image must be a uint8 array [height, width, 3], RGB, or a path. Received: {what}")
    if not image.size:
        raise ValueError(f"an image must have pixels. Received: {list(image.shape)}")
    return Picture(image)


def read_labels(path: str | PathLike[str], images: str | PathLike[str] | None = None) -> Iterator[ImageRecord]:
    """Yield the records of labels or predictions in any format that handpose reads.

    Args:
        path: of a file or folder; its format is recognised, or named before a colon ("coco:labels.json").
        images: where the images are, for formats that do not give their sizes or names.

    Raises:
        handpose_cli.formats.errors.FormatError: if it is not such a file; the message names the place.

    >>> from handpose_cli import read_labels
    >>> next(read_labels("samples/labels.json")).hands[0].keypoints.shape
    (21, 2)
    """
    return Source.parse(str(path)).read(None if images is None else Path(images))


def evaluate(
    labels: Labelled,
    predictions: Labelled | Annotator,
    images: str | PathLike[str] | None = None,
    *,
    norms: Sequence[str] = ("bbox",),
    thresholds: Sequence[float] = (),
    score_threshold: float | None = None,
    visible_only: bool = False,
    oks_area: str = "box",
    rescale: bool = False,
    seed: int = 0,
) -> Figures:
    """Score predictions against labels, as `handpose evaluate` does.

    Args:
        labels: a path, see `read_labels`, or records.
        predictions: likewise; or an annotator, which is then given the labelled images.
        images: folder with the images; None: where the labels are.
        norms: what PCK's errors are divided by: "bbox", "palm", "px" or "head".
        thresholds: PCK's; empty: those of each norm.
        score_threshold: least score of a hand that counts; None: 0.5 for an annotator, else all count.
        visible_only: leave out joints that are labelled as hidden.
        oks_area: what OKS divides by: "box", "box53" or "field".
        rescale: scale labels that are for another size than their image or prediction.
        seed: of the bootstrap.

    Returns:
        all figures; `figures["pck@0.1/bbox"]` is one end to end, with `value`, `low` and `high`.

    Raises:
        handpose_cli.formats.errors.FormatError: a ValueError, if labels or predictions cannot be read, or do not fit.
        ValueError: for another norm or area.

    >>> from handpose_cli import Annotator, evaluate
    >>> figures = evaluate("samples/labels.json", Annotator.load(views=1))
    >>> figures["pck@0.2/bbox"].value > 0.9
    True
    """
    from handpose_cli.evaluation.norms import NORMS
    from handpose_cli.evaluation.run import Predictor, read_truth, score_network, score_predictions
    from handpose_cli.evaluation.settings import OKS_AREAS, EvaluateSettings

    for norm in norms:
        if norm not in NORMS:
            raise ValueError(f"norms must be some of {', '.join(NORMS)}. Received: {norm!r}")
    if oks_area not in OKS_AREAS:
        raise ValueError(f"oks_area must be one of {', '.join(OKS_AREAS)}. Received: {oks_area!r}")
    settings = EvaluateSettings(tuple(norms), tuple(thresholds), visible_only, oks_area, seed, score_threshold, rescale)
    truth = read_truth(_source(labels), settings, None if images is None else Path(images))
    if not isinstance(predictions, Annotator):
        return score_predictions(truth, _source(predictions), settings).figures
    networks, views = predictions.networks, predictions.settings.views
    return score_network(truth, Predictor(lambda: networks, views, 1, {"views": views}), settings).figures


def _source(labels: Labelled) -> Source | Iterable[ImageRecord]:
    return Source.parse(str(labels)) if isinstance(labels, str | PathLike) else labels
