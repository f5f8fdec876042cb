"""Numbers of NumPy, as `np.arange` gives them."""

from __future__ import annotations

from typing import Any

import numpy as np


def plain(number: Any) -> Any:
    """Return a number of NumPy's as Python's own, so that settings are the same whichever they came as."""
    return number.item() if isinstance(number, np.generic | np.ndarray) and number.ndim == 0 else number
