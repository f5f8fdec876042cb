"""`csv`: a tidy table, one row for each joint of each hand.

    file,frame,hand,joint,x,y,score,hand_score,handedness,track_id
    a.jpg,,0,wrist,102.5,230.1,0.97,0.93,,

`frame` is empty for still images; `hand` counts from 0 in each image, best first; x and y are empty for a joint that is
not labelled. Lost: boxes (they become the keypoints'), hands without keypoints, image sizes, images without hands,
frame times, failures, and which joints are hidden. Pixels are rounded to 1/100, scores to 1/10,000.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np

from handpose_cli.files import atomic
from handpose_cli.formats._parsing import errors_at, hand_of
from handpose_cli.formats.errors import FormatError
from handpose_cli.formats.handpose_json import hand_to_json
from handpose_cli.records import KEYPOINT_NAMES, Hand, ImageRecord

KEEPS = frozenset({"frame", "outside", "score", "keypoint_scores", "handedness", "track_id"})
COLUMNS = ("file", "frame", "hand", "joint", "x", "y", "score", "hand_score", "handedness", "track_id")
NEEDED = ("file", "joint", "x", "y")


def recognises(path: Path, head: bytes) -> bool:
    columns = head.split(b"\n", 1)[0].decode("utf-8", "replace").strip().split(",")
    return set(NEEDED) <= set(columns)


def read(path: Path, images: Path | None = None) -> Iterator[ImageRecord]:
    """Yield a record for each image or frame that has rows; the rows of one must follow each other.

    Only `file`, `joint`, `x` and `y` are needed; without `hand`, each image has one hand.

    Raises:
        FormatError: if a column or a joint is missing or not as it should be; the message names the file and the row.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = csv.DictReader(file)
            missing = [name for name in NEEDED if name not in (rows.fieldnames or ())]
            if missing:
                raise FormatError(f"{path}: no column {', '.join(missing)}. Received: {rows.fieldnames}")
            numbered = ((rows.line_num, row) for row in rows)
            for (name, frame), group in groupby(numbered, lambda item: (item[1]["file"], item[1].get("frame"))):
                hands = []
                for _, of_hand in groupby(group, lambda item: item[1].get("hand")):
                    listed = list(of_hand)
                    with errors_at(f"{path}: line {listed[0][0]}"):
                        hands.append(_hand([row for _, row in listed]))
                with errors_at(f"{path}: line {listed[0][0]}"):
                    record = ImageRecord(name, None, None, hands, frame=int(frame) if frame else None)
                yield record
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise FormatError(f"{path}: cannot be read as CSV: {error}") from error


def _hand(rows: list[dict[str, Any]]) -> Hand:
    by_joint = {row["joint"]: row for row in rows}
    if len(by_joint) != len(rows) or set(by_joint) != set(KEYPOINT_NAMES):
        odd = set(KEYPOINT_NAMES) ^ set(by_joint) or {row["joint"] for row in rows}
        raise ValueError(f"a hand needs each joint once. Missing, unknown or twice: {', '.join(sorted(odd))}")
    ordered = [by_joint[name] for name in KEYPOINT_NAMES]
    labelled = np.array([bool(row["x"]) and bool(row["y"]) for row in ordered])
    points = [(float(row["x"] or 0), float(row["y"] or 0)) for row in ordered]
    first, scores = ordered[0], [row.get("score") for row in ordered]
    return hand_of(
        np.array(points),
        np.where(labelled, 2, 0),
        keypoint_scores=np.array(scores, np.float64) if all(scores) else None,
        score=float(first["hand_score"]) if first.get("hand_score") else None,
        handedness=first.get("handedness") or None,
        track_id=int(first["track_id"]) if first.get("track_id") else None,
    )


@contextmanager
def open_writer(path: Path, images: Path | None = None) -> Iterator[Writer]:
    """Open a table for writing record by record; it appears when the block ends without an error."""
    with atomic(path) as file:
        yield Writer(csv.writer(file, lineterminator="\n"))


class Writer:
    """Writes the rows of records as they come."""

    def __init__(self, rows):
        self._rows = rows
        self._rows.writerow(COLUMNS)

    def write(self, record: ImageRecord) -> None:
        for number, hand in enumerate(record.hands):
            entry = hand_to_json(hand, record.frame, record.time)
            of_hand = [entry["score"], entry["handedness"], entry["track_id"]]
            for name, joint in zip(KEYPOINT_NAMES, entry["keypoints"] or (), strict=False):
                self._rows.writerow([record.file, record.frame, number, name, *joint, *of_hand])
