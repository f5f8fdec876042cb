"""How long a file says that it is: libavformat reads one that was cut short to its end without a word."""

from __future__ import annotations

from pathlib import Path
from typing import IO

from handpose_cli.media.ogg import PAGE, end_of_pages

_SLACK = 64  # bytes; some writers of AVI count its head twice


def declared_size(path: Path) -> int:
    """Return the size in bytes that a video's outermost parts add up to, if it is more than there are; else 0.

    Known are MP4 and MOV (ISO/IEC 14496-12, 4.2), Matroska and WebM (RFC 8794), AVI, Ogg, and MPEG transport streams,
    of which only the last packet may be cut.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(12)
        file.seek(0)
        if head[:4] == b"RIFF":
            declared = _end_of_riff(file, size)
        elif head[:4] == b"\x1a\x45\xdf\xa3":
            declared = _end_of_matroska(file)
        elif head.startswith(PAGE):
            declared = end_of_pages(file, size)
        elif unit := _length_of_packets(file, size):
            return -(-size // unit) * unit if size % unit else 0
        else:
            declared = _end_of_boxes(file, size)
    return declared if declared > size + _SLACK else 0


def _length_of_packets(file: IO[bytes], size: int) -> int:
    """Return how many bytes a transport stream's packets have, whose first byte is always one; 0 if it is none.

    The first two and the last two must have it: behind the packets, recorders fill up blocks.
    """
    for unit, mark in ((188, 0), (192, 4)):  # the latter have a time in front
        places = [at * unit + mark for at in (0, 1, max(size // unit - 1, 0), size // unit)]
        if all(_byte_at(file, place) == b"G" for place in places if place < size):
            return unit
    return 0


def _byte_at(file: IO[bytes], place: int) -> bytes:
    file.seek(place)
    return file.read(1)


def _end_of_riff(file: IO[bytes], size: int) -> int:
    """Return where the last chunk ends; long files have several."""
    end = 0
    while end < size:
        file.seek(end)
        head = file.read(8)
        if head[:4] != b"RIFF" or len(head) < 8:
            break
        end += 8 + int.from_bytes(head[4:], "little")
    return end


def _end_of_matroska(file: IO[bytes]) -> int:
    """Return where the segment ends, the second of the two outermost elements; 0 for live streams."""
    file.seek(4)
    head = _number(file)
    if head is None:
        return 0
    file.seek(head, 1)
    if file.read(4) != b"\x18\x53\x80\x67":
        return 0
    length = _number(file)
    return 0 if length is None else file.tell() + length


def _number(file: IO[bytes]) -> int | None:
    """Return a variable-length number of Matroska; None if it says "unknown" or is not there."""
    first = file.read(1)
    if not first or not first[0]:
        return None
    length = 9 - first[0].bit_length()
    number = int.from_bytes(first + file.read(length - 1), "big") & ((1 << 7 * length) - 1)
    return None if number == (1 << 7 * length) - 1 else number


def _end_of_boxes(file: IO[bytes], size: int) -> int:
    """Return where the last box with media ends."""
    end = 0
    while end < size:
        file.seek(end)
        head = file.read(16)
        length, kind = int.from_bytes(head[:4], "big"), head[4:8]
        if length == 1:
            length = int.from_bytes(head[8:16], "big")
        if length < 8:  # 0: to the end of the file
            return 0
        end += length
        if end > size and kind not in (b"mdat", b"moof"):
            return 0
    return end
