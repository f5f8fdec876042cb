"""Writes what `formats.yolo_pose` reads."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import yaml

from handpose_cli.files import atomic
from handpose_cli.formats._image_files import size_of
from handpose_cli.formats._label_folder import create, new_folder
from handpose_cli.formats._notes import LeftOut
from handpose_cli.formats._parsing import inside
from handpose_cli.formats._placed_images import place, refuse_loss
from handpose_cli.formats.coco import keypoints_and_marks
from handpose_cli.formats.fields import image_name
from handpose_cli.records import KEYPOINT_NAMES, NUM_JOINTS, Hand, ImageRecord

IMAGES = "images"
PARTS = ("train", "val")

# no `path`: Ultralytics takes a relative one from where it is called, and without one this file's folder
DESCRIPTION = {
    "train": IMAGES,
    "val": IMAGES,
    "kpt_shape": [NUM_JOINTS, 3],
    "flip_idx": list(range(NUM_JOINTS)),  # a mirrored hand keeps its joints' names
    "names": {0: "hand"},
    "kpt_names": {0: list(KEYPOINT_NAMES)},
}


@contextmanager
def open_writer(
    path: Path, images: Path | None = None, place_images: str = "", replace_images: bool = False
) -> Iterator[Writer]:
    """Open a folder for writing record by record; its labels appear when the block ends without an error.

    Args:
        images: where the images are.
        place_images: "copy" or "link": put the images into the folder too; an image that is not there has no labels.
        replace_images: whether there may be images already.
    """
    with open_parts(path, ("",), images, place_images, replace_images) as writers:
        yield writers[""]


@contextmanager
def open_parts(
    path: Path,
    parts: Sequence[str],
    images: Path | None = None,
    place_images: str = "",
    replace_images: bool = False,
) -> Iterator[dict[str, Writer]]:
    """Open a folder for the parts of a split, each in a folder of its own, under one data.yaml; see `open_writer`.

    Args:
        parts: "train" and "val".
    """
    description: dict[str, Any] = DESCRIPTION | {part: f"{IMAGES}/{part}" for part in parts if part}
    with ExitStack() as stack:
        left_out = stack.enter_context(LeftOut(path))
        file = stack.enter_context(atomic(path / "data.yaml"))
        file.write(yaml.safe_dump(description, sort_keys=False, default_flow_style=None, width=120))
        pictures = None
        if place_images:
            refuse_loss(path / IMAGES, images or Path(), replace_images, PARTS)
            pictures = stack.enter_context(new_folder(path / IMAGES, ""))
        labels = stack.enter_context(new_folder(path / "labels", ".txt"))
        for part in parts:
            (labels / part).mkdir(exist_ok=True)
            if pictures is not None:
                (pictures / part).mkdir(exist_ok=True)
        yield {
            part: Writer(labels / part, left_out, images or Path(), pictures and pictures / part, place_images)
            for part in parts
        }


class Writer:
    """Writes an image's label file as its record comes."""

    def __init__(self, labels: Path, left_out: LeftOut, images: Path, pictures: Path | None, how: str):
        self._labels, self._left_out = labels, left_out
        self._images, self._pictures, self._how = images, pictures, how

    def write(self, record: ImageRecord) -> bool:
        """Write a record; return False if it is left out, since its image is not there."""
        if record.failure is not None:
            return True
        name = image_name(record)
        if _placed_name(name) != name:
            self._left_out.add("folders `images` in images' names, where Ultralytics would look for their labels")
        if self._pictures is not None and not place(
            name, self._images, self._pictures, self._how, self._left_out, _placed_name(name)
        ):
            return False
        size = size_of(record)
        lines = [line for hand in record.hands if (line := _line(hand, *size)) is not None]
        create(self._labels, file_of(record), "".join(lines))
        return True


def file_of(record: ImageRecord) -> str:
    """Return the name of a record's label file in the folder of labels."""
    return str(PurePosixPath(_placed_name(image_name(record))).with_suffix(".txt"))


def _placed_name(name: str) -> str:
    """Return an image's name in the folder of images: without folders `images`.

    Ultralytics looks for its labels beside the last of these, which has to be the one that is written.
    """
    *folders, file = PurePosixPath(name).parts
    return str(PurePosixPath(*(folder for folder in folders if folder != IMAGES), file)) if IMAGES in folders else name


def _line(hand: Hand, width: int, height: int) -> str | None:
    """Return a hand's line; None if all of it is outside the image."""
    size = np.array([width, height], float)
    low, high = (np.clip(corner, 0, size) for corner in (hand.box[:2], hand.box[:2] + hand.box[2:]))
    points, marks = keypoints_and_marks(hand)
    marks = np.where(inside(points, width, height), marks, 0)
    if not marks.any() and (high <= low).any():
        return None
    points = np.where(marks[:, None] > 0, np.clip(points, 0, size) / size, 0)
    joints = [f"{x:.8f} {y:.8f} {mark}" if mark else "0 0 0" for (x, y), mark in zip(points, marks, strict=True)]
    box: list[Any] = [*(low + high) / 2 / size, *(high - low) / size]
    return " ".join(["0", *(f"{value:.8f}" for value in box), *joints]) + "\n"
