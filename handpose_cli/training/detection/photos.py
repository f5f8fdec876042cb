"""Labelled photographs for a detector: whole ones with the boxes of their hands, and hands to paste into others."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import numpy as np

from handpose_cli.annotator.pipeline import box_of
from handpose_cli.formats._notes import say
from handpose_cli.formats.errors import FormatError
from handpose_cli.formats.plugin import NO_OPTIONS, ReadOptions
from handpose_cli.labels.file_matching import by_image
from handpose_cli.labels.source import Source
from handpose_cli.records import MIDDLE_MCP, WRIST, Hand
from handpose_cli.training.data.images import with_images
from handpose_cli.training.data.samples import group_of, in_their_images, read_labelled, size_of


@dataclass(frozen=True)
class Photo:
    """A photograph with its hands.

    Attributes:
        boxes: float32 [n, 4], x, y, width, height in pixels.
        exhaustive: whether it shows no other hands.
        group: photographs of one kind, which are drawn equally often as those of another.
        keypoints: float32 [n, 21, 2] in pixels; None: not known of all hands.
        sample: what stays on one side of a split, see `samples.group_of`.
        size: of the image, width and height in pixels, as the labels have it; None if they do not say.
    """

    image: Path
    boxes: np.ndarray
    exhaustive: bool
    group: str
    keypoints: np.ndarray | None = None
    sample: str = ""
    size: tuple[int, int] | None = None

    def read(self) -> np.ndarray:
        """Return the photograph, see `samples.read_labelled`."""
        return read_labelled(self.image, self.size)

    @property
    def directions(self) -> np.ndarray:
        """Where the hands point, see `targets.cell_targets`."""
        return np.zeros((len(self.boxes), 2), np.float32) if self.keypoints is None else directions(self.keypoints)


@dataclass(frozen=True)
class Photos:
    """What pictures are made of.

    Attributes:
        whole: with boxes that people drew around all hands, or, if they are not exhaustive, around some.
        hands: crops of one hand with keypoints, whose surroundings are not known.
    """

    whole: list[Photo]
    hands: list[Photo]

    def __len__(self) -> int:
        return len(self.whole) + len(self.hands)

    def __iter__(self) -> Iterator[Photo]:
        return chain(self.whole, self.hands)

    def where(self, wanted: Callable[[Photo], bool]) -> Photos:
        """Return some of them."""
        return Photos(list(filter(wanted, self.whole)), list(filter(wanted, self.hands)))

    @classmethod
    def joined(cls, several: Iterable[Photos]) -> Photos:
        """Return those of several."""
        several = list(several)
        return cls([p for each in several for p in each.whole], [p for each in several for p in each.hands])


def read_photos(sources: Iterable[str], options: ReadOptions = NO_OPTIONS) -> Photos:
    """Read labels, each `[FORMAT:]PATH`: those with boxes alone are whole photographs, those with keypoints hands.

    Args:
        options: what a user says of their classes and keypoints, where they have names.

    Raises:
        FormatError: if a file cannot be read, an image is missing, or there is none.
    """
    sources = list(sources)
    whole: list[Photo] = []
    hands: list[Photo] = []
    for source in (Source.parse(text).with_options(options) for text in sources):
        for record, image in with_images(source, by_image(in_their_images(source)).values()):
            with_keypoints = any(hand.keypoints is not None for hand in record.hands)
            boxes = [_box(hand, record.width, record.height) for hand in record.hands]
            group = f"{source.path}:{_kind(record.file)}"
            keypoints = _all_keypoints(record.hands)
            of_hands = np.reshape(boxes, (-1, 4)).astype(np.float32)
            about = group_of(source, record), size_of(record)
            photo = Photo(image, of_hands, record.exhaustive, group, keypoints, *about)
            (hands if with_keypoints else whole).append(photo)
    if sources and not whole and not hands:
        raise FormatError(f"no labelled photographs in: {', '.join(sources)}")
    return Photos(whole, hands)


def say_contrary(photos: Iterable[Photo]) -> None:
    """Say how many photographs are in several label files, of which each says that others' hands are none."""
    boxes: dict[tuple[int, int], list[Photo]] = {}
    for photo in photos:
        if photo.exhaustive:
            stat = photo.image.stat()
            boxes.setdefault((stat.st_dev, stat.st_ino), []).append(photo)
    contrary = [same[0].image for same in boxes.values() if len({photo.boxes.tobytes() for photo in same}) > 1]
    if contrary:
        say(
            f"{len(contrary)} photographs, such as {contrary[0].name}, have other boxes in each of several files, "
            'which all say that there are no other hands. Join these files, or mark the photographs "exhaustive": false'
        )


def _box(hand: Hand, width: int | None, height: int | None) -> np.ndarray:
    if hand.keypoints is None or not np.isfinite(hand.keypoints).all() or not (width and height):
        return hand.box
    return box_of(hand.keypoints, width, height)


def _all_keypoints(hands: list[Hand]) -> np.ndarray | None:
    known = [hand.keypoints for hand in hands if hand.keypoints is not None and np.isfinite(hand.keypoints).all()]
    return np.stack(known).astype(np.float32) if known and len(known) == len(hands) else None


def directions(keypoints: np.ndarray) -> np.ndarray:
    """Return where hands (float [n, 21, 2]) point, from wrist to middle MCP joint: float32 [n, 2] of length 1, or 0."""
    pointing = keypoints[:, MIDDLE_MCP] - keypoints[:, WRIST]
    unit: np.ndarray = pointing / np.maximum(np.linalg.norm(pointing, axis=1, keepdims=True), 1e-9)
    return unit.astype(np.float32)


def _kind(file: str) -> str:
    """Return a file's name without its number: photographs of one set are named alike."""
    return Path(file).stem.rstrip("0123456789").rstrip("_-. ")
