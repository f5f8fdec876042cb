"""The journal of a run: what was annotated so far, from which results are written and a stopped run goes on.

JSON, one object a line; lines are only ever appended:

    {"journal": 1, "settings": {...}, "info": {...}, "root": "/photos", "divided": ""}   a run begins, or goes on
    {"file": "a.jpg", "input": [size, mtime_ns, "sha256"], "from": 0, "records": [...], "end": true}
    {"file": "clip.mp4", "input": [...], "from": 0, "records": [...]}        a video's frames, some at a time
    {"file": "clip.mp4", "from": 8, "records": [], "end": true}
    {"file": "c.mp4", "from": 8, "records": [...], "again": true}       something could not be read, but might be later
    {"file": "d.tif", ..., "more": 3, "damaged": true}       so many pages of it were left out; a picture is damaged
    {"file": "b.jpg", "gone": true}                          it is not one of the inputs any more
    {"complete": 2}                                          the results of so many inputs were written

A line with `input` begins its file again; null stands for a file that could not be read from the disk. That one, and
one with a line that says `again`, the next run begins again. What lies under other `settings` than the last ones is
passed over. A line that a kill or a full disk cut short is dropped, and so is one that the disk has changed: each ends
with `"sum": "1a2b3c4d"`, the CRC-32 of what is before it (those of earlier versions did not).
"""

from __future__ import annotations

import json
import re
import zlib
from array import array
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO, Any

from handpose_cli.formats.handpose_json import hand_from_json, hand_to_json
from handpose_cli.locking import lock
from handpose_cli.records import ImageRecord
from handpose_cli.runs.errors import RunError
from handpose_cli.runs.fingerprint import Fingerprint

NAME = "journal.jsonl"
_SUM = re.compile(rb', "sum": "([0-9a-f]{8})"}\n\Z')
VERSION = 1


@dataclass(slots=True)
class Entry:
    """What the journal has of an input.

    Attributes:
        input: what the file was; None if it, or a part, could not be read but might be another time.
        places: offset and length in bytes of each of its lines, in turn.
        records: how many records these lines have.
        ended: whether the input is done.
        failed: whether its last record is a failure.
        pages_left_out: how many pictures it has beyond the first, if these were not wanted.
        is_damaged: whether a picture of it is, see `Picture`.
    """

    input: Fingerprint | None
    places: array[int] = field(default_factory=lambda: array("q"))
    records: int = 0
    ended: bool = False
    failed: bool = False
    pages_left_out: int = 0
    is_damaged: bool = False


@dataclass
class Header:
    """How a run was called: `settings`, on which its records depend, and `info`, the head of the result file.

    Attributes:
        root: the folder from which on its inputs have their names; empty if it is not known, or at a URL.
        divided: of a shard, number and digest of the inputs that all shards divide; empty otherwise, or if not known.
    """

    settings: dict[str, Any]
    info: dict[str, Any]
    root: str = ""
    divided: str = ""


class Journal:
    """An open journal; use `open_journal` or `read_journal`.

    Attributes:
        entries: by file name, what was done under the last header's settings.
        headers: all, the last one last.
        complete: how many inputs' results were last written; None if the last run was not completed.
        is_locked: whether other runs cannot write it as well.
    """

    def __init__(self, path: Path):
        self.path = path
        self.entries: dict[str, Entry] = {}
        self.headers: list[Header] = []
        self.complete: int | None = None
        self.is_locked = False
        self._end = 0
        self._file: IO[bytes] | None = None

    def load(self, settings: dict[str, Any] | None = None) -> None:
        """Read what there is, under the given settings or else under the last ones."""
        if settings is None:
            settings = self.last_settings() or {}
        under = False
        with self.path.open("rb") as file:
            for line in file:
                if not line.endswith(b"\n"):
                    break
                self._end += len(line)
                try:
                    value = _value(line)
                    if "journal" in value:
                        self.headers.append(_header(value))
                        under, self.complete = value["settings"] == settings, None
                    elif "complete" in value:
                        self.complete = value["complete"]
                    elif under:
                        self._note(value, self._end - len(line), len(line))
                except (ValueError, KeyError, TypeError):  # damaged on the disk: its file's later lines will not fit
                    continue

    def last_settings(self) -> dict[str, Any] | None:
        """Return the settings of the last run that the file has; None if it has none."""
        last = None
        for header in self.headers_there():
            last = header.settings
        return last

    def headers_there(self) -> Iterator[Header]:
        """Yield the headers that the file has; it need not be loaded."""
        with self.path.open("rb") as file:
            for line in file:
                if line.startswith(b'{"journal"'):
                    try:
                        yield _header(_value(line))
                    except (ValueError, KeyError):
                        continue

    def _note(self, value: dict[str, Any], offset: int, length: int) -> None:
        if "gone" in value:
            self.entries.pop(value["file"], None)
            return
        if "input" in value:
            known = value["input"]
            self.entries[value["file"]] = Entry(None if known is None else Fingerprint(*known))
        entry = self.entries.get(value["file"])
        if entry is None or entry.records != value["from"]:  # a line is missing
            self.entries.pop(value["file"], None)
            return
        entry.places.extend((offset, length))
        entry.records += len(value["records"])
        entry.ended = value.get("end", False)
        entry.pages_left_out += value.get("more", 0)
        entry.is_damaged |= value.get("damaged", False)
        if value.get("again"):
            entry.input = None
        if value["records"]:
            entry.failed = value["records"][-1].get("failure") is not None

    def add(
        self, file: str, records: Sequence[ImageRecord], *, ends: bool, begins: bool, input: Fingerprint | None = None,
        again: bool = False, pages_left_out: int = 0, is_damaged: bool = False,
    ) -> None:  # fmt: skip
        """Append records of a file; it is on its way to the disk when this returns."""
        value: dict[str, Any] = {"file": file}
        if begins:
            value["input"] = input
        value["from"] = 0 if begins else self.entries[file].records
        value["records"] = [record_to_json(record) for record in records]
        if ends:
            value["end"] = True
        if again:
            value["again"] = True
        if pages_left_out:
            value["more"] = pages_left_out
        if is_damaged:
            value["damaged"] = True
        self.write(value)

    def drop(self, file: str) -> None:
        """Append that a file is not one of the inputs any more."""
        self.write({"file": file, "gone": True})

    def write(self, value: dict[str, Any]) -> None:
        """Append a line."""
        assert self._file is not None
        content = json.dumps(value, ensure_ascii=False, allow_nan=False).encode()[:-1]
        line = content + b', "sum": "%08x"}\n' % zlib.crc32(content)
        try:
            self._file.write(line)
            self._file.flush()
        except OSError as error:
            error.filename = str(self.path)
            raise
        if "file" in value:
            self._note(value, self._end, len(line))
        self._end += len(line)

    def lines(self, file: str) -> Iterator[dict[str, Any]]:
        """Yield the lines of a file's entry, as objects."""
        places = self.entries[file].places
        with self.path.open("rb") as source:
            for offset, length in zip(places[::2], places[1::2], strict=True):
                source.seek(offset)
                yield _value(source.read(length))

    def records(self, file: str) -> Iterator[ImageRecord]:
        """Yield the records of a file."""
        for line in self.lines(file):
            for record in line["records"]:
                yield record_from_json(file, record)


def _value(line: bytes) -> dict[str, Any]:
    """Return the object on a line; raise ValueError if it is not what was written."""
    found, value = _SUM.search(line), json.loads(line)
    damaged = found is not None and zlib.crc32(line[: found.start()]) != int(found[1], 16)
    if damaged or not isinstance(value, dict):
        raise ValueError("a damaged line")
    value.pop("sum", None)
    return value


def _header(line: dict[str, Any]) -> Header:
    return Header(line["settings"], line["info"], line.get("root", ""), line.get("divided", ""))


@contextmanager
def open_journal(
    path: Path,
    header: Header,
    empty: bool = False,
    check: Callable[[Journal, Header], None] = lambda journal, now: None,
) -> Iterator[Journal]:
    """Open a run's journal to go on with it, or begin one.

    Args:
        empty: without what an earlier run put there.
        check: called with the journal, before anything is written, and the header that will be; an error leaves it as
            it was.

    Raises:
        RunError: if another process writes it.
        OSError: if it cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    header = _header(json.loads(json.dumps(asdict(header))))
    with path.open("ab") as file:
        locked = lock(file)
        if locked is False:
            raise RunError(f"Another run is writing to {path.parent}", "output")
        journal = Journal(path)
        journal.is_locked = locked is True
        if not empty:
            journal.load(header.settings)
        check(journal, header)
        file.truncate(journal._end)
        journal._file = file
        journal.write({"journal": VERSION, **asdict(header)})
        journal.headers.append(header)
        journal.complete = None
        yield journal


def read_journal(path: Path) -> Journal:
    """Read a run's journal, under the last run's settings.

    Raises:
        RunError: if there is none.
    """
    journal = Journal(path)
    try:
        journal.load()
    except OSError as error:
        raise RunError(f"{path} cannot be read: {error.strerror}.") from error
    if not journal.headers:
        raise RunError(f"{path} is no journal of handpose predict.")
    return journal


def record_to_json(record: ImageRecord) -> dict[str, Any]:
    """Return a record, rounded as in the result file, so that results do not depend on whether a run was resumed."""
    fields = {
        "width": record.width,
        "height": record.height,
        "frame": record.frame,
        "time": None if record.time is None else round(record.time, 6),
        "fps": None if record.fps is None else round(record.fps, 6),
        "failure": record.failure,
        "hands": [hand_to_json(hand, None, None) for hand in record.hands],
    }
    return {name: value for name, value in fields.items() if value is not None}


def record_from_json(file: str, value: dict[str, Any]) -> ImageRecord:
    """Return the record that `record_to_json` made."""
    hands = [hand_from_json(hand) for hand in value["hands"]]
    optional: dict[str, Any] = {name: value.get(name) for name in ("frame", "time", "fps", "failure")}
    return ImageRecord(file, value.get("width"), value.get("height"), hands, **optional)
