"""Several formats at once: one that cannot be written is left alone, and the others go on."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from handpose_cli.formats.errors import FormatError
from handpose_cli.records import ImageRecord

_ERRORS = (FormatError, OSError, ValueError)


class Writers:
    """Open writers by the names of their formats.

    Attributes:
        lost: what was wrong with those that could not be written, in a line each.
    """

    def __init__(self) -> None:
        self.lost: dict[str, str] = {}
        self._open: dict[str, tuple[AbstractContextManager[Any], Any]] = {}

    def add(self, name: str, manager: AbstractContextManager[Any]) -> None:
        """Open one more."""
        try:
            self._open[name] = manager, manager.__enter__()
        except _ERRORS as error:
            self.lost[name] = _reason(error)

    def write(self, record: ImageRecord) -> None:
        """Write a record with each."""
        for name, (manager, writer) in list(self._open.items()):
            try:
                writer.write(record)
            except _ERRORS as error:
                self.lost[name] = _reason(error)
                del self._open[name]
                _abandon(manager)

    def close(self) -> None:
        """Let the files appear under their names."""
        for name, (manager, _) in self._open.items():
            try:
                manager.__exit__(None, None, None)
            except _ERRORS as error:
                self.lost[name] = _reason(error)
        self._open = {}

    def abandon(self) -> None:
        """Remove what was written so far."""
        for manager, _ in self._open.values():
            _abandon(manager)
        self._open = {}


@contextmanager
def writing() -> Iterator[Writers]:
    """Give writers, which are closed at the end, or abandoned after an error."""
    writers = Writers()
    try:
        yield writers
    except BaseException:
        writers.abandon()
        raise
    writers.close()


def _abandon(manager: AbstractContextManager[Any]) -> None:
    """Close a writer as after the error that is being handled, so that its file does not appear."""
    try:
        manager.__exit__(*sys.exc_info())
    except BaseException as error:
        if error is not sys.exc_info()[1] and not isinstance(error, _ERRORS):
            raise


def _reason(error: Exception) -> str:
    if isinstance(error, OSError):
        return f"{error.filename}: {error.strerror}" if error.filename else str(error.strerror or error)
    return " ".join(str(error).split()).rstrip(".")
