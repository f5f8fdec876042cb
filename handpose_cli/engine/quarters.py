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
    first = ask(crops)
    if first.is_hand is None:
        raise ValueError("the network does not say how probable a hand is")
    rows = np.flatnonzero((np.abs(to_upright(first.keypoints)) > UPRIGHT) | (first.is_hand < SURE_HAND))
    if not rows.size:
        return first
    looks = [Answers(*(None if part is None else part[rows] for part in first))]  # type: ignore[arg-type]
    for turns in (1, 2, 3):
        found = ask(np.ascontiguousarray(np.rot90(crops[rows], turns, axes=(1, 2))))
        looks.append(found._replace(keypoints=_turned_back(found.keypoints, turns, crops.shape[1])))
    surest = np.argmax([look.is_hand for look in looks if look.is_hand is not None], axis=0)
    for part, of_looks in zip(first, zip(*looks, strict=True), strict=True):
        if part is not None:
            part[rows] = np.stack(of_looks)[surest, np.arange(len(rows))]
    return first


def _turned_back(points: np.ndarray, turns: int, size: int) -> np.ndarray:
    """Return where points [..., 2] of an image, turned counterclockwise by quarters, lie in the image as it was."""
    for _ in range(turns):
        points = np.stack([size - 1 - points[..., 1], points[..., 0]], axis=-1)
    return points
