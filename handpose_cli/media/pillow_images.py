"""What Pillow reads better than OpenCV: GIF, AVIF (with its orientation), HEIC, some TIFFs; and their pages."""

from __future__ import annotations

import io
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from PIL import Image, ImageOps

from handpose_cli.media.errors import NO_MEMORY, UnreadableError
from handpose_cli.media.image_head import HEIF

_SPACE = slice(16, 20)  # of an ICC profile, where it names the kind of colours that it is for


class _Limit:
    """What Pillow opens at most, in pixels, of all the program; it is lifted while any thread reads a picture here."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.readers, self.kept = 0, Image.MAX_IMAGE_PIXELS


_limit = _Limit()


@contextmanager
def without_pillows_limit() -> Iterator[None]:
    """Have Pillow read pictures of any size in the block: there are limits of our own."""
    with _limit.lock:
        if not _limit.readers:
            _limit.kept, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
        _limit.readers += 1
    try:
        yield
    finally:
        with _limit.lock:
            _limit.readers -= 1
            if not _limit.readers:
                Image.MAX_IMAGE_PIXELS = _limit.kept


def read_pages(data: bytes, kind: str, most_pixels: int) -> Iterator[np.ndarray]:
    """Yield the pictures in a file, in turn, upright: uint8 [h, w, 3], RGB.

    First comes the one that viewers show: a HEIC says which that is, and Pillow stands there when it has opened it.

    Args:
        kind: see `image_head`.
        most_pixels: of one picture.

    Raises:
        UnreadableError: if it cannot be decoded, from there on.
    """
    with _open(data, kind) as image:
        if image.width * image.height > most_pixels:
            size = f"{image.width} x {image.height} pixels"
            raise UnreadableError(f"too large to be read: {size}; the limit is {most_pixels} in all")
        shown = image.tell()
        for index in sorted(range(page_count(image)), key=lambda index: index != shown):
            yield _page(image, index)


def read_page(data: bytes, kind: str, index: int) -> np.ndarray:
    """Return one of the pictures that `read_pages` yields; raises the same."""
    with _open(data, kind) as image:
        return _page(image, index)


def _page(image: Image.Image, index: int) -> np.ndarray:
    try:
        with without_pillows_limit():
            image.seek(index)
            return np.array(ImageOps.exif_transpose(image).convert("RGB"))
    except MemoryError as error:
        raise UnreadableError(NO_MEMORY, transient=True) from error
    except Exception as error:  # its plug-ins raise whatever comes
        raise UnreadableError(f"damaged or cut short: {' '.join(str(error).split())}") from error


def count_pages(data: bytes, kind: str) -> int:
    """Return how many pictures a file has, 1 if that cannot be found out."""
    try:
        with _open(data, kind) as image:
            return page_count(image)
    except UnreadableError:
        return 1


def page_count(image: Image.Image) -> int:
    """Return how many pictures an open file has: of an MPO without its previews."""
    try:
        if image.format == "MPO":
            kinds = [entry["Attribute"]["MPType"] for entry in image.mpinfo[0xB002]]  # type: ignore[attr-defined]
            return max(1, sum("Thumbnail" not in kind for kind in kinds))
        with without_pillows_limit():
            return int(getattr(image, "n_frames", 1))
    except Exception:  # its plug-ins raise whatever comes
        return 1


def rgb_profile(data: bytes, kind: str) -> bytes:
    """Return the ICC profile of a picture's red, green and blue; empty if there is none, or one of other colours."""
    try:
        with _open(data, kind) as image:
            profile: bytes = image.info.get("icc_profile") or b""
    except UnreadableError:
        return b""
    return profile if profile[_SPACE] == b"RGB " else b""


def _open(data: bytes, kind: str) -> Image.Image:
    if kind == HEIF:
        try:
            import pillow_heif
        except ImportError as error:
            message = "HEIC is not read without: pip install 'handpose-cli[heif]'"
            raise UnreadableError(message, transient=True) from error
        pillow_heif.register_heif_opener()
    try:
        with without_pillows_limit():
            return Image.open(io.BytesIO(data))
    except MemoryError as error:
        raise UnreadableError(NO_MEMORY, transient=True) from error
    except Exception as error:  # its plug-ins raise whatever comes
        raise UnreadableError("damaged or cut short, or of a kind that cannot be decoded") from error
