"""Text as programs write it: UTF-8 or UTF-16, with a byte order mark or without; numbers with a point or a comma."""

from __future__ import annotations

import codecs
import csv
import io
import math
from collections.abc import Iterable, Iterator
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import IO, Protocol

from handpose_cli.formats.errors import FormatError

_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def encoding_of(path: Path) -> str:
    """Return the encoding of a text file by its first bytes; it skips a byte order mark."""
    with path.open("rb") as file:
        return "utf-16" if file.read(2) in _UTF16 else "utf-8-sig"


class Bytes(Protocol):
    """A file that is open for reading."""

    def read(self, size: int = -1, /) -> bytes: ...

    def close(self) -> None: ...


class _Recoded:
    """A UTF-16 file's text in UTF-8."""

    def __init__(self, file: IO[bytes]):
        self._text = io.TextIOWrapper(file, "utf-16", newline="")

    def read(self, size: int = -1, /) -> bytes:
        return self._text.read(size).encode("utf-8", "replace")

    def close(self) -> None:
        self._text.close()


def open_utf8(path: Path) -> Bytes:
    """Open a text file for reading its bytes as UTF-8 without a byte order mark."""
    file = path.open("rb")
    head = file.read(3)
    if head[:2] in _UTF16:
        file.seek(0)
        return _Recoded(file)
    if head != codecs.BOM_UTF8:
        file.seek(0)
    return file


def as_utf8(head: bytes) -> bytes:
    """Return the first bytes of a file, as UTF-8 without a byte order mark if they are text with one."""
    if head[:2] in _UTF16:
        return head[: len(head) // 2 * 2].decode("utf-16", "ignore").encode()
    return head.removeprefix(codecs.BOM_UTF8)


MISSING = frozenset({"", "na", "n/a", "nan", "null", "none"})  # as pandas, R and people write it, in lower case


def is_missing(cell: str | None) -> bool:
    """Return whether a table's cell holds no value."""
    return cell is None or cell.strip().lower() in MISSING


def number_in(cell: str) -> float:
    """Return the finite number in a table's cell, with a decimal point or comma; raise ValueError if there is none."""
    text = cell.strip()
    try:
        number = float(text.replace(",", ".") if "." not in text and text.count(",") == 1 else text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise ValueError(f"a finite number expected. Received: {cell!r}")
    return number


def whole_number_in(cell: str) -> int:
    """Return the whole number in a table's cell, which may be written as 3.0; raise ValueError if there is none."""
    number = number_in(cell)
    if not number.is_integer():
        raise ValueError(f"a whole number expected. Received: {cell!r}")
    return int(number)


class TableRows:
    """Writes a table's rows, with "\\n" behind each."""

    def __init__(self, file: IO[str]):
        self._file = file
        # of line ends in cells, it puts only those between quotes that it writes itself
        self._rows = csv.writer(self, lineterminator="\r\n")

    def writerow(self, cells: Iterable[object]) -> None:
        self._rows.writerow(cells)

    def write(self, line: str) -> None:
        """Take a line from the writer."""
        self._file.write(line.removesuffix("\r\n") + "\n")


class Table(Protocol):
    """What `csv.reader` returns."""

    @property
    def line_num(self) -> int: ...

    def __iter__(self) -> Iterator[list[str]]: ...

    def __next__(self) -> list[str]: ...


def whole_rows(path: Path, rows: Table, columns: int, lines: int = 0) -> Iterator[tuple[int, list[str]]]:
    """Yield a table's rows behind its header, but for empty ones, each with its line in the file.

    Args:
        lines: how many had been read before `rows` began to count.

    Raises:
        FormatError: at a row with more in it than columns, or if the file ends within its last row.
    """
    last = columns
    for cells in rows:
        if not cells:
            continue
        place, last = f"{path}: line {lines + rows.line_num}", len(cells)
        if any(map(str.strip, cells[columns:])):
            more = f"{len(cells)} cells for {columns} columns"
            raise FormatError(f"{place}: {more}. With decimal commas, ; or tabs must be between cells")
        yield lines + rows.line_num, cells
    if last < columns:
        with path.open("rb") as file:
            file.seek(-min(4, file.seek(0, io.SEEK_END)), io.SEEK_END)
            if {*file.read()}.isdisjoint(b"\r\n"):
                raise FormatError(f"{place}: {last} cells for {columns} columns: the file ends within a line")


class Tracks:
    """Numbers of tracks: those of the file, or where it has names, in the order in which they come."""

    def __init__(self) -> None:
        self._by_name: dict[str, int] = {}
        self._numbers: set[int] = set()

    def number(self, cell: str) -> int | None:
        """Return a track's number; raise ValueError at one that a name has got."""
        if is_missing(cell):
            return None
        name, number = cell.strip(), None
        with suppress(ValueError):
            number = whole_number_in(cell)
        if number is None:
            if name not in self._by_name:
                self._by_name[name] = next(n for n in count(len(self._by_name)) if n not in self._numbers)
                self._numbers.add(self._by_name[name])
            return self._by_name[name]
        if (other := next((name for name, taken in self._by_name.items() if taken == number), None)) is not None:
            raise ValueError(f"tracks have names and numbers: {other!r} was numbered {number}, which is another's")
        self._numbers.add(number)
        return number
