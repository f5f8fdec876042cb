"""The type of what layers and losses take and give."""

from __future__ import annotations

from typing import Any, TypeAlias

# a symbolic `keras.KerasTensor` or a tensor of the backend that runs, which have no type in common
Tensor: TypeAlias = Any
