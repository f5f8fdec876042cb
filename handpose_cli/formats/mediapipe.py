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
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from handpose_cli.formats import _mediapipe_table as table
from handpose_cli.formats._image_files import find_image
from handpose_cli.formats._json import first_character, read_json, stream_json, stream_members
from handpose_cli.formats._mediapipe_hands import HAND_KEYS, HANDS_KEYS, SIDE_KEYS, first_of, hands_in
from handpose_cli.formats._notes import LeftOut, listed
from handpose_cli.formats._parsing import errors_at
from handpose_cli.formats._results_in_units import FoundImage, records_of
from handpose_cli.formats._text import encoding_of
from handpose_cli.formats.errors import FormatError
from handpose_cli.formats.plugin import NO_OPTIONS, ReadOptions
from handpose_cli.media.suffixes import is_media
from handpose_cli.records import ImageRecord

JSON_LINES = (".jsonl", ".ndjson")
IMAGE_KEYS = ("image", "file", "file_name", "filename", "fileName", "image_path", "imagePath", "path", "name", "img",
              "image_name", "video", "source")  # fmt: skip
FRAME_KEYS = ("frame", "frame_index", "frame_id", "frameIndex", "frame_number")
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


def read(path: Path, images: Path | None = None, options: ReadOptions = NO_OPTIONS) -> Iterator[ImageRecord]:
    """Yield a record for each image or frame, in the file's order.

    Args:
        options: `keypoint_names` for a table's columns, and the video whose frames are only numbered.

    Raises:
        FormatError: if the content is none of what is read, or the size of an image is needed and not to be found.
    """
    if not path.is_dir() and _is_table(path):
        entries = partial(table.images_of, path, options)
    elif options.keypoint_names is not None:
        raise FormatError(f"{path}: the landmarks of a JSON file have no names")
    else:
        entries = partial(_images, path, images, options.video)
    yield from records_of(entries, path, images)


def _is_table(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return first_character(file.read(64)) not in (b"{", b"[")
    except OSError as error:
        raise FormatError(f"{path}: cannot be read: {error.strerror}") from error


def _images(path: Path, images: Path | None, video: str | None) -> Iterator[FoundImage]:
    """Yield the images of a file or a folder of files; one that names no image is of the one that is named alike."""
    root = path if path.is_dir() else path.parent
    files = sorted(path.rglob("*.json")) if path.is_dir() else [path]
    if not files:
        raise FormatError(f"{path}: no JSON files in it")
    for file in files:
        stem = file.relative_to(root).with_suffix("").as_posix()
        yield from _of_file(file, find_image(images or root, stem) or stem, video)


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
            bare = not isinstance(entry, Mapping) or ("landmark" in entry and not first_of(entry, IMAGE_KEYS))
            if number == 0 and bare:  # hands of one image, or frames of one video
                listed = True
                break
            yield _image(entry, f"{path}: [{number}]", video, number)
        if listed:
            yield from _bare_list(path, name, video)
        return
    with LeftOut(path) as left_out:
        yield from _members(path, name, video, left_out)


def _members(path: Path, name: str, video: str | None, left_out: LeftOut) -> Iterator[FoundImage]:
    whole: dict[str, Any] = {}  # of one image, if the file has only that
    others: list[str] = []
    lists_images = False
    for key, value in stream_members(path):
        if key in AROUND and isinstance(value, list | dict):
            lists_images = True
            items = value.items() if isinstance(value, dict) else enumerate(value)
            for number, entry in items:
                place = f"{path}: {key}[{number!r}]"
                yield (
                    _of_name(number, entry, place, video)
                    if isinstance(number, str)
                    else _image(entry, place, video, number)
                )
        elif _is_part(key):
            whole[key] = value
        elif isinstance(value, Mapping) and not is_media(key) and not any(map(_is_part, value)):
            left_out.add("members that are no image's", key)
            others.append(key)
        elif isinstance(value, list | dict) or value is None:
            lists_images = True
            yield _of_name(key, value, f"{path}: {key}", video)
        else:
            others.append(key)
    if any(key in HAND_KEYS or key in sum(LEFT_AND_RIGHT.values(), ()) for key in whole):
        named = whole if first_of(whole, IMAGE_KEYS) else {**whole, "image": name}
        yield _image(named, str(path), None)
    elif not lists_images and (others or whole):  # another file, which is not one without hands
        raise FormatError(f"{path}: no hands' landmarks. Received: {listed([*whole, *others])}")


def _is_part(key: str) -> bool:
    """Return whether a member is part of one result, not an image's."""
    parts = (*HAND_KEYS, *IMAGE_KEYS, *FRAME_KEYS, *SIDE_KEYS, "width", "height", *sum(LEFT_AND_RIGHT.values(), ()))
    return key in parts or key.endswith(("orld_landmarks", "orldLandmarks"))


def _lines(path: Path) -> Iterator[tuple[str, Any]]:
    try:
        with path.open(encoding=encoding_of(path)) as file:
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
            yield FoundImage(str(path), name, hands=list(hands_in(content)))
        return
    for number, entry in enumerate(stream_json(path, "item")):
        yield _of_name(str(number), entry, f"{path}: [{number}]", video)


def _of_name(key: str, value: Any, place: str, video: str | None) -> FoundImage:
    """Return what stands under an image's name, or under a frame's number."""
    if isinstance(value, Mapping) and first_of(value, IMAGE_KEYS):
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
        file, frame = first_of(entry, IMAGE_KEYS), first_of(entry, FRAME_KEYS)
        if not isinstance(file, str) or not file:
            if video is None:
                raise FormatError(
                    f"{place}: the name of the image is missing ({', '.join(IMAGE_KEYS[:4])} ...)", "video"
                )
            file, frame = video, number if frame is None else frame
        width, height = (_whole(entry.get(key, entry.get(f"image_{key}"))) for key in ("width", "height"))
        found = FoundImage(place, file, _whole(frame), width, height)
        sided = [(side, first_of(entry, keys)) for side, keys in LEFT_AND_RIGHT.items()]
        if any(key in entry for keys in LEFT_AND_RIGHT.values() for key in keys):
            for side, value in sided:
                found.hands += hands_in(value, [{"label": side}] * 2)
        elif not any(key in entry for key in (*HANDS_KEYS, "landmark")):
            raise ValueError(f"no hands' landmarks: {', '.join(HANDS_KEYS[:3])} ... expected")
        else:
            value = entry if "landmark" in entry else first_of(entry, HANDS_KEYS)
            found.hands += hands_in(value, first_of(entry, SIDE_KEYS))
        return found


def _whole(value: Any) -> int | None:
    if value is None or value == "":
        return None
    number = float(value)
    if number != int(number) or number < 0:
        raise ValueError(f"a whole number from 0 expected. Received: {value}")
    return int(number)
