"""Turn still images upright, as EXIF says."""

from __future__ import annotations

import cv2
import numpy as np

# EXIF orientation: whether rows and columns are exchanged, and what is flipped then (cv2.flip: 1 left and right, 0 up
# and down, -1 both)
_STEPS = {2: (False, 1), 3: (False, -1), 4: (False, 0), 5: (True, None), 6: (True, 1), 7: (True, -1), 8: (True, 0)}


def turned(image: np.ndarray, orientation: int) -> np.ndarray:
    """Return an image [h, w, 3] upright; an orientation that EXIF does not have changes nothing."""
    transposed, flip = _STEPS.get(orientation, (False, None))
    if transposed:
        image = cv2.transpose(image)
    return image if flip is None else cv2.flip(image, flip)
