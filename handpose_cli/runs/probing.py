"""What a file system does with names, found out by trying, where an output folder is or will be."""

from __future__ import annotations

import tempfile
import unicodedata
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

ODD = '<>:"|?*\\'  # what exFAT and Windows have in no names


def existing(folder: Path) -> Path:
    """Return a folder, or the nearest one above it that is there."""
    there = folder.absolute()
    while not there.exists() and there != there.parent:
        there = there.parent
    return there


def folded(name: str) -> str:
    """Return a name as file systems compare it that do not tell cases, or forms of accents, apart."""
    return _composed(_composed(name).casefold())


def _composed(name: str) -> str:
    return unicodedata.normalize("NFC", name)


class FileSystem:
    """That of a folder. Each question is tried once; where one cannot try, all names are taken to be fine."""

    def __init__(self, folder: Path):
        self._folder = folder
        self._known: dict[object, bool] = {}

    def is_same(self, one: str, other: str) -> bool:
        """Return whether two names that are `folded` alike are one there."""
        kind = _composed(one) == _composed(other), one.casefold() == other.casefold()  # in what they differ
        return self._try(kind, lambda trial: _is_same(trial, one, other))

    def refuses(self, character: str) -> bool:
        """Return whether no name can have a character."""
        return self._try(character, lambda trial: _refuses(trial, f"a{character}a"))

    def _try(self, question: object, answer: Callable[[Path], bool]) -> bool:
        if question not in self._known:
            self._known[question] = False
            with (
                suppress(OSError),
                tempfile.TemporaryDirectory(prefix="handpose-", dir=existing(self._folder)) as trial,
            ):
                self._known[question] = answer(Path(trial))
        return self._known[question]


def _is_same(trial: Path, one: str, other: str) -> bool:
    """Return whether each folder's and the file's own name are the same."""
    for number, (first, second) in enumerate(zip(one.split("/"), other.split("/"), strict=True)):
        (trial / str(number)).mkdir()
        (trial / str(number) / first).touch()
        if not (trial / str(number) / second).exists():
            return False
    return True


def _refuses(trial: Path, name: str) -> bool:
    try:
        (trial / name).touch()
    except OSError:
        return True
    return name not in {path.name for path in trial.iterdir()}  # NTFS has streams behind a colon
