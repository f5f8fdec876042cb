"""Writes DeepLabCut's tables: one of the images, and for each video one of its own."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, Any

import numpy as np

from handpose_cli.files import atomic, restored
from handpose_cli.formats import _deeplabcut_h5 as h5
from handpose_cli.formats._label_folder import new_folder
from handpose_cli.formats._text import TableRows
from handpose_cli.formats.errors import FormatError
from handpose_cli.formats.fields import image_name
from handpose_cli.records import KEYPOINT_NAMES, NUM_JOINTS, Hand, ImageRecord

SCORER = "handpose"
COORDS = ("x", "y", "likelihood")


def videos_of(path: Path) -> Path:
    """Return the folder with the videos' tables that belong to the images' table `path`."""
    return path.with_name(f"{path.stem}-videos")


class Table:
    """Rows that wait for their header, which depends on all hands, in a file of their own."""

    def __init__(self, spool: IO[str], file: IO[Any], is_h5: bool):
        self._spool, self._file, self._is_h5 = spool, file, is_h5
        self._names: set[str] = set()
        self._scored = False

    def add(self, row: str, record: ImageRecord) -> None:
        """Add a row, by its name or number."""
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
        self._spool.write(json.dumps([row, hands]) + "\n")

    def finish(self) -> None:
        """Write it all to the table's file."""
        if not self._is_h5:
            self._write(self._file)
            self._file.flush()  # a full disk shows now
            return
        with tempfile.TemporaryDirectory() as folder:
            text = Path(folder, "table.csv")
            with text.open("w", encoding="utf-8", newline="") as file:
                self._write(file)
            h5.write(text, self._file)

    def _write(self, file: IO[str]) -> None:
        rows = TableRows(file)
        individuals = sorted(self._names or {"hand0"}, key=lambda name: (len(name), name))
        coords = COORDS if self._scored else COORDS[:2]
        columns = [(name, joint, coord) for name in individuals for joint in KEYPOINT_NAMES for coord in coords]
        rows.writerow(["scorer", *[SCORER] * len(columns)])
        if individuals != ["hand0"]:
            rows.writerow(["individuals", *(name for name, _, _ in columns)])
        rows.writerow(["bodyparts", *(joint for _, joint, _ in columns)])
        rows.writerow(["coords", *(coord for _, _, coord in columns)])
        self._spool.seek(0)
        none = [[""] * len(COORDS)] * NUM_JOINTS
        for line in self._spool:
            row, hands = json.loads(line)
            cells = (cell for name in individuals for joint in hands.get(name, none) for cell in joint[: len(coords)])
            rows.writerow([row, *cells])


@contextmanager
def _new_table(path: Path) -> Iterator[Table]:
    """Give a table that appears at `path`, CSV or HDF5 by its suffix, when the block ends without an error.

    The block finishes the table.
    """
    is_h5 = path.suffix.lower() in h5.SUFFIXES
    with tempfile.TemporaryFile("w+", encoding="utf-8") as spool, atomic(path, "wb" if is_h5 else "w") as file:
        yield Table(spool, file, is_h5)


@contextmanager
def open_writer(path: Path, images: Path | None = None) -> Iterator[Writer]:
    """Open a table for writing record by record; all tables appear when the block ends without an error."""
    if path.suffix.lower() in h5.SUFFIXES:
        h5.check()
    with restored(path), ExitStack() as files, _new_table(path) as stills:
        writer = Writer(stills, path, files)
        yield writer
        writer.finish()
    writer.remove_older()


class Writer:
    """Adds records to their tables as they come; one video's is open at a time."""

    def __init__(self, stills: Table, path: Path, files: ExitStack):
        self._stills, self._path, self._files = stills, path, files
        self._suffix = path.suffix if path.suffix.lower() in h5.SUFFIXES else ".csv"
        self._folder: Path | None = None
        self._video, self._seen = ExitStack(), set[str]()
        self._current: tuple[str, Table] | None = None
        files.push(self._video)  # an error closes the open one

    def write(self, record: ImageRecord) -> None:
        if record.failure is not None:
            return
        if record.frame is None:
            self._stills.add(record.file, record)
            return
        if self._current is None or self._current[0] != record.file:
            table = self._open(record.file)
            self._current = record.file, table
        self._current[1].add(str(record.frame), record)

    def _open(self, video: str) -> Table:
        self._end_video()
        if video in self._seen:
            raise FormatError(f"{video}: its frames do not follow each other")
        self._seen.add(video)
        if self._folder is None:
            self._folder = self._files.enter_context(new_folder(videos_of(self._path), self._suffix))
            self._files.push(self._video)  # before the folder takes its place
        path = self._folder / f"{video}{self._suffix}"
        if not path.resolve().is_relative_to(self._folder.resolve()):
            raise FormatError(f"{video}: a name that leads out of the folder to write")
        return self._video.enter_context(_new_table(path))

    def _end_video(self) -> None:
        if self._current is not None:
            self._current[1].finish()
        self._video.close()

    def finish(self) -> None:
        """Write all that is left; nothing has taken its place until then."""
        self._end_video()
        self._stills.finish()

    def remove_older(self) -> None:
        """Remove the videos' tables of an older output of this name, if this one has none."""
        old = videos_of(self._path)
        files = [file for file in old.rglob("*") if file.is_file()] if self._folder is None else []
        if files and all(file.suffix == self._suffix for file in files):
            shutil.rmtree(old)


def _cells(hand: Hand) -> list[list[Any]]:
    assert hand.keypoints is not None
    scores = np.full(NUM_JOINTS, np.nan) if hand.keypoint_scores is None else hand.keypoint_scores
    table = np.column_stack([hand.keypoints.astype(float).round(3), scores.astype(float).round(6)])
    return [["" if np.isnan(value) else value for value in row] for row in table.tolist()]
