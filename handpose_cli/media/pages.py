"""Files of several pictures: the pages of a TIFF, the frames of a GIF, WebP, APNG or AVIF, the views of an MPO."""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import IO

from handpose_cli.media.damage import decoded
from handpose_cli.media.errors import UnreadableError, unreadable_if_unforeseen
from handpose_cli.media.image_head import AVIF, GIF, HEIF, JPEG, PNG, START, TIFF, WEBP, kind_of
from handpose_cli.media.opening import open_file, read_bytes
from handpose_cli.media.picture import Picture
from handpose_cli.media.suffixes import PAGED_SUFFIXES
from handpose_cli.media.tiff import HEIGHT, WIDTH, is_reduced, tiff_pages


def page_count(path: Path) -> int:
    """Return how many pictures a file has; 1 if that cannot be found out, as of one that is damaged."""
    if path.suffix.lower() not in PAGED_SUFFIXES:
        return 1
    try:
        with open_file(path) as file, unreadable_if_unforeseen():
            start = file.read(START)
            kind = kind_of(start)
            if kind == TIFF:
                return max(1, len(_whole_pages(file)))
            if not _may_have_pages(file, start, kind):
                return 1
            file.seek(0)
            data = file.read()
    except (UnreadableError, OSError):
        return 1
    from handpose_cli.media.pillow_images import count_pages

    return count_pages(data, kind)


def open_pages(path: Path, most_pixels: int) -> Iterator[Picture]:
    """Yield a file's pictures in turn, upright.

    Raises:
        UnreadableError: if one cannot be decoded; those before it have been yielded.
    """
    data = read_bytes(path)
    kind = kind_of(data[:START])
    from handpose_cli.media import pillow_images

    profile = partial(pillow_images.rgb_profile, data, kind)
    if kind != TIFF:
        for pixels in pillow_images.read_pages(data, kind, most_pixels):
            yield Picture(pixels, profile=profile)
        return
    from handpose_cli.media.images import decode  # which knows OpenCV's ways

    for index, (width, height) in _whole_pages(io.BytesIO(data)).items():
        if width * height > most_pixels:
            size = f"{width} x {height} pixels"
            raise UnreadableError(f"too large to be read: {size}; the limit is {most_pixels} in all")
        pixels, is_damaged = decoded(partial(decode, data, TIFF, page=index))
        yield Picture(pixels, is_damaged=is_damaged, profile=profile)


def _may_have_pages(file: IO[bytes], start: bytes, kind: str) -> bool:
    if kind == WEBP:
        return start[12:16] == b"VP8X" and len(start) > 20 and bool(start[20] & 2)
    if kind == PNG:
        return _is_animated(file)
    return kind in (GIF, AVIF, HEIF, JPEG)


def _is_animated(png: IO[bytes]) -> bool:
    """Return whether a PNG says before its pixels that it has frames: behind its colour profile, palette and texts."""
    png.seek(8)
    while len(head := png.read(8)) == 8 and head[4:] not in (b"IDAT", b"IEND"):
        if head[4:] == b"acTL":
            return True
        png.seek(int.from_bytes(head[:4], "big") + 4, 1)  # with the checksum
    return False


def _whole_pages(file: IO[bytes]) -> dict[int, tuple[int, int]]:
    """Return the sizes of a TIFF's pages by their numbers, without those that are smaller copies of others."""
    pages = {}
    try:
        for index, page in enumerate(tiff_pages(file)):
            if not is_reduced(page):
                pages[index] = page[WIDTH], page[HEIGHT]
    except (ValueError, KeyError, struct.error):
        pass
    return pages
