"""A part of the inputs: what one of several runs does, which `merge` joins."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import NamedTuple

from handpose_cli.media.inputs import Input


class Shard(NamedTuple):
    """Part `number` (from 1) of so many `parts`.

    Attributes:
        divided: number of the inputs that the parts divide, and a digest of their names; "" as long as it is not known.
    """

    number: int
    parts: int
    divided: str = ""

    def __str__(self) -> str:
        return f"{self.number}/{self.parts}"

    def of(self, inputs: Sequence[Input]) -> tuple[Shard, Sequence[Input]]:
        """Return it as a part of these inputs, and which of them it has: every so many, so that parts are alike."""
        digest = hashlib.sha256("\0".join(entry.name for entry in inputs).encode())
        divided = f"{len(inputs)} {digest.hexdigest()[:16]}"
        return self._replace(divided=divided), inputs[self.number - 1 :: self.parts]
