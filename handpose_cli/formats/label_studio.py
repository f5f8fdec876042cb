"""`label-studio`: a list of Label Studio tasks with hands as predictions, and the labelling interface for them.

    [{"data": {"image": "/data/local-files/?d=a/b.jpg", "width": 640, "height": 480},
      "predictions": [{"model_version": "handpose", "score": 0.9, "result": [
       {"id": "1-0-wrist", "type": "keypointlabels", "from_name": "joint", "to_name": "image", "original_width": 640,
        "original_height": 480, "image_rotation": 0, "value": {"x": %, "y": %, "width": 0.5,
        "keypointlabels": ["wrist"]}, "score": 0.97, "parentID": "1-0"}, ...
       {"id": "1-0", "type": "rectanglelabels", "from_name": "hand", ... "value": {"x": %, "y": %, "width": %,
        "height": %, "rotation": 0, "rectanglelabels": ["hand"]}, "score": 0.9, "meta": {"track_id": 3}},
       {"id": "1-0", "type": "choices", "from_name": "handedness", ... "value": {... "choices": ["left"]}}]}]}, ...]

%: of the image's width or height. The rectangle comes behind its joints, or it would lie over them and they could not
be dragged. Beside the file, as `.config.xml`, goes the labelling interface. Images' URLs begin with `image_prefix`
(`/data/local-files/?d=`, `https://host/folder/` or `s3://bucket/folder/`); where a URL does not tell the image's name,
`data` has it as `file`. A frame's video, number and times and an image's sample stand in `data` too; `meta` has what
results have no place for: `hidden` of a joint, `track_id`, `area`, `head_size` and `flags` of a hand, the last also in
words, which Label Studio shows as the region's note. Lost: inputs that could
not be read, which images were corrected, and which may show more hands.

Exports with annotations are read too, as JSON (a list or a single task) and as JSON-MIN: of a task the annotation that
is its ground truth, else the first that was not skipped, else its first prediction; of JSON-MIN, which has an entry for
each annotation, the first. A task with none is not labelled and left out. The image is under `image` in `data`, or the
only text there that is named like one. Rectangles of hands are read, joints by their names or numbers; a joint without
a parent goes to the only rectangle around it, a choice of left or right for the whole image to its only hand. Of an
uploaded image's name Label Studio's prefix is dropped.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from handpose_cli.formats._hand_names import is_wanted, one_side, side_of
from handpose_cli.formats._json import first_character
from handpose_cli.formats._keypoint_names import ASSUMED, NONE, order_of
from handpose_cli.formats._label_studio_tasks import Result, image_of, is_min, results_of, sides_chosen, tasks
from handpose_cli.formats._label_studio_urls import path_of
from handpose_cli.formats._label_studio_writer import OF_HAND, OF_IMAGE, open_writer, outputs
from handpose_cli.formats._notes import LeftOut, listed, say
from handpose_cli.formats._parsing import box_of, errors_at, flags_in, hand_of, has_size, numbers_of
from handpose_cli.formats.fields import EVERYTHING
from handpose_cli.formats.plugin import NO_OPTIONS, ReadOptions
from handpose_cli.records import KEYPOINT_NAMES, NUM_JOINTS, Hand, ImageRecord

KEEPS = EVERYTHING - {"failure", "corrected", "exhaustive", "raw_keypoints", "interpolated"}
__all__ = ["KEEPS", "open_writer", "outputs", "path_of", "read", "recognises"]

OUTLINES = ("polygonlabels", "brushlabels", "ellipselabels")


def recognises(path: Path, head: bytes) -> bool:
    if first_character(head) == b"{":  # a single task
        return b'"data"' in head and b'"result"' in head and (b'"annotations"' in head or b'"predictions"' in head)
    if first_character(head) != b"[":
        return False
    return b'"data"' in head[: head.find(b"}")] or any(
        name in head for name in (b'"from_name"', b'"keypointlabels"', b'"rectanglelabels"')
    )


def read(path: Path, images: Path | None = None, options: ReadOptions = NO_OPTIONS) -> Iterator[ImageRecord]:
    """Yield a record for each labelled task, in the file's order.

    Raises:
        FormatError: if the file does not follow the format; the message names the file and the task.
    """
    with LeftOut(path) as left_out:
        reader = _Reader(path, options, left_out)
        for index, task in enumerate(tasks(path)):
            with errors_at(f"{path}: task {index}"):
                record = reader.record(task, f"{path}: task {index}")
            if record is not None:
                yield record


class _Reader:
    """Turns the tasks of a file into records; what is no hand is counted."""

    def __init__(self, path: Path, options: ReadOptions, left_out: LeftOut):
        self._path, self._options, self._left_out = path, options, left_out
        self._joints: dict[str, int] = {}  # of each label that the file has
        self._all_known = False
        self._read: set[tuple[Any, str]] = set()  # the tasks of JSON-MIN, which come again with each annotation

    def record(self, task: dict[str, Any], place: str) -> ImageRecord | None:
        """Return a task's record; None if it is not labelled or cannot be used."""
        results = results_of(task, self._options.looked_at)
        if results is None:
            what = "an annotation" if self._options.looked_at else "an annotation or a prediction"
            self._left_out.add(f"tasks without {what}")
            return None
        if any(result.get("image_rotation") for result in results):
            self._left_out.add("tasks with rotated images")
            return None
        data = task.get("data", task)
        sized = next((result for result in results if result.get("original_width")), {})  # a relation has no size
        data = data | {side: sized[f"original_{side}"] for side in ("width", "height") if sized}
        file = data["video"] if "frame" in data else data.get("file") or image_of(data)
        if is_min(task) and task.get("id") is not None:
            if (task["id"], file) in self._read:
                self._left_out.add("annotations of tasks that have one before")
                return None
            self._read.add((task["id"], file))
        record = ImageRecord(file, **_told(data, OF_IMAGE))
        with self._left_out.of(record):
            record.hands = self._hands(results, place)
        return record

    def _hands(self, results: list[Result], place: str) -> list[Hand]:
        rectangles: dict[str, Result] = {}
        others: set[str] = set()
        sides: dict[str, str] = {}
        marks: list[tuple[int, Result]] = []
        for number, result in enumerate(results):
            with errors_at(f"{place}: result {number}"):
                kind = result["type"]
                if kind == "rectanglelabels":
                    if result["id"] in rectangles:
                        raise ValueError(f"a second rectangle has the id {result['id']}")
                    if self._is_hand(result):
                        rectangles[result["id"]] = result
                    else:
                        others.add(result["id"])
                elif kind == "choices" and (chosen := sides_chosen(result["value"]["choices"])):
                    if len(chosen) == 1:
                        sides[result["id"]] = chosen.pop()
                    else:
                        self._left_out.add("choices of both left and right")
                elif kind == "keypointlabels":
                    marks.append((number, result))
                elif kind not in ("choices", "relation"):
                    is_hand = (
                        kind in OUTLINES and result.get("parentID") is None and self._has_hands_label(result, kind)
                    )
                    self._left_out.add("regions that are neither rectangles nor keypoints", kind, hands=is_hand)
        joints: dict[str, dict[int, Result]] = {}
        for number, result in marks:
            with errors_at(f"{place}: result {number}"):
                parent = result.get("parentID")
                if parent in others:
                    self._left_out.add("keypoints of other labels")
                    continue
                name = str(result["value"]["keypointlabels"][0])
                joint = self._joint(name)
                if joint == NONE:
                    continue
                of = parent if parent is not None else _around(result, rectangles)
                if joints.setdefault(of, {}).setdefault(joint, result) is not result:
                    raise ValueError(f"a second {name} of one hand. Each keypoint needs its hand's rectangle as parent")
        ids = dict.fromkeys([*rectangles, *joints])
        hands = [_hand(rectangles.get(id), joints.get(id, {}), sides.get(id)) for id in ids]
        regions = {result.get("id") for result in results if result["type"] != "choices"}
        self._of_image([side for id, side in sides.items() if id not in regions], hands)
        return hands

    def _of_image(self, sides: list[str], hands: list[Hand]) -> None:
        """Give the only hand the handedness that was chosen for the image as a whole; count what is of no hand."""
        if len(hands) == len(set(sides)) == 1 and hands[0].handedness in (None, sides[0]):
            hands[0].handedness = sides[0]
        elif sides:
            self._left_out.add("choices of left or right that are of no single hand", count=len(sides))

    def _has_hands_label(self, result: Result, kind: str) -> bool:
        return any(is_wanted(str(label), self._options.classes) for label in result["value"].get(kind) or ())

    def _is_hand(self, rectangle: Result) -> bool:
        if not self._has_hands_label(rectangle, "rectanglelabels"):
            label = ", ".join(map(str, rectangle["value"].get("rectanglelabels") or ()))
            self._left_out.add("rectangles of other labels", label, remedy="classes")
            return False
        if not has_size(_box(rectangle)):
            self._left_out.add("rectangles without a size")
            return False
        return True

    def _joint(self, name: str) -> int:
        """Return the joint that a label means: our own names at once, others by all that the file has."""
        if self._options.keypoint_names is None and name in KEYPOINT_NAMES:
            return KEYPOINT_NAMES.index(name)
        if not self._all_known:
            names = list(dict.fromkeys(_names_in(self._path)))
            order = order_of(names, self._options.keypoint_names)
            if order.assumed:
                say(f"{self._path}: {ASSUMED}", "keypoint_names")
            if order.unknown:
                say(f"{self._path}: left out: keypoints that are no joints: {listed(order.unknown)}", "keypoint_names")
            self._joints, self._all_known = dict(zip(names, order.joints, strict=True)), True
        return self._joints.get(name, NONE)


def _names_in(path: Path) -> Iterator[str]:
    for task in tasks(path):
        for result in results_of(task) or ():
            if result["type"] == "keypointlabels":
                yield str(result["value"]["keypointlabels"][0])


def _around(keypoint: Result, rectangles: dict[str, Result]) -> str:
    """Return the id of the rectangle that a keypoint without a parent belongs to."""
    if len(rectangles) < 2:  # there is but one hand that it can belong to
        return next(iter(rectangles), "")
    place = _pixels(keypoint, "x", "y")
    boxes = {id: _box(rectangle) for id, rectangle in rectangles.items()}
    around = [id for id, box in boxes.items() if (place >= box[:2]).all() and (place <= box[:2] + box[2:]).all()]
    if len(around) != 1:
        raise ValueError(f"a keypoint without a parent among several hands, inside {len(around)} rectangles")
    return around[0]


def _told(entry: dict[str, Any], kinds: dict[str, Any]) -> dict[str, Any]:
    return {name: None if entry.get(name) is None else kind(entry[name]) for name, kind in kinds.items()}


def _hand(rectangle: Result | None, joints: dict[int, Result], side: str | None) -> Hand:
    box, fields = None, dict[str, Any](handedness=side)
    if rectangle is not None:
        box = _box(rectangle)
        meta = rectangle.get("meta") or {}
        fields |= _told(meta, OF_HAND) | _told(rectangle, {"score": float}) | {"flags": flags_in(meta)}
        fields["handedness"] = one_side(side, _side_in(rectangle["value"]["rectanglelabels"]), "with a label of")
    points, marks, scores = np.zeros((NUM_JOINTS, 2)), np.zeros(NUM_JOINTS), np.zeros(NUM_JOINTS, np.float32)
    for index, joint in joints.items():
        points[index] = _pixels(joint, "x", "y")
        marks[index] = 1 if (joint.get("meta") or {}).get("hidden") else 2
        scores[index] = np.nan if joint.get("score") is None else joint["score"]
    fields["keypoint_scores"] = scores if joints and np.isfinite(scores).all() else None
    return hand_of(points, marks, box, **fields)


def _side_in(labels: list[Any]) -> str | None:
    """Return the handedness that a rectangle's labels name; raise ValueError if they name both."""
    sides = {side for label in labels if (side := side_of(str(label)))}
    if len(sides) > 1:
        raise ValueError(f"the labels name both hands: {listed(list(map(str, labels)))}")
    return next(iter(sides), None)


def _box(rectangle: Result) -> np.ndarray:
    """Return the upright box around a rectangle, which may be turned about its upper left corner."""
    corner, size = _pixels(rectangle, "x", "y"), _pixels(rectangle, "width", "height")
    angle = np.radians(float(numbers_of(rectangle["value"].get("rotation") or 0, (), "rotation")))
    if not angle:
        return box_of([*corner, *size])
    sine, cosine = np.sin(angle).round(9), np.cos(angle).round(9)
    corners = corner + np.array([[0, 0], [1, 0], [0, 1], [1, 1]]) * size @ [[cosine, sine], [-sine, cosine]]
    return box_of([*corners.min(axis=0), *(corners.max(axis=0) - corners.min(axis=0))])


def _pixels(result: Result, *names: str) -> np.ndarray:
    shares = numbers_of([result["value"][name] for name in names], (2,), " and ".join(names)) / 100
    size = numbers_of([result["original_width"], result["original_height"]], (2,), "original size")
    pixels: np.ndarray = shares * size
    return pixels
