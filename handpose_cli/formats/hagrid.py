"""`hagrid`: HaGRID's annotations as they are published (Kapitanov et al., WACV 2024), both versions, read only.

    annotations/train/call.json    one file a gesture; or a folder of them
    call/<image id>.jpg            the images; or <image id>.jpg

    {image id: {"bboxes": [[x, y, w, h], ...], "labels": [...], "hand_landmarks": [21 x [x, y], ...]}, ...}

Numbers are fractions of the image's size, so the images must be there: beside the files, or where the user says. A hand
whose landmarks are empty, or null, has only a box; a box without a size is left out. The first version says by
`leading_hand` which hand shows the gesture; the other one's label is `no_gesture`. The landmarks are MediaPipe's, not
people's; each counts as visible, or as not labelled where it is null. Lost: the gestures.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from handpose_cli.formats._hand_names import side_of
from handpose_cli.formats._image_files import image_size
from handpose_cli.formats._json import begins_with, first_character, stream_members
from handpose_cli.formats._notes import LeftOut
from handpose_cli.formats._parsing import box_of, errors_at, hand_of, has_size, numbers_of
from handpose_cli.formats.errors import FormatError, Unclear
from handpose_cli.records import NUM_JOINTS, Hand, ImageRecord


def recognises(path: Path, head: bytes) -> bool:
    if path.is_dir():
        first = next((file for file in path.glob("*.json") if file.is_file()), None)
        if first is not None:
            with first.open("rb") as file:
                head = file.read(1 << 16)
    return first_character(head) == b"{" and b'"bboxes"' in head and b'"labels"' in head


def read(path: Path, images: Path | None = None) -> Iterator[ImageRecord]:
    """Yield a record for each image, file by file, with hands or without.

    Raises:
        FormatError: if a file does not follow the format, or an image is missing; the message names both.
    """
    root = images or (path if path.is_dir() else path.parent)
    files = sorted(path.glob("*.json")) if path.is_dir() else [path]
    if not files:
        raise FormatError(f"{path}: no JSON files")
    left_out = LeftOut(path)
    for file in files:
        name = None
        for name, entry in stream_members(file):
            with errors_at(f"{file}: {name}"):
                image = _image(root, file.stem, name)
                width, height = image_size(root / image)
                record = ImageRecord(image, width, height, _hands(entry, np.array([width, height]), left_out))
            yield record
        if name is None and not begins_with(file, b"{"):
            raise FormatError(f"{file}: expected an object with an entry for each image")
    left_out.say()


def _image(root: Path, gesture: str, name: str) -> str:
    places = (f"{gesture}/{name}.jpg", f"{name}.jpg")
    found = next((place for place in places if (root / place).is_file()), None)
    if found is None:
        raise Unclear(f"no image {root / places[0]}, and HaGRID's numbers are fractions of its size", "images")
    return found


def _hands(entry: dict[str, Any], size: np.ndarray, left_out: LeftOut) -> list[Hand]:
    boxes, sides = entry["bboxes"], _sides(entry)
    # "landmarks" in the first version
    landmarks = entry.get("hand_landmarks", entry.get("landmarks")) or [None] * len(boxes)
    if len(landmarks) != len(boxes):
        raise ValueError(f"hand_landmarks must be as many as bboxes. Received: {len(landmarks)} and {len(boxes)}")
    hands = []
    for box, marks, side in zip(boxes, landmarks, sides, strict=True):
        pixels = box_of(numbers_of(box, (4,), "bbox") * np.tile(size, 2))
        if not marks and not has_size(pixels):
            left_out.add("boxes without a size")
            continue
        if not marks:
            hands.append(Hand(pixels, handedness=side))
            continue
        table = np.asarray(marks, np.float64)  # null becomes NaN
        known = np.isfinite(table)
        points = numbers_of(np.where(known, table, 0), (NUM_JOINTS, 2), "hand_landmarks") * size
        hands.append(hand_of(points, np.where(known.all(axis=1), 2, 0), pixels, handedness=side))
    return hands


def _sides(entry: dict[str, Any]) -> list[str | None]:
    """Return the handedness of each box, which only the first version has, of one hand or of two."""
    labels, leading = entry.get("labels") or [], side_of(str(entry.get("leading_hand") or ""))
    shown = [label != "no_gesture" for label in labels]
    if leading is None or len(shown) != len(entry["bboxes"]) or sum(shown) != 1 or len(shown) > 2:
        return [None] * len(entry["bboxes"])
    other = "left" if leading == "right" else "right"
    return [leading if is_shown else other for is_shown in shown]
