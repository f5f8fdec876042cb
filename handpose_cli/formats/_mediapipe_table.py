"""Tables of MediaPipe's results: CSV with commas, semicolons or tabs; one row a hand or image, or one row a landmark.

    file,frame,handedness,score,x0,y0,z0, ... x20,y20,z20           or 0_x, WRIST_x, x_WRIST, INDEX_FINGER_TIP_x ...
    file,left_WRIST_x,left_WRIST_y, ... right_PINKY_TIP_y           both hands in a row, also hand0_... and hand1_...
    file,hand,landmark,x,y,z                                        a landmark by its number or name

SLEAP's analysis CSV is such a table too: track (left_hand tells the handedness), frame_idx, instance.score, NODE.x ...

`file` may be called image, filename, path and the like; where there is only `frame`, --video names the video. `hand` is
a number, left or right; `width` and `height` are the image's size. In a wide table joints may have a score (likelihood,
confidence) of their own; `track` is a number or a name. Columns that are not read are listed. An empty or NaN cell is a
joint that is not there.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import IO

import numpy as np

from handpose_cli.formats._hand_names import one_side, side_of
from handpose_cli.formats._keypoint_names import NONE, order_of, understand
from handpose_cli.formats._notes import listed, say
from handpose_cli.formats._parsing import errors_at
from handpose_cli.formats._results_in_units import FoundHand, FoundImage, no_joints
from handpose_cli.formats._text import Table, Tracks, encoding_of, is_missing, number_in, whole_number_in, whole_rows
from handpose_cli.formats.errors import FormatError
from handpose_cli.formats.plugin import ReadOptions
from handpose_cli.records import NUM_JOINTS

IMAGE = ("file", "image", "filename", "file_name", "image_name", "image_path", "path", "img", "video", "name", "source")
FRAME = ("frame", "frame_index", "frame_id", "frame_number", "frame_idx")
HAND = ("hand", "hand_id", "hand_index", "hand_idx", "hand_number", "hand_no")
SIDE = ("handedness", "hand_label", "label", "side", "hand_side", "hand")
SCORE = ("score", "confidence", "hand_score", "handedness_score", "handedness_confidence", "instance.score")
TRACK = ("track", "track_id", "track_name")
JOINT = ("landmark", "landmark_id", "landmark_index", "landmark_idx", "landmark_name", "joint", "keypoint", "point",
         "point_id", "lm", "lm_id", "joint_id", "joint_name", "keypoint_id", "keypoint_name", "id")  # fmt: skip
SIZES = (("width", "image_width", "img_width", "w"), ("height", "image_height", "img_height", "h"))

_AXIS_FIRST = re.compile(r"([xyz])[ _.\-]?(.+)", re.IGNORECASE)
_AXIS_LAST = re.compile(r"(.+?)[ _.\-]?([xyz])", re.IGNORECASE)
_SCORE_LAST = re.compile(r"(.+?)[ _.\-](?:score|likelihood|confidence)", re.IGNORECASE)
_NUMBERED_HAND = re.compile(r"(hand[ _]?\d)[ _.\-]+(.+)", re.IGNORECASE)
Row = Mapping[str, str]
Lines = Sequence[tuple[int, Row]]


def recognises(head: bytes) -> bool:
    """Return whether a text's first line has such columns."""
    line = head.split(b"\n", 1)[0].decode("utf-8", "replace").strip().lower()
    try:
        columns = next(csv.reader([line], delimiter=_delimiter(line)), [])
    except csv.Error:
        return False
    names = {name.strip() for name in columns}
    if names.isdisjoint((*IMAGE, *FRAME)):
        return False
    return ({"x", "y"} <= names and not names.isdisjoint(JOINT)) or len(_axes(columns)) >= 2 * NUM_JOINTS


def _delimiter(header: str) -> str:
    return max(",;\t", key=header.count)


@dataclass(frozen=True)
class _Columns:
    """Which column says what; None: no column does."""

    image: str | None
    frame: str | None
    hand: str | None
    side: str | None
    score: str | None
    track: str | None
    joint: str | None
    sizes: tuple[str | None, str | None]

    @classmethod
    def of(cls, names: Sequence[str]) -> _Columns:
        by_lower = {name.strip().lower(): name for name in reversed(names)}

        def one(wanted: Sequence[str]) -> str | None:
            return next((by_lower[name] for name in wanted if name in by_lower), None)

        sizes = (one(SIZES[0]), one(SIZES[1]))
        return cls(one(IMAGE), one(FRAME), one(HAND), one(SIDE), one(SCORE), one(TRACK), one(JOINT), sizes)

    def used(self) -> set[str | None]:
        """Return the names of all of them."""
        return {self.image, self.frame, self.hand, self.side, self.score, self.track, self.joint, *self.sizes}


_Read = Callable[[Lines, _Columns, Tracks], Iterator[FoundHand]]  # gives the hands in an image's rows


def images_of(path: Path, options: ReadOptions) -> Iterator[FoundImage]:
    """Yield the images; the rows of one follow each other.

    Raises:
        FormatError: if columns are missing, or a cell is not as it should be; the message names the line.
    """
    try:
        with path.open(newline="", encoding=encoding_of(path)) as file:
            names = next(_table(file), [])
        columns = _Columns.of(names)
        if columns.image is None and (columns.frame is None or options.video is None):
            remedy = "" if columns.frame is None else "video"
            raise FormatError(f"{path}: no column with the images' names ({', '.join(IMAGE[:3])} ...)", remedy)
        read, used = _long(path, columns, names, options) if columns.joint else _wide(path, names, options)
        if unread := [name for name in names if name.strip() and name not in used | columns.used()]:
            say(f"{path}: left out: {len(unread)} columns: {listed(unread)}")
        tracks = Tracks()
        for (name, frame), lines in _by_image(path, columns):
            place = f"{path}: line {lines[0][0]}"
            with errors_at(place):
                number = _whole(frame)
                width, height = (_whole(lines[0][1][column]) if column else None for column in columns.sizes)
                if not (name or options.video):
                    raise ValueError("no image's name")
                found = FoundImage(place, name or str(options.video), number, width, height)
                found.hands = [hand for hand in read(lines, columns, tracks) if np.isfinite(hand.points).any()]
            yield found
    except (OSError, UnicodeError, csv.Error) as error:
        raise FormatError(f"{path}: cannot be read as CSV: {error}") from error


def _table(file: IO[str]) -> Table:
    header = file.readline()
    file.seek(0)
    return csv.reader(file, delimiter=_delimiter(header), skipinitialspace=True)


def _rows(path: Path) -> Iterator[tuple[int, Row]]:
    with path.open(newline="", encoding=encoding_of(path)) as file:
        table = _table(file)
        names = next(table, [])
        for line, cells in whole_rows(path, table, len(names)):
            yield line, dict(zip(names, [*cells, *[""] * (len(names) - len(cells))], strict=False))


def _by_image(path: Path, columns: _Columns) -> Iterator[tuple[tuple[str, str], Lines]]:
    """Yield each image's rows; memory grows with the file only where they do not follow each other."""
    seen: set[tuple[str, str]] = set()
    in_a_row = True
    for key, _ in groupby(_key(row, columns) for _, row in _rows(path)):
        in_a_row = in_a_row and key not in seen
        seen.add(key)
    if in_a_row:
        for key, group in groupby(_rows(path), lambda item: _key(item[1], columns)):
            yield key, list(group)
        return
    gathered: dict[tuple[str, str], list[tuple[int, Row]]] = {}
    for line, row in _rows(path):
        gathered.setdefault(_key(row, columns), []).append((line, row))
    yield from gathered.items()


def _key(row: Row, columns: _Columns) -> tuple[str, str]:
    name = row[columns.image].strip() if columns.image else ""
    return name, row[columns.frame].strip() if columns.frame else ""


def _axes(names: Sequence[str]) -> dict[tuple[str, str], str]:
    """Return the columns of coordinates by joint's name and axis."""
    found: dict[tuple[str, str], str] = {}
    for name in names:
        first, last = _AXIS_FIRST.fullmatch(name.strip()), _AXIS_LAST.fullmatch(name.strip())
        for joint, axis in [(m[1], m[2]) for m in [last] if m] + [(m[2], m[1]) for m in [first] if m]:
            if understand([_split(joint)[1]])[0] != NONE or joint.isdecimal():
                found[joint, axis.lower()] = name
                break
    return found


def _split(joint: str) -> tuple[str, str]:
    """Return which hand a joint's column is of, empty if only one is there, and the joint's name."""
    if numbered := _NUMBERED_HAND.fullmatch(joint):
        return numbered[1], numbered[2]
    return side_of(joint) or "", joint


def _wide(path: Path, names: Sequence[str], options: ReadOptions) -> tuple[_Read, set[str]]:
    """Return what reads a row's hands, and the columns that are for joints."""
    axes = _axes(names)
    scores = {match[1]: name for name in names if (match := _SCORE_LAST.fullmatch(name.strip()))}
    by_hand: dict[str, list[str]] = {}
    for joint, axis in axes:
        if axis == "x" and (joint, "y") in axes:
            by_hand.setdefault(_split(joint)[0], []).append(joint)
    if not by_hand:
        raise FormatError(f"{path}: no columns of landmarks: x0, y0 ... or WRIST_x, WRIST_y ... expected")
    hands = []
    for hand, joints in by_hand.items():
        with errors_at(path):
            order = order_of([_split(joint)[1] for joint in joints], options.keypoint_names)
        at = [
            (axes[joint, "x"], axes[joint, "y"], scores.get(joint), index)
            for joint, index in zip(joints, order.joints, strict=True)
            if index != NONE
        ]
        hands.append((hand, at))
    of_joints = {*axes.values(), *(scores[joint] for joint, _ in axes if joint in scores)}

    def read(lines: Lines, columns: _Columns, tracks: Tracks) -> Iterator[FoundHand]:
        for _, row in lines:
            for hand, places in hands:
                points, of_points = no_joints(), np.full(NUM_JOINTS, np.nan)
                for x, y, score, joint in places:
                    points[joint] = _number(row[x]), _number(row[y])
                    of_points[joint] = _number(row[score]) if score else np.nan
                found = _hand(points, row, columns, side_of(hand), tracks)
                found.joint_scores = of_points if np.isfinite(of_points).any() else None
                yield found

    return read, of_joints


def _long(path: Path, columns: _Columns, names: Sequence[str], options: ReadOptions) -> tuple[_Read, set[str]]:
    """Return what reads the hands of an image's rows, and the columns that are for joints."""
    by_lower = {name.strip().lower(): name for name in names}
    if not {"x", "y"} <= by_lower.keys():
        raise FormatError(f"{path}: no columns x and y")
    # a first pass: how joints are counted or named is the same in the whole file
    labels = list(dict.fromkeys(_label(row[columns.joint or ""]) for _, row in _rows(path)))
    with errors_at(path):
        joint_of = dict(zip(labels, order_of(labels, options.keypoint_names).joints, strict=True)) if labels else {}

    def read(lines: Lines, columns: _Columns, tracks: Tracks) -> Iterator[FoundHand]:
        hands: dict[tuple[str, int], tuple[np.ndarray, Row]] = {}
        seen: dict[tuple[str, int], int] = {}  # of a hand's name and joint, how often
        for number, row in lines:
            joint = joint_of[_label(row[columns.joint or ""])]
            if joint == NONE:
                continue
            named = "/".join(row[column] for column in (columns.hand, columns.side, columns.track) if column)
            again = seen[named, joint] = seen.get((named, joint), -1) + 1  # the next hand, if they have no numbers
            if again and columns.hand and columns.hand != columns.side:
                raise FormatError(
                    f"{path}: line {number}: landmark {row[columns.joint or '']} of this hand is there twice"
                )
            points, _ = hands.setdefault((named, again), (no_joints(), row))
            points[joint] = _number(row[by_lower["x"]]), _number(row[by_lower["y"]])
        for points, row in hands.values():
            yield _hand(points, row, columns, None, tracks)

    return read, {by_lower[axis] for axis in "xyz" if axis in by_lower}


def _label(cell: str) -> str:
    """Return a landmark's name or number; some programs write whole numbers as 4.0."""
    return re.sub(r"(\d+)\.0+", r"\1", cell.strip())


def _hand(points: np.ndarray, row: Row, columns: _Columns, side: str | None, tracks: Tracks) -> FoundHand:
    score = _number(row[columns.score]) if columns.score else np.nan
    handedness = side_of(row[columns.side]) if columns.side else None
    if np.isfinite(points).any():  # a row for both hands may lack one
        handedness = one_side(handedness, side, "in columns of")
    track = tracks.number(row[columns.track]) if columns.track else None
    if handedness is None and columns.track:  # SLEAP has no other place for it
        handedness = side_of(row[columns.track])
    return FoundHand(points, None if np.isnan(score) else score, handedness, track)


def _number(cell: str) -> float:
    return np.nan if is_missing(cell) else number_in(cell)


def _whole(cell: str) -> int | None:
    return None if is_missing(cell) else whole_number_in(cell)
