"""What to read: turn the arguments of a command into a sorted list of inputs."""

from __future__ import annotations

import codecs
import errno
import glob
import io
import os
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache
from itertools import pairwise
from pathlib import Path

from handpose_cli.errors import Remediable
from handpose_cli.media.folders import LeftOut, Skipped, folders_in, is_taken, media_in
from handpose_cli.media.inputs import Input, Version
from handpose_cli.media.remote import StoreError, public, scheme_of
from handpose_cli.media.suffixes import is_media, is_url

LIST_SUFFIX = ".txt"
_SHOWN = 3  # of the folders that are empty
_WILD = re.compile(r"[*?[]")
_ANY_FOLDERS = re.compile(r"(?:^|(?<=/))\*\*(?:/|$)")


class NoInputError(Remediable, ValueError):
    """An argument names nothing that can be read; the message says which, in one line."""


class AbsentInputError(NoInputError):
    """What an argument, or a line of a list, names is not there."""

    wrong_call = True


def discover(
    arguments: Sequence[str],
    recursive: bool = False,
    standard_input: Iterable[str] = (),
    left_out: Skipped | str | None = None,
    say: Callable[[str], None] = lambda line: None,
) -> list[Input]:
    """Return the inputs that the arguments name, sorted by name, each once.

    Args:
        arguments: paths or URLs of image and video files, folders, glob patterns, `.txt` files with one path a line
            (and comments behind #), or "-" for the lines of `standard_input`. A folder or a pattern gives images and
            videos, by suffix; a file named by itself is taken whatever its suffix, so that a wrong one is reported and
            not overlooked. So is a folder that cannot be read.
        recursive: look into folders' folders too.
        standard_input: lines, read only for "-".
        left_out: tells folders not to look into, those of annotated copies among the inputs; or the URL of one.
        say: called with a line on what is passed over, if anything is.

    Raises:
        NoInputError: if an argument does not exist or matches nothing, or if there is nothing to do at all.
    """
    paths: list[str] = []
    roots: list[str] = []
    empty: list[str] = []
    remote = _Remote(left_out if isinstance(left_out, str) else None)
    passed_over = LeftOut()
    skipped = passed_over.noting(None if isinstance(left_out, str) else left_out)
    for argument in arguments:
        if argument == "-":
            listed: Iterable[str] = _listed("".join(standard_input), "standard input", Path())
        elif argument.lower().endswith(LIST_SUFFIX) and Path(argument).is_file():
            listed = _read_list(Path(argument))
        elif _exists(argument):
            listed = [argument]
        elif is_url(argument):
            if not argument.lower().endswith(LIST_SUFFIX):
                remote.add(argument, recursive or argument.endswith("**"), passed_over)
                continue
            listed = _listed_at(argument)
        else:
            listed = _matching(argument, passed_over, skipped)
        inside = recursive or argument.endswith("**")
        for line in listed:
            if is_url(line):
                remote.add(line, inside, passed_over, listed=True)
                continue
            path = _absolute(line)
            is_folder = os.path.isdir(path)  # noqa: PTH112 (a hundred thousand Paths take longer)
            before = len(paths)
            paths += media_in(path, inside, skipped, passed_over) if is_folder else [path]
            if len(paths) == before:
                empty.append(printable(line))
            roots.append(path if is_folder else os.path.dirname(path))  # noqa: PTH120
    if line := str(passed_over):
        say(line)
    if not paths and not remote.files:
        if tuple(arguments) == ("-",):
            raise NoInputError("There are no paths on standard input")
        where = " ".join(map(printable, map(public, arguments)))
        raise NoInputError(f"No images or videos in: {where}", "" if recursive else "recursive")
    if empty := empty + remote.empty:  # such as where a drive is not mounted
        say(f"No images or videos in: {', '.join(empty[:_SHOWN])}{', ...' if len(empty) > _SHOWN else ''}")
    if remote.roots:
        return remote.inputs(bool(roots))
    try:
        root = Path(os.path.commonpath(roots))
    except ValueError as error:  # of Windows
        raise NoInputError("The inputs are on several drives: annotate those of each in a run by themselves") from error
    found = sorted({Input(_name(Path(path), root), path) for path in paths})
    for one, two in pairwise(found):
        if one.name == two.name:
            raise NoInputError(f"{one.file!r} and {two.file!r} would both be {one.name} in the results: rename one")
    return found


class _Remote:
    """Collects what there is at URLs."""

    def __init__(self, but: str | None):
        self.files: list[tuple[str, Version | None]] = []
        self.roots: list[str] = []
        self.empty: list[str] = []
        self._but = but
        self._schemes: dict[str, str] = {}

    def add(self, url: str, recursive: bool, left_out: LeftOut, listed: bool = False) -> None:
        """Add what a URL names; one in a list that names a file by its suffix is believed, since there may be many."""
        from handpose_cli.media.remote_listing import list_url, one

        self._schemes[scheme_of(url)] = public(url)
        try:
            believed = listed and is_media(url.rpartition("/")[2].split("?")[0])
            found = one(url) if believed else list_url(url, recursive, self._but, left_out)
        except StoreError as error:
            raise _kind_of(error)(str(error)) from error
        self.files += found.files
        self.roots.append(found.root)
        if not found.files:
            self.empty.append(public(url))

    def inputs(self, with_paths: bool) -> list[Input]:
        """Return all as inputs."""
        from handpose_cli.media.remote_listing import named

        if with_paths or len(self._schemes) > 1:
            first = " and ".join([*self._schemes.values(), *(["paths of files here"] if with_paths else [])])
            raise NoInputError(f"{first} are too far apart for one run: annotate them in a run each")
        try:
            return named(self.files, self.roots)
        except StoreError as error:
            raise NoInputError(str(error)) from error


def _kind_of(error: Exception) -> type[NoInputError]:
    """Return which error that of a store becomes."""
    return AbsentInputError if isinstance(error.__cause__, FileNotFoundError) else NoInputError


def _listed_at(url: str) -> list[str]:
    """Return the URLs in a list at a URL; relative ones from the list's own folder."""
    from handpose_cli.media.remote_listing import read_bytes

    try:
        lines = _lines(_decoded(read_bytes(url)))
    except (StoreError, UnicodeDecodeError) as error:
        raise _kind_of(error)(f"{public(url)}: cannot be read as a list with one path a line: {error}") from error
    texts = (line.removeprefix("\ufeff").strip() for line in lines)
    folder = url.rpartition("/")[0]
    return [text if is_url(text) else f"{folder}/{text}" for text in texts if text and not text.startswith("#")]


def printable(path: str | Path) -> str:
    """Return a path as text; bytes of a file name that are no UTF-8 become \\xNN, so that it can be written."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def _name(path: Path, root: Path) -> str:
    """Return the path from the root on, with "/"; the root itself, a folder that cannot be read, by its own name."""
    return printable(path.relative_to(root).as_posix() if path != root else path.name)


def _matching(pattern: str, left_out: LeftOut, skipped: Skipped) -> Iterator[str]:
    """Yield the folders, images and videos that match, and the folders that a `**` cannot look into."""
    found = False
    fixed = len(os.path.dirname(_WILD.split(pattern, maxsplit=1)[0]))  # noqa: PTH120 (what is named itself is read)

    @cache
    def is_skipped(folder: str) -> bool:
        return len(folder) > fixed and (skipped(folder) or is_skipped(os.path.dirname(folder)))  # noqa: PTH120

    for path in _expanded(pattern, skipped):
        is_folder = os.path.isdir(path)  # noqa: PTH112
        if is_folder or is_taken(path):
            found = True
            if not is_skipped(path if is_folder else os.path.dirname(path)):  # noqa: PTH120
                yield path
        else:
            left_out.add(os.path.basename(path))  # noqa: PTH119
    if not found:
        raise AbsentInputError(f"No such file or folder, and no match as a pattern: {printable(pattern)}")


def _expanded(pattern: str, skipped: Skipped) -> Iterator[str]:
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
        for folder, entries in folders_in(base, skipped) if os.path.isdir(base) else ():  # noqa: PTH112
            if entries is None:
                yield folder
            else:
                yield from _expanded(os.path.join(glob.escape(folder), tail), skipped)  # noqa: PTH118


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
        text = _decoded(path.read_bytes())
    except (OSError, UnicodeDecodeError) as error:
        raise NoInputError(f"{path}: cannot be read as a list with one path a line: {error}") from error
    return _listed(text, str(path), path.parent)


def _decoded(content: bytes) -> str:
    """Return a list's text: Windows's tools write UTF-16 with a byte order mark; file names may be no UTF-8."""
    is_wide = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    return content.decode("utf-16") if is_wide else content.decode("utf-8-sig", "surrogateescape")


def _lines(text: str) -> Iterable[str]:
    """Return the lines of a list; names may have the other characters that `splitlines` takes for ends of lines."""
    return io.StringIO(text, newline=None)


def _listed(text: str, source: str, folder: Path) -> list[str]:
    """Return the paths on the lines, or between null characters, as of `find -print0`.

    Relative ones are from the working folder, else from the list's own.
    """
    paths, text = [], text.removeprefix("\ufeff")
    unit = "entry" if "\0" in text else "line"
    names = text.split("\0") if unit == "entry" else [line.rstrip("\n") for line in _lines(text)]
    for number, whole in enumerate(names, 1):
        name = whole.strip()
        if not name:
            continue
        if is_url(name):
            paths.append(name)
            continue
        places = (whole, os.path.join(folder, whole), name, os.path.join(folder, name))  # noqa: PTH118
        found = next((place for place in places if _exists(place)), None)
        if found is not None:
            paths.append(found)
        elif not name.startswith("#"):  # which may be a name's beginning, too
            raise AbsentInputError(f"{source}, {unit} {number}: no such file: {printable(name)}")
    return paths
