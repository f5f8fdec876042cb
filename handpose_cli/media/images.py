"""Read still images as upright 8-bit RGB."""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from itertools import islice
from os import PathLike
from pathlib import Path

import cv2
import numpy as np

from handpose_cli.media import pnm
from handpose_cli.media.bmp import decode_masked
from handpose_cli.media.damage import decoded, decoded_beside
from handpose_cli.media.depth import to_8_bits
from handpose_cli.media.errors import NO_MEMORY, UnreadableError
from handpose_cli.media.image_head import AVIF, BMP, GIF, HEIF, JPEG, KINDS, PNG, PNM, TIFF, WEBP, Head, read_head
from handpose_cli.media.jpeg_end import with_end, without_padding
from handpose_cli.media.opening import is_web_page, open_file, read_bytes
from handpose_cli.media.picture import Picture
from handpose_cli.media.tiff import BITS, COLOURS, WHITE_IS_0, first_page, is_for_pillow, tiff_pages
from handpose_cli.media.turning import turned

_DAMAGED = "damaged or cut short, or of a kind that cannot be decoded"
MOST_PIXELS = 2**28  # 0.8 GB as RGB; the largest cameras' pictures have 2e8
# A JPEG is decoded to 1/2, 1/4 or 1/8 first if no side falls short of this. That takes a third of the time, and is
# enough for the detector and for hands that are large. Smaller pictures gain too little to be decoded twice.
LEAST_REDUCED = 500
# OpenCV reads other EXIF than other programs do, and does not turn damaged PNGs and WebPs of several pictures
_LEFT_AS_STORED = (JPEG, PNG, WEBP)
_RGB = (JPEG, PNG, WEBP, BMP)  # of deep TIFFs, OpenCV 5.0.0 gives now RGB and now BGR when it is asked for RGB
_AS_STORED = cv2.IMREAD_COLOR_RGB | cv2.IMREAD_IGNORE_ORIENTATION
_OF_JPEG = {1: _AS_STORED, **{n: _AS_STORED | (8 * n) for n in (2, 4, 8)}}  # as cv2.IMREAD_REDUCED_COLOR_n
# of a PNG: the length of its signature and of each chunk's checksum, its last chunk, and those that APNG adds
_SIGNATURE, _CHECKSUM, _END = 8, 4, b"\x00\x00\x00\x00IEND\xaeB`\x82"
_OF_ANIMATIONS = (b"acTL", b"fcTL", b"fdAT")


def read_image(path: str | PathLike[str]) -> np.ndarray:
    """Read an image file (the first picture in it): uint8 [h, w, 3], RGB.

    The EXIF orientation is applied, so the image is upright. Deeper images become 8 bits as `depth.to_8_bits` says,
    grey and CMYK ones become RGB, and transparency is dropped.

    Raises:
        UnreadableError: if the file is missing, empty, cut short, not such an image, or one of more than `MOST_PIXELS`,
            as small files can be that are made to fill the memory.
    """
    data, head = _checked(Path(path))
    return decode(data, head.kind)


def open_image(path: Path) -> Picture:
    """Read an image file as `read_image`, a large JPEG only as finely as it is asked for; raises the same."""
    data, (kind, width, height, _) = _checked(path)
    factor = 1
    # by whole blocks, so that pixels lie where the factor says, whichever way round the picture is stored
    while kind == JPEG and factor < 8 and not (width | height) % (2 * factor):
        if min(width, height) < 2 * factor * LEAST_REDUCED:
            break
        factor *= 2
    first = partial(decode, data, kind, factor)
    pixels, is_damaged = decoded(first) if kind in (JPEG, TIFF) else (first(), False)
    if is_damaged and kind == JPEG:  # or there are only zeros before its end
        with suppress(UnreadableError):
            _, is_damaged = decoded(partial(decode, without_padding(data), kind, factor))
    if factor > 1 and sorted(pixels.shape[:2]) != sorted((height // factor, width // factor)):
        pixels, factor = _finer(data, kind), 1  # its head was wrong about its size
    return Picture(pixels, factor, partial(_finer, data, kind), is_damaged, partial(_profile, data, kind))


def _finer(data: bytes, kind: str, factor: int = 1) -> np.ndarray:
    return decoded_beside(partial(decode, data, kind, factor))


def _profile(data: bytes, kind: str) -> bytes:
    from handpose_cli.media.pillow_images import rgb_profile

    return rgb_profile(data, kind)


def image_size(path: Path) -> tuple[int, int]:
    """Return the width and height that `read_image` gives, by the file's head where that is enough; raises the same."""
    with open_file(path) as file:
        _, width, height, _ = read_head(file)
    if not width:
        height, width = read_image(path).shape[:2]
    return width, height


def _checked(path: Path) -> tuple[bytes, Head]:
    """Return a file's content and what its head says."""
    data = read_bytes(path)
    if not data:
        raise UnreadableError("empty file (0 bytes)")
    head = read_head(io.BytesIO(data))
    if head.width * head.height > MOST_PIXELS:
        size = f"{head.width} x {head.height} pixels"
        raise UnreadableError(f"too large to be read: {size}; the limit is {MOST_PIXELS} in all")
    if head.kind == PNG and not _chunks_fit(data):
        raise UnreadableError(_DAMAGED)
    return data, head


def decode(data: bytes, kind: str, factor: int = 1, page: int | None = None) -> np.ndarray:
    """Decode an image: uint8 [h, w, 3], RGB; raise UnreadableError if that cannot be done.

    Args:
        kind: see `image_head`.
        factor: 1, 2, 4 or 8, of a JPEG: make it so many times smaller, by means of pixels.
        page: of a TIFF; None: the first that is no smaller copy of another.
    """
    try:
        return _upright(data, kind, factor, page)
    except MemoryError as error:
        raise UnreadableError(NO_MEMORY, transient=True) from error
    except cv2.error as error:  # e.g. more pixels than OpenCV accepts
        if error.code == cv2.Error.StsNoMem:
            raise UnreadableError(NO_MEMORY, transient=True) from error
        raise UnreadableError(f"cannot be decoded: {' '.join(str(error.err).split())}") from error


def _upright(data: bytes, kind: str, factor: int, page: int | None) -> np.ndarray:
    if kind in (GIF, AVIF, HEIF):
        from handpose_cli.media import pillow_images

        return next(pillow_images.read_pages(data, kind, MOST_PIXELS))
    if kind == TIFF:
        return _of_tiff(data, page)
    if kind == BMP and (image := _masked(data)) is not None:
        return image
    white = 255
    if kind == PNM:
        data, white = pnm.for_opencv(data)
    image = _decode(_still(data) if kind == PNG else data, _flags(kind, factor))
    if image is None and kind == JPEG and (mended := with_end(data)) is not None:
        image = _decode(mended, _flags(kind, factor))
    if image is None:
        if is_web_page(data[:200]):
            raise UnreadableError("a web page (HTML), not an image")
        raise UnreadableError(_DAMAGED if kind else f"not an image ({KINDS})")
    image = pnm.scaled(to_8_bits(image), white)
    if kind in _LEFT_AS_STORED:
        return turned(image, read_head(io.BytesIO(data)).orientation)
    return image if kind in _RGB else _in_colour(image)


def _of_tiff(data: bytes, index: int | None) -> np.ndarray:
    file = io.BytesIO(data)
    try:
        if index is None:
            index, page = first_page(file)
        else:
            page = next(islice(tiff_pages(file), index, None))
    except (ValueError, LookupError, StopIteration, struct.error) as error:
        if isinstance(error, UnreadableError):
            raise
        raise UnreadableError(_DAMAGED) from error
    if is_for_pillow(page):
        from handpose_cli.media import pillow_images

        return pillow_images.read_page(data, TIFF, index)
    image = _decode(data, cv2.IMREAD_COLOR_BGR | cv2.IMREAD_ANYDEPTH, index)
    if image is None:  # grey ones of 32 bits
        image = _decode(data, cv2.IMREAD_ANYDEPTH | cv2.IMREAD_GRAYSCALE, index)
    if image is None:
        raise UnreadableError(_DAMAGED)
    image = _in_colour(to_8_bits(image))
    return ~image if page.get(COLOURS) == WHITE_IS_0 and page.get(BITS, 1) > 8 else image  # of 8, OpenCV has done it


def _masked(data: bytes) -> np.ndarray | None:
    try:
        return decode_masked(data)
    except ValueError as error:
        raise UnreadableError(_DAMAGED) from error


def _in_colour(image: np.ndarray) -> np.ndarray:
    colour: np.ndarray = cv2.cvtColor(image, cv2.COLOR_GRAY2RGB if image.ndim == 2 else cv2.COLOR_BGR2RGB)
    return colour


def _flags(kind: str, factor: int) -> int:
    if kind not in _RGB:
        return cv2.IMREAD_COLOR_BGR | cv2.IMREAD_ANYDEPTH
    if kind == JPEG:
        return _OF_JPEG[factor]
    return cv2.IMREAD_COLOR_RGB if kind == BMP else _AS_STORED | cv2.IMREAD_ANYDEPTH


def _decode(data: bytes, flags: int, page: int = 0) -> np.ndarray | None:
    buffer = np.frombuffer(data, np.uint8)
    if page:
        return next(iter(cv2.imdecodemulti(buffer, flags, range=(page, page + 1))[1]), None)
    return cv2.imdecode(buffer, flags)


def _chunks_fit(data: bytes) -> bool:
    """Return whether a PNG's chunks end within the file: OpenCV takes memory for as long ones as are claimed."""
    return all(end - _CHECKSUM <= len(data) for _, _, end in _chunks(data))


def _still(data: bytes) -> bytes:
    """Return a PNG without what makes it an animation: of damaged ones OpenCV 5.0 writes where it may not."""
    if b"acTL" not in data:
        return data
    kept = [data[start:end] for name, start, end in _chunks(data) if name not in _OF_ANIMATIONS]
    return data[:_SIGNATURE] + b"".join(kept) + _END


def _chunks(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Yield the name of each of a PNG's chunks up to its end, and where in the file it begins and ends."""
    at = _SIGNATURE
    while at + 8 <= len(data) and data[at + 4 : at + 8] != b"IEND":
        end = at + 8 + int.from_bytes(data[at : at + 4], "big") + _CHECKSUM  # length, name and content before it
        yield data[at + 4 : at + 8], at, end
        at = end
