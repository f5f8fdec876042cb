"""Open what is a file, and nothing that could keep us waiting for ever."""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path
from typing import IO

from handpose_cli.media.errors import UnreadableError

_PAGE = re.compile(rb"(\xef\xbb\xbf)?\s*<(!doctype\s+html|html)\b", re.IGNORECASE)
_AT_ONCE = 2**20  # bytes
_KINDS = {
    stat.S_IFIFO: "a named pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


def check_file(path: Path) -> os.stat_result:
    """Return a file's status; raise UnreadableError if there is none, or something else of that name."""
    try:
        status = path.stat()
        if stat.S_ISDIR(status.st_mode):
            os.scandir(path).close()
            raise UnreadableError("a folder, not a file")
    except OSError as error:
        raise UnreadableError(f"cannot be read: {error.strerror}", transient=True) from error
    if not stat.S_ISREG(status.st_mode):
        raise UnreadableError(f"{_KINDS.get(stat.S_IFMT(status.st_mode), 'something else')}, not a file")
    return status


def open_file(path: Path) -> IO[bytes]:
    """Open a file to read its bytes; raise UnreadableError as `check_file` does."""
    check_file(path)
    try:
        return path.open("rb")
    except OSError as error:
        raise UnreadableError(f"cannot be read: {error.strerror}", transient=True) from error


def read_bytes(path: Path) -> bytes:
    """Return a file's content; raise UnreadableError as `check_file` does, or if reading fails on the way."""
    with open_file(path) as file:
        try:
            return file.read()
        except OSError as error:
            raise UnreadableError(f"cannot be read: {error.strerror}", transient=True) from error


def check_bytes(path: Path) -> None:
    """Read a file to its end; raise UnreadableError if that cannot be done, which some libraries take for damage."""
    with open_file(path) as file:
        try:
            while file.read(_AT_ONCE):
                pass
        except OSError as error:
            raise UnreadableError(f"cannot be read: {error.strerror}", transient=True) from error


def is_web_page(head: bytes) -> bool:
    """Return whether a file is a page of HTML by its first bytes, as servers send in place of what they do not have."""
    return _PAGE.match(head) is not None
