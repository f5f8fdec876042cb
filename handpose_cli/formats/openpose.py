"""`openpose`: a folder with OpenPose's JSON output, a file for each image or frame.

    a/b_keypoints.json                  for the image a/b.jpg
    clip_000000000012_keypoints.json    for frame 12 of clip.mp4

    {"version": 1.3, "people": [{"person_id": [-1], "pose_keypoints_2d": [], "face_keypoints_2d": [],
                                 "hand_left_keypoints_2d": [x, y, c, ... 21 times], "hand_right_keypoints_2d": []}]}

c is the joint's score, 1 if none is known, and 0 for a joint that is not labelled. Each hand is written as a person of
its own; one whose handedness is not known stands in `hand_right_keypoints_2d`, and its person has `"handedness": null`.

The names have no extension: it is looked up in the images' folder, or in the folder itself; where the image is not there,
`file` has none. Lost: sizes, boxes (they become the keypoints'), hands without keypoints, frame times, hand scores,
which joints are hidden, and tracks.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from handpose_cli.formats.coco import dump, keypoints_and_marks
from handpose_cli.formats.errors import FormatError
from handpose_cli.formats.parsing import errors_at, hand_of, numbers_of, read_json
from handpose_cli.records import NUM_JOINTS, Hand, ImageRecord
from handpose_cli.sources.discover import IMAGE_SUFFIXES, VIDEO_SUFFIXES

KEEPS = frozenset({"frame", "no_hands", "keypoint_scores", "outside", "handedness"})

ENDING = "_keypoints.json"
SIDES = ("left", "right")
KEY = "hand_{}_keypoints_2d"
LEAST_SCORE = 1e-4  # of a labelled joint, since 0 means not labelled


def recognises(path: Path, head: bytes) -> bool:
    return path.is_dir() and next(path.rglob(f"*{ENDING}"), None) is not None


def read(path: Path, images: Path | None = None) -> Iterator[ImageRecord]:
    """Yield a record for each file, in the order of their names.

    Raises:
        FormatError: if a file does not follow the format, or its coordinates are not pixels; the message names the file.
    """
    folder = path if images is None else images
    if not path.is_dir():
        raise FormatError(f"{path}: no folder with files named *{ENDING}")
    stems = (file.relative_to(path).as_posix().removesuffix(ENDING) for file in path.rglob(f"*{ENDING}"))
    for stem in sorted(stems):
        file = path / f"{stem}{ENDING}"
        content = read_json(file)
        with errors_at(file):
            people = content["people"]
            hands = [
                hand for number, person in enumerate(people) for hand in _hands(person, f"{file}: people[{number}]")
            ]
            points = np.concatenate([hand.keypoints for hand in hands]) if hands else np.empty((0, 2))
            if len(points) and np.nanmax(np.abs(points)) <= 1:
                raise ValueError(
                    "all coordinates are between -1 and 1: normalised ones (--keypoint_scale 3 or 4) cannot be told from "
                    "pixels. Run OpenPose with --keypoint_scale 0"
                )
        yield _record(stem, folder, hands)


def _hands(person: dict[str, Any], place: str) -> Iterator[Hand]:
    with errors_at(place):
        for side in SIDES:
            values = person.get(KEY.format(side)) or []
            if not values:
                continue
            table = numbers_of(values, (3 * NUM_JOINTS,), KEY.format(side)).reshape(NUM_JOINTS, 3)
            labelled = table[:, 2] > 0
            if labelled.any():  # OpenPose writes a hand that it did not find as zeros
                scores = table[:, 2].astype(np.float32) if (table[labelled, 2] != 1).any() else None
                told = person.get("handedness", side)
                yield hand_of(table[:, :2], np.where(labelled, 2, 0), keypoint_scores=scores, handedness=told)


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
            stem = str(PurePosixPath(record.file).with_suffix(""))
            number = "" if record.frame is None else f"_{record.frame:012d}"
            people = [_person(hand) for hand in record.hands if hand.keypoints is not None]
            create(self._folder, f"{stem}{number}{ENDING}", dump({"version": 1.3, "people": people}) + "\n")


def _person(hand: Hand) -> dict[str, Any]:
    points, marks = keypoints_and_marks(hand)
    scores = np.ones(NUM_JOINTS) if hand.keypoint_scores is None else np.maximum(hand.keypoint_scores, LEAST_SCORE)
    table = np.column_stack([points.round(4), np.where(marks > 0, scores, 0).round(6)])
    written = {KEY.format(side): [] for side in SIDES}
    written[KEY.format(hand.handedness or "right")] = [float(value) for value in table.ravel()]
    unknown = {"handedness": None} if hand.handedness is None else {}
    return {"person_id": [-1], "pose_keypoints_2d": [], "face_keypoints_2d": [], **written, **unknown}


def find_image(folder: Path, stem: str, suffixes: frozenset[str] = IMAGE_SUFFIXES) -> str | None:
    """Return the name, relative to the folder, of the image there that has the stem."""
    names = [f"{stem}{suffix}" for ending in sorted(suffixes) for suffix in (ending, ending.upper())]
    return next((name for name in names if (folder / name).exists()), None)


@contextmanager
def new_folder(path: Path, ending: str) -> Iterator[Path]:
    """Give a temporary folder beside `path`, which takes its place at the end; on an error remove it.

    Args:
        ending: of the names of all files that the format writes; an older folder with others is not replaced.
    """
    if path.exists() and not path.is_dir():
        raise FormatError(f"{path}: a file, where a folder is to be written")
    foreign = next((p for p in path.rglob("*") if p.is_file() and not p.name.endswith(ending)), None)
    if foreign is not None:
        raise FormatError(f"{path}: not replaced, since it also holds {foreign.name}. Choose another folder")
    part, old = (path.absolute().with_name(f"{path.absolute().name}.{end}") for end in ("part", "old"))
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    try:
        yield part
        if path.exists():
            path.rename(old)
        part.rename(path)
        shutil.rmtree(old, ignore_errors=True)
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        raise


def create(folder: Path, name: str, content: str) -> None:
    """Write a new file; raise FormatError if its name leads out of the folder or another image has taken it."""
    path = folder / name
    if not path.resolve().is_relative_to(folder.resolve()):
        raise FormatError(f"{name}: a name that leads out of the folder to write")
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with path.open("x", encoding="utf-8", newline="\n") as file:
            file.write(content)
    except FileExistsError as error:
        raise FormatError(f"{name}: two images would share this file. Rename one of them") from error
