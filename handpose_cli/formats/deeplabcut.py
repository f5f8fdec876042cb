"""`deeplabcut`: DeepLabCut's CollectedData CSV, which Lightning Pose reads too.

    scorer,handpose,handpose,handpose,handpose, ...
    individuals,hand0,hand0,hand0,hand0, ...            only if some image has two hands, or hands are tracked
    bodyparts,wrist,wrist,thumb_cmc,thumb_cmc, ...
    coords,x,y,x,y, ...                                 or x,y,likelihood, if any hand has joint scores
    labeled-data/clip/img0001.png,102.5,230.1,98.2,204.9, ...

An empty cell is a joint that is not labelled, an empty row an image without hands. Hands with a track id are the
individual track0, track1 ..., others hand0, hand1 ... in each image. DeepLabCut looks for images by these names from
its project's folder: annotate that folder, and they begin with labeled-data. Read are tables with the name in one
column or in three, and with fewer joints; tables of a video, whose rows are 0, 1, 2 ..., if the video is named, and
bodyparts of any names. A video's frame becomes an image: v.mp4/000012.jpg. Lost: sizes, boxes (they
become the keypoints'), hands without keypoints, frame numbers and times, hand scores, which joints are hidden, and
handedness.
"""

from __future__ import annotations

import csv
import json
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import numpy as np

from handpose_cli.files import atomic
from handpose_cli.formats._keypoint_names import NONE, order_of
from handpose_cli.formats._parsing import errors_at, hand_of
from handpose_cli.formats.errors import FormatError, Unclear
from handpose_cli.formats.fields import image_name
from handpose_cli.formats.plugin import NO_OPTIONS, ReadOptions
from handpose_cli.records import KEYPOINT_NAMES, NUM_JOINTS, Hand, ImageRecord

KEEPS = frozenset({"no_hands", "keypoint_scores", "outside", "track_id"})

SCORER = "handpose"
COORDS = ("x", "y", "likelihood")
LEVELS = ("scorer", "individuals", "bodyparts", "coords")


def recognises(path: Path, head: bytes) -> bool:
    return head.removeprefix(b"\xef\xbb\xbf").startswith(b"scorer,")


def read(path: Path, images: Path | None = None, options: ReadOptions = NO_OPTIONS) -> Iterator[ImageRecord]:
    """Yield a record for each row, in the file's order.

    Args:
        options: `keypoint_names` for bodyparts of other names; `video`: what rows 0, 1, 2 ... are the frames of.

    Raises:
        FormatError: if the table does not follow the format; the message names the file and the line.
    """
    if options.classes:
        raise FormatError(f"{path}: files of the format deeplabcut have no names of classes to choose by")
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = csv.reader(file)
            with errors_at(f"{path}: header"):
                levels, index_columns = _header(rows)
                places = _places(levels, options)
            for row in rows:
                if row:
                    with errors_at(f"{path}: line {rows.line_num}"):
                        record = _record(row, index_columns, len(levels["coords"]), places, options.video)
                    yield record
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise FormatError(f"{path}: cannot be read as CSV: {error}") from error


def _header(rows: Iterator[list[str]]) -> tuple[dict[str, list[str]], int]:
    """Return each header row's cells by its name, and how many columns the images' names take."""
    levels: dict[str, list[str]] = {}
    while "coords" not in levels:
        row = next(rows, None)
        if not row or row[0] not in LEVELS:
            raise ValueError(f"rows scorer, bodyparts and coords expected. Received: {row and row[0]}")
        levels[row[0]] = row
    coords = levels["coords"]
    index_columns = next((i for i, cell in enumerate(coords) if cell in COORDS), len(coords))
    if len({len(row) for row in levels.values()}) != 1 or index_columns not in (1, 3):
        raise ValueError("rows of the same length expected, with the images' names in one column or three")
    return {name: row[index_columns:] for name, row in levels.items()}, index_columns


def _places(levels: dict[str, list[str]], options: ReadOptions) -> dict[str, np.ndarray]:
    """Return for each individual the columns [21, 3] of its x, y and likelihood: -1 where there is none."""
    places: dict[str, np.ndarray] = {}
    names = list(dict.fromkeys(levels["bodyparts"]))
    order = order_of(names, options.keypoint_names)
    if order.assumed or (order.unknown and options.keypoint_names is None):  # never left out without a word
        strange = ", ".join(order.unknown or names)
        raise Unclear(f"bodyparts that are no joints of a hand. Received: {strange:.60}", "keypoint_names")
    joints = dict(zip(names, order.joints, strict=True))
    individuals = levels.get("individuals", ["hand0"] * len(levels["coords"]))
    for column, (name, joint, coord) in enumerate(zip(individuals, levels["bodyparts"], levels["coords"], strict=True)):
        table = places.setdefault(name, np.full((NUM_JOINTS, len(COORDS)), -1))
        if joints[joint] == NONE:
            continue
        of_joint = table[joints[joint]]
        if of_joint[COORDS.index(coord)] >= 0:
            raise ValueError(f"two columns {name} {joint} {coord}")
        of_joint[COORDS.index(coord)] = column
    return places


def _record(
    row: list[str], index_columns: int, columns: int, places: dict[str, np.ndarray], video: str | None
) -> ImageRecord:
    name = "/".join(row[:index_columns])
    of_video = name.isascii() and name.isdigit()
    if of_video and video is None:
        raise Unclear(f"the video is not named whose frame this row is. Received: {name}", "video")
    if len(row) != index_columns + columns:
        raise ValueError(f"expected {index_columns + columns} cells. Received: {len(row)}")
    cells = np.array([float(cell) if cell else np.nan for cell in row[index_columns:]] + [np.nan])  # -1: none
    hands = [_hand(individual, cells[at]) for individual, at in places.items() if np.isfinite(cells[at[:, :2]]).any()]
    if of_video and video is not None:
        return ImageRecord(video, None, None, hands, frame=int(name))
    return ImageRecord(name.replace("\\", "/"), None, None, hands)


def _hand(individual: str, table: np.ndarray) -> Hand:
    labelled = np.isfinite(table[:, :2])
    if (labelled[:, 0] != labelled[:, 1]).any():
        raise ValueError(f"{individual}: a joint with only one of x and y")
    known, track = np.isfinite(table[:, 2]), re.fullmatch(r"track(\d+)", individual)
    return hand_of(
        np.nan_to_num(table[:, :2]),
        np.where(labelled[:, 0], 2, 0),
        keypoint_scores=np.where(known, table[:, 2], 0).astype(np.float32) if known.any() else None,
        track_id=int(track[1]) if track else None,
    )


@contextmanager
def open_writer(path: Path, images: Path | None = None) -> Iterator[Writer]:
    """Open a table for writing record by record; it appears when the block ends without an error."""
    # the header depends on all hands, so the rows wait in a file of their own
    with atomic(path) as file, tempfile.TemporaryFile("w+", encoding="utf-8") as spool:
        writer = Writer(file, spool)
        yield writer
        writer.finish()


class Writer:
    """Collects the rows of records as they come, and writes them behind their header."""

    def __init__(self, file: IO[str], spool: IO[str]):
        self._rows, self._spool = csv.writer(file, lineterminator="\n"), spool
        self._names: set[str] = set()
        self._scored = False

    def write(self, record: ImageRecord) -> None:
        if record.failure is not None:
            return
        hands: dict[str, list[list[Any]]] = {}
        untracked = 0
        for hand in record.hands:
            if hand.keypoints is None:
                continue
            name = f"hand{untracked}" if hand.track_id is None else f"track{hand.track_id}"
            untracked += hand.track_id is None
            if name in hands:
                raise FormatError(f"{image_name(record)}: two hands with track id {hand.track_id}")
            hands[name] = _cells(hand)
            self._scored |= hand.keypoint_scores is not None
        self._names.update(hands)
        self._spool.write(json.dumps([image_name(record), hands]) + "\n")

    def finish(self) -> None:
        individuals = sorted(self._names or {"hand0"}, key=lambda name: (len(name), name))
        coords = COORDS if self._scored else COORDS[:2]
        columns = [(name, joint, coord) for name in individuals for joint in KEYPOINT_NAMES for coord in coords]
        self._rows.writerow(["scorer", *[SCORER] * len(columns)])
        if individuals != ["hand0"]:
            self._rows.writerow(["individuals", *(name for name, _, _ in columns)])
        self._rows.writerow(["bodyparts", *(joint for _, joint, _ in columns)])
        self._rows.writerow(["coords", *(coord for _, _, coord in columns)])
        self._spool.seek(0)
        none = [[""] * len(COORDS)] * NUM_JOINTS
        for line in self._spool:
            image, hands = json.loads(line)
            cells = (cell for name in individuals for joint in hands.get(name, none) for cell in joint[: len(coords)])
            self._rows.writerow([image, *cells])


def _cells(hand: Hand) -> list[list[Any]]:
    assert hand.keypoints is not None
    scores = np.full(NUM_JOINTS, np.nan) if hand.keypoint_scores is None else hand.keypoint_scores
    table = np.column_stack([hand.keypoints.astype(float).round(3), scores.astype(float).round(6)])
    return [["" if np.isnan(value) else value for value in row] for row in table.tolist()]
