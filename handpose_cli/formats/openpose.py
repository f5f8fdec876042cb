"""`openpose`: a folder with OpenPose's JSON output, a file for each image or frame.

    a/b_keypoints.json                  for the image a/b.jpg
    clip_000000000012_keypoints.json    for frame 12 of clip.mp4

    {"version": 1.3, "people": [{"person_id": [-1], "pose_keypoints_2d": [], "face_keypoints_2d": [],
                                 "hand_left_keypoints_2d": [x, y, c, ... 21 times], "hand_right_keypoints_2d": []}]}

c is the joint's score, 1 if none is known, and 0 for a joint that is not labelled. Each hand is written as a person of
its own; one whose handedness is not known stands in `hand_right_keypoints_2d`, and its person has `"handedness": null`.
The keys of version 1.0, `hand_left_keypoints` and the like, are read too.

The names have no extension: it is looked up in the images' folder, or in the folder itself; where the image is not
there, `file` has none. Lost: sizes, boxes (they become the keypoints'), hands without keypoints, frame times, hand
scores, which joints are hidden, and tracks.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from handpose_cli.formats._image_files import find_image
from handpose_cli.formats._json import read_json
from handpose_cli.formats._label_folder import create, new_folder
from handpose_cli.formats._notes import LeftOut
from handpose_cli.formats._parsing import errors_at, hand_of, numbers_of
from handpose_cli.formats.coco import dump, keypoints_and_marks
from handpose_cli.formats.errors import FormatError
from handpose_cli.media.suffixes import VIDEO_SUFFIXES
from handpose_cli.records import NUM_JOINTS, Hand, ImageRecord

KEEPS = frozenset({"frame", "no_hands", "keypoint_scores", "outside", "handedness"})

ENDING = "_keypoints.json"
SIDES = ("left", "right")
KEY = "hand_{}_keypoints_2d"
OLD_KEY = "hand_{}_keypoints"  # before version 1.2
LEAST_SCORE = 1e-4  # of a labelled joint, since 0 means not labelled


def recognises(path: Path, head: bytes) -> bool:
    return path.is_dir() and next(path.rglob(f"*{ENDING}"), None) is not None


def read(path: Path, images: Path | None = None) -> Iterator[ImageRecord]:
    """Yield a record for each file, in the order of their names.

    Raises:
        FormatError: if a file does not follow the format or its coordinates are not pixels; the message names it.
    """
    folder = path if images is None else images
    if not path.is_dir():
        raise FormatError(f"{path}: no folder with files named *{ENDING}")
    left_out = LeftOut(path)
    stems = sorted(file.relative_to(path).as_posix().removesuffix(ENDING) for file in path.rglob(f"*{ENDING}"))
    if not stems and any(path.iterdir()):  # an empty folder is what no image at all is written as
        raise FormatError(f"{path}: no folder with files named *{ENDING}")
    for stem in stems:
        file = path / f"{stem}{ENDING}"
        content = read_json(file)
        with errors_at(file):
            people = content["people"]
            of_people = [list(_hands(person, f"{file}: people[{i}]")) for i, person in enumerate(people)]
            hands = [hand for of_person in of_people for hand in of_person]
            if alone := sum(not of_person for of_person in of_people):
                left_out.add("people without hands", count=alone)
            points = np.concatenate([hand.keypoints for hand in hands]) if hands else np.empty((0, 2))
            if len(points) and np.nanmax(np.abs(points)) <= 1:
                raise ValueError(
                    "all coordinates are between -1 and 1: normalised ones (--keypoint_scale 3 or 4) cannot be "
                    "distinguished from pixels. Run OpenPose with --keypoint_scale 0"
                )
        yield _record(stem, folder, hands)
    left_out.say()


def _hands(person: dict[str, Any], place: str) -> Iterator[Hand]:
    with errors_at(place):
        for side in SIDES:
            values = person.get(KEY.format(side)) or person.get(OLD_KEY.format(side)) or []
            if not values:
                continue
            table = numbers_of(values, (3 * NUM_JOINTS,), KEY.format(side)).reshape(NUM_JOINTS, 3)
            labelled = table[:, 2] > 0
            if labelled.any():  # OpenPose writes a hand that it did not find as zeros
                scores = table[:, 2].astype(np.float32) if (table[labelled, 2] != 1).any() else None
                known = side if person.get("handedness", side) is not None else None
                yield hand_of(table[:, :2], np.where(labelled, 2, 0), keypoint_scores=scores, handedness=known)


def _record(stem: str, folder: Path, hands: list[Hand]) -> ImageRecord:
    name, numbered = find_image(folder, stem), re.fullmatch(r"(.+)_(\d{12})", stem)
    if name is None and numbered:  # not an image whose own name ends in twelve digits
        video = find_image(folder, numbered[1], VIDEO_SUFFIXES) or numbered[1]
        return ImageRecord(video, None, None, hands, frame=int(numbered[2]))
    return ImageRecord(name or stem, None, None, hands)


@contextmanager
def open_writer(path: Path, images: Path | None = None) -> Iterator[Writer]:
    """Open a folder for writing record by record; it appears when the block ends without an error."""
    with new_folder(path, ENDING) as folder:
        yield Writer(folder)


class Writer:
    """Writes an image's or a frame's file as its record comes."""

    def __init__(self, folder: Path):
        self._folder = folder

    def write(self, record: ImageRecord) -> None:
        if record.failure is None:
            people = [_person(hand) for hand in record.hands if hand.keypoints is not None]
            create(self._folder, file_of(record), dump({"version": 1.3, "people": people}) + "\n")


def file_of(record: ImageRecord) -> str:
    number = "" if record.frame is None else f"_{record.frame:012d}"
    return f"{PurePosixPath(record.file).with_suffix('')}{number}{ENDING}"


def _person(hand: Hand) -> dict[str, Any]:
    points, marks = keypoints_and_marks(hand)
    scores = np.ones(NUM_JOINTS) if hand.keypoint_scores is None else np.maximum(hand.keypoint_scores, LEAST_SCORE)
    table = np.column_stack([points.round(4), np.where(marks > 0, scores, 0).round(6)])
    written: dict[str, list[float]] = {KEY.format(side): [] for side in SIDES}
    written[KEY.format(hand.handedness or "right")] = [float(value) for value in table.ravel()]
    unknown = {"handedness": None} if hand.handedness is None else {}
    return {"person_id": [-1], "pose_keypoints_2d": [], "face_keypoints_2d": [], **written, **unknown}
