"""Numbers of NumPy, as `np.arange` gives them."""

from __future__ import annotations

from typing import Any

import numpy as np


def plain(number: Any) -> Any:
    """Return a number of NumPy's as Python's own, so that settings are the same whichever they came as.

    A float of 32 bits is what it is written as: 0.2, not 0.20000000298.
    """
    if not isinstance(number, np.generic | np.ndarray) or number.ndim:
        return number
    return float(str(number)) if np.issubdtype(number.dtype, np.floating) else number.item()
