"""Has a file changed? By size and time first, then by content."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import NamedTuple

from handpose_cli.media.inputs import Input
from handpose_cli.media.remote import ask_version


class Fingerprint(NamedTuple):
    """What a file was: its size in bytes, its modification time in nanoseconds, and the SHA-256 of its content.

    Of one at a URL there is, in place of the digest, what its store says: its own digest (ETag) or time; mtime is 0.
    """

    size: int
    mtime: int
    sha256: str


def fingerprint(path: Path) -> Fingerprint | None:
    """Return a file's fingerprint; None if it cannot be read, or is no file."""
    try:
        if not path.is_file():  # a named pipe would keep us waiting
            return None
        with path.open("rb") as file:
            status = path.stat()
            return Fingerprint(status.st_size, status.st_mtime_ns, hashlib.file_digest(file, "sha256").hexdigest())
    except OSError:
        return None


def identify(entry: Input) -> Fingerprint | None:
    """Return an input's fingerprint; None if it cannot be read."""
    if not entry.is_remote:
        return fingerprint(entry.path)
    version = ask_version(entry)
    return None if version is None else Fingerprint(version.size, 0, version.tag)


def is_unchanged(entry: Input, known: Fingerprint) -> bool:
    """Return whether an input is what it was."""
    return identify(entry) == known if entry.is_remote else is_same(entry.path, known)


def is_same(path: Path, known: Fingerprint) -> bool:
    """Return whether a file is what it was; its content is read only if its time alone has changed."""
    try:
        status = path.stat()
    except OSError:
        return False
    if status.st_size != known.size:
        return False
    if status.st_mtime_ns == known.mtime:
        return True
    now = fingerprint(path)
    return now is not None and now.sha256 == known.sha256
