"""What libjpeg and libtiff say of images that are damaged in the middle: on standard error, and nowhere else.

They go on decoding all the same, and parts of such a picture are grey, shifted or noise; OpenCV does not tell. So
standard error is led to a file, whose length says at no cost whether something was printed; then the picture is decoded
once more, with no other beside it.
"""

from __future__ import annotations

import os
import re
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import IO, TypeVar

from handpose_cli.quiet import c_stderr_to, print_on_stderr

T = TypeVar("T")
_DAMAGE = re.compile(rb"^Corrupt JPEG data|^Inconsistent progression sequence|TIFF_Error")
# what is a failure, or told otherwise; of OpenCV's lines, which begin with a bracket, those that go on begin with ">"
_TOLD = re.compile(rb"Corrupt JPEG|Inconsistent prog|Premature end of JPEG|libpng |[>\[\n]")
_LONGEST = 2**20  # bytes of the file


class _Ear:
    """The file that standard error leads to; one decodes alone, or several at once."""

    def __init__(self, file: IO[bytes]):
        self._file = file  # not its number alone, which another file may have once this one is closed
        self._changed = threading.Condition()
        self._decoding, self._is_alone = 0, False

    def length(self) -> int:
        return 0 if self._file.closed else os.fstat(self._file.fileno()).st_size

    def said_since(self, length: int) -> bytes:
        return b"" if self._file.closed else os.pread(self._file.fileno(), self.length() - length, length)

    @contextmanager
    def beside_others(self) -> Iterator[None]:
        with self._changed:
            self._changed.wait_for(lambda: not self._is_alone)
            self._decoding += 1
        try:
            yield
        finally:
            with self._changed:
                self._decoding -= 1
                self._changed.notify_all()

    @contextmanager
    def alone(self) -> Iterator[None]:
        with self._changed:
            self._changed.wait_for(lambda: not self._is_alone)
            self._is_alone = True
        try:
            with self._changed:
                self._changed.wait_for(lambda: not self._decoding)
                if self.length() > _LONGEST:
                    os.ftruncate(self._file.fileno(), 0)
            yield
        finally:
            with self._changed:
                self._is_alone = False
                self._changed.notify_all()


_ear: _Ear | None = None


@contextmanager
def listening() -> Iterator[None]:
    """In the block, have `decoded` know of damage; for processes of the tool's own, and not on Windows.

    What C libraries print besides comes on standard error at the block's end, but not if they crash.
    """
    global _ear
    file = _unnamed_file() if _ear is None else None
    if file is None:
        yield
        return
    import cv2

    ear, level = _Ear(file), cv2.utils.logging.getLogLevel()
    cv2.utils.logging.setLogLevel(max(level, cv2.utils.logging.LOG_LEVEL_ERROR))
    try:
        with c_stderr_to(file.fileno()):
            _ear = ear
            yield
    finally:
        _ear = None
        cv2.utils.logging.setLogLevel(level)
        with ear.alone(), file:  # where the run was stopped, a thread may still decode
            lines = ear.said_since(0).splitlines(keepends=True)
            print_on_stderr(b"".join(line for line in lines if not _TOLD.match(line)))


def _unnamed_file() -> IO[bytes] | None:
    """Return a new file that can be read while others write it; None where there can be none."""
    try:
        import fcntl
    except ImportError:  # Windows
        return None
    try:
        # a memfd takes no disk: in a container none may be writable
        make = partial(os.memfd_create, "stderr") if hasattr(os, "memfd_create") else _on_disk
        file = os.fdopen(make(), "w+b")
        fcntl.fcntl(file, fcntl.F_SETFL, os.O_APPEND)
        return file
    except OSError:
        return None


def _on_disk() -> int:
    with tempfile.TemporaryFile() as file:
        return os.dup(file.fileno())


def decoded(decode: Callable[[], T]) -> tuple[T, bool]:
    """Return what decoding a JPEG or TIFF returns, and whether it is damaged; not if nobody is `listening`."""
    ear = _ear
    if ear is None:
        return decode(), False
    with ear.beside_others():
        before = ear.length()
        result = decode()
        is_quiet = ear.length() == before
    if is_quiet:
        return result, False
    with ear.alone():  # another thread's picture may have been meant
        before = ear.length()
        result = decode()
        return result, any(map(_DAMAGE.search, ear.said_since(before).splitlines()))


def decoded_beside(decode: Callable[[], T]) -> T:
    """Return what decoding returns, of a picture whose damage is known: what it prints is not taken for another's."""
    ear = _ear
    if ear is None:
        return decode()
    with ear.beside_others():
        return decode()
