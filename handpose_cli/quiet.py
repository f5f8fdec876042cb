"""The standard streams, closed ones and what C++ prints on standard error, and what libraries are told beforehand."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]


@contextmanager
def quiet_stderr() -> Iterator[None]:
    """Send the process's standard error nowhere; what Python raises is raised all the same."""
    try:
        kept = os.dup(2)
    except OSError:  # it is closed
        yield
        return
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


def open_closed_streams() -> None:
    """Lead standard streams that are closed to nowhere: a file opened next would be taken for one of them.

    So it is for those that cannot be written to: a shell whose standard error is closed has its script there.
    """
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        if not _is_usable(number):
            nowhere = os.open(os.devnull, os.O_RDWR)
            if nowhere != number:
                os.dup2(nowhere, number)
                os.close(nowhere)
        if getattr(sys, name) is None:
            setattr(sys, name, open(number, "w" if number else "r", encoding="utf-8", closefd=False))  # noqa: SIM115


def _is_usable(number: int) -> bool:
    try:
        os.fstat(number)
        if fcntl is None or number == 0:
            return True
        return fcntl.fcntl(number, fcntl.F_GETFL) & os.O_ACCMODE != os.O_RDONLY
    except OSError:
        return False


def set_up_libraries() -> None:
    """Keep OpenCV and TensorFlow, before they are imported, from printing what the tool reports itself.

    And have TensorFlow use oneDNN on older processors too, where training takes half as long again without it.
    """
    os.environ.setdefault("OPENCV_LOG_LEVEL", "SILENT")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
