"""Ask a network that knows upright hands alone about hands that may point anywhere."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from handpose_cli.engine.contract import Answers
from handpose_cli.records import to_upright

# An answer that points up, by at most so many degrees to either side, and is so sure that there is a hand, needs no
# more turns.
UPRIGHT, SURE_HAND = 45.0, 0.9


def in_quarters(ask: Callable[[np.ndarray], Answers], crops: np.ndarray) -> Answers:
    """Return for each crop the answer that is surest of a hand: as it is or, if that is not enough, in quarter turns.

    Args:
        ask: the network; it must say how probable a hand is.
        crops: uint8 [n, size, size, 3].
    """
    best = ask(crops)
    assert best.is_hand is not None
    rows = np.flatnonzero((np.abs(to_upright(best.keypoints)) > UPRIGHT) | (best.is_hand < SURE_HAND))
    if not rows.size:
        return best
    best = Answers(*(None if part is None else part.copy() for part in best))
    for turns in (1, 2, 3):
        found = ask(np.ascontiguousarray(np.rot90(crops[rows], turns, axes=(1, 2))))
        found = found._replace(keypoints=_turned_back(found.keypoints, turns, crops.shape[1]))
        better = found.is_hand > best.is_hand[rows]
        for part, other in zip(best, found, strict=True):
            if part is not None and other is not None:
                part[rows[better]] = other[better]
    return best


def _turned_back(points: np.ndarray, turns: int, size: int) -> np.ndarray:
    """Return where points [..., 2] of an image, turned counterclockwise by quarters, lie in the image as it was."""
    for _ in range(turns):
        points = np.stack([size - 1 - points[..., 1], points[..., 0]], axis=-1)
    return points
