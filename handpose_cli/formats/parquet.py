"""`parquet`: two tables for pandas, Polars, DuckDB, Spark and the like. Needs PyArrow.

`NAME.parquet` has a row for each hand:

    file, frame, time, width, height                of its image; frame and time are null for a still image
    hand                                            its number in the image, from 0, best first
    score, handedness, track_id
    box          list<float>, 4 numbers             x, y, width, height
    keypoints    list<float>, 63                    x, y, score of the 21 joints in turn
    visibility   list<uint8>, 21                    0 not labelled, 1 hidden, 2 visible
    raw_keypoints  list<float>, 42; area, head_size, interpolated
    flags        list<string>                       reasons to doubt the hand

`NAME.images.parquet` has a row for each image or frame, with hands or without, readable or not: `file`, `frame`,
`time`, `width`, `height`, `fps`, `hands` (how many), `failure` (why it could not be read), `sample`, `corrected` and
`exhaustive`.
What is not known is null. Both tables have `info`, `keypoint_names` and `skeleton` of the result file as metadata, in
JSON. Pixels are rounded to 1/100, scores to 1/10,000.

Read are also tables of hands that other programs wrote from these: with fewer columns (`file` and `keypoints` or `box`
are needed) or more, rows left out or in another order, and without the table of images, whose images without hands and
failures are then not known.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import chain, groupby
from math import isnan
from pathlib import Path
from typing import Any

import numpy as np

from handpose_cli.formats._notes import say
from handpose_cli.formats._parquet_writer import HAND_COLUMNS, IMAGE_COLUMNS, images_path, open_writer
from handpose_cli.formats._parsing import box_of, errors_at, flags_in, hand_fields, hand_of, numbers_of
from handpose_cli.formats.errors import FormatError
from handpose_cli.formats.fields import EVERYTHING
from handpose_cli.records import NUM_JOINTS, Hand, ImageRecord

__all__ = ["KEEPS", "head", "open_writer", "outputs", "read", "recognises"]

KEEPS = EVERYTHING
ROWS = 1 << 13  # that are read at a time

Row = dict[str, Any]
Key = tuple[str, int | None]
Numbered = tuple[int, Row]  # with its number in the table, from 0

WHOLE = {"frame", "width", "height", "hand", "track_id"}
NO_MORE: tuple[Key, list[Numbered]] = (("", None), [])


def recognises(path: Path, head: bytes) -> bool:
    return head.startswith(b"PAR1")


def outputs(path: Path) -> list[Path]:
    """Return the two tables."""
    return [path, images_path(path)]


def head(path: Path) -> dict[str, Any]:
    """Return the table's `info`; empty if another program wrote it without."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        found = json.loads((pq.read_schema(path).metadata or {}).get(b"info", b"{}"))
    except (OSError, pa.ArrowException, ValueError):  # reading the rows will report what is wrong
        return {}
    return found if isinstance(found, dict) else {}


def read(path: Path, images: Path | None = None) -> Iterator[ImageRecord]:
    """Yield a record for each row of the table of images, or for each image of the table of hands if there is no other.

    Memory does not grow with the tables if their rows are in the same order.

    Raises:
        FormatError: if a table cannot be read, a column is missing, or a cell is not as it should be; the message names
            the file and the row, from 0.
    """
    _check_columns(path)
    listed = images_path(path)
    if not listed.is_file():
        say(f"{path}: there is no {listed.name}: images without hands, and failures, are not known")
        yield from _of_hands_alone(path)
        return
    of_images = _rows(listed, IMAGE_COLUMNS)
    groups = _groups(path)
    if not _in_order(path, listed):
        gathered = _gathered(groups)
        for number, row in of_images:
            yield _record(row, listed, number, _hands(gathered.pop(_key(row), []), path))
        groups = iter(gathered.items())
    else:
        key, rows = next(groups, NO_MORE)
        for number, row in of_images:
            found: list[Numbered] = []
            if rows and _key(row) == key:
                found = rows
                key, rows = next(groups, NO_MORE)
            yield _record(row, listed, number, _hands(found, path))
    for _, rows in groups:  # of images that the other table does not have
        yield _record(rows[0][1], path, rows[0][0], _hands(rows, path))


def _of_hands_alone(path: Path) -> Iterator[ImageRecord]:
    groups = _groups(path)
    if not _in_order(path, None):
        groups = iter(_gathered(groups).items())
    for _, rows in groups:
        yield _record(rows[0][1], path, rows[0][0], _hands(rows, path))


def _in_order(path: Path, listed: Path | None) -> bool:
    """Return whether the rows of each image's hands follow each other, in the order of the table of images."""
    keys = (key for key, _ in groupby(_key(row) for _, row in _rows(path, ("file", "frame"))))
    if listed is not None:
        images = (_key(row) for _, row in _rows(listed, ("file", "frame")))
        return all(key in images for key in keys)  # `in` looks on from where it was
    seen: set[Key] = set()
    return not any(key in seen or seen.add(key) for key in keys)  # type: ignore[func-returns-value]


def _groups(path: Path) -> Iterator[tuple[Key, list[Numbered]]]:
    """Yield the rows of hands that follow each other in an image, in the order of the hands' numbers."""
    for key, rows in groupby(_rows(path, HAND_COLUMNS), lambda numbered: _key(numbered[1])):
        yield key, sorted(rows, key=_place)


def _gathered(groups: Iterable[tuple[Key, list[Numbered]]]) -> dict[Key, list[Numbered]]:
    """Return all rows by their images, in the order of the hands' numbers."""
    gathered: dict[Key, list[Numbered]] = {}
    for key, rows in groups:
        gathered.setdefault(key, []).extend(rows)
    for rows in gathered.values():
        rows.sort(key=_place)
    return gathered


def _place(numbered: Numbered) -> int:
    return numbered[1].get("hand") or 0


def _key(row: Row) -> Key:
    return row["file"], row.get("frame")


def _check_columns(path: Path) -> None:
    with _opened(path) as table:
        columns = table.schema_arrow.names
    if "failure" in columns and "keypoints" not in columns:
        raise FormatError(f"{path}: a table of images; give the table of hands beside it")
    if "file" not in columns or not {"keypoints", "box"} & set(columns):
        raise FormatError(f"{path}: columns file, and keypoints or box, are needed. Received: {', '.join(columns)}")


def _rows(path: Path, columns: Iterable[str]) -> Iterator[Numbered]:
    """Yield the rows of a table with those of the columns that it has."""
    with _opened(path) as table:
        if not table.num_row_groups:  # which PyArrow 18 cannot go through
            return
        there = [name for name in columns if name in table.schema_arrow.names]
        batches = (batch.to_pylist() for batch in table.iter_batches(ROWS, columns=there))
        for number, row in enumerate(chain.from_iterable(batches)):
            for name, value in row.items():
                if isinstance(value, float):  # pandas makes floats of whole numbers where some are missing
                    row[name] = None if isnan(value) else value
                    if name in WHOLE and value.is_integer():
                        row[name] = int(value)
            with errors_at(f"{path}: row {number}"):
                if not isinstance(row["file"], str):
                    raise ValueError(f"file must be a text. Received: {row['file']!r}")
                for name in WHOLE & row.keys():
                    if not isinstance(row[name], int | None):
                        raise ValueError(f"{name} must be a whole number or null. Received: {row[name]!r}")
            yield number, row


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    """Open a table; PyArrow's errors in the block become a FormatError."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as table:
            yield table
    except FormatError:
        raise
    except (pa.ArrowException, OSError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise FormatError(f"{path}: cannot be read as Parquet: {' '.join(reason.split()):.200}") from error


def _record(row: Row, path: Path, number: int, hands: list[Hand]) -> ImageRecord:
    with errors_at(f"{path}: row {number}"):
        for name in ("time", "fps"):
            if row.get(name) is not None:
                row[name] = float(numbers_of(row[name], (), name))
    known = {name: row.get(name) for name in ("frame", "time", "fps", "failure", "sample")}
    known["corrected"] = bool(row.get("corrected"))
    known["exhaustive"] = row.get("exhaustive") is not False
    return ImageRecord(row["file"], row.get("width"), row.get("height"), hands, **known)  # type: ignore[arg-type]


def _hands(rows: list[Numbered], path: Path) -> list[Hand]:
    hands = []
    before: Row = {}
    for number, row in rows:
        with errors_at(f"{path}: row {number}"):
            if row == before and row.get("hand") is not None:  # rows come sorted by it
                raise ValueError(f"hand {row['hand']} of {row['file']} is there twice, as after a join of tables")
            hands.append(_hand(row))
        before = row
    return hands


def _hand(row: Row) -> Hand:
    fields: dict[str, Any] = {**hand_fields(row), "flags": flags_in(row)}
    box = None if row.get("box") is None else box_of(row["box"])
    if row.get("keypoints") is None:
        if box is None:
            raise ValueError("a hand without a box and without keypoints")
        return Hand(box, **fields)
    table = np.array(row["keypoints"], np.float64)  # null becomes NaN
    if table.shape != (3 * NUM_JOINTS,):
        raise ValueError(f"keypoints must be {3 * NUM_JOINTS} numbers. Received: {table.size}")
    points, scores = table.reshape(-1, 3)[:, :2], table[2::3]
    labelled = np.asarray(~np.isnan(points).any(axis=1))
    visibility = row.get("visibility")
    if visibility is not None:
        visibility = numbers_of(visibility, (NUM_JOINTS,), "visibility")
        labelled = visibility != 0
    elif not labelled.all():
        visibility = np.where(labelled, 2, 0)
    hand = hand_of(np.where(labelled[:, None], points, 0), visibility, box, **fields)
    if hand.keypoints is not None and np.isfinite(scores[labelled]).all():
        hand.keypoint_scores = np.nan_to_num(scores).astype(np.float32)
    if row.get("raw_keypoints") is not None:
        raw = numbers_of(row["raw_keypoints"], (2 * NUM_JOINTS,), "raw_keypoints")
        hand.raw_keypoints = raw.reshape(-1, 2).astype(np.float32)
    return hand
