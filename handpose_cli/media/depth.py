"""Pictures of more than 8 bits to 8, by the range that their values really have."""

from __future__ import annotations

import numpy as np

_DEPTHS = (8, 10, 12, 14, 16)  # bits that cameras give


def to_8_bits(image: np.ndarray) -> np.ndarray:
    """Return an image as uint8.

    Whole numbers are taken to be of the smallest depth that holds them all (8, 10, 12, 14 or 16 bits, in 16): cameras
    of 12 bits write them so, and of 16 bits the upper 8 are kept. Fractions are of 1, or else of 255, or else of the
    largest; what is below 0 or no number is black.
    """
    if image.dtype == np.uint8 or not image.size:
        return image.astype(np.uint8, copy=False)
    if image.dtype == np.uint16:
        used = int(image.max()).bit_length()
        return (image >> (next(depth for depth in _DEPTHS if used <= depth) - 8)).astype(np.uint8)
    is_fraction = np.issubdtype(image.dtype, np.floating)
    image = np.nan_to_num(image.astype(np.float32, copy=False), nan=0, posinf=0, neginf=0)
    most = float(image.max())
    scale = 255.0 if is_fraction and most <= 1 else 1.0 if most <= 255 else 255 / most
    return np.clip(np.rint(image * scale), 0, 255).astype(np.uint8)
