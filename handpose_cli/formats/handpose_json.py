"""`handpose`: the tool's own result file, format 1.

One JSON object: `info`, `keypoint_names`, `skeleton` (pairs of joint indices, from 0) and `files`, an entry for every
input in sorted order, with hands or without, readable or not:

    {"file": "a/b.jpg", "width": 640, "height": 480, "hands": [
     {"frame": null, "time": null, "box": [x, y, w, h], "score": 0.9, "handedness": null, "track_id": null,
      "keypoints": [[x, y, score], ... 21]}]}

A video's entry also has `fps`, `frames` (how many were annotated), `frame_times`, their indices and times, with hands
or without, and `frame_sizes` (index, width, height) of those that are not as large as the first; the entry of a file
with pages has these without `fps` and times. `corrected` (true) says that a person has looked at an image's hands and
corrected them where they were wrong; a video's entry has the frames' indices, `corrected_frames`. `exhaustive` (false)
says that an image may show more hands than it lists; of a video these are its `not_exhaustive_frames`. An input that
could not be read, or not to its end, has `failure`, and null for a size that is not known. Only where known: an entry's
`sample`, and a hand's `visibility` [21] (0 not labelled, 1 hidden, 2 visible; an unlabelled joint's x and y are null),
`area`, `head_size`, `raw_keypoints` [21, 2] (before smoothing), `interpolated` (true: nothing was found in this frame,
the hand lies between those before and after) and `flags` (reasons to doubt the hand, by name: `doubt/flags.py`). Pixels
are rounded to 1/100, scores to 1/10,000.
"""

from __future__ import annotations

import json
import math
from array import array
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import IO, Any

import numpy as np

from handpose_cli.files import atomic
from handpose_cli.formats._json import first_character, has_member, stream_json, stream_list
from handpose_cli.formats._keypoint_names import OURS, Order, order_of
from handpose_cli.formats._parsing import box_of, errors_at, flags_in, hand_fields, hand_of, is_exhaustive, numbers_of
from handpose_cli.formats.errors import FormatError, Unclear
from handpose_cli.formats.fields import EVERYTHING
from handpose_cli.formats.plugin import NO_OPTIONS, ReadOptions
from handpose_cli.records import KEYPOINT_NAMES, NUM_JOINTS, SKELETON, Hand, ImageRecord
from handpose_cli.run_facts import RunFacts

FORMAT_VERSION = 1


KEEPS = EVERYTHING


def recognises(path: Path, head: bytes) -> bool:
    return first_character(head) == b"{" and b'"keypoint_names"' in head


def read(path: Path, images: Path | None = None, options: ReadOptions = NO_OPTIONS) -> Iterator[ImageRecord]:
    """Yield the records of a result file: one for each still image, video frame and failure.

    Raises:
        FormatError: if the file is not of this format; the message names the file and the entry's index.
    """
    order = order_in(path, options)
    index = -1
    for index, entry in enumerate(stream_list(path, "files")):
        with errors_at(f"{path}: files[{index}]"):
            records = list(records_of(entry, order))
        yield from records
    if index < 0 and not has_member(path, "files"):
        raise FormatError(f"{path}: expected an object with a list `files`, as `handpose predict` writes it")


def head(path: Path) -> dict[str, Any]:
    """Return `info`; empty if there is none."""
    found = next(stream_json(path, "info"), None)
    return found if isinstance(found, dict) else {}


def order_in(path: Path, options: ReadOptions = NO_OPTIONS) -> Order:
    """Return the order of a result file's keypoints, by its `keypoint_names`.

    Raises:
        FormatError: if they are not understood, or the file is of a version that is not known.
    """
    version = next(stream_json(path, "info.format_version"), FORMAT_VERSION)
    if version != FORMAT_VERSION:
        raise FormatError(f"{path}: info.format_version is {version}; known is {FORMAT_VERSION}. Update handpose")
    names = list(islice(stream_json(path, "keypoint_names.item"), NUM_JOINTS))
    with errors_at(f"{path}: keypoint_names"):
        order = order_of(names, options.keypoint_names)
        if names and (order.assumed or order.unknown):
            raise Unclear(f"no joint is named {(order.unknown or names)[0]!r}", "keypoint_names")
        if len(order.joints) != NUM_JOINTS:
            raise ValueError(f"{NUM_JOINTS} expected. Received: {len(order.joints)}")
    return order


def records_of(entry: dict[str, Any], order: Order = OURS) -> Iterator[ImageRecord]:
    """Yield the records of an entry of `files`."""
    file, size, sample = entry["file"], (entry["width"], entry["height"]), entry.get("sample")
    if "fps" in entry or "frame_times" in entry:
        by_frame: dict[int, list[Hand]] = {int(frame): [] for frame, _ in entry.get("frame_times", ())}
        times = dict(entry.get("frame_times", ()))
        for hand in entry["hands"]:
            by_frame.setdefault(int(hand["frame"]), []).append(hand_from_json(hand, order))
            times.setdefault(hand["frame"], hand["time"])
        corrected, partial = (set(entry.get(name, ())) for name in ("corrected_frames", "not_exhaustive_frames"))
        sizes = {int(frame): (width, height) for frame, width, height in entry.get("frame_sizes", ())}
        for frame, hands in by_frame.items():
            time, fps = times[frame], entry.get("fps")
            more: dict[str, Any] = {
                "sample": sample, "corrected": frame in corrected, "exhaustive": frame not in partial,
            }  # fmt: skip
            yield ImageRecord(file, *sizes.get(frame, size), hands, frame=frame, time=time, fps=fps, **more)
        if "failure" in entry:
            yield ImageRecord(file, None, None, failure=entry["failure"])
    else:
        hands = [hand_from_json(hand, order) for hand in entry["hands"]]
        known: dict[str, Any] = {
            "failure": entry.get("failure"),
            "sample": sample,
            "corrected": bool(entry.get("corrected")),
            "exhaustive": is_exhaustive(entry),
        }
        yield ImageRecord(file, *size, hands, **known)


def hand_from_json(entry: dict[str, Any], order: Order = OURS) -> Hand:
    """Return the hand that `hand_to_json` wrote; raise ValueError if it is none."""
    fields: dict[str, Any] = {**hand_fields(entry), "flags": flags_in(entry)}
    box = box_of(entry["box"])
    if entry["keypoints"] is None:
        return Hand(box, **fields)
    table = np.array(entry["keypoints"], np.float64)  # null becomes NaN
    if table.shape != (NUM_JOINTS, 3):
        raise ValueError(f"keypoints must be {NUM_JOINTS} triples. Received shape: {table.shape}")
    table, visibility = order.arrange(table), entry.get("visibility")
    if visibility is not None:
        visibility = order.arrange(numbers_of(visibility, (NUM_JOINTS,), "visibility"))
    points = table[:, :2] if visibility is None else np.where(visibility[:, None] == 0, 0, table[:, :2])
    hand = hand_of(points, visibility, box, **fields)
    if np.isfinite(table[:, 2]).all():
        hand.keypoint_scores = table[:, 2].astype(np.float32)
    if entry.get("raw_keypoints") is not None:
        raw = numbers_of(entry["raw_keypoints"], (NUM_JOINTS, 2), "raw_keypoints")
        hand.raw_keypoints = order.arrange(raw).astype(np.float32)
    return hand


@contextmanager
def open_writer(path: Path, images: Path | None = None, run: RunFacts | None = None) -> Iterator[Writer]:
    """Open a result file for writing record by record; it appears when the block ends without an error.

    Args:
        run: how the results were made; None: nothing is known of that.
    """
    with atomic(path) as file:
        writer = Writer(file, {"format_version": FORMAT_VERSION, **(run.info if run is not None else {})})
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
        self._size: tuple[int | None, int | None] = None, None  # of the first frame
        self._frames, self._times = array("q"), array("d")  # NaN: a frame without time
        self._frame_sizes: list[list[Any]] = []
        self._corrected: list[int] = []
        self._not_exhaustive: list[int] = []

    def write(self, record: ImageRecord) -> None:
        if record.file != self._current:
            self._end_file()
            self._start_file(record)
        if record.failure is not None:
            self._tail["failure"] = record.failure
        if record.frame is not None:
            self._frames.append(record.frame)
            self._times.append(math.nan if record.time is None else record.time)
            if (record.width, record.height) != self._size:
                self._frame_sizes.append([record.frame, record.width, record.height])
            if record.corrected:
                self._corrected.append(record.frame)
            if not record.exhaustive:
                self._not_exhaustive.append(record.frame)
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
        if record.sample is not None:
            head["sample"] = record.sample
        if record.corrected and record.frame is None:
            head["corrected"] = True
        if not record.exhaustive and record.frame is None:
            head["exhaustive"] = False
        if record.fps is not None:
            head["fps"] = round(record.fps, 6)
        self._file.write(_dump(head)[:-1] + ', "hands": [')
        self._current, self._after_first_file, self._after_first_hand = record.file, True, False
        self._size = record.width, record.height

    def _end_file(self) -> None:
        if self._current is not None:
            self._file.write("]")
            if self._frames:
                some = {
                    "frame_sizes": self._frame_sizes,
                    "corrected_frames": self._corrected,
                    "not_exhaustive_frames": self._not_exhaustive,
                }
                self._file.write(f', "frames": {len(self._frames)}, "frame_times": [')
                for number, (frame, time) in enumerate(zip(self._frames, self._times, strict=True)):
                    self._file.write(f"{', ' * (number > 0)}{_dump([frame, _round(time, 6)])}")
                self._file.write("]")
                self._tail = {**{name: frames for name, frames in some.items() if frames}, **self._tail}
            self._file.write("".join(f", {_dump(k)}: {_dump(v)}" for k, v in self._tail.items()) + "}")
        self._tail, self._frames, self._times, self._frame_sizes = {}, array("q"), array("d"), []
        self._corrected, self._not_exhaustive = [], []


def hand_to_json(hand: Hand, frame: int | None, time: float | None) -> dict[str, Any]:
    """Return a hand as the result file has it: pixels to 1/100, scores to 1/10,000, times to a microsecond."""
    keypoints = None
    if hand.keypoints is not None:
        scores = [None] * len(hand.keypoints) if hand.keypoint_scores is None else _rounded(hand.keypoint_scores, 4)
        keypoints = [[x, y, score] for (x, y), score in zip(_rounded(hand.keypoints, 2), scores, strict=True)]
    optional = {
        "visibility": None if hand.visibility is None else hand.visibility.tolist(),
        "area": _round(hand.area, 2),
        "head_size": _round(hand.head_size, 2),
        "raw_keypoints": None if hand.raw_keypoints is None else _rounded(hand.raw_keypoints, 2),
        "interpolated": hand.interpolated or None,
        "flags": list(hand.flags) or None,
    }
    return {
        "frame": frame,
        "time": _round(time, 6),
        "box": _rounded(hand.box, 2),
        "score": _round(hand.score, 4),
        "handedness": hand.handedness,
        "track_id": hand.track_id,
        "keypoints": keypoints,
        **{name: value for name, value in optional.items() if value is not None},
    }


def _round(value: float | None, digits: int) -> float | None:
    return None if value is None or np.isnan(value) else round(float(value), digits)


def _rounded(values: np.ndarray, digits: int) -> list[Any]:
    """Return an array as lists of rounded numbers, None for NaN."""
    rounded = np.round(values.astype(np.float64), digits) + 0.0  # no -0.0
    if np.isnan(rounded).any():
        rounded = rounded.astype(object)
        rounded[rounded != rounded] = None
    lists: list[Any] = rounded.tolist()
    return lists


def _dump(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False)
