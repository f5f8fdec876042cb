"""Hands in a picture that a detector learns from: boxes and directions, which move and are cut off with it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

LEAST_VISIBLE, LEAST_SIDE = 0.45, 7.0  # share of a hand that must be inside, and pixels of its shorter side


class Hands(NamedTuple):
    """Hands in a picture: boxes float32 [n, 4], and directions float32 [n, 2], see `targets.cell_targets`."""

    boxes: np.ndarray
    directions: np.ndarray

    def where(self, which: np.ndarray) -> Hands:
        return Hands(self.boxes[which], self.directions[which])

    def moved(self, scale: Iterable[float], to: Iterable[float]) -> Hands:
        """Return them scaled in x and y, then moved."""
        pointing = self.directions * [*scale]
        pointing /= np.maximum(np.linalg.norm(pointing, axis=1, keepdims=True), 1e-9)
        boxes = self.boxes * [*scale, *scale] + [*to, 0, 0]
        return Hands(boxes.astype(np.float32), pointing.astype(np.float32))

    @classmethod
    def joined(cls, several: Iterable[Hands]) -> Hands:
        boxes, directions = zip(*several, strict=True)
        return cls(np.concatenate(boxes), np.concatenate(directions))


def in_picture(hands: Hands, width: int, height: int | None = None) -> tuple[Hands, np.ndarray]:
    """Return the hands that can be found in a picture, clipped to it, and the boxes of those that are unclear."""
    boxes = hands.boxes
    size = np.array([width, width if height is None else height], np.float32)
    low, high = np.clip(boxes[:, :2], 0, size), np.clip(boxes[:, :2] + boxes[:, 2:], 0, size)
    clipped = np.concatenate([low, high - low], axis=1).astype(np.float32)
    shown = clipped[:, 2] * clipped[:, 3] / np.maximum(boxes[:, 2] * boxes[:, 3], 1e-6)
    clear = (shown >= LEAST_VISIBLE) & (clipped[:, 2:].min(axis=1, initial=np.inf) >= LEAST_SIDE)
    return Hands(clipped, hands.directions).where(clear), clipped[~clear & (shown > 0)]
