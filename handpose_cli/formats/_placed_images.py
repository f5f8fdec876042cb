"""Copies of, or links to, the images that labels are of, in a folder beside the labels."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from handpose_cli.formats._label_folder import new_folder
from handpose_cli.formats._notes import LeftOut
from handpose_cli.formats.errors import FormatError

Place = Callable[[str], None]  # called with an image's name


def images_beside(path: Path) -> Path:
    """Return the folder for the images of a label file: `NAME.images`."""
    return path.with_name(f"{path.name.partition('.')[0]}.images")


@contextmanager
def placing(folder: Path, images: Path | None, how: str) -> Iterator[Place]:
    """Give what puts an image into a folder, which appears when the block ends without an error.

    Args:
        images: where the images are; None: here.
        how: "copy", "link", or "" to do nothing.

    Raises:
        FormatError: if the folder has images already.
    """
    if not how:
        yield lambda name: None
        return
    if folder.is_dir() and any(folder.iterdir()):
        raise FormatError(f"{folder}: not replaced: it has images. Remove it or choose another folder")
    with LeftOut(folder) as left_out, new_folder(folder, "") as part:
        yield lambda name: place(name, images or Path(), part, how, left_out)


def place(name: str, images: Path, folder: Path, how: str, left_out: LeftOut) -> None:
    """Put one image into a folder; count it if it is not there."""
    source, target = images / name, folder / name
    if not target.resolve().is_relative_to(folder.resolve()):
        raise FormatError(f"{name}: a name that leads out of the folder to write")
    if not source.is_file():
        left_out.add("images that are not there")
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    if how == "link":
        target.symlink_to(source.resolve())
    else:
        shutil.copyfile(source, target)
