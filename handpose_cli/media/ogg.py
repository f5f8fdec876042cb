"""The pages of an Ogg file (RFC 3533): libavformat passes over damaged ones, with what frames they have, silently."""

from __future__ import annotations

import zlib
from pathlib import Path
from typing import IO

PAGE = b"OggS"
_HEAD = 27  # bytes; its last says how many there are behind it that say how long the page is
_CHECKSUM = slice(22, 26)
_LAST = 4  # a bit of the fifth byte, of a stream's last page
_MIRRORED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


def end_of_pages(file: IO[bytes], size: int) -> int:
    """Return where the last page ends, which may be behind the end of the file; 0 if they do not follow each other."""
    end = 0
    while end < size:
        file.seek(end)
        head = file.read(_HEAD)
        if len(head) < _HEAD or not head.startswith(PAGE):
            return 0
        lengths = file.read(head[-1])
        end += len(head) + len(lengths) + sum(lengths)
    return end


def count_damaged(path: Path) -> int:
    """Return how many pages of a file, or parts between its pages, are damaged; not that one is cut short."""
    count = 0
    with path.open("rb") as file:
        data = file.read(_HEAD)
        while len(data) == _HEAD:
            if not data.startswith(PAGE):
                count += 1
                if not _seek_page(file):
                    break
                data = file.read(_HEAD)
                continue
            lengths = file.read(data[-1])
            content = file.read(sum(lengths))
            if len(content) < sum(lengths):
                break
            count += _checksum(data[:22] + bytes(4) + data[26:] + lengths + content) != data[_CHECKSUM]
            is_last, data = bool(data[5] & _LAST), file.read(_HEAD)
            if is_last and not data.startswith(PAGE):  # tags or the like, behind the end
                break
    return count


def _seek_page(file: IO[bytes]) -> bool:
    """Go on to the next page; return whether there is one."""
    at = file.tell() - _HEAD + 1
    file.seek(at)
    while data := file.read(2**20):
        if (found := data.find(PAGE)) >= 0:
            file.seek(at + found)
            return True
        at += max(len(data) - len(PAGE) + 1, 1)
        file.seek(at)
    return False


def _checksum(page: bytes) -> bytes:
    """Return what a page, with zeros in place of its checksum, has there: zlib's with the bits the other way round."""
    mirrored = zlib.crc32(page.translate(_MIRRORED), 0xFFFFFFFF) ^ 0xFFFFFFFF
    return mirrored.to_bytes(4, "big").translate(_MIRRORED)
