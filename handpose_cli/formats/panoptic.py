"""`panoptic`: the CMU Panoptic hand sets' own JSON (Simon et al., CVPR 2017), read only.

    hand_labels/manual_train/000015774_01_l.json, .jpg     one hand: {"hand_pts": 21 x [x, y, flag], "is_left": 1, ...}
    hand_labels/manual_test/...                            (hand_labels_synth/synth1/... are alike)
    hand143_panopticdb/hands_v143_14817.json               {"root": [{"joint_self": 21 x [x, y, flag],
                                                            "img_paths": "imgs/00000000.jpg", "img_width": 1920, ...}]}

Pixels; a joint is labelled, and counts as visible, where its flag is not 0. A hand's box is its joints' box: the set's
own box is only a centre. An image's size is taken from the entry or, if there, from the image, else it is not known. A
folder with both manual sets gives the training set; name `manual_test` for the other.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from handpose_cli.formats._image_files import image_size
from handpose_cli.formats._json import first_character, read_json, stream_list
from handpose_cli.formats._notes import LeftOut
from handpose_cli.formats._parsing import errors_at, hand_of, numbers_of
from handpose_cli.formats.errors import FormatError
from handpose_cli.records import NUM_JOINTS, ImageRecord

JOINT_KEYS = ("hand_pts", "joint_self")  # of the manual and synthetic sets, and of the other


def recognises(path: Path, head: bytes) -> bool:
    if path.is_dir():
        first = next((file for file in _folder(path).glob("*.json") if file.is_file()), None)
        if first is not None:
            with first.open("rb") as file:
                head = file.read(1 << 16)
    return first_character(head) == b"{" and any(f'"{key}"'.encode() in head for key in JOINT_KEYS)


def _folder(path: Path) -> Path:
    """Return the folder in which the files are."""
    return next((path / name for name in ("manual_train", "manual_test") if (path / name).is_dir()), path)


def read(path: Path, images: Path | None = None) -> Iterator[ImageRecord]:
    """Yield a record for each hand: each has an image of its own.

    Raises:
        FormatError: if a file does not follow the format; the message names it and, in a list, the entry.
    """
    root = path if path.is_dir() else path.parent
    files = sorted(_folder(path).glob("*.json")) if path.is_dir() else [path]
    if not files:
        raise FormatError(f"{path}: no JSON files")
    with LeftOut(path) as left_out:
        for file in files:
            for record in _records(file, root, images or root):
                if not record.hands:
                    left_out.add("hands without a labelled joint")
                yield record


def _records(file: Path, root: Path, images: Path) -> Iterator[ImageRecord]:
    index = -1
    for index, entry in enumerate(stream_list(file, "root")):
        with errors_at(f"{file}: root[{index}]"):
            yield _record(entry, (file.parent / entry["img_paths"]).relative_to(root), images)
    if index < 0:
        with errors_at(file):
            yield _record(read_json(file), file.relative_to(root).with_suffix(".jpg"), images)


def _record(entry: dict[str, Any], name: Path, images: Path) -> ImageRecord:
    key = next((key for key in JOINT_KEYS if key in entry), JOINT_KEYS[0])
    table = numbers_of(entry[key], (NUM_JOINTS, 3), key)
    width: int | None = None
    height: int | None = None
    if "img_width" in entry:
        width, height = int(entry["img_width"]), int(entry["img_height"])
    elif (images / name).is_file():
        width, height = image_size(images / name)
    hands = []
    labelled = table[:, 2] != 0
    if labelled.any():
        side = None if entry.get("is_left") is None else "left" if entry["is_left"] else "right"
        visibility = np.where(labelled, 2, 0)
        hands = [hand_of(table[:, :2], visibility, handedness=side, head_size=entry.get("head_size"))]
    return ImageRecord(name.as_posix(), width, height, hands)
