"""What frames are annotated with, and how."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from handpose_cli.records import Hand

if TYPE_CHECKING:  # the package of engines takes 0.2 s to import
    from handpose_cli.engine.contract import Detector, KeypointNetwork

SCORE_THRESHOLD = 0.25  # of a hand, unless another is asked for: where F1 is best on photographs, see ssd-hand.md
WHOLE_IMAGE = "whole-image"  # in place of a detector's name: none
AUTO_TILE, LEAST_TILE = 600, 300  # pixels; the detectors see 192
CHANGES_NOTHING = {"changes": False}  # metadata of a field that cannot change a record, or not by its value
CHANGES_IF_SET = {"changes": "if set"}  # of one that changes nothing as long as it is not set
Boxes = Mapping[tuple[str, int | None], list[Hand]]
Sizes = Mapping[tuple[str, int | None], tuple[int, int]]


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
        box_sizes: for what width and height these are, likewise, where that is known: pictures of another are failures.
        boxes_of: the file that they are from, for the failure.
        rescale_boxes: scale the boxes to the picture's size instead, where width and height change alike.
    """

    score_threshold: float
    views: int = 2
    max_hands: int | None = None
    tile: int | None = None
    boxes: Boxes | None = field(default=None, metadata=CHANGES_NOTHING)
    box_sizes: Sizes = field(default_factory=dict, metadata=CHANGES_NOTHING)
    boxes_of: str = field(default="", metadata=CHANGES_NOTHING)
    rescale_boxes: bool = field(default=False, metadata=CHANGES_IF_SET)

    def __post_init__(self) -> None:
        """Raise ValueError if a setting is out of its range."""
        number = isinstance(self.score_threshold, int | float)
        if not number or not 0 <= self.score_threshold <= 1:
            raise ValueError(f"score_threshold must be from 0 to 1. Received: {self.score_threshold!r}")
        if not isinstance(self.views, int) or self.views not in (1, 2, 3, 4):
            raise ValueError(f"views must be 1, 2, 3 or 4. Received: {self.views!r}")
        if self.max_hands is not None and (not isinstance(self.max_hands, int) or self.max_hands < 1):
            raise ValueError(f"max_hands must be at least 1, or None. Received: {self.max_hands!r}")
        if self.tile is not None and (not isinstance(self.tile, int) or self.tile < LEAST_TILE):
            raise ValueError(f"tile must be at least {LEAST_TILE} pixels, or None. Received: {self.tile!r}")
