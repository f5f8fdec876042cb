"""What to read: turn the arguments of a command into a sorted list of inputs."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

IMAGE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff"})
VIDEO_SUFFIXES = frozenset(
    {".mp4", ".m4v", ".mov", ".avi", ".mkv", ".webm", ".mpg", ".mpeg", ".wmv", ".ts", ".mts", ".m2ts"}
)
LIST_SUFFIX = ".txt"


class NoInputError(ValueError):
    """An argument names nothing that can be read; the message says which, in one line."""


class Input(NamedTuple):
    """A file to annotate: its name in the results (relative, "/" between folders), and where it is.

    A hundred thousand of them may be in memory, so there are no `Path`s in it.
    """

    name: str
    file: str

    @property
    def path(self) -> Path:
        return Path(self.file)

    @property
    def is_video(self) -> bool:
        return is_video(self.path)


def is_video(path: Path) -> bool:
    """Return whether a file is taken for a video, by its suffix."""
    return path.suffix.lower() in VIDEO_SUFFIXES


def discover(
    arguments: Iterable[str], recursive: bool = False, standard_input: Iterable[str] = (), left_out: Path | None = None
) -> list[Input]:
    """Return the inputs that the arguments name, sorted by name, each once.

    Args:
        arguments: image and video files, folders, glob patterns, `.txt` files with one path a line, or "-" for the
            lines of `standard_input`. A folder or a pattern gives images and videos, by suffix; a file named by
            itself is taken whatever its suffix, so that a wrong one is reported and not overlooked.
        recursive: look into folders' folders too.
        standard_input: lines, read only for "-".
        left_out: a folder not to look into: the results', which may lie among the inputs.

    Raises:
        NoInputError: if an argument does not exist or matches nothing, or if there is nothing to do at all.
    """
    paths: list[str] = []
    roots: list[Path] = []
    for argument in arguments:
        if argument == "-":
            listed = _listed(standard_input, "standard input", Path())
        elif argument.lower().endswith(LIST_SUFFIX) and Path(argument).is_file():
            listed = _read_list(Path(argument))
        elif Path(argument).exists():
            listed = [Path(argument)]
        else:
            matches = map(Path, glob.glob(argument, recursive=True))  # noqa: PTH207 (patterns may be absolute)
            listed = [path for path in matches if path.is_dir() or _is_media(path)]
            if not listed:
                raise NoInputError(f"No such file or folder, and no match as a pattern: {argument}")
        for path in map(_absolute, listed):
            paths += _media_in(path, recursive, left_out) if path.is_dir() else [str(path)]
            roots.append(path if path.is_dir() else path.parent)
    if not paths:
        hint = "" if recursive else " Add -r to look into the folders inside."
        raise NoInputError(f"No images or videos in: {' '.join(arguments)}.{hint}")
    root = Path(os.path.commonpath(roots))
    return sorted({Input(_name(Path(path).relative_to(root)), path) for path in paths})


def _name(path: Path) -> str:
    """Return the path with "/"; bytes of a file name that are no UTF-8 become \\xNN, so that it can be written."""
    return os.fsencode(path.as_posix()).decode("utf-8", "backslashreplace")


def _is_media(path: Path) -> bool:
    return path.suffix.lower() in IMAGE_SUFFIXES | VIDEO_SUFFIXES and not path.name.startswith(".")


def _absolute(path: Path) -> Path:
    return Path(os.path.abspath(path))  # noqa: PTH100 (Path.absolute keeps "..", resolve follows links)


def _read_list(path: Path) -> list[Path]:
    try:
        return _listed(path.read_text(encoding="utf-8-sig").splitlines(), str(path), path.parent)
    except (OSError, UnicodeDecodeError) as error:
        raise NoInputError(f"{path}: cannot be read as a list with one path a line: {error}") from error


def _listed(lines: Iterable[str], source: str, folder: Path) -> list[Path]:
    """Return the paths on the lines; relative ones from the working folder, else from the list's own."""
    paths = []
    for number, line in enumerate(lines, 1):
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        found = next((p for p in (Path(text), folder / text) if p.exists()), None)
        if found is None:
            raise NoInputError(f"{source}, line {number}: no such file: {text}")
        paths.append(found)
    return paths


def _media_in(folder: Path, recursive: bool, left_out: Path | None) -> list[str]:
    """Return the images and videos in a folder; hidden files and folders are passed over."""
    found = []
    for parent, folders, files in os.walk(folder):
        folders[:] = [
            name
            for name in folders
            if recursive
            and not name.startswith(".")
            and (left_out is None or Path(parent, name) != _absolute(left_out))
        ]
        found += [os.path.join(parent, name) for name in files if _is_media(Path(name))]  # noqa: PTH118 (less memory)
    return found
