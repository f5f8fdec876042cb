"""Copies of, or links to, the images that labels are of, in a folder beside the labels."""

from __future__ import annotations

import filecmp
import posixpath
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path, PureWindowsPath

from handpose_cli.formats._label_folder import new_folder
from handpose_cli.formats._notes import LeftOut
from handpose_cli.formats.errors import FormatError

Place = Callable[[str], bool]  # called with an image's name; returns whether it is there


def images_beside(path: Path) -> Path:
    """Return the folder for the images of a label file: `NAME.images`."""
    return path.with_name(f"{path.name.partition('.')[0]}.images")


@contextmanager
def placing(folder: Path, images: Path | None, how: str, replace: bool = False) -> Iterator[Place]:
    """Give what puts an image into a folder, which appears when the block ends without an error.

    Args:
        images: where the images are; None: here.
        how: "copy", "link", or "" to do nothing.
        replace: whether the folder may be there already.

    Raises:
        FormatError: if the folder has images already which may not be replaced, or would be lost.
    """
    if not how:
        yield lambda name: True
        return
    refuse_loss(folder, images or Path(), replace)
    with LeftOut(folder) as left_out, new_folder(folder, "") as part:
        yield lambda name: place(name, images or Path(), part, how, left_out)


def refuse_loss(folder: Path, images: Path, replace: bool, parts: Sequence[str] = ()) -> None:
    """Raise FormatError if a folder has images which may not be replaced, or which are nowhere else.

    Args:
        images: where the images are of which the folder may have copies or links.
        parts: folders in it that may hold them, besides itself.
    """
    if not folder.is_dir() or not any(folder.iterdir()):
        return
    if not replace:
        raise FormatError(f"{folder}: not replaced: it has images", "images_exist")
    for path in folder.rglob("*"):
        if path.is_dir() or path.is_symlink():
            continue
        name = path.relative_to(folder)
        names = [name, Path(*name.parts[1:])] if name.parts[0] in parts else [name]
        found = (images / each for each in (*names, *(Path(folder.name, each) for each in names)))
        if not any(each.is_file() and not each.samefile(path) and _same_size(each, path) for each in found):
            raise FormatError(f"{folder}: not replaced: {name} is not in {images}. Remove it or choose another folder")


def _same_size(one: Path, other: Path) -> bool:
    return one.stat().st_size == other.stat().st_size


def leads_out(name: str) -> bool:
    """Return whether a name leads out of the folder that it is in, on whatever system the files are unpacked."""
    folder = posixpath.normpath(name.replace("\\", "/"))
    return folder.startswith(("/", "../")) or PureWindowsPath(name).is_absolute()


def place(name: str, images: Path, folder: Path, how: str, left_out: LeftOut, placed: str = "") -> bool:
    """Put one image into a new folder; count it, and return False, if it is not there.

    Args:
        placed: its name there, if it is another.

    Raises:
        FormatError: if its name leads out of the folder, or is another image's there.
    """
    source, target = images / name, folder / (placed or name)
    if not target.parent.resolve().is_relative_to(folder.resolve()):  # and not where a link there leads
        raise FormatError(f"{name}: a name that leads out of the folder to write")
    if not source.is_file():
        left_out.add("images that are not there")
        return False
    target.parent.mkdir(parents=True, exist_ok=True)
    if target.exists():  # placed before, as an image that is labelled twice
        if not filecmp.cmp(source, target, shallow=False):  # names that differ by case may be one there
            raise FormatError(f"{name}: another image has this name already where it would be put. Rename one of them")
        return True
    if how == "link":
        target.symlink_to(source.resolve())
    else:
        shutil.copyfile(source, target)
    return True
