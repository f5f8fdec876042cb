"""Labelled hands and places without one: what training is made of."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from handpose_cli.formats._notes import LeftOut
from handpose_cli.formats._parsing import inside
from handpose_cli.formats.errors import FormatError
from handpose_cli.formats.plugin import NO_OPTIONS, ReadOptions
from handpose_cli.labels.convert import choose, sample_of
from handpose_cli.labels.file_matching import by_image
from handpose_cli.labels.source import Source
from handpose_cli.media.damage import decoded
from handpose_cli.media.damaged import note_damaged
from handpose_cli.media.errors import UnreadableError
from handpose_cli.media.images import read_image
from handpose_cli.records import Hand, ImageRecord
from handpose_cli.training.data.images import refuse_other_size, with_images


@dataclass(frozen=True)
class Sample:
    """One labelled hand, with keypoints or (see `places`) a box alone, or a place without one: there `hand` is None.

    `image` is its path. `group` names what must stay on one side of a split: versions of one pose, frames of one video.
    `size` is the image's width and height as the labels have it; None if they do not say. `exhaustive`: whether all
    hands in the image are known as samples.
    """

    image: Path
    hand: Hand | None
    box: np.ndarray
    group: str = ""
    size: tuple[int, int] | None = None
    exhaustive: bool = True


def read_samples(sources: Iterable[str], options: ReadOptions = NO_OPTIONS) -> list[Sample]:
    """Read labels, each `[FORMAT:]PATH`: one sample for each hand with keypoints, see `images.with_images`.

    Args:
        options: what a user says of their classes and keypoints, where they have names.

    Raises:
        FormatError: if a file cannot be read, an image is missing, or there is no such hand.
    """
    sources = list(sources)
    samples = []
    for source in (Source.parse(text).with_options(options) for text in sources):
        with LeftOut(source.path) as left_out:
            records = by_image(in_their_images(source)).values()
            for record, image in with_images(source, filter(_with_keypoints, records)):
                labelled = _with_keypoints(record)
                hands = [hand for hand in labelled if _weighs(hand)]
                if weightless := len(labelled) - len(hands):
                    left_out.add("hands whose joints all score 0, which is their weight", count=weightless)
                whole = record.exhaustive and len(hands) == len(record.hands)
                about = group_of(source, record), size_of(record), whole
                samples += [Sample(image, hand, hand.box, *about) for hand in hands]
    if not samples:
        raise FormatError(f"no hands with keypoints in: {', '.join(sources)}")
    return samples


def in_their_images(source: Source) -> Iterator[ImageRecord]:
    """Yield a source's records without hands that lie outside their image or have joints far from it; both are counted.

    Images that have no others are left out too: their labels are wrong, so nobody knows what they show.
    """
    with LeftOut(source.path) as left_out:
        for record in source.read_scored():
            seen = [hand for hand in record.hands if _reaches_into(hand, size_of(record))]
            near = [hand for hand in seen if _is_near(hand, size_of(record))]
            if out := len(record.hands) - len(seen):
                left_out.add("hands that lie outside their image", count=out)
            if far := len(seen) - len(near):
                left_out.add("hands with joints farther outside their image than it is large", count=far)
                record.exhaustive = False  # they are there, somewhere
            if (out or far) and not near:
                continue
            record.hands = near
            yield record


def _is_near(hand: Hand, size: tuple[int, int] | None) -> bool:
    """Return whether no joint is so far outside that the hand would be a spot in a crop around all its joints."""
    if size is None or hand.keypoints is None:
        return True
    points, margin = hand.keypoints[np.isfinite(hand.keypoints).all(axis=1)], max(size)
    return bool(inside(points + margin, size[0] + 2 * margin, size[1] + 2 * margin).all())


def _reaches_into(hand: Hand, size: tuple[int, int] | None) -> bool:
    if size is None or ((hand.box[:2] < size).all() and (hand.box[:2] + hand.box[2:] > 0).all()):
        return True
    return hand.keypoints is not None and bool(inside(hand.keypoints, *size).any())


def shared_images(trained: Iterable[Path], held: Iterable[Path]) -> tuple[int, int]:
    """Return how many of the images to validate on are trained on too, also by links, and how many there are."""
    ours, theirs = ({(stat.st_dev, stat.st_ino) for stat in map(Path.stat, set(paths))} for paths in (trained, held))
    return len(ours & theirs), len(theirs)


def _with_keypoints(record: ImageRecord) -> list[Hand]:
    return [hand for hand in record.hands if hand.keypoints is not None]


def _weighs(hand: Hand) -> bool:
    """Return whether any joint counts in the loss, see `dataset.target`."""
    if hand.keypoints is None or hand.keypoint_scores is None:
        return True
    return bool((hand.keypoint_scores[np.isfinite(hand.keypoints).all(axis=1)] > 0).any())


def group_of(source: Source, record: ImageRecord) -> str:
    """Return the name of what must stay on one side of a split; two label files of the same images share it."""
    return f"{source.folder}:{sample_of(record)}"


def size_of(record: ImageRecord) -> tuple[int, int] | None:
    """Return the size of a record's image, width and height in pixels, if it says it."""
    return (record.width, record.height) if record.width and record.height else None


def split(samples: list[Sample], share: float, seed: int) -> tuple[list[Sample], list[Sample]]:
    """Split samples in those to train on and a share, by groups and chosen by the seed, that is held back.

    Raises:
        FormatError: if one side would be empty.
    """
    held_back = choose_held_back((sample.group for sample in samples), share, seed)
    return (
        [sample for sample in samples if sample.group not in held_back],
        [sample for sample in samples if sample.group in held_back],
    )


def choose_held_back(groups: Iterable[str], share: float, seed: int) -> set[str]:
    """Return the groups to validate on, see `labels.convert.choose`.

    Raises:
        FormatError: if it is none or all of them.
    """
    groups = set(groups)
    if len(groups) == 1:  # no share helps
        raise FormatError("the labels are all of one sample, such as a video: no part can be held back", "val")
    return choose(groups, share, seed)


def read_sample(sample: Sample) -> np.ndarray:
    """Return the sample's image, see `read_labelled`."""
    return read_labelled(sample.image, sample.size)


def read_noted(path: Path) -> np.ndarray:
    """Return an image as `media.images.read_image` does, which raises; damage is noted."""
    image, is_damaged = decoded(partial(read_image, path))
    if is_damaged:
        note_damaged(str(path))
    return image


def read_labelled(path: Path, size: tuple[int, int] | None) -> np.ndarray:
    """Return an image as `media.images.read_image` does.

    Raises:
        FormatError: if it cannot be read, or is of another size than the labels say.
    """
    try:
        image = read_noted(path)
    except UnreadableError as error:
        raise FormatError(f"{path}: {error}") from error
    height, width = image.shape[:2]
    if size is not None:
        refuse_other_size(path, size, (width, height))
    return image
