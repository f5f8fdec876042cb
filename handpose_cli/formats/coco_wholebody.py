"""`coco-wholebody`: the hands of the persons in COCO-WholeBody (Jin et al., ECCV 2020), read only.

COCO's layout, one annotation a person, in which each hand has

    "lefthand_box": [x, y, w, h], "lefthand_kpts": [x, y, v, ... 21 times], "lefthand_valid": true, "righthand_...": ...

in pixels, for COCO's images (`train2017/000000000009.jpg` as `000000000009.jpg`). A joint is labelled, and counts as
visible, where v > 0. A hand that is not valid, or that has no labelled joint, is left out; if it has a box, or the
person is a crowd, the image is not `exhaustive`. `area` is the person's, which COCO-WholeBody's own evaluation divides
by.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from handpose_cli.formats import coco
from handpose_cli.formats._json import stream_json
from handpose_cli.formats._notes import LeftOut
from handpose_cli.formats.errors import FormatError
from handpose_cli.records import Hand, ImageRecord


def recognises(path: Path, head: bytes) -> bool:
    if not coco.recognises(path, head):
        return False
    try:
        # the published files have all images before the first annotation
        first = next(iter(stream_json(path, "annotations.item")), None)
    except FormatError:
        return False
    return isinstance(first, dict) and "lefthand_kpts" in first


def read(path: Path, images: Path | None = None) -> Iterator[ImageRecord]:
    """Yield a record for each image, in the file's order, with hands or without.

    Memory grows with the annotations (about 1 KB each), not with the file.

    Raises:
        FormatError: if the file does not follow the format; the message names the file and the annotation or image.
    """
    yield from coco.read_annotations(path, _hands)


def _hands(person: dict[str, Any], left_out: LeftOut) -> list[Hand]:
    hands = []
    for handedness in ("left", "right"):
        box, keypoints = person[f"{handedness}hand_box"], person[f"{handedness}hand_kpts"]
        if person[f"{handedness}hand_valid"] and any(v > 0 for v in keypoints[2::3]):
            hand = {"bbox": box, "keypoints": keypoints, "handedness": handedness, "area": person.get("area")}
            hands += coco.hands_of({**hand, "iscrowd": person.get("iscrowd")}, left_out, labelled=0)
        else:
            is_there = isinstance(box, list) and len(box) == 4 and all(side and side > 0 for side in box[2:])
            left_out.add("hands of persons that are not labelled", hands=is_there or bool(person.get("iscrowd")))
    return hands
