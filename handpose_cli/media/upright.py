"""Turn the pictures of a video upright, as its display matrix says."""

from __future__ import annotations

import av
import cv2
import numpy as np

# what PyAV calls the rotation (degrees anticlockwise) as a matrix
_TURNS = {0: (1, 0, 0, 1), 90: (0, -1, 1, 0), 180: (-1, 0, 0, -1), -180: (-1, 0, 0, -1), -90: (0, 1, -1, 0)}


def turned_upright(pixels: np.ndarray, picture: av.VideoFrame) -> np.ndarray:
    """Turn a frame's pixels (uint8 [h, w, 3]) by quarters, and mirror them, as the frame's display matrix says."""
    a, b, c, d = _matrix(picture)
    if abs(a) >= abs(b):
        right_to_left, bottom_up = a < 0, d < 0
    else:
        pixels = cv2.transpose(pixels)
        right_to_left, bottom_up = c < 0, b < 0
    if right_to_left or bottom_up:
        pixels = cv2.flip(pixels, -1 if right_to_left and bottom_up else int(right_to_left))
    return pixels


def _matrix(picture: av.VideoFrame) -> tuple[int, int, int, int]:
    """Return a, b, c, d of a frame's display matrix: stored pixel (x, y) is shown at (a x + c y, b x + d y)."""
    try:
        matrix = picture.side_data.get("DISPLAYMATRIX")
    except ValueError:  # PyAV 18.1 refuses to list kinds of side data that it does not know
        return _TURNS.get(picture.rotation, _TURNS[0])
    if matrix is None:
        return _TURNS[0]
    a, b, _, c, d, *_ = np.frombuffer(bytes(matrix), np.int32).tolist()
    return a, b, c, d
