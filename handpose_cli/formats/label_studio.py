"""`label-studio`: a list of Label Studio tasks with hands as predictions, and the labelling interface for them.

    [{"data": {"image": "/data/local-files/?d=a/b.jpg", "width": 640, "height": 480},
      "predictions": [{"model_version": "handpose", "score": 0.9, "result": [
       {"id": "1-0", "type": "rectanglelabels", "from_name": "hand", "to_name": "image", "original_width": 640,
        "original_height": 480, "image_rotation": 0, "value": {"x": %, "y": %, "width": %, "height": %, "rotation": 0,
        "rectanglelabels": ["hand"]}, "score": 0.9, "meta": {"track_id": 3}},
       {"id": "1-0", "type": "choices", "from_name": "handedness", ... "value": {... "choices": ["left"]}},
       {"id": "1-0-wrist", "type": "keypointlabels", "from_name": "joint", ... "parentID": "1-0",
        "value": {"x": %, "y": %, "width": 0.5, "keypointlabels": ["wrist"]}, "score": 0.97}, ...]}]}, ...]

%: of the image's width or height. Beside it, as `.config.xml`, goes the labelling interface. A frame's video, number
and times and an image's sample stand in `data`; `meta` has what results have no place for: `hidden` of a joint,
`track_id`, `area` and `head_size` of a hand. Lost: inputs that could not be read.

Exports with annotations are read too: a task's first annotation that was not skipped, or else its first prediction; a
task with neither is not labelled and left out. Of an uploaded image's name Label Studio's prefix is dropped.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any
from urllib.parse import parse_qs, quote, unquote, urlsplit

import numpy as np

from handpose_cli.files import atomic
from handpose_cli.formats._image_files import size_of
from handpose_cli.formats._parsing import (
    box_of,
    errors_at,
    first_character,
    hand_of,
    joint_index,
    numbers_of,
    side_of,
    stream_json,
)
from handpose_cli.formats.coco import dump
from handpose_cli.formats.errors import FormatError
from handpose_cli.formats.fields import EVERYTHING, image_name
from handpose_cli.records import KEYPOINT_NAMES, NUM_JOINTS, Hand, ImageRecord

KEEPS = EVERYTHING - {"failure", "raw_keypoints", "interpolated"}

LABELS = "".join(f'    <Label value="{name}" model_index="{index}"/>\n' for index, name in enumerate(KEYPOINT_NAMES))
CONFIG = f"""<View>
  <Image name="image" value="$image"/>
  <RectangleLabels name="hand" toName="image"><Label value="hand" model_index="0"/></RectangleLabels>
  <KeyPointLabels name="joint" toName="image">
{LABELS}  </KeyPointLabels>
  <Choices name="handedness" toName="image" perRegion="true" whenTagName="hand">
    <Choice value="left"/><Choice value="right"/>
  </Choices>
</View>
"""
URL = "/data/local-files/?d="
OF_IMAGE = {"width": int, "height": int, "frame": int, "time": float, "fps": float, "sample": str}
OF_HAND = {"track_id": int, "area": float, "head_size": float}


def recognises(path: Path, head: bytes) -> bool:
    return first_character(head) == b"[" and (b'"data"' in head[: head.find(b"}")] or b'"from_name"' in head)


def read(path: Path, images: Path | None = None) -> Iterator[ImageRecord]:
    """Yield a record for each labelled task, in the file's order.

    Raises:
        FormatError: if the file does not follow the format; the message names the file and the task.
    """
    index = -1
    for index, task in enumerate(stream_json(path, "item")):
        with errors_at(f"{path}: task {index}"):
            results = _results(task)
            record = None if results is None else _record(task["data"], results, f"{path}: task {index}")
        if record is not None:
            yield record
    if index < 0 and first_character(path.read_bytes()) != b"[":
        raise FormatError(f"{path}: expected a JSON list of tasks")


def _results(task: dict[str, Any]) -> list[dict[str, Any]] | None:
    done = [annotation for annotation in task.get("annotations") or () if not annotation.get("was_cancelled")]
    found = done or [guess for guess in task.get("predictions") or () if isinstance(guess, dict)]  # or only ids
    return found[0]["result"] if found else None


def _record(data: dict[str, Any], results: list[dict[str, Any]], place: str) -> ImageRecord:
    data = data | {side: results[0].get(f"original_{side}") for side in ("width", "height") if results}
    rectangles: dict[str, dict[str, Any]] = {}
    joints: dict[str | None, dict[int, dict[str, Any]]] = {}
    sides: dict[str, str] = {}
    for number, result in enumerate(results):
        with errors_at(f"{place}: result {number}"):
            kind = result["type"]
            if result.get("image_rotation") or (result.get("value") or {}).get("rotation"):
                raise ValueError("rotated images and rectangles are not read")
            if kind == "rectanglelabels":
                rectangles[result["id"]] = result
            elif kind == "choices" and result["value"]["choices"][0] in ("left", "right"):
                sides[result["id"]] = result["value"]["choices"][0]
            elif kind == "keypointlabels":
                name = result["value"]["keypointlabels"][0]
                if joints.setdefault(result.get("parentID"), {}).setdefault(joint_index(name), result) is not result:
                    raise ValueError(f"a second {name} of one hand. Each keypoint needs its hand's rectangle as parent")
    if None in joints and len(rectangles) < 2:  # there is but one hand that they can belong to
        joints.setdefault(next(iter(rectangles), ""), {}).update(joints.pop(None))
    if None in joints:
        raise ValueError("a keypoint without a parent among several hands")
    ids = [id for id in dict.fromkeys([*rectangles, *joints]) if id is not None]
    hands = [_hand(rectangles.get(id), joints.get(id, {}), sides.get(id)) for id in ids]
    file = data["video"] if "frame" in data else path_of(data["image"])
    return ImageRecord(file, hands=hands, **_told(data, OF_IMAGE))


def _told(entry: dict[str, Any], kinds: dict[str, Any]) -> dict[str, Any]:
    return {name: None if entry.get(name) is None else kind(entry[name]) for name, kind in kinds.items()}


def _hand(rectangle: dict[str, Any] | None, joints: dict[int, dict[str, Any]], side: str | None) -> Hand:
    box, fields = None, dict[str, Any](handedness=side)
    if rectangle is not None:
        box = box_of([*_pixels(rectangle, "x", "y"), *_pixels(rectangle, "width", "height")])
        fields |= _told(rectangle.get("meta") or {}, OF_HAND) | _told(rectangle, {"score": float})
        fields["handedness"] = side or side_of(rectangle["value"]["rectanglelabels"][0])
    points, marks, scores = np.zeros((NUM_JOINTS, 2)), np.zeros(NUM_JOINTS), np.zeros(NUM_JOINTS, np.float32)
    for index, joint in joints.items():
        points[index] = _pixels(joint, "x", "y")
        marks[index] = 1 if (joint.get("meta") or {}).get("hidden") else 2
        scores[index] = np.nan if joint.get("score") is None else joint["score"]
    fields["keypoint_scores"] = scores if joints and np.isfinite(scores).all() else None
    return hand_of(points, marks, box, **fields)


def _pixels(result: dict[str, Any], *names: str) -> np.ndarray:
    shares = numbers_of([result["value"][name] for name in names], (2,), " and ".join(names)) / 100
    return shares * numbers_of([result["original_width"], result["original_height"]], (2,), "original size")


def path_of(url: str) -> str:
    """Return the path of the image that a task's URL means."""
    parts = urlsplit(url)
    if parts.path.rstrip("/").endswith("/data/local-files"):
        return parse_qs(parts.query)["d"][0]
    uploaded = re.search(r"/data/upload/(?:\d+/)?(?:[0-9a-f]{8}-)?(.+)$", unquote(parts.path))
    return uploaded[1] if uploaded else unquote(parts.path).lstrip("/")


def interface_of(path: Path) -> Path:
    """Return where the labelling interface's XML goes."""
    return path.with_suffix(".config.xml")


def outputs(path: Path) -> list[Path]:
    """Return all files that are written."""
    return [path, interface_of(path)]


@contextmanager
def open_writer(path: Path, images: Path | None = None) -> Iterator[Writer]:
    """Open a list for writing record by record; it and its interface appear when the block ends without an error."""
    with atomic(interface_of(path)) as config, atomic(path) as file:
        config.write(CONFIG)
        yield Writer(file)
        file.write("\n]\n")


class Writer:
    """Writes an image's task as its record comes."""

    def __init__(self, file: IO[str]):
        self._file, self._images = file, 0
        self._file.write("[")

    def write(self, record: ImageRecord) -> None:
        if record.failure is not None:
            return
        size = size_of(record)
        self._images += 1
        video = {"video": record.file} if record.frame is not None else {}
        told = {name: value for name in OF_IMAGE if (value := getattr(record, name)) is not None}
        data = {"image": URL + quote(image_name(record)), **told, **video}
        named = ((hand, f"{self._images}-{number}") for number, hand in enumerate(record.hands))
        results = [result for hand, id in named for result in _entries(hand, id, *size)]
        guess: dict[str, Any] = {"model_version": "handpose", "result": results}
        if scores := [hand.score for hand in record.hands if hand.score is not None]:
            guess["score"] = round(float(np.mean(scores)), 6)
        self._file.write((",\n " if self._images > 1 else "\n ") + dump({"data": data, "predictions": [guess]}))


def _entries(hand: Hand, id: str, width: int, height: int) -> Iterator[dict[str, Any]]:
    size = np.array([width, height], float)
    common = {"to_name": "image", "original_width": width, "original_height": height, "image_rotation": 0}

    def entry(id: str, kind: str, tag: str, value: dict, label: str, score: Any, **more: Any) -> dict[str, Any]:
        known = {} if score is None else {"score": round(float(score), 6)}
        return {"id": id, "type": kind, "from_name": tag, **common, "value": {**value, kind: [label]}, **known, **more}

    x, y, w, h = (hand.box.reshape(2, 2) / size * 100).round(6).ravel().tolist()
    box = {"x": x, "y": y, "width": w, "height": h, "rotation": 0}
    meta = {name: value for name in OF_HAND if (value := getattr(hand, name)) is not None}
    yield entry(id, "rectanglelabels", "hand", box, "hand", hand.score, **({"meta": meta} if meta else {}))
    if hand.handedness is not None:
        yield entry(id, "choices", "handedness", box, hand.handedness, None)
    shares = [] if hand.keypoints is None else (hand.keypoints / size * 100).tolist()
    for index, (name, (x, y)) in enumerate(zip(KEYPOINT_NAMES, shares, strict=False)):
        if np.isfinite([x, y]).all():
            hidden = hand.visibility is not None and hand.visibility[index] == 1
            score = None if hand.keypoint_scores is None else hand.keypoint_scores[index]
            more = {"parentID": id, **({"meta": {"hidden": True}} if hidden else {})}
            value = {"x": round(x, 6), "y": round(y, 6), "width": 0.5}
            yield entry(f"{id}-{name}", "keypointlabels", "joint", value, name, score, **more)
