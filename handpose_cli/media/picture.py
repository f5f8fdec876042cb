"""A picture whose pixels are decoded no larger than they are needed."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from handpose_cli.media.errors import UnreadableError


class Picture:
    """An upright picture, whole in memory or in a file that can be decoded to a half, a quarter or an eighth.

    Attributes:
        width, height: of the whole picture, in pixels.
        is_damaged: whether parts of it are known not to be what was pictured, and not which.
        profile: returns what its colours mean, as an ICC profile; empty: those of screens, or not known.
    """

    def __init__(
        self,
        pixels: np.ndarray,
        factor: int = 1,
        decode: Callable[[int], np.ndarray] | None = None,
        is_damaged: bool = False,
        profile: Callable[[], bytes] = bytes,
    ):
        """Give the pixels that are there already (uint8 [h, w, 3], RGB), and how to have finer ones.

        Args:
            factor: each of the pixels is the mean of so many of the whole picture's, in x and in y.
            decode: returns the pixels for a smaller factor, a power of 2, or raises UnreadableError.
        """
        self._pixels, self._factor, self._decode = pixels, factor, decode
        self.is_damaged, self.profile = is_damaged, profile
        self.height, self.width = pixels.shape[0] * factor, pixels.shape[1] * factor

    @property
    def pixels(self) -> np.ndarray:
        """The whole picture, uint8 [height, width, 3], RGB."""
        return self.reduced(1)[0]

    def reduced(self, most: int) -> tuple[np.ndarray, int]:
        """Return pixels and their factor, at most `most` (but at least 1), unless the file cannot be decoded so finely.

        What has been decoded once is kept and serves coarser wishes as well.
        """
        most = max(most, 1)
        if self._factor > most and self._decode is not None:
            try:
                factor = 1 << (most.bit_length() - 1)
                self._pixels, self._factor = self._decode(factor), factor
            except UnreadableError:
                self._decode = None
        return self._pixels, self._factor
