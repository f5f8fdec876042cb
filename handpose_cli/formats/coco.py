"""`coco`: COCO keypoint annotations.

    {"images": [{"id": 1, "file_name": "a.jpg", "width": 640, "height": 480}, ...],
     "annotations": [{"id": 1, "image_id": 1, "category_id": 1, "bbox": [x, y, w, h], "area": 5000, "iscrowd": 0,
                      "keypoints": [x, y, v, ... 21 times], "num_keypoints": 21}, ...],
     "categories": [{"id": 1, "name": "hand", "keypoints": [21 names], "skeleton": [[1, 2], ...]}]}

v is 0 (not labelled, x = y = 0), 1 (labelled, hidden) or 2 (visible); the skeleton counts from 1. Beyond COCO, and only
where known: a frame's `video`, `frame`, `time` and `fps`, an image's `sample`, `corrected` and `exhaustive`, and an
annotation's `score`, `keypoint_scores`, `handedness`, `track_id`, `head_size`, `interpolated` and `flags`. Lost: inputs
that could not be read, and keypoints before smoothing. Fractions as v are read as scores, of joints that are visible.

Read are the categories named hand, left_hand and the like, or, if there is none, those whose keypoints are a hand's by
their names. The category's names say which keypoint is which. The name (left_hand), `handedness` or the like in an
annotation or its `attributes` give the handedness. Other categories, crowds, what is to be ignored, masks and boxes
without size are left out; an image of which a hand is left out so is not `exhaustive`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from handpose_cli.formats._coco_apart import together
from handpose_cli.formats._coco_categories import Categories
from handpose_cli.formats._coco_writer import (
    CATEGORY,
    Writer,
    dump,
    hand_to_annotation,
    keypoints_and_marks,
    open_writer,
)
from handpose_cli.formats._hand_names import one_side, side_in
from handpose_cli.formats._json import first_character, has_member, stream_list
from handpose_cli.formats._keypoint_names import OURS, Order
from handpose_cli.formats._notes import LeftOut, say
from handpose_cli.formats._parsing import box_of, errors_at, hand_fields, hand_of, has_size, is_exhaustive, numbers_of
from handpose_cli.formats._text import Tracks
from handpose_cli.formats.errors import FormatError
from handpose_cli.formats.fields import EVERYTHING
from handpose_cli.formats.plugin import NO_OPTIONS, ReadOptions
from handpose_cli.records import FLAG, NUM_JOINTS, Hand, ImageRecord

KEEPS = EVERYTHING - {"failure", "raw_keypoints"}
__all__ = [
    "CATEGORY", "KEEPS", "Writer", "by_id", "dump", "hand_to_annotation", "hands_of", "keypoints_and_marks",
    "open_writer", "read", "read_annotations", "read_images", "recognises", "without_null",
]  # fmt: skip

_FALSE = frozenset({"none", "false", "0", "0.0", ""})  # what a flag is that is not set, also as tables have it

Read = Callable[[dict[str, Any], LeftOut], list[Hand]]  # an annotation's hands


def recognises(path: Path, head: bytes) -> bool:
    return first_character(head) == b"{" and (b'"annotations"' in head or b'"images"' in head)


def read(path: Path, images: Path | None = None, options: ReadOptions = NO_OPTIONS) -> Iterator[ImageRecord]:
    """Yield a record for each image, in the file's order, with hands or without.

    Memory grows with the annotations (about 1 KB each), not with the file.

    Raises:
        FormatError: if the file does not follow the format; the message names the file and the annotation or image.
    """
    yield from read_hands(path, options)


def read_hands(path: Path, options: ReadOptions, labelled: int = 1) -> Iterator[ImageRecord]:
    """Read a file whose annotations are hands; see `hands_of` for `labelled`."""
    categories = Categories(path, options)
    apart: set[int] = set()
    scored, tracks = 0, Tracks()
    sure: list[Hand] = []  # whose v are all 0 or 1, which are scores if others of the file are

    def hands(annotation: dict[str, Any], left_out: LeftOut) -> list[Hand]:
        category = categories.find(annotation.get("category_id"))
        if not category.is_hand:
            left_out.add("annotations of other categories", category.name, remedy="classes")
            return []
        order = categories.order(category, len(annotation.get("keypoints") or ()))
        annotation = _scored(_tracked(annotation, tracks))
        marked = _marked(annotation)
        nonlocal scored
        scored += "keypoint_scores" in marked and "keypoint_scores" not in annotation
        found = hands_of(marked, left_out, labelled, order, category.side)
        if category.name in categories.apart:
            apart.update(map(id, found))
        sure.extend(hand for hand in found if hand.keypoint_scores is None and _all_hidden(hand))
        return found

    def records() -> Iterator[ImageRecord]:
        all_read = list(read_annotations(path, hands))
        for hand in sure if scored else ():
            ones = np.asarray(hand.visibility == 1)
            hand.keypoint_scores, hand.visibility = (
                ones.astype(np.float32),
                None if ones.all() else 2 * ones.astype("u1"),
            )
        yield from all_read

    yield from together(path, records(), apart) if categories.apart else records()
    if scored:
        say(f"{path}: {scored} annotations have fractions as v: taken for scores of joints, which are all visible")


def _all_hidden(hand: Hand) -> bool:
    return hand.visibility is not None and bool((hand.visibility != 2).all())


def _tracked(annotation: dict[str, Any], tracks: Tracks) -> dict[str, Any]:
    """Return the annotation itself, or, where its track has a name, one with a number."""
    attributes = annotation.get("attributes")
    track = attributes.get("track_id") if isinstance(attributes, dict) else None  # CVAT's place for it
    track = annotation.get("track_id", track)
    if isinstance(track, str):
        return {**annotation, "track_id": tracks.number(track)}
    if isinstance(track, int):
        tracks.number(str(track))  # no name is to get it
    return annotation


def _scored(annotation: dict[str, Any]) -> dict[str, Any]:
    """Return the annotation itself, or, where its score is a list, one with this as `keypoint_scores`, as FiftyOne has
    it of keypoints.
    """
    scores = annotation.get("score")
    if not isinstance(scores, list) or "keypoint_scores" in annotation:
        return annotation
    return {**annotation, "score": None, "keypoint_scores": scores}


def _marked(annotation: dict[str, Any]) -> dict[str, Any]:
    """Return the annotation itself, or, where its v are scores from 0 to 1, one with these as `keypoint_scores`.

    Other tools put their confidence there; it would make every joint hidden.
    """
    keypoints: list[Any] = annotation.get("keypoints") or []
    if not any(isinstance(mark, float) and mark % 1 > 0 for mark in keypoints[2::3]):
        return annotation
    count = len(keypoints) // 3
    table = numbers_of(without_null(keypoints), (3 * count,), "keypoints").reshape(-1, 3)
    scores = table[:, 2].copy()
    if (wrong := scores[(scores < 0) | (scores > 1)]).size:
        raise ValueError(f"v must be 0, 1 or 2, or a score from 0 to 1. Received: {wrong[0]:g}")
    table[:, 2] = np.where(table[:, :2].any(axis=1), 2, 0)
    return {"keypoint_scores": scores.tolist(), **annotation, "keypoints": table.ravel().tolist()}


def read_annotations(path: Path, hands_of: Read) -> Iterator[ImageRecord]:
    """Read a file of COCO's layout whose annotations `hands_of` turns into hands; used by COCO's relatives too."""
    records = read_images(path)
    find = by_id(records)
    image_of: dict[Any, Any] = {}  # by annotations' ids
    again: set[tuple[Any, Any]] = set()  # ids that an annotation of another image has too, as in files that were joined
    with LeftOut(path) as left_out:
        for index, annotation in enumerate(stream_list(path, "annotations")):
            with errors_at(f"{path}: annotations[{index}]"):
                if "id" in annotation:
                    id, image = annotation["id"], annotation["image_id"]
                    if image_of.get(id, ...) == image or (id, image) in again:
                        raise ValueError(f"id {id} occurs twice")
                    if image_of.setdefault(id, image) != image:
                        again.add((id, image))
                record = find(annotation["image_id"])
                if record is None:
                    raise ValueError(f"no image has its image_id {annotation['image_id']}")
                with left_out.of(record):
                    record.hands += hands_of(annotation, left_out)
    if again:
        say(f"{path}: {len(again)} annotations have ids that some of other images have")
    yield from records.values()


def by_id(records: dict[Any, ImageRecord]) -> Callable[[Any], ImageRecord | None]:
    """Return what finds the record of an id, also where one file has 12 and the other "12"."""
    by_text = {str(id): record for id, record in records.items()}
    return lambda id: records[id] if id in records else by_text.get(str(id))


def read_images(path: Path) -> dict[Any, ImageRecord]:
    """Return an empty record for each image of a COCO file by its id, in the file's order."""
    records: dict[Any, ImageRecord] = {}
    for index, image in enumerate(stream_list(path, "images")):
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
                corrected=image.get("corrected") is True,
                exhaustive=is_exhaustive(image),
            )
    if not records and not has_member(path, "images"):
        raise FormatError(f"{path}: expected an object with a list `images`")
    return records


def hands_of(
    annotation: dict[str, Any], left_out: LeftOut, labelled: int = 1, order: Order = OURS, side: str | None = None
) -> list[Hand]:
    """Return the hand of an annotation, or none if it has neither keypoints nor a box with a size, or is not to count.

    Args:
        labelled: values of v up to this one mean hidden, larger ones visible; 0 means not labelled.
        order: which joint each of its keypoints is.
        side: the handedness, unless the annotation has it; raise ValueError if that is another.
    """
    for key, what in (("iscrowd", "crowds"), ("ignore", "annotations to be ignored")):
        if str(annotation.get(key)).lower() not in _FALSE:
            left_out.add(what, hands=True)
            return []
    box = box_of(annotation["bbox"]) if annotation.get("bbox") else None
    attributes = annotation.get("attributes")
    tracked = attributes.get("track_id") if isinstance(attributes, dict) else None  # CVAT's place for it
    side = one_side(side_in(annotation), side, "in a category of")
    optional = hand_fields({"track_id": tracked, **annotation, "handedness": side})
    if box is not None and _is(optional["area"], box[2] * box[3]):
        optional["area"] = None  # says nothing that the box does not
    optional["flags"] = _flags_of(annotation)
    if "keypoint_scores" in annotation:
        scores = numbers_of(annotation["keypoint_scores"], (len(order.joints),), "keypoint_scores")
        optional["keypoint_scores"] = order.arrange(scores.astype(np.float32))
    table, visibility = np.zeros((NUM_JOINTS, 3)), np.zeros(NUM_JOINTS)
    if annotation.get("keypoints"):
        numbers = numbers_of(without_null(annotation["keypoints"]), (3 * len(order.joints),), "keypoints")
        table = order.arrange(numbers.reshape(-1, 3))
        visibility = np.where(table[:, 2] <= 0, 0, np.where(table[:, 2] <= labelled, 1, 2))
    if not visibility.any() and (box is None or not has_size(box)):
        mask = box is None and annotation.get("segmentation")
        what = "masks without a box" if mask else "annotations without keypoints or a box with a size"
        left_out.add(what, hands=bool(mask))
        return []
    if not annotation.get("keypoints"):
        return [Hand(box_of(annotation["bbox"]), **optional)]
    return [hand_of(table[:, :2], visibility, box if box is not None and has_size(box) else None, **optional)]


def without_null(keypoints: list[Any]) -> list[Any]:
    """Return keypoints with 0 for those that are not there, where a program writes null."""
    if None not in keypoints:
        return keypoints
    threes = [keypoints[at : at + 3] for at in range(0, len(keypoints), 3)]
    return [number for three in threes for number in ([0, 0, 0] if None in three[:2] and not three[-1] else three)]


def _flags_of(annotation: dict[str, Any]) -> tuple[str, ...]:
    """Return the reasons to doubt a hand; other tools' `flags` (LabelMe has an object) are something else."""
    flags = annotation.get("flags")
    if not isinstance(flags, list) or not all(isinstance(name, str) and FLAG.fullmatch(name) for name in flags):
        return ()
    return tuple(flags)


def _is(value: Any, expected: float) -> bool:
    return value is not None and abs(value - expected) <= 1e-3 * max(1.0, abs(expected))
