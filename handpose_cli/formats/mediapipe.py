"""`mediapipe`: results of MediaPipe Hands, Holistic or the Hand Landmarker, as people save them.

It has no file format of its own, so all of these are read, from one JSON file, from a file of JSON lines, or from a
folder with a JSON file for each image (`a.json` of `a.jpg`):

    {"a.jpg": [HAND, ...], ...}  or  {"a.jpg": RESULT, ...}                    by image
    [{"image": "a.jpg", "width": 640, "height": 480, "landmarks": [HAND, ...]}, ...]
    RESULT                                             of the image that is named as the file is, or frames of --video

where a HAND is [[x, y, z], ... 21], [{"x": x, "y": y, "z": z}, ... 21] or {"landmark": [{"x": ...}, ...]} (a
NormalizedLandmarkList by protobuf's MessageToDict), bare or as the `landmarks` of an object that also has `handedness`
and `score`; and a RESULT has `hand_landmarks` (Tasks API), `multi_hand_landmarks` (the older one) or
`left_hand_landmarks` and `right_hand_landmarks` (Holistic), with `handedness` or `multi_handedness` beside them. An
entry may have `frame`, counted from 0. The tables that are read are shown in `_mediapipe_table`.

x and y are shares of the image's width and height if all of the file's are about 0 to 1, which needs the images' sizes:
in the file, or from the images beside it or in `--images`; else they are pixels. A hand's score is its handedness's.
Handedness is taken as the file has it: MediaPipe takes images for mirrored ones unless they were flipped before. Not
read: z, world landmarks, pose, face.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from handpose_cli.formats import _mediapipe_table as table
from handpose_cli.formats._image_files import find_image
from handpose_cli.formats._parsing import errors_at, first_character, read_json, side_of, stream_json, stream_members
from handpose_cli.formats._results_in_units import FoundHand, FoundImage, records_of
from handpose_cli.formats.errors import FormatError
from handpose_cli.formats.plugin import ReadOptions
from handpose_cli.records import NUM_JOINTS, ImageRecord

JSON_LINES = (".jsonl", ".ndjson")
IMAGE_KEYS = ("image", "file", "file_name", "filename", "fileName", "image_path", "imagePath", "path", "name", "img",
              "image_name", "video", "source")  # fmt: skip
FRAME_KEYS = ("frame", "frame_index", "frame_id", "frameIndex", "frame_number")
HANDS_KEYS = ("hand_landmarks", "handLandmarks", "multi_hand_landmarks", "multiHandLandmarks", "landmarks", "hands",
              "keypoints", "hand_keypoints")  # fmt: skip
HAND_KEYS = ("landmark", *HANDS_KEYS)  # of one hand's object
SIDE_KEYS = ("handedness", "handednesses", "multi_handedness", "multiHandedness", "hand_side", "hand", "label", "side")
LEFT_AND_RIGHT = {
    "left": ("left_hand_landmarks", "leftHandLandmarks", "left_hand"),
    "right": ("right_hand_landmarks", "rightHandLandmarks", "right_hand"),
}
AROUND = ("images", "results", "frames", "data", "files", "annotations", "predictions")  # a list or an object of images

_SIGNS = re.compile(
    rb'"(landmarks?|(multi_)?hand_landmarks|multiHandLandmarks|handLandmarks|left_hand_landmarks|right_hand_landmarks)"'
    rb'\s*:|"hands"\s*:\s*\[\s*\[|^\s*\{\s*"[^"]*"\s*:\s*\[\s*\[\s*[\[{]|"[^"]+\.\w{3,4}"\s*:\s*\[\s*\[\s*\['
)
_OTHERS = re.compile(rb'"(bboxes|annotations|people|from_name|keypoint_names)"\s*:')


def recognises(path: Path, head: bytes) -> bool:
    if path.is_dir():
        first = next((file for file in sorted(path.glob("*.json"))[:1] if file.is_file()), None)
        if first is None:
            return False
        with first.open("rb") as file:
            head = file.read(1 << 16)
    head = head.removeprefix(b"\xef\xbb\xbf")
    if first_character(head) in (b"{", b"["):
        return _SIGNS.search(head) is not None and _OTHERS.search(head) is None
    return not path.is_dir() and table.recognises(head)


def read(path: Path, images: Path | None = None, options: ReadOptions = OPTIONS) -> Iterator[ImageRecord]:
    """Yield a record for each image or frame, in the file's order.

    Args:
        options: `keypoint_names` for a table's columns, and the video whose frames are only numbered.

    Raises:
        FormatError: if the content is none of what is read, or the size of an image is needed and not to be found.
    """
    if options.classes:
        raise FormatError(f"{path}: MediaPipe's results have no classes to choose by")
    if not path.is_dir() and _is_table(path):
        entries = partial(table.images_of, path, options)
    elif options.keypoint_names is not None:
        raise FormatError(f"{path}: the landmarks of a JSON file have no names")
    else:
        entries = partial(_images, path, options.video)
    yield from records_of(entries, path, images)


def _is_table(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return first_character(file.read(64)) not in (b"{", b"[")
    except OSError as error:
        raise FormatError(f"{path}: cannot be read: {error.strerror}") from error


def _images(path: Path, video: str | None) -> Iterator[FoundImage]:
    if path.is_dir():
        for file in sorted(path.rglob("*.json")):
            stem = file.relative_to(path).with_suffix("").as_posix()
            yield from _of_file(file, find_image(path, stem) or stem, video)
    else:
        yield from _of_file(path, path.stem, video)


def _of_file(path: Path, name: str, video: str | None) -> Iterator[FoundImage]:
    """Yield the images of one JSON file.

    Args:
        name: what it is of, if it does not say.
    """
    with path.open("rb") as file:
        kind = first_character(file.read(64))
    if path.suffix.lower() in JSON_LINES:
        for place, entry in _lines(path):
            yield _image(entry, place, video)
        return
    if kind == b"[":
        listed = False
        for number, entry in enumerate(stream_json(path, "item")):
            if number == 0 and not isinstance(entry, Mapping):  # hands of one image, or frames of one video
                listed = True
                break
            yield _image(entry, f"{path}: [{number}]", video, number)
        if listed:
            yield from _bare_list(path, name, video)
        return
    whole: dict[str, Any] = {}  # of one image, if the file has only that
    for key, value in stream_members(path):
        if key in AROUND and isinstance(value, list | dict):
            items = value.items() if isinstance(value, dict) else enumerate(value)
            for number, entry in items:
                place = f"{path}: {key}[{number!r}]"
                yield (
                    _of_name(number, entry, place, video)
                    if isinstance(number, str)
                    else _image(entry, place, video, number)
                )
        elif whole or _is_part(key):
            whole[key] = value
        elif isinstance(value, list | dict) or value is None:
            yield _of_name(key, value, f"{path}: {key}", video)
    if any(key in HAND_KEYS or key in sum(LEFT_AND_RIGHT.values(), ()) for key in whole):
        named = whole if _first(whole, IMAGE_KEYS) else {**whole, "image": name}
        yield _image(named, str(path), None)


def _is_part(key: str) -> bool:
    """Return whether a member is part of one result, not an image's."""
    parts = (*HAND_KEYS, *IMAGE_KEYS, *FRAME_KEYS, *SIDE_KEYS, "width", "height", *sum(LEFT_AND_RIGHT.values(), ()))
    return key in parts or key.endswith(("orld_landmarks", "orldLandmarks"))


def _lines(path: Path) -> Iterator[tuple[str, Any]]:
    try:
        with path.open(encoding="utf-8-sig") as file:
            for number, line in enumerate(file, 1):
                if line.strip():
                    yield f"{path}: line {number}", json.loads(line)
    except (OSError, ValueError, RecursionError) as error:
        raise FormatError(f"{path}: cannot be read as JSON lines: {' '.join(str(error).split())}") from error


def _bare_list(path: Path, name: str, video: str | None) -> Iterator[FoundImage]:
    """Yield the images of a list without names: a list of hands, or with a video, of its frames."""
    if video is None:
        content = read_json(path)
        with errors_at(path):
            yield FoundImage(str(path), name, hands=list(_hands(content)))
        return
    for number, entry in enumerate(stream_json(path, "item")):
        yield _of_name(str(number), entry, f"{path}: [{number}]", video)


def _of_name(key: str, value: Any, place: str, video: str | None) -> FoundImage:
    """Return what stands under an image's name, or under a frame's number."""
    if isinstance(value, Mapping) and _first(value, IMAGE_KEYS):
        return _image(value, place, video)
    of_video = video is not None and key.isdecimal()
    entry = value if isinstance(value, Mapping) else {"hands": value or []}
    if "landmark" in entry:
        entry = {"hands": [entry]}
    return _image({**entry, "image": video, "frame": int(key)} if of_video else {**entry, "image": key}, place, video)


def _image(entry: Any, place: str, video: str | None, number: int | None = None) -> FoundImage:
    with errors_at(place):
        if not isinstance(entry, Mapping):
            raise ValueError(f"an object with an image's name and its landmarks expected. Received: {entry!r:.60}")
        file, frame = _first(entry, IMAGE_KEYS), _first(entry, FRAME_KEYS)
        if not isinstance(file, str) or not file:
            if video is None:
                raise FormatError(
                    f"{place}: the name of the image is missing ({', '.join(IMAGE_KEYS[:4])} ...)", "video"
                )
            file, frame = video, number if frame is None else frame
        width, height = (_whole(entry.get(key, entry.get(f"image_{key}"))) for key in ("width", "height"))
        found = FoundImage(place, file, _whole(frame), width, height)
        sided = [(side, _first(entry, keys)) for side, keys in LEFT_AND_RIGHT.items()]
        if any(key in entry for keys in LEFT_AND_RIGHT.values() for key in keys):
            for side, value in sided:
                found.hands += _hands(value, [{"label": side}] * 2)
        elif not any(key in entry for key in (*HANDS_KEYS, "landmark")):
            raise ValueError(f"no hands' landmarks: {', '.join(HANDS_KEYS[:3])} ... expected")
        else:
            value = entry if "landmark" in entry else _first(entry, HANDS_KEYS)
            found.hands += _hands(value, _first(entry, SIDE_KEYS))
        return found


def _hands(value: Any, sides: Any = None) -> Iterator[FoundHand]:
    """Yield the hands of an image: of a list of them, or of one."""
    if value is None or (isinstance(value, Sequence) and not value):
        return
    listed = value if _is_several(value) else [value]
    if isinstance(sides, str | Mapping):
        sides = [sides]
    for number, hand in enumerate(listed):
        if not hand:  # null: not found
            continue
        told = sides[number] if isinstance(sides, Sequence) and number < len(sides) else None
        yield _hand(hand, told)


def _is_several(value: Any) -> bool:
    """Return whether a value is a list of hands, not one hand's list of landmarks."""
    if not isinstance(value, list):
        return False
    first = next((item for item in value if item), None)
    if isinstance(first, Mapping):
        return "x" not in first
    return not (isinstance(first, list) and first and isinstance(first[0], int | float))


def _hand(hand: Any, told: Any) -> FoundHand:
    score = None
    if isinstance(hand, Mapping):
        told = _first(hand, SIDE_KEYS) or told
        score = _first(hand, ("score", "confidence", "handedness_score", "hand_score"))
        landmarks = _first(hand, HAND_KEYS)
        if isinstance(landmarks, Mapping):
            landmarks = _first(landmarks, HAND_KEYS)
    else:
        landmarks = hand
    side, side_score = _side(told)
    if not isinstance(landmarks, list) or len(landmarks) != NUM_JOINTS:
        count = len(landmarks) if isinstance(landmarks, list) else type(landmarks).__name__
        raise ValueError(f"{NUM_JOINTS} landmarks of a hand expected. Received: {count}")
    points = [
        (point["x"], point["y"]) if isinstance(point, Mapping) else (point or [None] * 2)[:2] for point in landmarks
    ]
    numbers = np.array(points, float)
    if numbers.shape != (NUM_JOINTS, 2) or np.isinf(numbers).any():
        raise ValueError(f"{NUM_JOINTS} landmarks with finite x and y expected")
    score = side_score if score is None else score
    return FoundHand(numbers, None if score is None else float(score), side)


def _side(told: Any) -> tuple[str | None, float | None]:
    """Return handedness and its score, from `Left`, a category, a list of them or a `classification`."""
    while isinstance(told, list) and told:
        told = told[0]
    if isinstance(told, Mapping):
        if "classification" in told or "categories" in told:
            return _side(told.get("classification", told.get("categories")))
        label = _first(told, ("category_name", "categoryName", "label", "display_name", "displayName", "name"))
        return (side_of(label) if isinstance(label, str) else None), told.get("score")
    return (side_of(told) if isinstance(told, str) else None), None


def _first(entry: Mapping[str, Any], keys: Sequence[str]) -> Any:
    """Return what stands under the first of the keys that has something."""
    return next((entry[key] for key in keys if entry.get(key) is not None), None)


def _whole(value: Any) -> int | None:
    if value is None or value == "":
        return None
    number = float(value)
    if number != int(number) or number < 0:
        raise ValueError(f"a whole number from 0 expected. Received: {value}")
    return int(number)
