"""What frames are annotated with, and how."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np

from handpose_cli.annotator.detector import Network
from handpose_cli.records import Hand

Boxes = Mapping[tuple[str, int | None], list[Hand]]


class Hourglass(Protocol):
    """A network of `engine`: for crops float32 [n, size, size, 3] (RGB, 0 to 1) it returns outputs by name."""

    output_names: set[str]

    def __call__(self, inputs: np.ndarray) -> dict[str, np.ndarray]: ...


class Networks(NamedTuple):
    """What a thread runs: the SSD (None if boxes come from elsewhere), the hourglass and the side of its crops."""

    detector: Network | None
    pose: Hourglass
    pose_input_size: int


@dataclass(frozen=True)
class Settings:
    """How frames are annotated.

    Attributes:
        score_threshold: least score of a hand, 0 to 1.
        views: 1 to 4, see `pose.find_in_crops`.
        max_hands: keep the best so many hands of a frame; None: all.
        boxes: hands with boxes by file name and frame index, in place of a detector; None: no such boxes.
        tile: about the side, in pixels, of the tiles in which small hands are searched for; None: they are not.
    """

    score_threshold: float
    views: int = 4
    max_hands: int | None = None
    boxes: Boxes | None = None
    tile: int | None = None
