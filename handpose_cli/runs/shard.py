"""A part of the inputs: what one of several runs does, which `merge` joins."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, TypeVar

T = TypeVar("T")


class Shard(NamedTuple):
    """Part `number` (from 1) of so many `parts`."""

    number: int
    parts: int

    def __str__(self) -> str:
        return f"{self.number}/{self.parts}"

    def of(self, inputs: Sequence[T]) -> Sequence[T]:
        """Return this part of all inputs: every so many of them, so that parts are alike."""
        return inputs[self.number - 1 :: self.parts]
