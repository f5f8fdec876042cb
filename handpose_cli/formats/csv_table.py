"""`csv`: a tidy table, one row for each joint of each hand.

    file,frame,hand,joint,x,y,score,hand_score,handedness,track_id,flags
    a.jpg,,0,wrist,102.5,230.1,0.97,0.93,,,low_scores jump

`frame` is empty for still images; `hand` counts from 0 in each image, best first; x and y are empty for a joint that is
not labelled; names in `flags` have blanks between. Lost: boxes (they become the keypoints'), hands without keypoints,
image sizes, images without hands, frame times, failures, and which joints are hidden. Pixels are rounded to 1/100,
scores to 1/10,000.

Read are also tables as pandas, R and spreadsheets write them: columns and rows in any order, more columns, rows left
out (their joints are not labelled), `;` or tabs between cells, decimal commas, `NA`, whole numbers as 3.0, tracks with
names (they are numbered), and left or right as `hand`.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import groupby
from pathlib import Path

import numpy as np

from handpose_cli.files import atomic
from handpose_cli.formats._hand_names import one_side, side_in, side_of
from handpose_cli.formats._keypoint_names import NONE, order_of
from handpose_cli.formats._notes import LeftOut
from handpose_cli.formats._parsing import errors_at, hand_of
from handpose_cli.formats._text import (
    TableRows,
    Tracks,
    encoding_of,
    is_missing,
    number_in,
    whole_number_in,
    whole_rows,
)
from handpose_cli.formats.errors import FormatError, Unclear
from handpose_cli.formats.handpose_json import hand_to_json
from handpose_cli.formats.plugin import NO_OPTIONS, ReadOptions
from handpose_cli.records import FLAG, KEYPOINT_NAMES, NUM_JOINTS, Hand, ImageRecord

KEEPS = frozenset({"frame", "outside", "score", "keypoint_scores", "handedness", "track_id", "flags"})
COLUMNS = ("file", "frame", "hand", "joint", "x", "y", "score", "hand_score", "handedness", "track_id", "flags")
NEEDED = ("file", "joint", "x", "y")
DELIMITERS = ",;\t"

Row = dict[str, str]
Numbered = tuple[int, Row]  # with its line in the file


def recognises(path: Path, head: bytes) -> bool:
    header = head.split(b"\n", 1)[0].decode("utf-8", "replace")
    return set(NEEDED) <= set(_columns(header))


def _columns(header: str) -> list[str]:
    try:
        cells = next(csv.reader([header.rstrip("\r\n")], delimiter=_delimiter(header)), [])
    except csv.Error:
        return []
    return [cell.strip().lower() for cell in cells]


def _delimiter(header: str) -> str:
    return max(DELIMITERS, key=header.count)


def read(path: Path, images: Path | None = None, options: ReadOptions = NO_OPTIONS) -> Iterator[ImageRecord]:
    """Yield a record for each image or frame that has rows.

    Only `file`, `joint`, `x` and `y` are needed; without `hand` (or `track_id`), each image has one hand. Memory does
    not grow with the file if the rows of each image follow each other.

    Raises:
        FormatError: if a column is missing or a cell is not as it should be; the message names the file and the line.
    """
    joints, in_a_row = _survey(path, options)
    groups: Iterable[tuple[tuple[str, str], Iterable[Numbered]]] = groupby(_rows(path), _image_of)
    if not in_a_row:
        by_image: dict[tuple[str, str], list[Numbered]] = {}
        for numbered in _rows(path):
            by_image.setdefault(_image_of(numbered), []).append(numbered)
        groups = by_image.items()
    tracks = Tracks()
    with LeftOut(path) as left_out:
        for (name, frame), rows in groups:
            hands: dict[str, list[Numbered]] = {}
            for line, row in rows:
                if joints[row["joint"]] == NONE:
                    left_out.add("rows of other keypoints", row["joint"])
                else:
                    hands.setdefault(row.get("hand", row.get("track_id", "")), []).append((line, row))
            if not hands:
                continue
            with errors_at(f"{path}: line {next(iter(hands.values()))[0][0]}"):
                index = None if is_missing(frame) else whole_number_in(frame)
            found = [_hand(path, hands[key], joints, tracks) for key in sorted(hands, key=_order)]
            labelled = [hand for hand in found if hand is not None]
            if len(labelled) < len(found):
                left_out.add("hands without a labelled joint", count=len(found) - len(labelled))
            yield ImageRecord(name, None, None, labelled, frame=index)


def _order(hand: str) -> tuple[float, str]:
    return (float(hand), "") if hand.replace(".", "", 1).isdecimal() else (-1.0, hand)


def _image_of(numbered: Numbered) -> tuple[str, str]:
    return numbered[1]["file"], numbered[1].get("frame", "")


def _rows(path: Path) -> Iterator[Numbered]:
    """Yield the rows, each by its columns' names."""
    try:
        with path.open(newline="", encoding=encoding_of(path)) as file:
            header = file.readline()
            columns = _columns(header)
            if missing := [name for name in NEEDED if name not in columns]:
                raise FormatError(f"{path}: no column {', '.join(missing)}. Received: {columns}")
            rows = csv.reader(file, delimiter=_delimiter(header))
            for line, cells in whole_rows(path, rows, len(columns), lines=1):
                row = dict(zip(columns, cells, strict=False))
                if absent := [name for name in NEEDED if name not in row]:
                    raise FormatError(f"{path}: line {line}: no {absent[0]}")
                if is_missing(row["file"]):
                    raise FormatError(f"{path}: line {line}: no file")
                yield line, row
    except (OSError, UnicodeError, csv.Error) as error:
        raise FormatError(f"{path}: cannot be read as CSV: {error}") from error


def _survey(path: Path, options: ReadOptions) -> tuple[dict[str, int], bool]:
    """Return which joint each name in the file means, and whether the rows of each image follow each other."""
    names: dict[str, None] = {}
    seen: set[tuple[str, str]] = set()
    last, in_a_row = None, True
    for numbered in _rows(path):
        names[numbered[1]["joint"]] = None
        image = _image_of(numbered)
        if image != last:
            in_a_row &= image not in seen
            seen.add(image)
            last = image
    if not names:
        return {}, True
    with errors_at(path):
        order = order_of(list(names), options.keypoint_names)
        if order.assumed:
            raise Unclear(f"column joint: no joint is named {next(iter(names))!r}", "keypoint_names")
    return dict(zip(names, order.joints, strict=True)), in_a_row


def _hand(path: Path, rows: list[Numbered], joints: dict[str, int], tracks: Tracks) -> Hand | None:
    points, scores = np.full((NUM_JOINTS, 2), np.nan), np.full(NUM_JOINTS, np.nan)
    first: dict[int, str] = {}
    of_hand: Row = {}
    for line, row in rows:
        joint = joints[row["joint"]]
        with errors_at(f"{path}: line {line}"):
            if joint in first:
                raise ValueError(f"a second {row['joint']} of one hand")
            first[joint] = row["joint"]
            if is_missing(row["x"]) != is_missing(row["y"]):
                raise ValueError("only one of x and y")
            if not is_missing(row["x"]):
                points[joint] = number_in(row["x"]), number_in(row["y"])
            if not is_missing(row.get("score")):
                scores[joint] = number_in(row["score"])
            for name in ("hand", "hand_score", "handedness", "track_id", "flags"):
                if not is_missing(row.get(name)):
                    of_hand.setdefault(name, row[name])
    labelled = np.isfinite(points).all(axis=1)
    if not labelled.any():
        return None
    listed = sorted(first)
    known = np.isfinite(scores[listed]).all()
    with errors_at(f"{path}: line {rows[0][0]}"):
        return hand_of(
            np.where(labelled[:, None], points, 0),
            np.where(labelled, 2, 0),
            keypoint_scores=np.nan_to_num(scores) if known else None,
            score=number_in(of_hand["hand_score"]) if "hand_score" in of_hand else None,
            handedness=one_side(
                side_in({"handedness": of_hand.get("handedness", "")}), side_of(of_hand.get("hand", "")), "in rows of"
            ),
            track_id=tracks.number(of_hand["track_id"]) if "track_id" in of_hand else None,
            flags=tuple(name for name in of_hand.get("flags", "").split() if FLAG.fullmatch(name)),
        )


@contextmanager
def open_writer(path: Path, images: Path | None = None) -> Iterator[Writer]:
    """Open a table for writing record by record; it appears when the block ends without an error."""
    with atomic(path) as file:
        yield Writer(TableRows(file))


class Writer:
    """Writes the rows of records as they come."""

    def __init__(self, rows: TableRows):
        self._rows = rows
        self._rows.writerow(COLUMNS)

    def write(self, record: ImageRecord) -> None:
        for number, hand in enumerate(record.hands):
            entry = hand_to_json(hand, record.frame, record.time)
            of_hand = [entry["score"], entry["handedness"], entry["track_id"], " ".join(hand.flags)]
            for name, joint in zip(KEYPOINT_NAMES, entry["keypoints"] or (), strict=False):
                self._rows.writerow([record.file, record.frame, number, name, *joint, *of_hand])
