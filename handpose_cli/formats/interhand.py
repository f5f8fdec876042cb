"""`interhand`: InterHand2.6M's annotations as they are published (Moon et al., ECCV 2020), read only.

    annotations/train/InterHand2.6M_train_data.json        images/train/Capture0/.../image12345.jpg
    annotations/train/InterHand2.6M_train_camera.json      (the same for val and test)
    annotations/train/InterHand2.6M_train_joint_3d.json

    data       {"images": [{"id", "file_name", "width", "height", "capture", "camera", "seq_name",
                            "frame_idx"}, ...],
                "annotations": [{"image_id", "joint_valid": 42 x [0 or 1]}, ...]}    two lists that go together
    camera     {capture: {"campos": {camera: 3}, "camrot": {camera: 3 x 3}, "focal": {camera: 2}, "princpt": ...}}
    joint_3d   {capture: {frame: {"world_coord": 42 x 3}}}

The right hand's joints are 0 to 20, the left hand's 21 to 41, in millimetres of the world; the camera sees
R (X - campos). A hand counts where its wrist is valid; of its joints, those that are valid and inside the image are
labelled; nothing is known of hidden ones. Its box is its joints' box. The images of a sequence, seen by many cameras,
are one `sample`. Memory grows with the moments (1 KB each), not with the images. A folder with several sets gives the
training set; name another set's folder or data file for that.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import zip_longest
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from handpose_cli.formats import _json
from handpose_cli.formats._notes import LeftOut
from handpose_cli.formats._parsing import errors_at, hand_of, inside, numbers_of, project
from handpose_cli.formats.errors import FormatError
from handpose_cli.records import NUM_JOINTS, Hand, ImageRecord

# each finger from its tip to its base, then the wrist
JOINTS = np.array((20, 3, 2, 1, 0, 7, 6, 5, 4, 11, 10, 9, 8, 15, 14, 13, 12, 19, 18, 17, 16))

_Camera: TypeAlias = tuple[np.ndarray, np.ndarray, np.ndarray]  # position, rotation and matrix


def recognises(path: Path, head: bytes) -> bool:
    return _labels(path) is not None


def _labels(path: Path) -> tuple[Path, str] | None:
    """Return the data file and which set it is of."""
    if path.is_file():
        name = re.fullmatch(r"InterHand2\.6M_(train|val|test)_data\.json", path.name)
        return None if name is None else (path, name[1])
    for subset in ("train", "val", "test"):
        for folder in (path / subset, path):
            if (file := folder / f"InterHand2.6M_{subset}_data.json").is_file():
                return file, subset
    return None


def read(path: Path, images: Path | None = None) -> Iterator[ImageRecord]:
    """Yield a record for each image, in the file's order, with hands or without.

    Raises:
        FormatError: if a label file is missing, damaged or not as it should be; the message names it and the place.
    """
    found = _labels(path)
    if found is None:
        raise FormatError(f"{path}: no InterHand2.6M_train_data.json (or ..._val_..., ..._test_...)")
    data, subset = found
    camera_file, joint_file = (data.with_name(f"InterHand2.6M_{subset}_{kind}.json") for kind in ("camera", "joint_3d"))
    cameras, moments = _json.read_json(camera_file), _moments(joint_file)
    index, left_out = -1, LeftOut(data)
    pairs = zip_longest(_json.stream_json(data, "images.item"), _json.stream_json(data, "annotations.item"))
    for index, (image, annotation) in enumerate(pairs):
        with errors_at(f"{data}: entry {index}"):
            if image is None or annotation is None:
                raise ValueError("there must be as many annotations as images")
            if annotation["image_id"] != image["id"]:
                raise ValueError(f"image {image['id']} has the annotation of image_id {annotation['image_id']}")
            capture, name, frame = (str(image[key]) for key in ("capture", "camera", "frame_idx"))
            with errors_at(f"{camera_file}: capture {capture}, camera {name}"):
                camera = _camera(cameras[capture], name)
            if (capture, frame) not in moments:
                raise ValueError(f"{joint_file.name} has no capture {capture}, frame {frame}")
            valid = numbers_of(np.ravel(annotation["joint_valid"]), (2 * NUM_JOINTS,), "joint_valid") > 0
            width, height = int(image["width"]), int(image["height"])
            hands = _hands(moments[capture, frame], valid, camera, width, height)
            if unseen := int(valid.reshape(2, -1).any(axis=1).sum()) - len(hands):
                left_out.add("hands whose wrist is not valid or that are outside the image", count=unseen)
            file = f"images/{subset}/{image['file_name']}"
            sample = f"{subset} {capture} {image.get('seq_name', frame)}"
            record = ImageRecord(file, width, height, hands, sample=sample, exhaustive=not unseen)
        yield record
    if index < 0:
        raise FormatError(f"{data}: expected an object with lists `images` and `annotations`")
    left_out.say()


def _moments(path: Path) -> dict[tuple[str, str], np.ndarray]:
    moments = {}
    for capture, frames in _json.stream_members(path):
        with errors_at(f"{path}: capture {capture}"):
            for frame, entry in frames.items():
                world = numbers_of(entry["world_coord"], (2 * NUM_JOINTS, 3), f"world_coord of frame {frame}")
                moments[capture, frame] = world.astype(np.float32)
    return moments


def _camera(capture: dict[str, Any], name: str) -> _Camera:
    """Return a camera's position, rotation and matrix."""
    position, focal, centre = (
        numbers_of(capture[key][name], (n,), key) for key, n in (("campos", 3), ("focal", 2), ("princpt", 2))
    )
    matrix = np.array([[focal[0], 0, centre[0]], [0, focal[1], centre[1]], [0, 0, 1]])
    return position, numbers_of(capture["camrot"][name], (3, 3), "camrot"), matrix


def _hands(world: np.ndarray, valid: np.ndarray, camera: _Camera, width: int, height: int) -> list[Hand]:
    position, rotation, matrix = camera
    hands = []
    for handedness, joints in (("right", JOINTS), ("left", JOINTS + NUM_JOINTS)):
        labelled = valid[joints]
        if not labelled[0]:  # without its wrist, the set's authors take a hand as not annotated
            continue
        points = np.zeros((NUM_JOINTS, 2))
        points[labelled] = project((world[joints][labelled] - position) @ rotation.T, matrix)
        labelled &= inside(points, width, height)
        if labelled.any():
            hands.append(hand_of(points, np.where(labelled, 2, 0), handedness=handedness))
    return hands
