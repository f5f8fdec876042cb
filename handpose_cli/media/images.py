"""Read still images as upright 8-bit RGB."""

from __future__ import annotations

import io
import struct
from functools import partial
from pathlib import Path

import cv2
import imagesize
import numpy as np

from handpose_cli.media.errors import UnreadableError
from handpose_cli.media.picture import Picture

cv2.utils.logging.setLogLevel(
    cv2.utils.logging.LOG_LEVEL_SILENT
)  # what goes wrong is reported by the exception below, not by OpenCV's own lines

# first bytes (cv2.haveImageReader tells more kinds, but crashes on a file name that is no UTF-8)
_JPEG = b"\xff\xd8\xff"
_PNG = b"\x89PNG\r\n\x1a\n"
_HEADS = (_JPEG, _PNG, b"BM", b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_DAMAGED = "damaged or cut short, or of a kind that cannot be decoded"
MOST_PIXELS = 2**28  # 0.8 GB as RGB; the largest cameras' pictures have 2e8
# A JPEG is decoded to 1/2, 1/4 or 1/8 first if no side falls short of this. That takes a third of the time, and is
# enough for the detector and for hands that are large. Smaller pictures gain too little to be decoded twice.
LEAST_REDUCED = 750
# cv2.IMREAD_REDUCED_COLOR_n for RGB
_FLAGS = {1: cv2.IMREAD_COLOR_RGB, **{n: cv2.IMREAD_COLOR_RGB | (8 * n) for n in (2, 4, 8)}}


def read_image(path: Path) -> np.ndarray:
    """Read an image file (JPEG, PNG, WebP, BMP, TIFF): uint8 [h, w, 3], RGB.

    The EXIF orientation is applied, so the image is upright. 16-bit images keep their upper 8 bits, grey and CMYK ones
    become RGB, and transparency is dropped.

    Raises:
        UnreadableError: if the file is missing, empty, cut short, not such an image, or one of more than `MOST_PIXELS`,
            as small files can be that are made to fill the memory.
    """
    data, known, _ = _checked(path)
    return _decode(data, known)


def open_image(path: Path) -> Picture:
    """Read an image file as `read_image`, a large JPEG only as finely as it is asked for; raises the same."""
    data, known, (width, height) = _checked(path)
    factor = 1
    # by whole blocks, so that pixels lie where the factor says, whichever way round the picture is stored
    while data.startswith(_JPEG) and factor < 8 and not (width | height) % (2 * factor):
        if min(width, height) < 2 * factor * LEAST_REDUCED:
            break
        factor *= 2
    pixels = _decode(data, known, factor)
    if factor > 1 and sorted(pixels.shape[:2]) != sorted((height // factor, width // factor)):
        return Picture(_decode(data, known))  # imagesize was wrong about its size
    return Picture(pixels, factor, partial(_decode, data, known))


def _checked(path: Path) -> tuple[bytes, bool, tuple[int, int]]:
    """Return a file's content, whether it looks like an image, and its size (0, 0 if not)."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UnreadableError(f"cannot be read: {error.strerror}", transient=True) from error
    if not data:
        raise UnreadableError("empty file (0 bytes)")
    known = data.startswith(_HEADS) or (data[:4], data[8:12]) == (b"RIFF", b"WEBP")
    width, height = _size(data) if known else (0, 0)
    if width * height > MOST_PIXELS:
        raise UnreadableError(f"too large to be read: {width} x {height} pixels; the limit is {MOST_PIXELS} in all")
    if data.startswith(_PNG) and not _chunks_fit(data):
        raise UnreadableError(_DAMAGED)
    return data, known, (width, height)


def _decode(data: bytes, known: bool, factor: int = 1) -> np.ndarray:
    """Decode an image; a JPEG also to 1 / factor of its size, by means of pixels."""
    try:
        image = cv2.imdecode(np.frombuffer(data, np.uint8), _FLAGS[factor])
    except cv2.error as error:  # e.g. more pixels than OpenCV accepts
        raise UnreadableError(f"cannot be decoded: {' '.join(str(error.err).split())}") from error
    if image is None:
        raise UnreadableError(_DAMAGED if known else "not an image (JPEG, PNG, WebP, BMP or TIFF)")
    return image


def _size(data: bytes) -> tuple[int, int]:
    """Return the width and height that an image's head declares; (-1, -1) if they cannot be told."""
    try:
        return imagesize.get(io.BytesIO(data))
    except (OSError, ValueError, LookupError, struct.error):
        return -1, -1


def _chunks_fit(data: bytes) -> bool:
    """Return whether a PNG's chunks end within the file: OpenCV takes memory for as long ones as are claimed."""
    at = len(_PNG)
    while at + 8 <= len(data) and data[at + 4 : at + 8] != b"IEND":
        at += 8 + int.from_bytes(data[at : at + 4], "big")  # length, name and content
        if at > len(data):
            return False
        at += 4  # checksum
    return True
