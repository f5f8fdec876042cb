"""The standard streams, closed ones and what C++ prints on standard error; signals; what libraries are told."""

from __future__ import annotations

import errno
import faulthandler
import io
import os
import signal
import sys
import threading
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import click

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]


EXIT_USAGE = 2  # of a call that is wrong, or that names inputs, labels or weights that are not there
EXIT_INTERRUPTED = 130  # of a command that Ctrl-C ended, or what ends it alike
_UNDISTURBED = 2.0  # seconds in which a command that was told to end is not told again
_SHOW_CURSOR = b"\x1b[?25h"  # which a terminal has hidden during the progress bar


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


@contextmanager
def c_stderr_to(file: int) -> Iterator[None]:
    """Lead what C and C++ print on standard error to an open file; what Python prints goes where it went.

    A Python that tells where it crashed (`-X faulthandler`) does so there, too.
    """
    ours, kept = sys.stderr, os.dup(2)
    try:
        is_there = ours.fileno() == 2
    except (OSError, ValueError):  # it is not the process's
        is_there = False
    if is_there:
        ours.flush()
        sys.stderr = _Forgiving(
            open(kept, "w", buffering=1, encoding=ours.encoding, errors=ours.errors, closefd=False)  # noqa: SIM115
        )
    tells_crashes = faulthandler.is_enabled()
    if tells_crashes:
        faulthandler.enable(kept)
    os.dup2(file, 2)
    try:
        yield
    finally:
        sys.stderr.flush()
        os.dup2(kept, 2)
        if tells_crashes:
            faulthandler.enable(2)
        os.close(kept)
        sys.stderr = ours


def print_on_stderr(text: bytes) -> None:
    """Print what a library printed, as far as that can be done."""
    with suppress(OSError):
        os.write(2, text)


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


class _Forgiving:
    """A stream that goes nowhere once it cannot be written to."""

    def __init__(self, stream: Any):
        self._stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        try:
            self._stream.write(text)
        except OSError:
            self._lead_nowhere()
        return len(text)

    def flush(self) -> None:
        try:
            self._stream.flush()
        except OSError:
            self._lead_nowhere()

    def _lead_nowhere(self) -> None:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, self._stream.fileno())  # what waits in its buffer goes there too
        os.close(nowhere)


class _Telling(_Forgiving):
    """Standard output, whose errors are no OSError: commands take these for errors of the files they write."""

    def write(self, text: str) -> int:
        if text != "":  # Click writes that to see whether it can, and takes no error from it
            with self._told():
                self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        with self._told():
            self._stream.flush()

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            self._lead_nowhere()
            if error.errno == errno.EPIPE:  # who reads it has read enough
                raise click.exceptions.Exit(1) from error
            raise click.ClickException(
                f"Cannot write to standard output: {error.strerror}. Lead it to another place."
            ) from error


@contextmanager
def telling_stdout() -> Iterator[None]:
    """In the block, have errors of standard output end the command with a line that names it."""
    kept = sys.stdout
    if isinstance(kept, io.TextIOWrapper) and kept.encoding == "ascii":
        kept.reconfigure(encoding="utf-8", errors="replace")  # as Click would, by going around what is put here
    sys.stdout = _Telling(kept)
    try:
        yield
    finally:
        sys.stdout = kept


@contextmanager
def forgiving_stderr() -> Iterator[None]:
    """Let standard error be lost in the block, not the run: its reader may be gone, or its disk full."""
    kept = sys.stderr
    sys.stderr = _Forgiving(kept)
    try:
        yield
    finally:
        sys.stderr.flush()
        sys.stderr = kept


@contextmanager
def ended_as_interrupted() -> Iterator[None]:
    """Have SIGTERM and SIGHUP end the block as Ctrl-C does: `docker stop`, a job's end, a closed terminal.

    A command that was told to end does not let itself be disturbed in it for a moment: a second Ctrl-C comes of
    impatience, or of a signal that is sent to a process and to its group. After that one ends it at once. A handler
    that is there, as where `nohup` ignores one, stays.
    """
    first: list[float] = []

    def interrupt(number: int, frame: object) -> None:
        now = time.monotonic()
        if not first:
            first.append(now)
            raise KeyboardInterrupt
        if now - first[0] > _UNDISTURBED:
            print_on_stderr(_SHOW_CURSOR * os.isatty(2) + b"Interrupted\n")
            os._exit(EXIT_INTERRUPTED)

    ours = {}
    if threading.current_thread() is threading.main_thread():
        there = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
        usual = (signal.SIG_DFL, signal.default_int_handler)
        ours = {n: handler for n in there if (handler := signal.getsignal(n)) in usual}
    for number in ours:
        signal.signal(number, interrupt)
    try:
        yield
    finally:
        if not first:  # else also while the process ends
            for number, handler in ours.items():
                signal.signal(number, handler)


def set_up_libraries() -> None:
    """Keep OpenCV and TensorFlow, before they are imported, from printing what the tool reports itself.

    And have TensorFlow use oneDNN on older processors too, where training takes half as long again without it.
    """
    os.environ.setdefault("OPENCV_LOG_LEVEL", "SILENT")
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")  # AV_LOG_QUIET
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")


def silence_pillow() -> None:
    """Have Pillow not warn of what it finds in pictures: what matters of it is an error."""
    warnings.filterwarnings("ignore", module="PIL")
