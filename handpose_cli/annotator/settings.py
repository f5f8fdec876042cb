"""What frames are annotated with, and how."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from handpose_cli.engine.contract import Detector, KeypointNetwork
from handpose_cli.records import Hand

CHANGES_NOTHING = {"changes": False}  # metadata of a field that cannot change a record, or not by its value
Boxes = Mapping[tuple[str, int | None], list[Hand]]


class Networks(NamedTuple):
    """What a thread runs: the detector (None if boxes come from elsewhere) and the keypoint network."""

    detector: Detector | None
    pose: KeypointNetwork


@dataclass(frozen=True)
class AnnotateSettings:
    """How frames are annotated.

    Attributes:
        score_threshold: least score of a hand, 0 to 1.
        views: 1 to 4, see `pose.find_in_crops`.
        max_hands: keep the best so many hands of a frame; None: all.
        tile: about the side, in pixels, of the tiles in which small hands are searched for; None: they are not.
        boxes: hands with boxes by file name and frame index, in place of a detector; None: no such boxes.
    """

    score_threshold: float
    views: int = 4
    max_hands: int | None = None
    tile: int | None = None
    boxes: Boxes | None = field(default=None, metadata=CHANGES_NOTHING)
