"""Writes what `formats.coco` reads."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import numpy as np

from handpose_cli.files import atomic, restored
from handpose_cli.formats._placed_images import Place, images_beside, placing
from handpose_cli.formats.fields import image_name
from handpose_cli.records import KEYPOINT_NAMES, NUM_JOINTS, SKELETON, Hand, ImageRecord

CATEGORY = {
    "id": 1,
    "name": "hand",
    "supercategory": "person",
    "keypoints": KEYPOINT_NAMES,
    "skeleton": [[a + 1, b + 1] for a, b in SKELETON],
}


@contextmanager
def open_writer(
    path: Path, images: Path | None = None, place_images: str = "", replace_images: bool = False
) -> Iterator[Writer]:
    """Open a file for writing record by record; it appears when the block ends without an error.

    Args:
        images: where the images are.
        place_images: "copy" or "link": put them into `NAME.images` beside the file.
        replace_images: whether that may be there already.
    """
    # images stand before annotations in the file, so the annotations wait in a file of their own
    with (
        restored(path),
        placing(images_beside(path), images, place_images, replace_images) as place,
        atomic(path) as file,
        tempfile.TemporaryFile("w+", encoding="utf-8") as annotations,
    ):
        writer = Writer(file, annotations, place)
        yield writer
        writer.finish()


class Writer:
    """Writes images as records come, numbered from 1, and their annotations behind them."""

    def __init__(self, file: IO[str], annotations: IO[str], place: Place = lambda name: True):
        self._place = place
        self._file, self._annotations = file, annotations
        self._images = self._hands = 0
        self._file.write(f'{{"categories": {dump([CATEGORY])},\n"images": [')

    def write(self, record: ImageRecord) -> None:
        if record.failure is not None:
            return
        self._place(image_name(record))
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
        "corrected": record.corrected or None,
        "exhaustive": None if record.exhaustive else False,
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
        "flags": list(hand.flags) or None,
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
