"""The tool in Python: what `handpose predict` does, on arrays and files, without result files.

>>> from handpose_cli import Annotator
>>> annotator = Annotator.load()
>>> hands = annotator("samples/two_hands.jpg")
>>> len(hands), hands[0].keypoints.shape
(2, (21, 2))
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import partial
from itertools import chain, islice
from os import PathLike
from pathlib import Path
from typing import Any, Literal

import numpy as np

from handpose_cli import engine as engines
from handpose_cli import weights as bundled
from handpose_cli.annotator.pipeline import annotate
from handpose_cli.annotator.settings import AUTO_TILE, SCORE_THRESHOLD, WHOLE_IMAGE, AnnotateSettings, Networks
from handpose_cli.api.pictures import Image, picture_of
from handpose_cli.api.plain import plain
from handpose_cli.doubt.video import flagged
from handpose_cli.media.errors import UnreadableError
from handpose_cli.media.frames import Frame, frames
from handpose_cli.media.inputs import Input
from handpose_cli.media.picture import Picture
from handpose_cli.records import Hand, ImageRecord
from handpose_cli.tracking.follow import DETECT_EVERY, follow
from handpose_cli.tracking.tracks import DOUBTFUL, link, tracked

AT_ONCE = 16  # pictures of a batch that are in memory at a time


class Annotator:
    """Finds hands and their 21 keypoints in images and videos.

    Threads may share one, and take turns. In another process (pickled) it loads its networks again.

    Attributes:
        networks: the detector, or None, and the keypoint network.
        settings: how they are used.
    """

    def __init__(self, networks: Networks, settings: AnnotateSettings):
        """Use networks that are loaded already; `load` is the usual way."""
        self.networks, self.settings = networks, settings
        self._names: tuple[str, str | None, str] | None = None  # of what `load` loaded

    def __reduce__(self) -> tuple[object, ...]:
        if self._names is None:
            raise TypeError("an Annotator of networks that were loaded already cannot be pickled: use Annotator.load")
        return _load_again, (self._names, self.settings)

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
        tile: int | Literal["auto"] | None = None,
    ) -> Annotator:
        """Load the networks.

        Args:
            weights: keypoint network: a bundled name, a run folder of `handpose train`, or a file.
            detector: likewise; None or "whole-image": each image is one hand, whatever it scores.
            engine: "litert", for processors, or "keras", which uses a GPU if TensorFlow sees one.
            score_threshold: least score of a hand, 0 to 1.
            views: most views of a hand, 1 to 4: more are more accurate, and slower.
            max_hands: keep the best so many hands of an image; None: all.
            tile: about the side, in pixels (300 at least, or "auto"), of tiles in which small hands are searched for;
                None: they are not.

        Raises:
            handpose_cli.weights.WeightsError: a ValueError, if there is no such network.
            ValueError: for another engine, or settings out of range.
        """
        if engine not in engines.ENGINES:
            raise ValueError(f"engine must be one of {', '.join(engines.ENGINES)}. Received: {engine!r}")
        numbers = map(plain, (score_threshold, views, max_hands, AUTO_TILE if tile == "auto" else tile))
        settings = AnnotateSettings(*numbers)
        boxer = None if detector in (None, WHOLE_IMAGE) else str(detector)
        networks = Networks(
            None if boxer is None else engines.load_detector(engine, boxer),
            engines.load_keypoint_network(engine, str(weights)),
        )
        annotator = cls(networks, settings)
        annotator._names = str(weights), boxer, engine
        return annotator

    def described(self) -> dict[str, Any]:
        """Return what it is, for the head of figures: weights, detector, engine and views."""
        named = zip(("weights", "detector", "engine"), self._names or (), strict=False)
        return {**dict(named), "views": self.settings.views}

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
        """Return the hands of each of some images, as for one; faster on a GPU.

        A few images at a time are in memory. The first one that is none raises what `annotator(image)` does. What gives
        them in turn may give the same array again and again, with another image in it.
        """
        if isinstance(images, str | PathLike) or (isinstance(images, np.ndarray) and images.ndim < 4):
            raise ValueError("images must be several: a list of arrays or paths, or an array [n, height, width, 3]")
        given = images if isinstance(images, list | tuple | np.ndarray) else map(_kept, images)
        found, remaining = [], iter(given)
        while pictures := [picture_of(image) for image in islice(remaining, AT_ONCE)]:
            batch = [Frame("", partial(_itself, picture)) for picture in pictures]
            results = annotate(batch, self.networks, self.settings)
            found += [record.hands for result in results for record in flagged([result.record])]
        return found

    def video(self, path: str | PathLike[str], *, track: bool = True, every: int = 1) -> Iterator[ImageRecord]:
        """Yield a record for each frame of a video, as `handpose predict` writes them.

        Args:
            track: give the same hand the same `track_id` through the video, and run the detector less. Records then
                come when the whole video has been annotated, since a track's handedness is that of all its frames.
            every: annotate every n-th frame.

        Raises:
            handpose_cli.UnreadableError: if the file is no video, or damaged; records up to there came before.
            ValueError: if `every` is less than 1.
        """
        every = plain(every)
        if not isinstance(every, int) or every < 1:
            raise ValueError(f"every must be a whole number from 1 on. Received: {every!r}")
        entry = Input(Path(path).name, str(path))
        if not entry.is_video:
            raise UnreadableError(f"{path}: no video by its name")
        return self._of_video(path, entry, track, every)

    def _of_video(self, path: str | PathLike[str], entry: Input, track: bool, every: int) -> Iterator[ImageRecord]:
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
            for record, _, _ in work(chunk, self.networks, settings):
                yield record


def _load_again(names: tuple[str, str | None, str], settings: AnnotateSettings) -> Annotator:
    annotator = Annotator.load(*names)
    annotator.settings = settings
    return annotator


def _kept(image: Image) -> Image:
    return image.copy() if isinstance(image, np.ndarray) else image


def _itself(picture: Picture) -> Picture:
    return picture
