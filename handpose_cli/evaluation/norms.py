"""What errors are divided by: the registry of norms.

To add one, write how long it is for a labelled hand and put it into `NORMS`; figures, options and charts follow.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from handpose_cli.records import MIDDLE_MCP, WRIST, Hand

LEAST_PALM = 0.1  # of the box's longer side: a palm seen edge-on is too short to divide by


def _longer_side(hand: Hand) -> float:
    return float(max(hand.box[2], hand.box[3])) or np.nan


def _palm(hand: Hand) -> float:
    if hand.keypoints is None:
        return np.nan
    palm = float(np.linalg.norm(hand.keypoints[WRIST] - hand.keypoints[MIDDLE_MCP]))
    return palm if palm > LEAST_PALM * max(hand.box[2], hand.box[3]) else np.nan


def _head(hand: Hand) -> float:
    return hand.head_size if hand.head_size and hand.head_size > 0 else np.nan


class Norm(NamedTuple):
    """A length that a labelled hand has.

    Attributes:
        length: in pixels; NaN for a hand that has none.
        thresholds: PCK's, unless others are asked for.
        furthest: where PCK's curve ends.
        what: for people.
        unit: of an error over it, for people.
    """

    length: Callable[[Hand], float]
    thresholds: tuple[float, ...]
    furthest: float
    what: str
    unit: str


NORMS = {
    "bbox": Norm(_longer_side, (0.05, 0.1, 0.2), 0.3, "longer side of the labelled box", "of bbox"),
    "palm": Norm(_palm, (0.2, 0.5), 1.0, "wrist to middle MCP joint", "of palm"),
    "px": Norm(lambda hand: 1.0, (5.0, 10.0, 20.0), 30.0, "nothing", "px"),
    "head": Norm(_head, (0.5, 0.7), 1.0, "head size", "of head"),  # PCKh
}


def lengths_of(hands: Sequence[Hand], norm: str) -> np.ndarray:
    """Return the length of each labelled hand by a norm, float64 [n] in pixels; NaN where it has none."""
    return np.array([NORMS[norm].length(hand) for hand in hands], np.float64)
