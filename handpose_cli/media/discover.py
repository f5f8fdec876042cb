"""What to read: turn the arguments of a command into a sorted list of inputs."""

from __future__ import annotations

import codecs
import errno
import glob
import os
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from handpose_cli.media.folders import LeftOut, folders_in, media_in
from handpose_cli.media.suffixes import is_media, is_url, is_video

LIST_SUFFIX = ".txt"
_ANY_FOLDERS = re.compile(r"(?:^|(?<=/))\*\*(?:/|$)")


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


def discover(
    arguments: Sequence[str],
    recursive: bool = False,
    standard_input: Iterable[str] = (),
    left_out: Path | None = None,
    say: Callable[[str], None] = lambda line: None,
) -> list[Input]:
    """Return the inputs that the arguments name, sorted by name, each once.

    Args:
        arguments: image and video files, folders, glob patterns, `.txt` files with one path a line, or "-" for the
            lines of `standard_input`. A folder or a pattern gives images and videos, by suffix; a file named by
            itself is taken whatever its suffix, so that a wrong one is reported and not overlooked. So is a folder that
            cannot be read.
        recursive: look into folders' folders too.
        standard_input: lines, read only for "-".
        left_out: a folder not to look into: the results', which may lie among the inputs.
        say: called with a line on what is passed over, if anything is.

    Raises:
        NoInputError: if an argument does not exist or matches nothing, or if there is nothing to do at all.
    """
    paths: list[str] = []
    roots: list[str] = []
    passed_over = LeftOut()
    but = None if left_out is None else _absolute(left_out)
    for argument in arguments:
        if argument == "-":
            listed: Iterable[str] = _listed(standard_input, "standard input", Path())
        elif argument.lower().endswith(LIST_SUFFIX) and Path(argument).is_file():
            listed = _read_list(Path(argument))
        elif _exists(argument):
            listed = [argument]
        elif is_url(argument):
            raise NoInputError(f"{argument} is a URL: download or mount it first, and name the files or the folder")
        else:
            listed = _matching(argument, passed_over)
        inside = recursive or argument.endswith("**")
        for path in map(_absolute, listed):
            is_folder = os.path.isdir(path)  # noqa: PTH112 (a hundred thousand Paths take longer)
            paths += media_in(path, inside, but, passed_over) if is_folder else [path]
            roots.append(path if is_folder else os.path.dirname(path))  # noqa: PTH120
    if line := str(passed_over):
        say(line)
    if not paths:
        if tuple(arguments) == ("-",):
            raise NoInputError("There are no paths on standard input")
        hint = "" if recursive else " Add -r to look into the folders inside."
        raise NoInputError(f"No images or videos in: {' '.join(map(printable, arguments))}.{hint}")
    root = Path(os.path.commonpath(roots))
    return sorted({Input(_name(Path(path), root), path) for path in paths})


def printable(path: str | Path) -> str:
    """Return a path as text; bytes of a file name that are no UTF-8 become \\xNN, so that it can be written."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def _name(path: Path, root: Path) -> str:
    """Return the path from the root on, with "/"; the root itself, a folder that cannot be read, by its own name."""
    return printable(path.relative_to(root).as_posix() if path != root else path.name)


def _matching(pattern: str, left_out: LeftOut) -> Iterator[str]:
    """Yield the folders, images and videos that match, and the folders that a `**` cannot look into."""
    found = False
    for path in _expanded(pattern):
        if os.path.isdir(path) or is_media(os.path.basename(path)):  # noqa: PTH112, PTH119
            found = True
            yield path
        else:
            left_out.add(os.path.basename(path))  # noqa: PTH119
    if not found:
        raise NoInputError(f"No such file or folder, and no match as a pattern: {printable(pattern)}")


def _expanded(pattern: str) -> Iterator[str]:
    """Yield what matches, `**` being each folder inside once: glob itself would follow links in circles.

    A `**` at the end is left to who looks into the folder.
    """
    parts = _ANY_FOLDERS.split(pattern.replace(os.sep, "/"), maxsplit=1)
    if len(parts) == 1:
        yield from glob.iglob(pattern)  # noqa: PTH207 (patterns may be absolute)
        return
    head, tail = parts
    for base in glob.iglob(head) if head else [os.curdir]:  # noqa: PTH207
        if not tail:
            yield base
            continue
        for folder, entries in folders_in(base) if os.path.isdir(base) else ():  # noqa: PTH112
            if entries is None:
                yield folder
            else:
                yield from _expanded(os.path.join(glob.escape(folder), tail))  # noqa: PTH118


def _exists(path: str) -> bool:
    """Return whether a file is there, also one that cannot be looked at for want of a permission."""
    try:
        os.stat(path)  # noqa: PTH116
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return False
    except OSError as error:
        return error.errno != errno.ENAMETOOLONG
    return True


def _absolute(path: str | Path) -> str:
    return os.path.abspath(path)  # noqa: PTH100 (Path.absolute keeps "..", resolve follows links)


def _read_list(path: Path) -> list[str]:
    try:
        content = path.read_bytes()
        # Windows's tools write UTF-16 with a byte order mark; file names may be no UTF-8
        is_wide = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
        text = content.decode("utf-16") if is_wide else content.decode("utf-8-sig", "surrogateescape")
    except (OSError, UnicodeDecodeError) as error:
        raise NoInputError(f"{path}: cannot be read as a list with one path a line: {error}") from error
    return _listed(text.splitlines(), str(path), path.parent)


def _listed(lines: Iterable[str], source: str, folder: Path) -> list[str]:
    """Return the paths on the lines; relative ones from the working folder, else from the list's own."""
    paths = []
    for number, line in enumerate(lines, 1):
        text = line.removeprefix("\ufeff").strip()
        if not text or text.startswith("#"):
            continue
        found = next((p for p in (text, os.path.join(folder, text)) if _exists(p)), None)  # noqa: PTH118
        if found is None:
            raise NoInputError(f"{source}, line {number}: no such file: {printable(text)}")
        paths.append(found)
    return paths
