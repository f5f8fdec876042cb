"""The directories of a TIFF, one for each picture in it: which is the first to look at, and what decodes it right."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import IO

from handpose_cli.media.errors import UnreadableError

SUBFILE, OLD_SUBFILE, WIDTH, HEIGHT, BITS, COMPRESSION, COLOURS, ORIENTATION, SAMPLES, PLANES, TILE, SUB, EXTRA = (
    254, 255, 256, 257, 258, 259, 262, 274, 277, 284, 322, 330, 338
)  # fmt: skip
_TAGS = (
    SUBFILE, OLD_SUBFILE, WIDTH, HEIGHT, BITS, COMPRESSION, COLOURS, ORIENTATION, SAMPLES, PLANES, TILE, SUB, EXTRA
)  # fmt: skip
_MOST_PAGES = 100_000  # damaged heads lead anywhere
_FORMS = {1: "B", 3: "H", 4: "I", 13: "I", 16: "Q", 18: "Q"}  # types of whole numbers
WHITE_IS_0, _RGB, _CMYK = 0, 2, 5  # values of COLOURS
_LAB = (8, 9, 10)
_RAW = (32803, 34892)  # what a camera's sensor gave
_TRANSPARENCY = 2  # of EXTRA: by which the colours are not multiplied yet
# Compressions. What OpenCV's decoder has no name for it makes a black picture of, without an error.
_OF_OPENCV = (1, 2, 3, 4, 5, 6, 7, 8, 32766, 32771, 32773, 32809, 32946, 34676, 34677)
_OF_PILLOW = (34925, 50000)  # LZMA, Zstandard
_NAMES = {
    33003: "JPEG 2000", 33004: "JPEG 2000", 33005: "JPEG 2000", 34661: "JBIG", 34712: "JPEG 2000", 34887: "LERC",
    34892: "lossy JPEG", 34925: "LZMA", 34933: "PNG", 34934: "JPEG XR", 50000: "Zstandard", 50001: "WebP",
    50002: "JPEG XL", 52546: "JPEG XL",
}  # fmt: skip


def tiff_pages(file: IO[bytes]) -> Iterator[dict[int, int]]:
    """Yield the directories of a TIFF: by tag, its value, or the first of several; only tags that are named above.

    Raises:
        ValueError, struct.error: if it is none, or damaged.
    """
    file.seek(0)
    head = file.read(16)
    order = {b"II": "<", b"MM": ">"}.get(head[:2])
    if order is None:
        raise ValueError("not a TIFF")
    is_big = struct.unpack(order + "H", head[2:4])[0] == 43
    number, entry, count = ("Q", "HHQ8s", "Q") if is_big else ("I", "HHI4s", "H")
    at = struct.unpack_from(order + number, head, 8 if is_big else 4)[0]
    seen: set[int] = set()
    while at and at not in seen and len(seen) < _MOST_PAGES:
        seen.add(at)
        _go_to(at, file)
        entries = struct.unpack(order + count, _exactly(file, struct.calcsize(count)))[0]
        if entries > 10_000:
            raise ValueError("a damaged directory")
        size = struct.calcsize(order + entry)
        table = _exactly(file, entries * size)
        after = file.tell()
        page: dict[int, int] = {}
        for tag, type, count_of_it, value in struct.iter_unpack(order + entry, table):
            if tag in _TAGS and type in _FORMS and count_of_it and tag not in page:
                page[tag] = _first(file, order, _FORMS[type], count_of_it, value)
        yield page
        file.seek(after)
        at = struct.unpack(order + number, _exactly(file, struct.calcsize(number)))[0]


def _first(file: IO[bytes], order: str, form: str, count: int, value: bytes) -> int:
    size = struct.calcsize(order + form)
    if count * size > len(value):  # they are elsewhere
        _go_to(struct.unpack(order + ("Q" if len(value) == 8 else "I"), value)[0], file)
        value = _exactly(file, size)
    number: int = struct.unpack_from(order + form, value)[0]
    return number


def is_reduced(page: dict[int, int]) -> bool:
    """Return whether a picture is a smaller copy of another one."""
    return bool(page.get(SUBFILE, 0) & 1) or page.get(OLD_SUBFILE) == 2


def first_page(file: IO[bytes]) -> tuple[int, dict[int, int]]:
    """Return the number of a TIFF's first picture that is no smaller copy of another one, and its directory.

    Raises:
        UnreadableError: if the pictures of which there are copies are in no page, as in cameras' raw files.
        ValueError, struct.error, LookupError: if it is damaged, or no TIFF.
    """
    pages = []
    for index, page in enumerate(tiff_pages(file)):
        if not is_reduced(page):
            return index, page
        pages.append(page)
    if any(SUB in page for page in pages):
        raise UnreadableError("a raw file, of which only the preview could be read. Convert it to JPEG or TIFF")
    return 0, pages[0]


def is_for_pillow(page: dict[int, int]) -> bool:
    """Return whether Pillow decodes a picture right, and OpenCV does not.

    Raises:
        UnreadableError: if neither does, though one of them would give pixels.
    """
    bits, colours, extra = page.get(BITS, 1), page.get(COLOURS), page.get(EXTRA)
    compression, several = page.get(COMPRESSION, 1), page.get(SAMPLES, 1) > 1
    if colours in _RAW:
        raise UnreadableError("a camera's raw data. Convert it to JPEG or TIFF")
    if compression not in _OF_OPENCV and not (compression in _OF_PILLOW and bits <= 8):
        depth = f"of {bits} bits " if compression in _OF_PILLOW else ""
        what = f"a TIFF {depth}with {_NAMES.get(compression, f'number {compression}')} compression"
        raise UnreadableError(f"{what}, which is not decoded. Save it with LZW compression or none")
    if bits > 8:
        if several and page.get(PLANES) == 2:
            raise UnreadableError(
                f"a TIFF of {bits} bits with each colour by itself (planar), which is not decoded. "
                "Save it with interleaved colours: tiffcp -p contig OLD NEW"
            )
        if colours in _LAB:
            raise UnreadableError(f"a TIFF of {bits} bits in Lab, which is not decoded. Save it in RGB")
        return colours == _CMYK
    return (
        compression in _OF_PILLOW
        or bits in (2, 4)
        or colours in _LAB
        or page.get(SAMPLES, 1) > 4  # what OpenCV refuses
        or (colours == _RGB and extra == _TRANSPARENCY)  # OpenCV makes transparent pixels black
        or (TILE in page and page.get(ORIENTATION, 1) != 1)  # OpenCV mirrors each tile by itself
    )


def _go_to(place: int, file: IO[bytes]) -> None:
    try:
        file.seek(place)
    except OverflowError as error:  # a BigTIFF's places may have 64 bits, those of files 63
        raise ValueError("a place behind any file's end") from error


def _exactly(file: IO[bytes], length: int) -> bytes:
    data = file.read(length)
    if len(data) < length:
        raise ValueError("cut short")
    return data
