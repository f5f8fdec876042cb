"""`coco`: COCO keypoint annotations.

    {"images": [{"id": 1, "file_name": "a.jpg", "width": 640, "height": 480}, ...],
     "annotations": [{"id": 1, "image_id": 1, "category_id": 1, "bbox": [x, y, w, h], "area": 5000, "iscrowd": 0,
                      "keypoints": [x, y, v, ... 21 times], "num_keypoints": 21}, ...],
     "categories": [{"id": 1, "name": "hand", "keypoints": [21 names], "skeleton": [[1, 2], ...]}]}

v is 0 (not labelled, x = y = 0), 1 (labelled, hidden) or 2 (visible); the skeleton counts from 1. Beyond COCO, and only
where known: a frame's `video`, `frame`, `time` and `fps`, an image's `sample`, and an annotation's `score`,
`keypoint_scores`, `handedness`, `track_id`, `head_size` and `interpolated`. Lost: inputs that could not be read, and
keypoints before smoothing. Of several categories, those named hand (or else with 21 keypoints) are read; the others,
and crowds, are left out with a warning.
"""

from __future__ import annotations

import json
import logging
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import chain, islice
from pathlib import Path
from typing import IO, Any

import numpy as np

from handpose_cli.files import atomic
from handpose_cli.formats._parsing import (
    box_of,
    errors_at,
    first_character,
    hand_fields,
    hand_of,
    has_member,
    numbers_of,
    stream_json,
)
from handpose_cli.formats.errors import FormatError
from handpose_cli.formats.fields import EVERYTHING, image_name
from handpose_cli.records import KEYPOINT_NAMES, NUM_JOINTS, SKELETON, Hand, ImageRecord

log = logging.getLogger(__name__)

KEEPS = EVERYTHING - {"failure", "raw_keypoints"}

CATEGORY = {
    "id": 1,
    "name": "hand",
    "supercategory": "person",
    "keypoints": KEYPOINT_NAMES,
    "skeleton": [[a + 1, b + 1] for a, b in SKELETON],
}


def recognises(path: Path, head: bytes) -> bool:
    return first_character(head) == b"{" and (b'"annotations"' in head or b'"images"' in head)


def read(path: Path, images: Path | None = None) -> Iterator[ImageRecord]:
    """Yield a record for each image, in the file's order, with hands or without.

    Memory grows with the annotations (about 1 KB each), not with the file.

    Raises:
        FormatError: if the file does not follow the format; the message names the file and the annotation or image.
    """
    wanted = _hand_categories(path)
    left_out: Counter[str] = Counter()

    def hands(annotation: dict[str, Any]) -> list[Hand]:
        if wanted is not None and annotation.get("category_id") not in wanted:
            left_out["of other categories"] += 1
        elif annotation.get("iscrowd"):
            left_out["that are crowds"] += 1
        else:
            return hands_of(annotation)
        return []

    records = read_annotations(path, hands)
    first = list(islice(records, 1))  # by now all annotations have been read
    for what, count in left_out.items():
        log.warning("%s: left out %d annotations %s", path, count, what)
    yield from chain(first, records)


def _hand_categories(path: Path) -> set[Any] | None:
    """Return the ids of the categories that are hands, by name or by 21 keypoints; None if it cannot be told."""
    categories = list(stream_json(path, "categories.item"))
    with errors_at(f"{path}: categories"):
        named = {entry["id"] for entry in categories if "hand" in str(entry.get("name")).lower()}
        return named or {e["id"] for e in categories if len(e.get("keypoints") or ()) == NUM_JOINTS} or None


def read_annotations(path: Path, hands_of: Callable[[dict[str, Any]], list[Hand]]) -> Iterator[ImageRecord]:
    """Read a file of COCO's layout whose annotations `hands_of` turns into hands; used by COCO's relatives too."""
    records = read_images(path)
    ids: set[Any] = set()
    for index, annotation in enumerate(stream_json(path, "annotations.item")):
        with errors_at(f"{path}: annotations[{index}]"):
            if annotation.get("id") in ids:
                raise ValueError(f"id {annotation['id']} occurs twice")
            if "id" in annotation:
                ids.add(annotation["id"])
            if annotation["image_id"] not in records:
                raise ValueError(f"no image has its image_id {annotation['image_id']}")
            records[annotation["image_id"]].hands += hands_of(annotation)
    yield from records.values()


def read_images(path: Path) -> dict[Any, ImageRecord]:
    """Return an empty record for each image of a COCO file by its id, in the file's order."""
    records: dict[Any, ImageRecord] = {}
    for index, image in enumerate(stream_json(path, "images.item")):
        with errors_at(f"{path}: images[{index}]"):
            if image["id"] in records:
                raise ValueError(f"id {image['id']} occurs twice")
            width, height = (None if image.get(key) is None else int(image[key]) for key in ("width", "height"))
            file = image["video"] if "video" in image else image["file_name"]
            if not isinstance(file, str):
                raise ValueError(f"file_name must be a text. Received: {file!r}")
            records[image["id"]] = ImageRecord(
                file,
                width,
                height,
                frame=image.get("frame"),
                time=image.get("time"),
                fps=image.get("fps"),
                sample=image.get("sample"),
            )
    if not records and not has_member(path, "images"):
        raise FormatError(f"{path}: expected an object with a list `images`")
    return records


def hands_of(annotation: dict[str, Any], labelled: int = 1) -> list[Hand]:
    """Return the hand of an annotation.

    Args:
        labelled: values of v up to this one mean hidden, larger ones visible; 0 means not labelled.
    """
    box = None if annotation.get("bbox") is None else box_of(annotation["bbox"])
    optional = hand_fields(annotation)
    if box is not None and _is(optional["area"], box[2] * box[3]):
        optional["area"] = None  # tells nothing that the box does not
    if "keypoint_scores" in annotation:
        scores = numbers_of(annotation["keypoint_scores"], (NUM_JOINTS,), "keypoint_scores")
        optional["keypoint_scores"] = scores.astype(np.float32)
    if not annotation.get("keypoints"):
        if box is None:
            raise ValueError("neither bbox nor keypoints")
        return [Hand(box, **optional)]
    table = np.reshape(numbers_of(annotation["keypoints"], (3 * NUM_JOINTS,), "keypoints"), (NUM_JOINTS, 3))
    marks = table[:, 2]
    visibility = np.where(marks <= 0, 0, np.where(marks <= labelled, 1, 2))
    return [hand_of(table[:, :2], visibility, box, **optional)]


def _is(value: Any, expected: float) -> bool:
    return value is not None and abs(value - expected) <= 1e-3 * max(1.0, abs(expected))


@contextmanager
def open_writer(path: Path, images: Path | None = None) -> Iterator[Writer]:
    """Open a file for writing record by record; it appears when the block ends without an error."""
    # images stand before annotations in the file, so the annotations wait in a file of their own
    with atomic(path) as file, tempfile.TemporaryFile("w+", encoding="utf-8") as annotations:
        writer = Writer(file, annotations)
        yield writer
        writer.finish()


class Writer:
    """Writes images as records come, numbered from 1, and their annotations behind them."""

    def __init__(self, file: IO[str], annotations: IO[str]):
        self._file, self._annotations = file, annotations
        self._images = self._hands = 0
        self._file.write(f'{{"categories": {dump([CATEGORY])},\n"images": [')

    def write(self, record: ImageRecord) -> None:
        if record.failure is not None:
            return
        self._images += 1
        self._file.write((",\n " if self._images > 1 else "\n ") + dump(image_to_json(record, self._images)))
        for hand in record.hands:
            self._hands += 1
            entry = {"id": self._hands, "image_id": self._images, **hand_to_annotation(hand)}
            self._annotations.write((",\n " if self._hands > 1 else "\n ") + dump(entry))

    def finish(self) -> None:
        self._file.write('\n],\n"annotations": [')
        self._annotations.seek(0)
        while part := self._annotations.read(1 << 20):
            self._file.write(part)
        self._file.write("\n]}\n")


def image_to_json(record: ImageRecord, number: int) -> dict[str, Any]:
    """Return an image's entry."""
    optional = {
        "width": record.width,
        "height": record.height,
        "video": None if record.frame is None else record.file,
        "frame": record.frame,
        "time": record.time,
        "fps": record.fps,
        "sample": record.sample,
    }
    return {"id": number, "file_name": image_name(record), **_known(optional)}


def hand_to_annotation(hand: Hand) -> dict[str, Any]:
    """Return a hand as an annotation without ids: pixels to 1/10,000."""
    x, y, w, h = (round(float(v), 4) for v in hand.box)
    marks: list[float] = []
    for point, mark in zip(*keypoints_and_marks(hand), strict=True):
        marks += [*(round(float(v), 4) for v in point), int(mark)]
    optional = {
        "score": None if hand.score is None else round(float(hand.score), 6),
        "keypoint_scores": None
        if hand.keypoint_scores is None
        else [round(float(score), 6) for score in hand.keypoint_scores],
        "handedness": hand.handedness,
        "track_id": hand.track_id,
        "head_size": hand.head_size,
        "interpolated": hand.interpolated or None,
    }
    return {
        "category_id": 1,
        "bbox": [x, y, w, h],
        "area": round(w * h if hand.area is None else float(hand.area), 4),
        "iscrowd": 0,
        "keypoints": marks,
        "num_keypoints": sum(mark > 0 for mark in marks[2::3]),
        **_known(optional),
    }


def keypoints_and_marks(hand: Hand) -> tuple[np.ndarray, np.ndarray]:
    """Return keypoints [21, 2] with (0, 0) for unlabelled joints, and COCO's v [21]."""
    if hand.keypoints is None:
        return np.zeros((NUM_JOINTS, 2)), np.zeros(NUM_JOINTS, int)
    marks = np.full(NUM_JOINTS, 2) if hand.visibility is None else hand.visibility.astype(int)
    marks = np.where(np.isfinite(hand.keypoints).all(axis=1), marks, 0)
    return np.where(marks[:, None] > 0, hand.keypoints, 0.0), marks


def _known(entry: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in entry.items() if value is not None}


def dump(value: Any) -> str:
    """Return a value as JSON text."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False)
