"""Files that appear under their final name only when they are complete."""

from __future__ import annotations

import errno
import os
import re
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

_LONGEST_NAME = 120  # bytes: with what is added, a temporary file's name has no more than even eCryptfs allows, 143
_NO_SYNC = (errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOTSUP)  # of file systems that cannot do it
_PART = re.compile(r".+\.[0-9a-f]{8}\.part")


@contextmanager
def atomic(path: Path, mode: str = "w", *, outlasts_power: bool = True) -> Iterator[IO[Any]]:
    """Open a temporary file beside `path` and rename it to `path` at the end; on an error remove it.

    Args:
        path: of a link, what it leads to.
        mode: "w" (UTF-8 text, "\\n" line ends) or "wb".
        outlasts_power: have it on the disk before it is renamed, or a power cut soon after could leave it empty; that
            takes some milliseconds.

    Raises:
        OSError: if that cannot be done, or what is there is a device, a pipe or the like, which stays.
    """
    path = behind_links(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = unused(path)
    encoding, newline = (None, None) if "b" in mode else ("utf-8", "\n")
    try:
        with part.open(mode.replace("w", "x"), encoding=encoding, newline=newline) as file:
            yield file
            if outlasts_power and not file.closed:
                _put_on_disk(file)
        part.replace(path)
    except BaseException as error:
        part.unlink(missing_ok=True)
        if isinstance(error, OSError) and error.filename in (None, str(part)):
            with suppress(AttributeError):  # PyAV's cannot be told
                error.filename = str(path)
        raise


def _put_on_disk(file: IO[Any]) -> None:
    file.flush()
    try:
        os.fsync(file.fileno())
    except OSError as error:
        if error.errno not in _NO_SYNC:
            raise


def behind_links(path: Path) -> Path:
    """Return the path that a link leads to; raise OSError if something is there that is neither a file nor a folder."""
    path = Path(os.path.realpath(path)) if path.is_symlink() else path
    if path.exists() and not path.is_file() and not path.is_dir():
        raise OSError(errno.EINVAL, "neither a file nor a folder", str(path))
    return path


@contextmanager
def restored(path: Path) -> Iterator[None]:
    """Put the file at `path` back as it was, or was not, if the block ends with an error.

    So of several files that appear together, one that cannot take its place leaves all the old ones:

        with restored(first), atomic(second), atomic(first):
    """
    path = behind_links(path)
    kept = unused(path) if path.is_file() else None
    if kept is not None:
        try:
            os.link(path, kept)
        except OSError:  # a file system without links
            try:
                shutil.copyfile(path, kept)
            except BaseException:
                kept.unlink(missing_ok=True)
                raise
    try:
        yield
    except BaseException:
        if kept is not None:
            kept.replace(path)
        elif path.is_file():
            path.unlink()
        raise
    finally:
        if kept is not None:
            kept.unlink(missing_ok=True)  # also after replacing itself, which does nothing


def unused(path: Path) -> Path:
    """Return a name beside `path`, for a temporary file or folder, that nothing has: NAME.1a2b3c4d.part.

    A long NAME is cut.
    """
    path = path.absolute()
    name = os.fsdecode(os.fsencode(path.name)[:_LONGEST_NAME])
    while (part := path.with_name(f"{name}.{secrets.token_hex(4)}.part")).exists():
        pass
    return part


def remove_parts(folder: Path, tree: Path) -> None:
    """Remove temporary files and folders that a kill left behind: in a folder, and in another with all its folders."""
    found = list(folder.iterdir())
    for parent, folders, files in os.walk(tree):
        found += [Path(parent, name) for name in (*folders, *files) if _PART.fullmatch(name)]
    for path in found:
        if _PART.fullmatch(path.name):
            remove(path)


def remove(path: Path) -> None:
    """Remove a file or a folder, if it is there."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
