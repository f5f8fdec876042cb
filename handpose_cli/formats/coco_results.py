"""`coco-results`: the list that COCO's evaluation takes, and that MMPose and others write.

    [{"image_id": 1, "category_id": 1, "keypoints": [x, y, score, ... 21 times], "score": 0.9}, ...]

It names images by their ids in a COCO annotation file: give that as the images' place. Without one, the ids are file
names. A `bbox` is read if there is one, and is written. A joint that is not labelled is 0, 0, 0; where scores are not
known they are 1. Lost: hands without keypoints, handedness, tracks, areas, head sizes, and which joints are hidden.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import numpy as np

from handpose_cli.files import atomic
from handpose_cli.formats._parsing import box_of, errors_at, first_character, hand_of, numbers_of, stream_json
from handpose_cli.formats.coco import dump, hand_to_annotation, read_images
from handpose_cli.formats.fields import image_name
from handpose_cli.records import NUM_JOINTS, Hand, ImageRecord

# what belongs to an image comes back by its id
KEEPS = frozenset({"size", "frame", "time", "no_hands", "sample", "box", "outside", "score", "keypoint_scores"})


def recognises(path: Path, head: bytes) -> bool:
    return first_character(head) == b"[" and b'"image_id"' in head[: head.find(b"}")]


def read(path: Path, images: Path | None = None) -> Iterator[ImageRecord]:
    """Yield a record for each image, with its results.

    Args:
        images: the COCO annotation file whose images are meant; None: `image_id`s are file names.

    Raises:
        FormatError: if the file does not follow the format; the message names the file and the entry.
    """
    by_file = images is not None and images.is_file()
    records: dict[Any, ImageRecord] = read_images(images) if images is not None and by_file else {}
    for index, entry in enumerate(stream_json(path, "item")):
        with errors_at(f"{path}: entry {index}"):
            image = entry["image_id"]
            if image not in records:
                if by_file:
                    raise ValueError(f"no image of {images} has its image_id {image}")
                if not isinstance(image, str):
                    raise ValueError(f"image_id is a number: {image}. Name the COCO file with the images by --images")
                records[image] = ImageRecord(image, None, None)
            records[image].hands.append(_hand(entry))
    yield from records.values()


def _hand(entry: dict[str, Any]) -> Hand:
    table = numbers_of(entry["keypoints"], (3 * NUM_JOINTS,), "keypoints").reshape(NUM_JOINTS, 3)
    box = None if entry.get("bbox") is None else box_of(entry["bbox"])
    labelled = (table != 0).any(axis=1)
    known = (table[labelled, 2] != 1).any()
    return hand_of(
        table[:, :2],
        np.where(labelled, 2, 0),
        box,
        keypoint_scores=table[:, 2].astype(np.float32) if known else None,
        score=None if entry.get("score") == 1 else entry.get("score"),
    )


@contextmanager
def open_writer(path: Path, images: Path | None = None) -> Iterator[Writer]:
    """Open a list for writing record by record; it appears when the block ends without an error."""
    ids = {(r.file, r.frame): id for id, r in read_images(images).items()} if images and images.is_file() else None
    with atomic(path) as file:
        writer = Writer(file, ids)
        yield writer
        file.write("\n]\n")


class Writer:
    """Writes a hand's entry as its record comes."""

    def __init__(self, file: IO[str], ids: dict[tuple[str, int | None], Any] | None):
        self._file, self._ids, self._hands = file, ids, 0
        self._file.write("[")

    def write(self, record: ImageRecord) -> None:
        if record.failure is not None:
            return
        image: Any = image_name(record)
        if self._ids is not None:
            with errors_at(f"the COCO file with the images has no {record.file}"):
                image = self._ids[record.file, record.frame]
        for hand in record.hands:
            if hand.keypoints is None:
                continue
            entry = hand_to_annotation(hand)
            scores = [1.0] * NUM_JOINTS if hand.keypoint_scores is None else entry["keypoint_scores"]
            marks = entry["keypoints"][2::3]
            entry["keypoints"][2::3] = [score if mark else 0 for score, mark in zip(scores, marks, strict=True)]
            kept = {name: entry[name] for name in ("category_id", "bbox", "keypoints")}
            kept["score"] = entry.get("score", 1.0)
            self._file.write((",\n " if self._hands else "\n ") + dump({"image_id": image, **kept}))
            self._hands += 1
