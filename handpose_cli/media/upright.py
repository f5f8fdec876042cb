"""Turn the pictures of a video upright, as its display matrix says."""

from __future__ import annotations

import av
import cv2
import numpy as np

# what PyAV calls the rotation (degrees anticlockwise) as a matrix
_TURNS = {0: (1, 0, 0, 1), 90: (0, -1, 1, 0), 180: (-1, 0, 0, -1), -180: (-1, 0, 0, -1), -90: (0, 1, -1, 0)}


Matrix = tuple[int, int, int, int]  # a, b, c, d: stored pixel (x, y) is shown at (a x + c y, b x + d y)


class DisplayMatrices:
    """Knows the display matrices of a video's frames; each frame is asked for, in turn.

    One frame of each rotation is looked at: that a video begins to be mirrored on its way is not noticed. A container
    gives its matrix to all frames; but H.264 and H.265 have it with some of them, and it holds until another one comes.

    Attributes:
        held: whether a frame had no matrix, so that one of those before it held.
    """

    def __init__(self) -> None:
        self.held = False
        self._of_rotation: dict[int, Matrix] = {}
        self._turned: Matrix | None = None

    def of(self, picture: av.VideoFrame) -> Matrix:
        """Return a frame's matrix."""
        rotation = picture.rotation
        if rotation == 0 and self._turned is not None and _matrix(picture) is None:
            self.held = True
            return self._turned
        if rotation not in self._of_rotation:
            self._of_rotation[rotation] = _matrix(picture) or _TURNS[0]
        self._turned = self._of_rotation[rotation] if rotation else None
        return self._of_rotation[rotation]


def turned_upright(pixels: np.ndarray, matrix: Matrix) -> np.ndarray:
    """Turn a frame's pixels (uint8 [h, w, 3]) by quarters, and mirror them, as its display matrix says."""
    a, b, c, d = matrix
    if abs(a) >= abs(b):
        right_to_left, bottom_up = a < 0, d < 0
    else:
        pixels = cv2.transpose(pixels)
        right_to_left, bottom_up = c < 0, b < 0
    if right_to_left or bottom_up:
        pixels = cv2.flip(pixels, -1 if right_to_left and bottom_up else int(right_to_left))
    return pixels


def _matrix(picture: av.VideoFrame) -> Matrix | None:
    """Return the matrix that a frame has; None if it has none."""
    try:
        matrix = _small(picture).side_data.get("DISPLAYMATRIX")
    except ValueError:  # PyAV 18.1 refuses to list kinds of side data that it does not know
        return _TURNS.get(picture.rotation) if picture.rotation else None
    if matrix is None:
        return None
    a, b, _, c, d, *_ = np.frombuffer(bytes(matrix), np.int32).tolist()
    return a, b, c, d


def _small(picture: av.VideoFrame) -> av.VideoFrame:
    """Return a tiny copy with the same side data, if there can be one.

    Who is asked for it is in a cycle with it (PyAV 18.1), which only the garbage collector ends, many pictures later;
    until then the decoder's other pictures stay in memory too.
    """
    try:
        return picture.reformat(width=16, height=16, format="gray")
    except (av.FFmpegError, ValueError):
        return picture
