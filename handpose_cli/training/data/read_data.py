"""Everything that a run reads: hands to train and to validate on, and places to learn the hand score from."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from handpose_cli.evaluation.metrics import longer_sides
from handpose_cli.formats._notes import say
from handpose_cli.formats.errors import FormatError
from handpose_cli.records import box_around
from handpose_cli.training.data.digest import Known, digest, image_facts
from handpose_cli.training.data.places import find_places
from handpose_cli.training.data.samples import Sample, read_samples, shared_images, split
from handpose_cli.training.settings import Settings


class Data(NamedTuple):
    """A run's data.

    Attributes:
        samples: hands to train on.
        held_back: hands to validate on.
        places: boxed hands and places without a hand, see `places.find_places`.
        known: what was read, see `digest`.
        shared: see `samples.shared_images`.
    """

    samples: list[Sample]
    held_back: list[Sample]
    places: list[Sample]
    known: Known
    shared: tuple[int, int]

    @property
    def trained(self) -> int:
        """How many hands are trained on."""
        return len(self.samples)

    @property
    def held(self) -> int:
        """How many are validated on."""
        return len(self.held_back)

    def described(self) -> str:
        """Return what there is, in a line."""
        boxed = sum(place.hand is not None for place in self.places)
        places = f"{boxed} boxed hands, {len(self.places) - boxed} places without"
        return f"{self.trained} hands to train on, {self.held} to validate on, {places}"


def read_data(settings: Settings) -> Data:
    """Read a run's data.

    Raises:
        FormatError: if labels or images cannot be read, or there are too few hands.
    """
    options = settings.read_options
    data = {source: read_samples([source], options) for source in dict.fromkeys(settings.data)}
    val = {source: read_samples([source], options) for source in settings.val}
    samples, held_back = _all(data, settings.data), _all(val, val)
    if not val:
        samples, held_back = split(samples, settings.val_split, settings.seed)
    labelled = [sample.hand.keypoints for sample in held_back if sample.hand and sample.hand.keypoints is not None]
    if not (longer_sides(np.stack(labelled)) > 0).any():
        raise FormatError("no hand to validate on has joints in two places, to measure errors by its size", "val")
    sized = [sample for sample in samples if _has_size(sample)]
    if len(sized) < len(samples):
        say(f"left out: {len(samples) - len(sized)} hands to train on, whose joints are all in one place")
        samples = sized
    if len(samples) < settings.batch_size:
        raise FormatError(
            f"{len(samples)} hands to train on are fewer than a batch of {settings.batch_size}", "batch_size"
        )
    places = {source: list(find_places([source], settings.seed, options)) for source in settings.negatives}
    read = {"data": data, "val": val, "negatives": places}
    known = {
        name: {source: (len(found), digest(map(_labelled, found))) for source, found in sources.items()}
        for name, sources in read.items()
    }
    shared = shared_images((sample.image for sample in samples), (sample.image for sample in held_back))
    return Data(samples, held_back, _all(places, settings.negatives), known, shared)


def _has_size(sample: Sample) -> bool:
    """Return whether a hand can be cropped by its joints: of one joint there would be a pixel, made as large as it."""
    keypoints = None if sample.hand is None else sample.hand.keypoints
    return keypoints is not None and bool((box_around(keypoints)[2:] > 0).any())


def _labelled(sample: Sample) -> tuple[object, ...]:
    hand = sample.hand
    what = () if hand is None else (hand.keypoints, hand.visibility, hand.handedness)
    scores = () if hand is None or hand.keypoint_scores is None else (hand.keypoint_scores,)  # weights in the loss
    about = image_facts(sample.image), sample.size, sample.group, sample.box
    return (*about, *what, *scores)


def _all(by_source: dict[str, list[Sample]], sources: Iterable[str]) -> list[Sample]:
    """Return those of all sources; of one that is named twice they come twice."""
    return [sample for source in sources for sample in by_source[source]]
