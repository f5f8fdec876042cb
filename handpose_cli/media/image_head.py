"""What an image's head says: its kind, and its size as the decoder will give it, upright."""

from __future__ import annotations

import re
import struct
from typing import IO, NamedTuple

import imagesize

from handpose_cli.media.tiff import HEIGHT, ORIENTATION, WIDTH, first_page, tiff_pages

JPEG, PNG, WEBP, TIFF, BMP, GIF, AVIF, HEIF, JPEG_2000, PNM, OTHER = (
    "JPEG", "PNG", "WebP", "TIFF", "BMP", "GIF", "AVIF", "HEIC", "JPEG 2000", "PNM", "other"
)  # fmt: skip
KINDS = "JPEG, PNG, WebP, AVIF, HEIC, GIF, JPEG 2000, TIFF, BMP or PNM"
START = 64  # bytes of a file, by which its kind is known
_HEIC = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx")
_STARTS = {
    b"\xff\xd8\xff": JPEG,
    b"\x89PNG\r\n\x1a\n": PNG,
    b"BM": BMP,
    b"II*\0": TIFF, b"MM\0*": TIFF, b"II+\0": TIFF, b"MM\0+": TIFF,
    b"GIF87a": GIF, b"GIF89a": GIF,
    b"\0\0\0\x0cjP  \r\n\x87\n": JPEG_2000, b"\xff\x4f\xff\x51": JPEG_2000,
    b"\x59\xa6\x6a\x95": OTHER,  # Sun raster
    b"#?RADIANCE": OTHER, b"#?RGBE": OTHER,
}  # fmt: skip
_PNM = re.compile(rb"P([1-6]|[Ff])\s|P7\n")
_SIZES = (  # width and height, in the heads of some other kinds
    re.compile(rb"P7\n(?s:.*?)WIDTH (?P<width>\d+)(?s:.*?)HEIGHT (?P<height>\d+)"),
    re.compile(rb"P[1-6Ff](?:\s|#.*\n)+(?P<width>\d+)(?:\s|#.*\n)+(?P<height>\d+)"),
    re.compile(rb"#\?R(?s:.*?)\n-Y (?P<height>\d+) \+X (?P<width>\d+)\n"),
)
_FRAMES = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}  # markers of a JPEG that have its size
_TURNED = (5, 6, 7, 8)  # EXIF orientations that swap width and height


class Head(NamedTuple):
    """An image's kind, upright size, and EXIF orientation as far as it concerns `images.decode`.

    The kind is "" if it is none that is known; width and height, in pixels, are 0 if they are not.
    """

    kind: str
    width: int = 0
    height: int = 0
    orientation: int = 1


def read_head(file: IO[bytes]) -> Head:
    """Return what the head of an open file says; not even a damaged one makes it raise an error."""
    kind = kind_of(file.read(START))
    file.seek(0)
    try:
        width, height, orientation = _size(kind, file)
    except (OSError, ValueError, LookupError, TypeError, OverflowError, StopIteration, struct.error):
        return Head(kind)
    if width <= 0 or height <= 0:
        return Head(kind)
    size = (height, width) if orientation in _TURNED else (width, height)
    return Head(kind, *size, orientation)


def kind_of(start: bytes) -> str:
    """Return an image's kind by its first `START` bytes; "" if it is none that is known."""
    if (start[:4], start[8:12]) == (b"RIFF", b"WEBP"):
        return WEBP
    if start[4:8] == b"ftyp":
        brand = start[8:12]
        if brand in (b"mif1", b"msf1"):  # of both: which it is, those behind say
            end = min(int.from_bytes(start[:4], "big"), len(start))
            others = [start[at : at + 4] for at in range(16, end, 4)]
            brand = next((other for other in others if other in (b"avif", b"avis")), b"heic")
        return AVIF if brand in (b"avif", b"avis") else HEIF if brand in _HEIC else ""
    if _PNM.match(start):
        return PNM
    return next((kind for head, kind in _STARTS.items() if start.startswith(head)), "")


def _size(kind: str, file: IO[bytes]) -> tuple[int, int, int]:
    """Return width and height as they are stored, and the EXIF orientation."""
    if kind == PNG:
        return _of_png(file)
    if kind == TIFF:
        page = first_page(file)[1]
        return page[WIDTH], page[HEIGHT], page.get(ORIENTATION, 1)
    if kind == BMP:
        head = file.read(26)
        if head[14] == 12:  # OS/2's
            return (*struct.unpack("<HH", head[18:22]), 1)
        width, height = struct.unpack("<ii", head[18:26])
        return width, abs(height), 1  # below 0: the first row is the upper one
    if kind in (PNM, OTHER):
        head = file.read(1000)
        if head.startswith(b"\x59\xa6\x6a\x95"):
            return (*struct.unpack(">II", head[4:12]), 1)
        match = next(match for pattern in _SIZES if (match := pattern.match(head)))
        return int(match["width"]), int(match["height"]), 1
    if kind == JPEG:
        return _of_jpeg(file)
    if kind in (GIF, JPEG_2000):
        return (*imagesize.get(file), 1)
    if kind == WEBP:
        width, height = imagesize.get(file)
        return width, height, _orientation_of_webp(file)
    return 0, 0, 1


def _of_jpeg(file: IO[bytes]) -> tuple[int, int, int]:
    """Read the segments before the pixels; of several with EXIF, the first one counts, as for other programs."""
    width = height = 0
    exif: bytes | None = None
    file.seek(2)
    while (marker := _marker(file)) not in (0xDA, 0xD9, 0):  # pixels, or the end
        if marker == 1 or 0xD0 <= marker <= 0xD8:  # without content
            continue
        length = max(int.from_bytes(file.read(2), "big") - 2, 0)
        if marker == 0xE1 and exif is None:
            content = file.read(length)
            exif = content if content.startswith(b"Exif\0\0") else None
        elif marker in _FRAMES and not width:
            height, width = struct.unpack(">xHH", file.read(5))
            file.seek(length - 5, 1)
        else:
            file.seek(length, 1)
    return width, height, _orientation(exif or b"")


def _marker(file: IO[bytes]) -> int:
    """Return the next marker of a JPEG, after bytes that belong to none; 0 at the end of the file."""
    before = b""
    while byte := file.read(1):
        if before == b"\xff" and byte not in (b"\0", b"\xff"):
            return byte[0]
        before = byte
    return 0


def _of_png(file: IO[bytes]) -> tuple[int, int, int]:
    file.seek(8)
    width = height = 0
    orientation = 1
    while len(head := file.read(8)) == 8 and head[4:] != b"IEND":
        length = int.from_bytes(head[:4], "big")
        if head[4:] == b"IHDR":
            width, height = struct.unpack(">II", file.read(8))
            length -= 8
        elif head[4:] == b"eXIf":
            orientation = _orientation(file.read(length))
            length = 0
        file.seek(length + 4, 1)  # with the checksum
    return width, height, orientation


def _orientation_of_webp(file: IO[bytes]) -> int:
    file.seek(12)
    while len(head := file.read(8)) == 8:
        length = int.from_bytes(head[4:], "little")
        if head[:4] == b"EXIF":
            return _orientation(file.read(length))
        file.seek(length + length % 2, 1)
    return 1


def _orientation(exif: bytes) -> int:
    """Return the orientation that a block of EXIF has, 1 (upright) if it has none."""
    import io

    try:
        return next(tiff_pages(io.BytesIO(exif.removeprefix(b"Exif\0\0")))).get(ORIENTATION, 1)
    except (ValueError, StopIteration, struct.error):
        return 1
