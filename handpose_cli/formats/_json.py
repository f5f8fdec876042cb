"""JSON files: streamed where they may be large, with errors that name the file and the place in it."""

from __future__ import annotations

import json
import mmap
import re
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import ijson

from handpose_cli.formats._text import encoding_of, open_utf8
from handpose_cli.formats.errors import FormatError

# a text, or a number that JSON does not have; each alternative is possessive, so a file is searched in linear time
_NO_NUMBER = re.compile(rb'"(?:[^"\\]|\\.)*+"|(-?(?:NaN|nan|NAN|Infinity|infinity|inf|INF)\b)', re.DOTALL)


def read_json(path: Path) -> Any:
    """Return the content of a JSON file that is small; raise FormatError, naming it, if it cannot be read."""
    try:
        return json.loads(path.read_text(encoding=encoding_of(path)), parse_constant=_refuse)
    except (OSError, ValueError, RecursionError) as error:
        raise _unreadable(path, error) from error


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no number")


def stream_json(path: Path, prefix: str) -> Iterator[Any]:
    """Yield the values under a prefix of a JSON file (as in ijson: "item", "images.item"), one at a time.

    Raises:
        FormatError: naming the file, if it cannot be read as JSON.
    """
    try:
        with closing(open_utf8(path)) as file:
            yield from ijson.items(file, prefix, use_float=True)
    except (OSError, ijson.JSONError, UnicodeError) as error:
        raise _unreadable(path, error) from error


def stream_list(path: Path, member: str) -> Iterator[Any]:
    """Yield the items of a list that is a member of a JSON file's object, one at a time; none if it is not there.

    Raises:
        FormatError: naming the file, if it cannot be read as JSON, or the member is no list.
    """
    item = None
    for item in stream_json(path, f"{member}.item"):
        yield item
    if item is None:
        with closing(open_utf8(path)) as file:
            kind = next((event for at, event, _ in ijson.parse(file) if at == member), "null")
        if kind not in ("start_array", "null"):  # null is what Go writes of an empty list
            raise FormatError(f"{path}: {member} must be a list")


def stream_members(path: Path) -> Iterator[tuple[str, Any]]:
    """Yield the keys and values of the object that is a JSON file's content, one at a time."""
    try:
        with closing(open_utf8(path)) as file:
            yield from ijson.kvitems(file, "", use_float=True)
    except (OSError, ijson.JSONError, UnicodeError) as error:
        raise _unreadable(path, error) from error


def has_member(path: Path, key: str) -> bool:
    """Return whether a JSON file's content is an object with that key; reads the whole file."""
    return begins_with(path, b"{") and any(name == key for name, _ in stream_members(path))


def begins_with(path: Path, character: bytes) -> bool:
    """Return whether a JSON file's first character that is not blank is this one: b"[" of a list, b"{" of an object."""
    try:
        with closing(open_utf8(path)) as file:
            while head := file.read(1 << 12):
                if stripped := head.lstrip():
                    return stripped[:1] == character
    except (OSError, UnicodeError) as error:
        raise _unreadable(path, error) from error
    return False


def first_character(head: bytes) -> bytes:
    """Return the first byte of a JSON text that is not blank: b"[" for a list, b"{" for an object."""
    return head.removeprefix(b"\xef\xbb\xbf").lstrip()[:1]


def _unreadable(path: Path, error: Exception) -> FormatError:
    message = error.args[0] if error.args else ""
    text = message.decode("utf-8", "replace") if isinstance(message, bytes) else str(error)
    reason = str(error.strerror) if isinstance(error, OSError) else text.splitlines()[0]
    if not isinstance(error, OSError):
        with suppress(OSError, ValueError):  # an empty file cannot be mapped
            reason = _no_number(path) or reason
    return FormatError(f"{path}: cannot be read as JSON: {reason}")


def _no_number(path: Path) -> str:
    """Return where a JSON file has its first NaN or the like, which JSON does not allow; "" if it has none."""
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        for match in _NO_NUMBER.finditer(content):
            if match[1] is not None:
                break
        else:
            return ""
        content.seek(3 if content[:3] == b"\xef\xbb\xbf" else 0)
        place = _place(_Beginning(content, match.start()))
        # without the match's reference to the mapped file it can be closed
        number = match[1].decode()
        del match
    return f"{place}: {number} is no number in JSON; null stands for one that is not known"


class _Beginning:
    """A file's bytes up to an offset."""

    def __init__(self, content: mmap.mmap, end: int):
        self._content, self._end = content, end

    def read(self, size: int = -1) -> bytes:
        left = self._end - self._content.tell()
        return self._content.read(max(0, left if size < 0 else min(size, left)))


def _place(beginning: _Beginning) -> str:
    """Return the path of the value that comes next: `annotations[3].bbox[0]`."""
    path: list[str | int] = []  # for each open object the key, for each open list the index of the value that comes
    with suppress(ijson.JSONError):
        for event, value in ijson.basic_parse(beginning):
            if event == "map_key":
                path[-1] = str(value)
                continue
            if event in ("start_map", "start_array"):
                path.append("" if event == "start_map" else 0)
                continue
            if event in ("end_map", "end_array"):
                path.pop()
            if path and isinstance(last := path[-1], int):
                path[-1] = last + 1
    parts = (f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return "".join(parts).removeprefix(".") or "the file"
