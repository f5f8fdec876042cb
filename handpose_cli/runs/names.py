"""What can be known of a run's files before anything is annotated: names that clash, are too long or do not fit."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path

from handpose_cli.formats import load
from handpose_cli.formats._notes import silent
from handpose_cli.formats.errors import FormatError
from handpose_cli.media.annotated_copies import copy_path
from handpose_cli.media.inputs import Input
from handpose_cli.records import ImageRecord
from handpose_cli.runs.errors import RunError
from handpose_cli.runs.probing import ODD, FileSystem, existing, folded
from handpose_cli.runs.settings import COPIES, SHEETS, OutputSettings, Span

_LONGEST_NAME, _LONGEST_PATH = 255, 4095  # bytes, where the file system does not say


def check_names(inputs: Sequence[Input], output: OutputSettings, span: Span) -> None:
    """Raise RunError if what is wanted besides the result file cannot be written.

    By the inputs' names, or because a package is not installed.
    """
    check_installed(output.formats)
    many = [entry for entry in inputs if output.formats and span.has_many(entry)]
    names = {entry.name for entry in many}
    for name in output.formats:
        file_of = load(name).file_of
        if file_of is not None:
            files = ((entry, file_of(_record(entry, entry.name in names))) for entry in inputs)
            _check(files, output.folder / f"predictions-{name}", f"as {name}", "format", name)
        _rehearse(name, many, [entry for entry in inputs if entry.name not in names][:1])
    if output.sheets and (entry := next((e for e in inputs if e.name.split("/")[0] == SHEETS), None)):
        raise RunError(f"{entry.name}: its annotated copy would be in the folder of the contact sheets", "sheets")
    if output.draw:
        copies = ((entry, copy_path(Path(), entry.name).as_posix()) for entry in inputs)
        _check(copies, output.folder / COPIES, "as an annotated copy", "draw", "")


def check_installed(formats: Iterable[str]) -> None:
    """Raise RunError if a package that a format needs is not installed."""
    try:
        for name in formats:
            load(name).check_installed()
    except FormatError as error:
        raise RunError(str(error)) from error


def _check(files: Iterable[tuple[Input, str]], folder: Path, written: str, remedy: str, format: str) -> None:
    longest_name, longest_path = _limits(folder)
    root = len(os.fsencode(folder.absolute()))
    taken, alike = dict[str, str](), dict[str, tuple[str, str]]()
    there = FileSystem(folder)
    for entry, file in files:
        other, where = taken.setdefault(file, entry.name), ""
        if other == entry.name:
            other, others = alike.setdefault(folded(file), (entry.name, file))
            if others != file and not there.is_same(others, file):
                other = entry.name
            where = ", where such names are the same"
        if other != entry.name:
            raise RunError(
                f"{other} and {entry.name} would share {folder / file}{where}", remedy, what="one", format=format
            )
        if bad := "".join(character for character in ODD if character in file and there.refuses(character)):
            raise RunError(
                f"{entry.name}: {written} it becomes {file}, and names with {bad} are refused here",
                remedy,
                what="it",
                format=format,
            )
        own = file.rpartition("/")[2]
        name = len(os.fsencode(own))
        if name > longest_name or root + 1 + len(os.fsencode(file)) > longest_path:
            raise RunError(
                f"{entry.name}: its name is too long: {written} it becomes {own}, {name} bytes, and {longest_name} "
                "are allowed here",
                remedy,
                what="it",
                format=format,
            )


def _limits(folder: Path) -> tuple[int, int]:
    """Return how many bytes a name and a path may have, where a folder is or will be."""
    there = existing(folder)
    try:
        return os.pathconf(there, "PC_NAME_MAX"), os.pathconf(there, "PC_PATH_MAX") - 1
    except (OSError, ValueError, AttributeError):  # Windows
        return _LONGEST_NAME, _LONGEST_PATH


def _rehearse(name: str, many: Sequence[Input], stills: Sequence[Input]) -> None:
    """Write all that have frames or pages, and one image, without hands: a format may not take several, or not both."""
    if not many:
        return
    chosen = {**dict.fromkeys(many, True), **dict.fromkeys(stills, False)}
    with tempfile.TemporaryDirectory() as folder:
        try:
            with silent(), load(name).open_writer(Path(folder, "rehearsal")) as writer:
                for entry in sorted(chosen):
                    writer.write(_record(entry, chosen[entry]))
        except FormatError as error:
            raise RunError(f"The format {name} does not take these: {error}", "leave_out", format=name) from error
        except OSError:  # a disk that is full there is none here
            pass


def _record(entry: Input, is_frame: bool) -> ImageRecord:
    if is_frame:
        time, fps = (0.0, 25.0) if entry.is_video else (None, None)
        return ImageRecord(entry.name, 16, 16, frame=0, time=time, fps=fps)
    return ImageRecord(entry.name, 16, 16)
