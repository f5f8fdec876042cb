"""`handpose`: the tool's own result file, format 1.

One JSON object: `info`, `keypoint_names`, `skeleton` (pairs of joint indices, from 0) and `files`, an entry for every
input in sorted order, with hands or without, readable or not:

    {"file": "a/b.jpg", "width": 640, "height": 480, "hands": [
     {"frame": null, "time": null, "box": [x, y, w, h], "score": 0.9, "handedness": null, "track_id": null,
      "keypoints": [[x, y, score], ... 21]}]}

A video's entry also has `fps` and `frames` (how many were annotated); an input that could not be read, or not to its
end, has `failure`, and null for a size that is not known.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import numpy as np

from handpose_cli.files import atomic
from handpose_cli.formats.errors import FormatError
from handpose_cli.formats.json_entries import box_of, read_json, records_of
from handpose_cli.records import KEYPOINT_NAMES, NUM_JOINTS, SKELETON, Hand, ImageRecord

FORMAT_VERSION = 1


def read(path: Path) -> Iterator[ImageRecord]:
    """Yield the records of a result file: one for each still image and failure, and for each video frame with hands.

    Raises:
        FormatError: if the file is not of this format; the message names the file and the entry's index.
    """
    results = read_json(path)
    if not isinstance(results, dict) or not isinstance(results.get("files"), list):
        raise FormatError(f"{path}: expected an object with a list `files`, as `handpose predict` writes it")
    yield from records_of(path, results["files"], _records)


def _records(entry: dict[str, Any]) -> Iterator[ImageRecord]:
    size = entry["width"], entry["height"]
    if "fps" in entry:
        by_frame: dict[int, list[dict]] = {}
        for hand in entry["hands"]:
            by_frame.setdefault(int(hand["frame"]), []).append(hand)
        for frame, found in by_frame.items():
            yield ImageRecord(entry["file"], *size, [_hand(h) for h in found], frame, found[0]["time"], entry["fps"])
    else:
        hands = [_hand(hand) for hand in entry["hands"]]
        yield ImageRecord(entry["file"], *size, hands, failure=entry.get("failure"))


def _hand(entry: dict[str, Any]) -> Hand:
    keypoints = scores = None
    if entry["keypoints"] is not None:
        table = np.array(entry["keypoints"], np.float32)
        if table.shape != (NUM_JOINTS, 3):
            raise ValueError(f"keypoints must be {NUM_JOINTS} triples. Received shape: {table.shape}")
        keypoints, scores = table[:, :2], table[:, 2]
    return Hand(box_of(entry["box"]), keypoints, scores, entry["score"], entry["handedness"], entry["track_id"])


@contextmanager
def open_writer(path: Path, info: dict[str, Any]) -> Iterator[Writer]:
    """Open a result file for writing record by record; it appears when the block ends without an error."""
    with atomic(path) as file:
        writer = Writer(file, info)
        yield writer
        writer.finish()


class Writer:
    """Writes records as they come, so that the memory needed does not grow with their number.

    The records of one video must follow each other.
    """

    def __init__(self, file: IO[str], info: dict[str, Any]):
        self._file = file
        head = {"info": info, "keypoint_names": KEYPOINT_NAMES, "skeleton": SKELETON}
        self._file.write(
            "{" + "".join(f"{_dump(key)}: {_dump(value)},\n" for key, value in head.items()) + '"files": ['
        )
        self._current: str | None = None
        self._after_first_file = False
        self._after_first_hand = False
        self._tail: dict[str, Any] = {}

    def write(self, record: ImageRecord) -> None:
        if record.file != self._current:
            self._end_file()
            self._start_file(record)
        if record.failure is not None:
            self._tail["failure"] = record.failure
        if record.frame is not None:
            self._tail["frames"] += 1
        for hand in record.hands:
            self._file.write(",\n   " if self._after_first_hand else "\n   ")
            self._file.write(_dump(hand_to_json(hand, record.frame, record.time)))
            self._after_first_hand = True

    def finish(self) -> None:
        self._end_file()
        self._file.write("\n]}\n")

    def _start_file(self, record: ImageRecord) -> None:
        self._file.write(",\n " if self._after_first_file else "\n ")
        head: dict[str, Any] = {"file": record.file, "width": record.width, "height": record.height}
        if record.fps is not None:
            head["fps"] = round(record.fps, 6)
            self._tail["frames"] = 0
        self._file.write(_dump(head)[:-1] + ', "hands": [')
        self._current, self._after_first_file, self._after_first_hand = record.file, True, False

    def _end_file(self) -> None:
        if self._current is not None:
            self._file.write("]" + "".join(f", {_dump(k)}: {_dump(v)}" for k, v in self._tail.items()) + "}")
        self._tail = {}


def hand_to_json(hand: Hand, frame: int | None, time: float | None) -> dict[str, Any]:
    """Return a hand as the result file has it: pixels to 1/100, scores to 1/10,000, times to a microsecond."""
    keypoints = None
    if hand.keypoints is not None:
        scores = [None] * len(hand.keypoints) if hand.keypoint_scores is None else hand.keypoint_scores
        keypoints = [
            [_round(x, 2), _round(y, 2), _round(score, 4)] for (x, y), score in zip(hand.keypoints, scores, strict=True)
        ]
    return {
        "frame": frame,
        "time": _round(time, 6),
        "box": [_round(v, 2) for v in hand.box],
        "score": _round(hand.score, 4),
        "handedness": hand.handedness,
        "track_id": hand.track_id,
        "keypoints": keypoints,
    }


def _round(value: Any, digits: int) -> float | None:
    return None if value is None else round(float(value), digits)


def _dump(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False)
