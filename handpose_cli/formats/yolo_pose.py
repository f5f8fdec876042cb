"""`yolo-pose`: a folder in the layout that Ultralytics' YOLO trains hand pose from.

    data.yaml             train: images, val: images, kpt_shape: [21, 3], flip_idx: [0, 1, ... 20], names: {0: hand}
    images/a/b.jpg        put or link the images here; they are not written
    labels/a/b.txt        a line for each hand; empty for an image without hands:
                          class cx cy w h x y v ... 21 times

x, y, w and h are shares of the image's width and height, so reading needs the images, for their sizes; v is 0 (not
labelled, x = y = 0), 1 (hidden) or 2 (visible). Without v (kpt_shape [21, 2]), x = y = 0 means not labelled. A hand
without keypoints has 21 times `0 0 0`. Classes named left and right give the handedness.

A video's frame becomes an image: v.mp4/000012.jpg. Lost: whatever is outside the image (Ultralytics would leave out the
whole image): joints there become `0 0 0`, boxes are clipped; frame numbers and times, scores, handedness, tracks.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import yaml

from handpose_cli.files import atomic
from handpose_cli.formats._image_files import find_image, image_size, size_of
from handpose_cli.formats._label_folder import create, new_folder
from handpose_cli.formats._parsing import errors_at, hand_of, inside, numbers_of, side_of
from handpose_cli.formats.coco import keypoints_and_marks
from handpose_cli.formats.errors import FormatError
from handpose_cli.formats.fields import image_name
from handpose_cli.records import KEYPOINT_NAMES, NUM_JOINTS, Hand, ImageRecord

IMAGES = "images"
KEEPS = frozenset({"size", "no_hands", "box", "box_only", "hidden"})

# no `path`: Ultralytics takes a relative one from where it is called, and without one this file's folder
DESCRIPTION = {
    "train": "images",
    "val": "images",
    "kpt_shape": [NUM_JOINTS, 3],
    "flip_idx": list(range(NUM_JOINTS)),  # a mirrored hand keeps its joints' names
    "names": {0: "hand"},
    "kpt_names": {0: list(KEYPOINT_NAMES)},
}


def recognises(path: Path, head: bytes) -> bool:
    if path.is_dir():
        return (path / "data.yaml").is_file() and b"kpt_shape" in (path / "data.yaml").read_bytes()
    return path.suffix in (".yaml", ".yml") and b"kpt_shape" in head


def read(path: Path, images: Path | None = None) -> Iterator[ImageRecord]:
    """Yield a record for each label file, in the order of their names; `file` is relative to the images' folder.

    Args:
        path: the folder or its data.yaml.

    Raises:
        FormatError: if a file does not follow the format or its image is missing; the message names it and the line.
    """
    file = path / "data.yaml" if path.is_dir() else path
    sides, dimensions = _description(file)
    labels, folder = file.parent / "labels", file.parent / IMAGES if images is None else images
    if not labels.is_dir():
        raise FormatError(f"{labels}: no such folder")
    stems = (text.relative_to(labels).as_posix().removesuffix(".txt") for text in labels.rglob("*.txt"))
    for stem in sorted(stems):
        text = labels / f"{stem}.txt"
        name = find_image(folder, stem)
        if name is None:
            raise FormatError(
                f"{text}: no image {stem}.jpg or the like in {folder}. Name the images' folder by --images"
            )
        size = image_size(folder / name)
        try:
            lines = text.read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise FormatError(f"{text}: cannot be read: {error}") from error
        hands = []
        for number, line in enumerate(lines, 1):
            if line.strip():
                with errors_at(f"{text}: line {number}"):
                    hands.append(_hand(line.split(), sides, dimensions, np.array(size, float)))
        yield ImageRecord(name, *size, hands)


def _description(file: Path) -> tuple[dict[int, str | None], int]:
    """Return each class's handedness, and how many numbers a joint has."""
    try:
        content = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError, RecursionError) as error:
        raise FormatError(f"{file}: cannot be read as YAML: {' '.join(str(error).split())}") from error
    with errors_at(file):
        if content["kpt_shape"] not in ([NUM_JOINTS, 2], [NUM_JOINTS, 3]):
            raise ValueError(
                f"kpt_shape must be [{NUM_JOINTS}, 3] or [{NUM_JOINTS}, 2]. Received: {content['kpt_shape']}"
            )
        names = content.get("names") or {}
        named = names.items() if isinstance(names, dict) else enumerate(names)
        return {int(number): side_of(str(name)) for number, name in named}, content["kpt_shape"][1]


def _hand(parts: list[str], sides: dict[int, str | None], dimensions: int, size: np.ndarray) -> Hand:
    wanted = 5 + NUM_JOINTS * dimensions
    if len(parts) != wanted:
        raise ValueError(f"expected {wanted} numbers: class, box and {NUM_JOINTS} keypoints. Received: {len(parts)}")
    numbers = numbers_of(parts, (wanted,), "a hand")
    table = numbers[5:].reshape(NUM_JOINTS, dimensions)
    visibility = table[:, 2] if dimensions == 3 else np.where(table.any(axis=1), 2, 0)
    box = np.concatenate([numbers[1:3] - numbers[3:5] / 2, numbers[3:5]]) * np.tile(size, 2)
    side = sides.get(int(numbers[0]))
    return hand_of(table[:, :2] * size, visibility, box.astype(np.float32), handedness=side)


@contextmanager
def open_writer(path: Path, images: Path | None = None) -> Iterator[Writer]:
    """Open a folder for writing record by record; its labels appear when the block ends without an error."""
    with atomic(path / "data.yaml") as file, new_folder(path / "labels", ".txt") as labels:
        file.write(yaml.safe_dump(DESCRIPTION, sort_keys=False, default_flow_style=None, width=120))
        yield Writer(labels)


class Writer:
    """Writes an image's label file as its record comes."""

    def __init__(self, labels: Path):
        self._labels = labels

    def write(self, record: ImageRecord) -> None:
        if record.failure is None:
            size = size_of(record)
            lines = [line for hand in record.hands if (line := _line(hand, *size)) is not None]
            create(self._labels, file_of(record), "".join(lines))


def file_of(record: ImageRecord) -> str:
    return str(PurePosixPath(image_name(record)).with_suffix(".txt"))


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
