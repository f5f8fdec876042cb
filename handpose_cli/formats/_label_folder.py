"""Folders with a label file for each image: written beside the old one, which they replace when they are complete."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from handpose_cli.files import behind_links, unused
from handpose_cli.formats.errors import FormatError


@contextmanager
def new_folder(path: Path, ending: str) -> Iterator[Path]:
    """Give a temporary folder beside `path`, which takes its place at the end; on an error remove it.

    Args:
        ending: of the names of all files that the format writes; an older folder with others is not replaced.
    """
    path = behind_links(path)
    if path.exists() and not path.is_dir():
        raise FormatError(f"{path}: a file, where a folder is to be written")
    foreign = next((p for p in path.rglob("*") if p.is_file() and not p.name.endswith(ending)), None)
    if foreign is not None:
        raise FormatError(f"{path}: not replaced, since it also holds {foreign.name}. Choose another folder")
    part, old = unused(path), unused(path)
    part.mkdir(parents=True)
    try:
        yield part
        if path.exists():
            path.rename(old)
        try:
            part.rename(path)
        except BaseException:
            if old.exists():
                old.rename(path)
            raise
        shutil.rmtree(old, ignore_errors=True)
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        raise


def create(folder: Path, name: str, content: str) -> None:
    """Write a new file; raise FormatError if its name leads out of the folder or another image has taken it."""
    path = folder / name
    if not path.resolve().is_relative_to(folder.resolve()):
        raise FormatError(f"{name}: a name that leads out of the folder to write")
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with path.open("x", encoding="utf-8", newline="\n") as file:
            file.write(content)
    except FileExistsError as error:
        raise FormatError(f"{name}: two images would share this file. Rename one of them") from error
