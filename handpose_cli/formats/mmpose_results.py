"""`mmpose-results`: what MMPose's inferencer and demos save (`pred_out_dir`, `--save-predictions`), read only.

    predictions/a.json      for the image a.jpg:
        [{"keypoints": 21 x [x, y], "keypoint_scores": [21], "bbox": [[x1, y1, x2, y2]], "bbox_score": 0.9}, ...]
    predictions/clip.json   for the video clip.mp4: [{"frame_id": 0, "instances": [as above]}, ...]
    results_a.json          either of these as `instance_info`, beside {"meta_info": {"keypoint_id2name": ...}}

`meta_info` says which keypoint is which; without it they are taken in FreiHAND's order. Of whole-body instances, with
133 keypoints, both hands are read. The names have no extension: it is looked up in the images' folder, or in the file's
own; where the image is not there, `file` has none. Demos count frames from 1.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from handpose_cli.formats._image_files import find_image
from handpose_cli.formats._json import begins_with, first_character, has_member, read_json, stream_json
from handpose_cli.formats._keypoint_names import ASSUMED, KeypointNames, Order, order_of
from handpose_cli.formats._notes import say
from handpose_cli.formats._parsing import box_of, errors_at, hand_of, numbers_of
from handpose_cli.formats.errors import FormatError
from handpose_cli.formats.plugin import NO_OPTIONS, ReadOptions
from handpose_cli.media.suffixes import VIDEO_SUFFIXES
from handpose_cli.records import Hand, ImageRecord

WHOLE_BODY = 133
SIDES = {"left": slice(91, 112), "right": slice(112, 133)}  # of COCO-WholeBody's keypoints
FAR_ABOVE = 1.5  # heatmaps' peaks are only a little above 1
PREFIX = "results_"  # before the image's name, from the demos


def recognises(path: Path, head: bytes) -> bool:
    if path.is_dir():
        first = next((file for file in sorted(path.glob("*.json")) if file.is_file()), None)
        if first is None:
            return False
        with first.open("rb") as file:
            head = file.read(1 << 16)
    if first_character(head) == b"{":
        return b'"instance_info"' in head
    first_entry = head[: head.find(b"}")]
    names = (b'"image_id"', b'"image"', b'"file"', b'"data"')
    return (
        first_character(head) == b"["
        and (b'"keypoint_scores"' in first_entry or b'"instances"' in first_entry)
        and not any(name in first_entry for name in names)
    )


def read(path: Path, images: Path | None = None, options: ReadOptions = NO_OPTIONS) -> Iterator[ImageRecord]:
    """Yield a record for each image, and for each frame that a video's file has, file by file.

    Raises:
        FormatError: if a file does not follow the format; the message names it and the instance.
    """
    files = sorted(path.glob("*.json")) if path.is_dir() else [path]
    if not files:
        raise FormatError(f"{path}: no JSON files")
    for file in files:
        yield from _records(file, path, file.parent if images is None else images, options.keypoint_names)


def _records(file: Path, path: Path, images: Path, given: KeypointNames | None) -> Iterator[ImageRecord]:
    prefix, names = "item", tuple[str, ...]()
    if begins_with(file, b"{"):
        prefix = "instance_info.item"
        with errors_at(f"{file}: meta_info"):
            names = _names(next(stream_json(file, "meta_info"), {}) or {})
    hands = _Hands(path, names, given)
    stem = file.stem
    still: list[Hand] = []
    frames = 0
    first = next(_frame_ids(file, prefix), 0)
    for index, entry in enumerate(stream_json(file, prefix)):
        with errors_at(f"{file}: entry {index}"):
            if "instances" not in entry:
                still += hands.of(entry)
                continue
            found = [hand for instance in entry["instances"] for hand in hands.of(instance)]
            number = int(entry["frame_id"]) - (1 if first == 1 else 0)
        frames += 1
        yield ImageRecord(_name(images, stem, VIDEO_SUFFIXES), None, None, found, frame=number)
    if not frames:
        if prefix == "item" and not begins_with(file, b"["):
            read_json(file)  # which says what is wrong with it
            raise FormatError(f"{file}: expected a list of instances")
        if prefix != "item" and not has_member(file, "instance_info"):
            raise FormatError(f"{file}: expected a list of instances, or one as `instance_info`")
        yield ImageRecord(_name(images, stem), None, None, still)


def _frame_ids(file: Path, prefix: str) -> Iterator[int]:
    for entry in stream_json(file, prefix):
        if not isinstance(entry, dict) or not isinstance(number := entry.get("frame_id"), int):
            return
        yield number


def _names(meta: dict[str, Any]) -> tuple[str, ...]:
    by_number = meta.get("keypoint_id2name") or {}
    return tuple(str(by_number[number]) for number in sorted(by_number, key=int))


def _name(images: Path, stem: str, suffixes: frozenset[str] | None = None) -> str:
    for name in (stem, stem.removeprefix(PREFIX)):
        found = find_image(images, name) if suffixes is None else find_image(images, name, suffixes)
        if found is not None:
            return found
    return stem.removeprefix(PREFIX)


class _Hands:
    """Makes hands of a file's instances."""

    def __init__(self, path: Path, names: tuple[str, ...], given: KeypointNames | None):
        self._path, self._names, self._given = path, names, given
        self._orders: dict[int, Order] = {}
        self._far = False

    def of(self, instance: dict[str, Any]) -> list[Hand]:
        """Return an instance's hand, or both of a whole body."""
        count = len(instance["keypoints"])
        points = np.asarray(instance["keypoints"], np.float64)
        if points.ndim != 2 or points.shape[1] < 2:
            raise ValueError(f"keypoints must be pairs. Received shape: {points.shape}")
        table = numbers_of(points[:, :2], (count, 2), "keypoints")
        scores = numbers_of(instance["keypoint_scores"], (count,), "keypoint_scores")
        if scores.max(initial=0) > FAR_ABOVE and not self._far:
            self._far = True
            say(f"{self._path}: scores of joints far above 1, as SimCC networks give them, are taken for 1")
        scores = scores.clip(0, 1)
        if count == WHOLE_BODY and self._given is None:
            return [
                hand_of(table[part], keypoint_scores=scores[part], score=float(scores[part].mean()), handedness=side)
                for side, part in SIDES.items()
            ]
        order = self._order(count)
        labelled = order.arrange(np.ones(count))
        box = _box(instance.get("bbox"))
        return [
            hand_of(
                order.arrange(table),
                np.where(labelled > 0, 2, 0),
                box,
                keypoint_scores=order.arrange(scores),
                score=None if instance.get("bbox_score") is None else instance["bbox_score"],
            )
        ]

    def _order(self, count: int) -> Order:
        if count not in self._orders:
            names = self._names if len(self._names) == count else None
            order = order_of(names, self._given, count)
            if order.assumed:
                say(f"{self._path}: {ASSUMED}", "keypoint_names")  # once for all files of a folder
            self._orders[count] = order
        return self._orders[count]


def _box(corners: Any) -> np.ndarray | None:
    """Return x, y, width, height of an instance's box, which is nested in a list."""
    if not corners:
        return None
    x1, y1, x2, y2 = box_of(corners[0] if isinstance(corners[0], list) else corners)
    return box_of([x1, y1, x2 - x1, y2 - y1]) if x2 > x1 and y2 > y1 else None
