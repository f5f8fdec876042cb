"""Writes the tables of `parquet`, a row group at a time, so that memory does not grow with the number of hands."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from handpose_cli.files import atomic, restored
from handpose_cli.formats.handpose_json import FORMAT_VERSION
from handpose_cli.records import KEYPOINT_NAMES, NUM_JOINTS, SKELETON, Hand, ImageRecord
from handpose_cli.run_facts import RunFacts

ROWS = 1 << 14  # of a row group: some 5 MB
# columns and their types; those in NUMBERS are lists
_OF_IMAGE = {"file": "string", "frame": "int64", "time": "double", "width": "int32", "height": "int32"}
HAND_COLUMNS = {
    **_OF_IMAGE,
    "hand": "int32",
    "score": "double",
    "handedness": "string",
    "track_id": "int64",
    "box": "float",
    "keypoints": "float",
    "visibility": "uint8",
    "raw_keypoints": "float",
    "area": "double",
    "head_size": "double",
    "interpolated": "bool",
    "flags": "list of string",
}
IMAGE_COLUMNS = {
    **_OF_IMAGE,
    "fps": "double",
    "hands": "int32",
    "failure": "string",
    "sample": "string",
    "corrected": "bool",
    "exhaustive": "bool",
}
NUMBERS = {"box": 4, "keypoints": 3 * NUM_JOINTS, "visibility": NUM_JOINTS, "raw_keypoints": 2 * NUM_JOINTS}
_TIME_OF_DAY = "started"  # in a run's info; without it, the same run writes the same bytes


def images_path(path: Path) -> Path:
    """Return where the table of images of a table of hands is."""
    return path.with_name(f"{path.name.removesuffix('.parquet')}.images.parquet")


def _schema(columns: Mapping[str, str]) -> Any:
    import pyarrow as pa

    types = {"uint8": pa.uint8(), "float": pa.float32(), "list of string": pa.list_(pa.string())}
    return pa.schema(
        {
            # not of a fixed size, of which PyArrow before 26 does not read columns with nulls
            name: pa.list_(types[kind]) if name in NUMBERS else types.get(kind) or pa.type_for_alias(kind)
            for name, kind in columns.items()
        }
    )


@contextmanager
def open_writer(path: Path, images: Path | None = None, run: RunFacts | None = None) -> Iterator[ParquetWriter]:
    """Open both tables for writing record by record; they appear when the block ends without an error.

    Args:
        run: how the results were made; None: they were converted from labels.
    """
    head = {
        name: value
        for name, value in ((run and run.info) or {"format_version": FORMAT_VERSION}).items()
        if name != _TIME_OF_DAY
    }
    with (
        restored(path),
        atomic(images_path(path), "wb") as of_images,
        atomic(path, "wb") as of_hands,
        _Table(of_hands, _schema(HAND_COLUMNS), head) as hands,
        _Table(of_images, _schema(IMAGE_COLUMNS), head) as all_images,
    ):
        yield ParquetWriter(hands, all_images)


class ParquetWriter:
    """Writes a row for each record, and one for each of its hands."""

    def __init__(self, hands: _Table, images: _Table):
        self._hands, self._images = hands, images

    def write(self, record: ImageRecord) -> None:
        time = None if record.time is None else round(float(record.time), 6)
        fps = None if record.fps is None else round(float(record.fps), 6)
        image = (record.file, record.frame, time, record.width, record.height)
        of_image = (record.failure, record.sample, record.corrected, record.exhaustive)
        self._images.add((*image, fps, len(record.hands), *of_image))
        for number, hand in enumerate(record.hands):
            self._hands.add((*image, number, *_row(hand)))


def _row(hand: Hand) -> tuple[Any, ...]:
    """Return a hand's cells as the columns of `HAND_COLUMNS` have them; arrays are rounded later, many at once."""
    table = None
    if hand.keypoints is not None:
        table = np.full((NUM_JOINTS, 3), np.nan)
        table[:, :2] = hand.keypoints
        if hand.keypoint_scores is not None:
            table[:, 2] = hand.keypoint_scores
    of_hand = (_rounded(hand.score, 4), hand.handedness, hand.track_id)
    arrays = (hand.box, table, hand.visibility, hand.raw_keypoints)
    return (
        *of_hand,
        *arrays,
        _rounded(hand.area, 2),
        _rounded(hand.head_size, 2),
        hand.interpolated,
        list(hand.flags) or None,
    )


def _rounded(value: float | None, digits: int) -> float | None:
    return None if value is None or np.isnan(value) else round(float(value), digits)


class _Table:
    """A Parquet file to which rows are added; they are kept until there are enough for a row group."""

    def __init__(self, file: Any, schema: Any, info: Mapping[str, Any]):
        import pyarrow.parquet as pq

        head = {"info": info, "keypoint_names": KEYPOINT_NAMES, "skeleton": SKELETON}
        # floats of many values gain nothing from a dictionary
        words = [name for name in schema.names if name not in NUMBERS]
        self._schema = schema.with_metadata({key: json.dumps(value, ensure_ascii=False) for key, value in head.items()})
        self._writer = pq.ParquetWriter(file, self._schema, compression="zstd", use_dictionary=words)
        self._rows: list[tuple[Any, ...]] = []

    def add(self, row: tuple[Any, ...]) -> None:
        self._rows.append(row)
        if len(self._rows) == ROWS:
            self._flush()

    def __enter__(self) -> _Table:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None and self._rows:
            self._flush()
        self._writer.close()

    def _flush(self) -> None:
        import pyarrow as pa

        columns = [
            _numbers(field.name, values, field.type) if field.name in NUMBERS else pa.array(values, field.type)
            for field, values in zip(self._schema, zip(*self._rows, strict=True), strict=True)
        ]
        self._rows = []
        self._writer.write_table(pa.Table.from_arrays(columns, schema=self._schema), row_group_size=ROWS)


def _numbers(name: str, arrays: tuple[np.ndarray | None, ...], type: Any) -> Any:
    """Return arrays as a column of lists: pixels to 1/100, scores to 1/10,000, null for NaN."""
    import pyarrow as pa

    known = np.array([array is not None for array in arrays])
    table = np.array([array.ravel() for array in arrays if array is not None], float).reshape(-1, NUMBERS[name])
    scores = table[:, 2::3].round(4)
    table = table.round(2)
    if name == "keypoints":
        table[:, 2::3] = scores
    dtype = np.uint8 if HAND_COLUMNS[name] == "uint8" else np.float32
    values = (table.ravel() + 0.0).astype(dtype)  # no -0.0
    items = pa.array(values, mask=np.isnan(values))
    ends = np.concatenate([[0], np.cumsum(known * NUMBERS[name])]).astype(np.int32)
    return pa.ListArray.from_arrays(ends, items, type=type, mask=pa.array(~known))
