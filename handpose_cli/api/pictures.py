"""Images in Python: arrays and paths that are checked, so that a wrong one is not annotated or drawn on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from os import PathLike
from pathlib import Path

import numpy as np

from handpose_cli import drawing
from handpose_cli.media import images as image_files
from handpose_cli.media.errors import UnreadableError
from handpose_cli.media.inputs import Input
from handpose_cli.media.picture import Picture
from handpose_cli.media.suffixes import is_url
from handpose_cli.records import Hand

Image = np.ndarray | str | PathLike[str]


def read_image(path: str | PathLike[str]) -> np.ndarray:
    """Read an image file (the first picture in it): uint8 [h, w, 3], RGB, upright, as `media.images.read_image`.

    Raises:
        handpose_cli.UnreadableError: if it is none, or damaged; the message begins with the path.
    """
    with named(path):
        return image_files.read_image(path)


def draw_hands(image: np.ndarray, hands: Iterable[Hand], style: drawing.DrawStyle = drawing.PLAIN) -> np.ndarray:
    """Return a copy of an image (uint8 [h, w, 3], RGB) with hands drawn on it, as `handpose predict --draw` does.

    Raises:
        ValueError: if it is not such an image.
    """
    return drawing.draw_hands(checked(image, ""), hands, style)


def picture_of(image: Image) -> Picture:
    """Return an image, or what a path leads to; raise ValueError if it is none."""
    if isinstance(image, str | PathLike):
        with named(image):
            if Input(Path(image).name, str(image)).is_video:
                raise UnreadableError("a video by its name: use Annotator.video")
            if is_url(str(image)):
                raise UnreadableError("a URL: fetch it first, or use handpose predict")
            return image_files.open_image(Path(image))
    return Picture(checked(image))


def checked(image: object, or_else: str = ", or a path") -> np.ndarray:
    """Return an image if it is one, uint8 [height, width, 3]; raise ValueError if not.

    Args:
        or_else: what else could have been given, for the message.
    """
    if not isinstance(image, np.ndarray) or image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
        what = f"{image.dtype} {list(image.shape)}" if isinstance(image, np.ndarray) else type(image).__name__
        raise ValueError(f"an image must be a uint8 array [height, width, 3], RGB{or_else}. Received: {what}")
    if not image.size:
        raise ValueError(f"an image must have pixels. Received: {list(image.shape)}")
    return image


@contextmanager
def named(path: str | PathLike[str]) -> Iterator[None]:
    """Have the error of an image begin with its path."""
    try:
        yield
    except UnreadableError as error:
        raise UnreadableError(f"{path}: {error}", error.transient) from error
