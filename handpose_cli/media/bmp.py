"""BMPs that say by masks where the colours are in a pixel: OpenCV reads only the usual ones right."""

from __future__ import annotations

import struct

import numpy as np

_BITFIELDS = (3, 6)  # compressions: with masks of three, or of four
_USUAL = {16: [(0xF800, 0x7E0, 0x1F), (0x7C00, 0x3E0, 0x1F)], 32: [(0xFF0000, 0xFF00, 0xFF)]}  # by bits of a pixel


def decode_masked(data: bytes) -> np.ndarray | None:
    """Return the pixels of a BMP with unusual masks, uint8 [h, w, 3], RGB; None if OpenCV is to read it.

    Raises:
        ValueError: if it is cut short.
    """
    try:
        start, size, width, height, _, bits, compression = struct.unpack_from("<IIiiHHI", data, 10)
        masks = struct.unpack_from("<3I", data, 54)
    except struct.error:
        return None
    if (
        size < 40
        or compression not in _BITFIELDS
        or bits not in _USUAL
        or masks in _USUAL[bits]
        or width <= 0
        or not height
    ):
        return None
    row = -(-width * bits // 32) * 32 // bits  # pixels, with those that fill up the last 4 bytes
    pixels = (
        np.frombuffer(data, f"<u{bits // 8}", row * abs(height), start).reshape(-1, row)[:, :width].astype(np.uint32)
    )
    image = np.zeros((*pixels.shape, 3), np.uint8)
    for channel, mask in enumerate(masks):
        lowest = mask & -mask or 1
        image[..., channel] = np.rint((pixels & mask) // lowest * (255 / max(mask // lowest, 1)))
    return image if height < 0 else image[::-1].copy()  # below 0: the first row is the upper one
