"""`deeplabcut`: DeepLabCut's tables, which Lightning Pose and movement read too, as CSV or (an extra) HDF5.

    scorer,handpose,handpose,handpose,handpose, ...
    individuals,hand0,hand0,hand0,hand0, ...            only if some image has two hands, or hands are tracked
    bodyparts,wrist,wrist,thumb_cmc,thumb_cmc, ...
    coords,x,y,x,y, ...                                 or x,y,likelihood, if any hand has joint scores
    labeled-data/clip/img0001.png,102.5,230.1,98.2,204.9, ...

An empty cell is a joint that is not labelled, an empty row an image without hands. Hands with a track id are the
individual track0, track1 ..., others hand0, hand1 ... in each image; individuals with other names are read as tracks,
numbered as their columns come, and their names may say the side. DeepLabCut looks for images by these names from its
project's folder: annotate that folder, and they begin with labeled-data. Read are tables with the name in one column or
in three, with fewer joints, and with others, which are left out.

A video has a table of its own, as DeepLabCut writes when it analyses one: rows 0, 1, 2 ..., the frames' numbers. Beside
`labels.csv`, the images' table, they are written to the folder `labels-videos`, `clip.mp4.csv` of `clip.mp4`, and are
read with it. Where a table's name does not say of which video it is, --video does. Lost: sizes, boxes (they become the
keypoints'), hands without keypoints, frame times, hand scores, which joints are hidden, and handedness.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np

from handpose_cli.formats import _deeplabcut_h5 as h5
from handpose_cli.formats._deeplabcut_writer import COORDS, Writer, open_writer, videos_of
from handpose_cli.formats._hand_names import side_of
from handpose_cli.formats._keypoint_names import NONE, order_of
from handpose_cli.formats._notes import LeftOut
from handpose_cli.formats._parsing import errors_at, hand_of, scores_of
from handpose_cli.formats._text import as_utf8, encoding_of, is_missing
from handpose_cli.formats.errors import FormatError, Unclear
from handpose_cli.formats.plugin import NO_OPTIONS, ReadOptions
from handpose_cli.media.suffixes import is_video
from handpose_cli.records import NUM_JOINTS, Hand, ImageRecord

__all__ = ["KEEPS", "Writer", "open_writer", "outputs", "read", "recognises"]

KEEPS = frozenset({"frame", "no_hands", "keypoint_scores", "outside", "track_id"})
LEVELS = ("scorer", "individuals", "bodyparts", "coords")


def recognises(path: Path, head: bytes) -> bool:
    if path.is_dir():
        return any(_begins(file) for file in _tables(path))
    return as_utf8(head).startswith(b"scorer,") or (head.startswith(h5.MAGIC) and path.suffix.lower() in h5.SUFFIXES)


def _begins(file: Path) -> bool:
    if not file.is_file():
        return False
    with file.open("rb") as content:
        return recognises(file, content.read(64))


def _tables(folder: Path) -> list[Path]:
    """Return a folder's tables; of one that is there in both forms the CSV."""
    stored = [file for file in folder.rglob("*") if file.suffix.lower() in h5.SUFFIXES]
    return sorted([*folder.rglob("*.csv"), *(file for file in stored if not file.with_suffix(".csv").exists())])


def outputs(path: Path) -> list[Path]:
    """Return what may be written for `path`: the images' table, and the folder with the videos'."""
    return [path, videos_of(path)]


def read(path: Path, images: Path | None = None, options: ReadOptions = NO_OPTIONS) -> Iterator[ImageRecord]:
    """Yield a record for each row, in the tables' order; of a table or a folder of tables.

    Args:
        options: names of the body parts, and the video of a table with only numbers.

    Raises:
        FormatError: if a table does not follow the format; the message names the file and the line.
    """
    folder = path if path.is_dir() else videos_of(path)
    if not path.is_dir():
        yield from _of_table(path, _video_of(path.name) or options.video, options)
    tables = _tables(folder) if folder.is_dir() else []
    if path.is_dir() and not (tables := [file for file in tables if _begins(file)]):
        raise FormatError(f"{path}: no table that begins with scorer in it")
    for file in tables:
        yield from _of_table(file, _video_of(file.relative_to(folder).as_posix()) or options.video, options)


def _video_of(table: str) -> str | None:
    """Return the video that a table is of, if its name says so: `a/clip.mp4.csv`."""
    name = table.rpartition(".")[0]
    return name if is_video(Path(name)) else None


def _of_table(path: Path, video: str | None, options: ReadOptions) -> Iterator[ImageRecord]:
    if path.suffix.lower() in h5.SUFFIXES:
        levels, stored = h5.read(path)
        with LeftOut(path) as left_out:
            with errors_at(f"{path}: header"):
                places = _places(levels, options, left_out)
            for number, (name, cells) in enumerate(stored):
                with errors_at(f"{path}: row {number}"):
                    record = _record(name, cells, places, video)
                yield record
        return
    try:
        with path.open(newline="", encoding=encoding_of(path)) as file, LeftOut(path) as left_out:
            rows = csv.reader(file)
            with errors_at(f"{path}: header"):
                levels, index_columns = _header(rows)
                places = _places(levels, options, left_out)
            for row in rows:
                if row:
                    with errors_at(f"{path}: line {rows.line_num}"):
                        if len(row) != index_columns + len(levels["coords"]):
                            expected = index_columns + len(levels["coords"])
                            raise ValueError(f"expected {expected} cells. Received: {len(row)}")
                        cells = [np.nan if is_missing(cell) else float(cell) for cell in row[index_columns:]]
                        record = _record("/".join(row[:index_columns]), cells, places, video)
                    yield record
    except (OSError, UnicodeError, csv.Error) as error:
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


def _places(levels: dict[str, list[str]], options: ReadOptions, left_out: LeftOut) -> dict[str, np.ndarray]:
    """Return for each individual the columns [21, 3] of its x, y and likelihood: -1 where there is none."""
    places: dict[str, np.ndarray] = {}
    individuals = levels.get("individuals", ["hand0"] * len(levels["coords"]))
    parts = list(dict.fromkeys(levels["bodyparts"]))
    order = order_of(parts, options.keypoint_names)
    if order.assumed:
        raise Unclear(f"no joint is named {parts[0]!r}", "keypoint_names")
    joints = dict(zip(parts, order.joints, strict=True))
    for part in order.unknown:
        left_out.add("body parts that are no joints of a hand", part, remedy="keypoint_names")
    for column, (name, part, coord) in enumerate(zip(individuals, levels["bodyparts"], levels["coords"], strict=True)):
        if joints[part] == NONE:
            continue
        of_joint = places.setdefault(name, np.full((NUM_JOINTS, len(COORDS)), -1))[joints[part]]
        if of_joint[COORDS.index(coord)] >= 0:
            raise ValueError(f"two columns {name} {part} {coord}")
        of_joint[COORDS.index(coord)] = column
    return places


def _record(name: str, values: Sequence[float], places: dict[str, np.ndarray], video: str | None) -> ImageRecord:
    cells = np.array([*values, np.nan])  # -1: none
    tracks = _tracks(tuple(places))
    hands = [
        _hand(individual, cells[at], tracks.get(individual))
        for individual, at in places.items()
        if np.isfinite(cells[at[:, :2]]).any()
    ]
    number = re.fullmatch(r"(\d{1,12})(\.0+)?", name)
    if number is None:
        return ImageRecord(name.replace("\\", "/"), None, None, hands)
    if video is None:
        raise Unclear(f"the video is not named whose frame this row is. Received: {name}", "video")
    return ImageRecord(video, None, None, hands, frame=int(number[1]))


@lru_cache(8)
def _tracks(individuals: tuple[str, ...]) -> dict[str, int]:
    """Return the tracks' numbers by the individuals' names; none for hand0, hand1 ..., which are of one image."""
    named = [name for name in individuals if not re.fullmatch(r"hand\d+", name)]
    numbers = [re.fullmatch(r"track_?(\d+)", name) for name in named]
    if all(numbers):
        return {name: int(number[1]) for name, number in zip(named, numbers, strict=True) if number}
    return {name: number for number, name in enumerate(named)}


def _hand(individual: str, table: np.ndarray, track: int | None) -> Hand:
    labelled = np.isfinite(table[:, :2])
    if (labelled[:, 0] != labelled[:, 1]).any():
        raise ValueError(f"{individual}: a joint with only one of x and y")
    return hand_of(
        np.nan_to_num(table[:, :2]),
        np.where(labelled[:, 0], 2, 0),
        keypoint_scores=scores_of(table[:, 2], labelled[:, 0]),
        handedness=side_of(individual),
        track_id=track,
    )
