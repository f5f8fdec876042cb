"""Files by URL, such as s3://bucket/photo.jpg: whatever fsspec knows, with credentials as fsspec takes them.

Who needs a file fetches it into a scratch folder, where it stays no longer than it is read. What a URL has of secrets
(a user and password, or a query, as signed URLs have) is in no message, result or journal: `public` leaves it out.
"""

from __future__ import annotations

import atexit
import os
import re
import secrets
import shutil
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from typing import IO, Any, NamedTuple
from urllib.parse import unquote

from handpose_cli.locking import lock
from handpose_cli.media.errors import UnreadableError
from handpose_cli.media.inputs import Input, Version
from handpose_cli.media.suffixes import CAMERA

# by scheme, the extra that brings what fsspec needs for it
_EXTRAS = {
    **dict.fromkeys(("s3", "s3a"), "s3"), **dict.fromkeys(("gs", "gcs"), "gs"),
    **dict.fromkeys(("http", "https"), "http"), **dict.fromkeys(("abfs", "abfss", "az"), "az"),
}  # fmt: skip
WEB = ("http", "https")
_TAGS = ("ETag", "etag", "md5Hash", "content_md5", "checksum")  # where stores tell what a file's content is
_TIMES = ("LastModified", "last_modified", "updated", "mtime", "modified", "created")  # or when it was written
_ROOM = 2**26  # bytes of the disk that are left free
_LOCK = ".lock"  # behind a scratch folder's name, beside it
_numbers = count()
_kept: list[tuple[tuple[str, Version | None], Path]] = []  # the file that `fetched` keeps, if any
_scratch: dict[int, tuple[Path, IO[bytes]]] = {}  # by process, its folder and the lock that is held on it
_turn = threading.Lock()  # of the threads that want it


class StoreError(ValueError):
    """A URL cannot be used; the message says why, in a line."""


class Store(NamedTuple):
    """A file system of fsspec and a place in it."""

    fs: Any
    path: str


def scheme_of(url: str) -> str:
    return url.partition("://")[0].lower()


def path_of(url: str) -> str:
    """Return what a URL names, as text for names in the results: bucket and key, or host and path."""
    place = public(url).partition("://")[2].strip("/")
    return unquote(place) if scheme_of(url) in WEB else place


def public(url: str) -> str:
    """Return a URL, also a camera's, without what may be secret in it; other text as it is."""
    scheme, mark, rest = url.partition("://")
    if not mark:
        return url
    place, slash, path = rest.partition("/")
    rest = f"{place.rpartition('@')[2]}{slash}{path}"
    if scheme.lower() in WEB or scheme.startswith(CAMERA):
        rest = re.split(r"[?#]", rest, maxsplit=1)[0]
    return f"{scheme}://{rest}"


def open_store(url: str) -> Store:
    """Return the file system of a URL and the place in it.

    Raises:
        StoreError: if there is none, or what it needs is not installed.
    """
    scheme = scheme_of(url)
    extra = _EXTRAS.get(scheme)
    if "::" in url:  # what fsspec lists in an archive has no URL of its own, and names would lead anywhere
        raise StoreError(f"{public(url)}: URLs with :: are not read, such as those of files in archives. Unpack these")
    try:
        from fsspec.core import url_to_fs
    except ImportError as error:
        raise StoreError(f"{scheme}:// needs fsspec. Install it with: {_install(extra)}") from error
    try:
        # a listing that is kept in memory is of no use to us, and would hide what changes
        return Store(*url_to_fs(url, use_listings_cache=False))
    except ImportError as error:
        needs = f"{scheme}:// needs a package that is not installed"
        raise StoreError(f"{needs}. Install it with: {_install(extra)}" if extra else f"{needs}: {error}") from error
    except ValueError as error:
        if scheme in str(error):
            raise StoreError(f"{public(url)}: fsspec knows no {scheme}://") from error
        raise StoreError(f"{public(url)}: {reason(error)}") from error
    except Exception as error:  # some ask their server at once, and raise whatever comes
        raise StoreError(f"{public(url)} cannot be reached: {reason(error)}") from error


def _install(extra: str | None) -> str:
    return f"pip install 'handpose-cli[{extra}]'" if extra else "pip install fsspec"


def reason(error: BaseException) -> str:
    """Return in a few words why a store refused, without what may be secret."""
    if isinstance(error, FileNotFoundError):
        return "no such file"
    if isinstance(error, PermissionError):
        return "no permission"
    if isinstance(error, TimeoutError):
        return "no answer in time"
    status = getattr(error, "status", None)  # of an HTTP server
    if status is not None:
        return f"HTTP status {status}"
    if isinstance(error, OSError) and error.strerror and not isinstance(error.strerror, bytes):
        text = error.strerror
    else:
        text = str(error) or type(error).__name__
    return re.sub(r"\?\S*|//[^/\s]*@", "", " ".join(text.split()))[:200]


def version_of(info: dict[str, Any]) -> Version:
    """Return what a file was, by what its store says of it: its size, and a digest of its content or its time."""
    tag = next((f"{info[name]}" for name in (*_TAGS, *_TIMES) if info.get(name)), "")
    return Version(int(info.get("size") or 0), tag.strip('"'))


def ask_version(entry: Input) -> Version | None:
    """Return what a file at a URL is now, asking its store unless that was listed; None if it cannot be read."""
    if entry.version is not None:
        return entry.version
    try:
        fs, path = open_store(entry.file)
        return version_of(fs.info(path))
    except Exception:  # stores raise whatever comes; reading it will report that
        return None


@contextmanager
def fetched(entry: Input, keep: bool = False) -> Iterator[Path]:
    """Give the path of an input's file, fetched to the scratch folder if it is at a URL.

    Args:
        keep: leave it there for this process's next call, in the place of what was kept before.

    Raises:
        UnreadableError: if it cannot be fetched.
    """
    if not entry.is_remote:
        yield entry.path
        return
    key = entry.file, entry.version
    if _kept and _kept[0][0] == key:
        yield _kept[0][1]
        return
    path = _fetch(entry)
    if keep:
        _kept.append((key, path))
        yield path
        return
    try:
        yield path
    finally:
        path.unlink(missing_ok=True)


@contextmanager
def at_hand(entries: list[Input]) -> Iterator[list[Input]]:
    """Give inputs with local files, fetched where they are at URLs; those that cannot be fetched as they are."""
    there: list[Input] = []
    try:
        for entry in entries:
            if entry.is_remote:
                with suppress(UnreadableError):
                    entry = entry._replace(file=str(_fetch(entry)))
            there.append(entry)
        yield there
    finally:
        for given, entry in zip(entries, there, strict=False):
            if given.is_remote and not entry.is_remote:
                entry.path.unlink(missing_ok=True)


def _fetch(entry: Input) -> Path:
    """Fetch a file into the scratch folder, in the place of what was kept there."""
    while _kept:
        _kept.pop()[1].unlink(missing_ok=True)
    folder = scratch()
    path = folder / f"{next(_numbers)}{entry.suffix}"
    try:
        fs, place = open_store(entry.file)
        size, free = entry.version.size if entry.version else 0, shutil.disk_usage(folder).free
        if size + _ROOM > free:
            raise UnreadableError(f"needs {size} bytes in {folder}, where {free} are free (TMPDIR says where)", True)
        fs.get_file(place, str(path))
        if not path.is_file():  # a folder, of some stores
            raise UnreadableError("a folder, not a file")
    except UnreadableError:
        raise
    except Exception as error:  # stores raise whatever comes
        path.unlink(missing_ok=True)
        raise UnreadableError(f"cannot be read: {reason(error)}", transient=True) from error
    return path


def scratch() -> Path:
    """Return this process's folder for what is fetched; those that killed processes left are removed.

    A lock says whether a folder's process lives: its number would not, where containers or hosts share TMPDIR.
    """
    process = os.getpid()
    with _turn:
        if process not in _scratch:  # one that was forked has its own
            user = os.getuid() if hasattr(os, "getuid") else 0
            base = Path(tempfile.gettempdir(), f"handpose-{user}")
            base.mkdir(parents=True, exist_ok=True, mode=0o700)
            _sweep(base)
            own = base / secrets.token_hex(8)
            held = own.with_suffix(_LOCK).open("xb")
            lock(held)
            own.mkdir(mode=0o700)
            _scratch[process] = own, held
            atexit.register(_leave, process)
        return _scratch[process][0]


def _leave(process: int) -> None:
    """Remove a process's folder; one that it has forked leaves it alone."""
    if process == os.getpid():
        own, held = _scratch.pop(process)
        shutil.rmtree(own, ignore_errors=True)
        held.close()
        own.with_suffix(_LOCK).unlink(missing_ok=True)


def _sweep(base: Path) -> None:
    """Remove the folders whose lock nobody has."""
    for path in base.glob(f"*{_LOCK}"):
        with suppress(OSError), path.open("ab") as file:
            if lock(file):
                shutil.rmtree(path.with_suffix(""), ignore_errors=True)
                path.unlink()
