"""`csv`: a tidy table, one row for each joint of each hand: file, frame, hand, joint, x, y, score.

`frame` is empty for still images; `hand` counts from 0 in each image, best first. Images without hands have no rows.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from handpose_cli.files import atomic
from handpose_cli.formats.handpose_json import hand_to_json
from handpose_cli.records import KEYPOINT_NAMES, ImageRecord

COLUMNS = ("file", "frame", "hand", "joint", "x", "y", "score")


@contextmanager
def open_writer(path: Path) -> Iterator[Writer]:
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
            keypoints = hand_to_json(hand, record.frame, record.time)["keypoints"] or []
            for name, (x, y, score) in zip(KEYPOINT_NAMES, keypoints, strict=False):
                self._rows.writerow([record.file, record.frame, number, name, x, y, score])
