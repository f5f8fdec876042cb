"""Which of CVAT's boxes is which skeleton's: one hand, that was marked with both."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from handpose_cli.boxes import iou
from handpose_cli.formats._notes import say
from handpose_cli.records import Hand

JUST_OUTSIDE = 0.05  # of a box's longer side: how far out of their hand's box joints may lie


@dataclass
class Found:
    """A hand and what its shape is.

    Attributes:
        group: that the shape belongs to; empty if none.
        is_own: a box with the label of our own files, where one without a group is a hand without keypoints.
    """

    hand: Hand
    group: str
    is_box: bool
    is_own: bool = False


@dataclass
class Joined:
    """Joins boxes and skeletons, and counts those that are joined by their places alone."""

    taken: int = 0

    def hands(self, found: list[Found]) -> list[Hand]:
        """Return the hands of an image: a box in a group with skeletons is the box of the one that it overlaps most.

        One without a group is that of the only skeleton in it, unless its label is that of boxes which are grouped.
        """
        boxes = [one for one in found if one.is_box]
        of: dict[int, Hand] = {}
        for group in {one.group for one in boxes}:
            near = [one for one in boxes if one.group == group]
            skeletons = [one.hand for one in found if not one.is_box and one.group == group]
            if group:
                of |= _in_group(near, skeletons)
            elif skeletons:
                around = _around([one for one in near if not one.is_own], skeletons)
                self.taken += len(around)
                of |= around
        for one in boxes:
            if (hand := of.get(id(one))) is not None:
                hand.box = one.hand.box
                hand.handedness = hand.handedness or one.hand.handedness
        return [one.hand for one in found if id(one) not in of]

    def say(self, path: Path) -> None:
        """Say what was joined by its place, if anything was."""
        if self.taken:
            say(f"{path}: {self.taken} boxes without a group taken as those of the skeletons in them")


def _in_group(boxes: list[Found], skeletons: list[Hand]) -> dict[int, Hand]:
    """Return by the boxes' ids whose they are: those that overlap most first; of one each, whether they do or not."""
    if len(boxes) == len(skeletons) == 1:
        return {id(boxes[0]): skeletons[0]}
    if not skeletons:
        return {}
    overlaps = iou(np.stack([one.hand.box for one in boxes]), np.stack([hand.box for hand in skeletons]))
    overlaps += [[_share_in(hand, one.hand.box) for hand in skeletons] for one in boxes]  # few joints have no area
    pairs: dict[int, int] = {}
    for number in np.argsort(-overlaps, axis=None, kind="stable").tolist():
        box, skeleton = divmod(number, len(skeletons))
        if overlaps[box, skeleton] > 0 and box not in pairs and skeleton not in pairs.values():
            pairs[box] = skeleton
    return {id(boxes[box]): skeletons[skeleton] for box, skeleton in pairs.items()}


def _around(boxes: list[Found], skeletons: list[Hand]) -> dict[int, Hand]:
    """Return by the boxes' ids the only skeleton in each, that is in no other box."""
    inside = [[number for number, hand in enumerate(skeletons) if _is_in(hand, one.hand)] for one in boxes]
    holders = [number for numbers in inside for number in numbers]
    return {
        id(one): skeletons[numbers[0]]
        for one, numbers in zip(boxes, inside, strict=True)
        if len(numbers) == 1 and holders.count(numbers[0]) == 1
    }


def _is_in(skeleton: Hand, box: Hand) -> bool:
    differ = len({skeleton.handedness, box.handedness} - {None}) > 1
    return not differ and _share_in(skeleton, box.box, JUST_OUTSIDE * box.size) == 1


def _share_in(skeleton: Hand, box: np.ndarray, margin: float = 0) -> float:
    """Return which share of the joints is inside a box, or a margin around it."""
    if skeleton.keypoints is None:
        return 0.0
    joints = skeleton.keypoints[np.isfinite(skeleton.keypoints).all(axis=1)]
    inside = (joints >= box[:2] - margin) & (joints <= box[:2] + box[2:] + margin)
    return float(inside.all(axis=1).mean())
