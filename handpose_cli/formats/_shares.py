"""Are coordinates shares of the image, about 0 to 1, or pixels? It is decided for a whole file."""

from __future__ import annotations

import numpy as np

BEYOND = 1.5  # a joint outside its image may be at 1.2; a whole file's pixels are never so few
MOST = 0.95  # of a file's coordinates that are within it; an odd value may be wrong in another way


class Shares:
    """Counts coordinates; one hand's may be small by chance, or all 0 if it was missed, which says nothing."""

    def __init__(self) -> None:
        self._small = self._all = 0

    def add(self, coordinates: np.ndarray) -> None:
        """Count coordinates of any shape; NaN is a joint that is not labelled."""
        given = np.abs(coordinates[np.isfinite(coordinates) & (coordinates != 0)])
        self._small += int((given <= BEYOND).sum())
        self._all += given.size

    def __bool__(self) -> bool:
        """Whether (nearly) all are small, and there are some."""
        return self._all > 0 and self._small >= MOST * self._all
