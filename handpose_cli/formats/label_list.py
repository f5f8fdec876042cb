"""`label-list`: a JSON list with one object for each image, the plainest form that labels come in.

    [{"image": "images/0001.jpg", "width": 192, "height": 192, "keypoints": [[x, y] x21], "spread": [21 numbers]}, ...]

(several such entries in a row may be hands of one image), or, with any number of hands (as in `samples/labels.json`):

    [{"file": "a.jpg", "width": 576, "height": 576, "hands": [{"keypoints": ..., "box": ..., "handedness": "left"}]},
     {"file": "b.mp4", "width": 480, "height": 480, "fps": 24, "frames": [{"frame": 0, "hands": [...]}, ...]}]

or, where only boxes are known:

    [{"file": "a.jpg", "width": 576, "height": 576, "boxes": [[x, y, width, height], ...]}, ...]

Keypoints are pixels of the upright image in FreiHAND order; where only some joints are known, they are an object from a
joint's number (0 to 20; or 1 to 21, if some entry has 21 and none 0) or name to its place, {"4": [x, y], "8": [x, y]}.
Optional for each hand: `box` [x, y, width, height],
`handedness` or `hand` ("left" or "right"; or `right_score`, 0 to 1: how sure a labeller is that it is a right hand),
`visible` [21] (0 for a hidden joint), and `spread` [21]: how far several labellers of the joint disagree, as a fraction
of the hand's size. Optional for an image: `exhaustive`, false if it may show further hands.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from handpose_cli.formats._hand_names import side_in
from handpose_cli.formats._json import begins_with, first_character, stream_json
from handpose_cli.formats._keypoint_names import order_of
from handpose_cli.formats._notes import LeftOut
from handpose_cli.formats._parsing import box_of, errors_at, hand_of, has_size, is_exhaustive, numbers_of
from handpose_cli.formats.errors import FormatError
from handpose_cli.records import NUM_JOINTS, Hand, ImageRecord

# A joint whose labellers disagree by this fraction of the hand's size is trusted half as much as an undisputed one.
HALF_TRUST_SPREAD = 0.05
SURE = 0.95  # of the handedness


def recognises(path: Path, head: bytes) -> bool:
    first_entry = head[: head.find(b"}")]
    return first_character(head) == b"[" and (b'"image"' in first_entry or b'"file"' in first_entry)


def read(path: Path, images: Path | None = None) -> Iterator[ImageRecord]:
    """Yield a record for each image, and for each labelled frame of each video, in the file's order.

    Args:
        path: the file, or a folder with it as `labels.json`.

    Raises:
        FormatError: if the file is not a list of such objects; the message names the file and the entry's index.
    """
    if path.is_dir():
        path = path / "labels.json"
    index, last = -1, None
    joints, left_out = _Joints(path), LeftOut(path)
    for index, entry in enumerate(stream_json(path, "item")):
        with errors_at(f"{path}: entry {index}"):
            records = list(_records(entry, joints, left_out))
        for record in records:
            if last is not None and _image(record) == _image(last):
                last.hands += record.hands  # one entry for each hand of an image
                last.exhaustive &= record.exhaustive
                continue
            if last is not None:
                yield last
            last = record
    if last is not None:
        yield last
    if index < 0 and not begins_with(path, b"["):
        raise FormatError(f"{path}: expected a JSON list of images")
    left_out.say()


class _Joints:
    """Which joint the keys of keypoints mean, in the whole file; it is looked through once such keys come."""

    def __init__(self, path: Path):
        self._path = path

    @cached_property
    def by_key(self) -> dict[str, int]:
        keys: dict[str, None] = {}
        for entry in stream_json(self._path, "item"):
            for hand in _described(entry):
                if isinstance(hand, dict) and isinstance(hand.get("keypoints"), dict):
                    keys |= dict.fromkeys(hand["keypoints"])
        order = order_of(list(keys))
        if order.assumed or order.unknown:
            raise ValueError(f"no joint is named {(order.unknown or tuple(keys))[0]!r}")
        return dict(zip(keys, order.joints, strict=True))


def _described(entry: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the hands of an entry, of all its frames."""
    if "frames" in entry:
        return [hand for frame in entry["frames"] for hand in frame["hands"]]
    return [{"box": box} for box in entry["boxes"]] if "boxes" in entry else entry.get("hands", [entry])


def _records(entry: dict[str, Any], joints: _Joints, left_out: LeftOut) -> Iterator[ImageRecord]:
    file = entry["image"] if "image" in entry else entry["file"]
    width, height = int(entry["width"]), int(entry["height"])
    if "frames" in entry:
        whole = is_exhaustive(entry)
        for frame in entry["frames"]:
            index = int(frame["frame"])
            record = ImageRecord(file, width, height, frame=index, time=index / float(entry["fps"]))
            record.hands, record.exhaustive = _hands(frame["hands"], joints, left_out), whole and is_exhaustive(frame)
            yield record
    else:
        hands = _hands(_described(entry), joints, left_out)
        yield ImageRecord(file, width, height, hands, exhaustive=is_exhaustive(entry))


def _image(record: ImageRecord) -> tuple[object, ...]:
    return record.file, record.frame, record.width, record.height


def _hands(entries: list[dict[str, Any]], joints: _Joints, left_out: LeftOut) -> list[Hand]:
    hands = [_hand(entry, joints) for entry in entries]
    kept = [hand for hand in hands if hand.keypoints is not None or has_size(hand.box)]
    if len(kept) < len(hands):
        left_out.add("boxes without a size", count=len(hands) - len(kept))
    return kept


def _hand(entry: dict[str, Any], joints: _Joints) -> Hand:
    box = box_of(entry["box"]) if "box" in entry else None
    if box is not None and "keypoints" not in entry:
        return Hand(box, handedness=_handedness(entry))
    visibility = None
    if "visible" in entry:
        visibility = np.where(numbers_of(entry["visible"], (NUM_JOINTS,), "visible") > 0, 2, 1)
    keypoints = entry["keypoints"]
    if isinstance(keypoints, dict):
        by_joint = {joints.by_key[key]: place for key, place in keypoints.items()}
        keypoints = [by_joint.get(joint, (0, 0)) for joint in range(NUM_JOINTS)]
        seen = 2 if visibility is None else visibility
        visibility = np.where([joint in by_joint for joint in range(NUM_JOINTS)], seen, 0)
    trust = None
    if "spread" in entry:
        spread = numbers_of(entry["spread"], (NUM_JOINTS,), "spread").astype(np.float32)
        trust = 1 / (1 + (spread / HALF_TRUST_SPREAD) ** 2)
    return hand_of(keypoints, visibility, box, keypoint_scores=trust, handedness=_handedness(entry))


def _handedness(entry: dict[str, Any]) -> str | None:
    if "right_score" not in entry:
        return side_in(entry)
    right = float(numbers_of(entry["right_score"], (), "right_score"))
    return "right" if right >= SURE else "left" if right <= 1 - SURE else None
