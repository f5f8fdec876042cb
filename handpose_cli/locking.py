"""Files that one process at a time holds; the system lets go of them when it ends, however it does."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

_HELD = (errno.EWOULDBLOCK, errno.EAGAIN, errno.EACCES)  # what locking says where another process has the lock


def lock(file: IO[Any]) -> bool | None:
    """Lock an open file until it is closed, or its process ends; return whether that could be done.

    False: another process has it. None: its file system has no locks (nor has Windows those that are meant here).
    """
    if fcntl is None:
        return None
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        return False if error.errno in _HELD else None
    return True


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold a file, which is made if need be and stays; nothing is held where there are no locks, see `lock`.

    Raises:
        BlockingIOError: if another process holds it.
        OSError: if the file cannot be made.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab") as file:
        if lock(file) is False:
            raise BlockingIOError(errno.EWOULDBLOCK, "held by another process", str(path))
        yield
