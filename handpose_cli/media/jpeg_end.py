"""JPEGs of which nothing but the end marker is missing: some cameras and programs leave it out."""

from __future__ import annotations

import io
import re

import numpy as np

_END = b"\xff\xd9"
_MARKER = re.compile(rb"\xff[^\x00\x01\xff\xd0-\xd8]")  # of an end, or of a segment; of the pixels' bytes none is
# read in place of pixels that are missing these would be seen
_FILLINGS = (b"", b"\x5a" * 64, b"\xa5" * 64)


def with_end(data: bytes) -> bytes | None:
    """Return a JPEG with its end marker; None if pixels are missing too, so that the picture is not whole."""
    data = data.rstrip(b"\0")
    if data.endswith(b"\xff"):
        data += b"\0"  # that one was a byte of the picture
    first, *others = (_pixels(data + filling + _END) for filling in _FILLINGS)
    is_whole = first is not None and all(other is not None and np.array_equal(first, other) for other in others)
    return data + _END if is_whole else None


def without_padding(data: bytes) -> bytes:
    """Return a JPEG without zeros before its end marker, as cameras fill up blocks, and what is behind that.

    Behind it may be whole files: the video of a motion photo, a depth or a gain map, each with such markers of its own.
    """
    at = 2
    while (marker := _MARKER.search(data, at)) is not None and marker[0] != _END:
        at = marker.end() + int.from_bytes(data[marker.end() : marker.end() + 2], "big")
    end = data.rfind(_END) if marker is None else marker.start()
    return data[:end].rstrip(b"\0") + _END


def _pixels(data: bytes) -> np.ndarray | None:
    """Decode with Pillow, which prints nothing of what it finds wrong, as OpenCV does."""
    from PIL import Image

    from handpose_cli.media.pillow_images import without_pillows_limit

    try:
        with without_pillows_limit():
            image = Image.open(io.BytesIO(data))
        with image:
            return np.asarray(image)
    except Exception:  # its plug-ins raise whatever comes
        return None
