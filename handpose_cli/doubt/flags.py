"""Reasons to doubt a hand, as far as its own image shows them."""

from __future__ import annotations

import numpy as np

from handpose_cli.boxes import iou, share_inside
from handpose_cli.doubt.shape import strangeness
from handpose_cli.records import Hand, ImageRecord, box_around

FLIPPED_SIDE, DAMAGED_PICTURE = "flipped_side", "damaged_picture"
# in the order in which a hand lists them, those that weigh most first
FLAGS = {
    "bone_lengths": "a bone longer than hands have it",
    "angles": "fingers bent as hands cannot",
    FLIPPED_SIDE: "another handedness than the rest of its track",
    "duplicate": "two hands in one place",
    "box_disagrees": "box and keypoints disagree",
    "jump": "a joint jumps away and back in a video",
    DAMAGED_PICTURE: "a damaged picture",
    "low_scores": "low scores",
    "cut_by_edge": "at the image's edge, or beyond",
    "small": "very small",
}
# those that are likely mistakes in labels as well; the others are about the picture or the network
MISTAKES = ("bone_lengths", "angles", "flipped_side", "duplicate", "box_disagrees", "jump")

LOW_JOINTS = 0.9  # mean of the joints' scores, which is usually .97
LOW_HAND = 0.5
NEAR = 0.1  # mean distance of the joints of two hands that are in one place, over the larger one's size
SAME_BOXES = 0.9  # IoU of two hands that are in one place, where they have no keypoints to compare
INSIDE = 0.5  # least share of the keypoints' box that lies in the hand's box
FILLED = 0.35  # least share of the box's longer side that the keypoints' box has
EDGE = 0.01  # of the hand's size
SMALL = 32  # pixels; of photographs made smaller, PCK@0.05 is .93 for hands of 64 pixels, .86 for 32 and .75 for 24


def flags_of(hand: Hand, record: ImageRecord) -> tuple[str, ...]:
    """Return the reasons to doubt a hand of a record, without those that only its neighbours in time show."""
    found = set()
    points = _labelled(hand)
    if points is not None and hand.keypoints is not None:
        bones, angles = strangeness(hand.keypoints)
        found |= {name for name, value in (("bone_lengths", bones), ("angles", angles)) if value > 1}
        if _disagrees(points, hand.box):
            found.add("box_disagrees")
    if _scores_low(hand):
        found.add("low_scores")
    if len(record.hands) > 1 and any(_in_one_place(hand, other) for other in record.hands if other is not hand):
        found.add("duplicate")
    if record.width is not None and record.height is not None and _at_edge(hand, points, record.width, record.height):
        found.add("cut_by_edge")
    if hand.size < SMALL:
        found.add("small")
    return ordered(found)


def ordered(names: set[str]) -> tuple[str, ...]:
    """Return flags in their order; names of other tools' stand behind, sorted."""
    return (*(name for name in FLAGS if name in names), *sorted(names - FLAGS.keys()))


def _labelled(hand: Hand) -> np.ndarray | None:
    """Return the keypoints [n, 2] that are labelled; None if none is."""
    if hand.keypoints is None:
        return None
    points = hand.keypoints[np.isfinite(hand.keypoints).all(axis=1)]
    return points if len(points) else None


def _scores_low(hand: Hand) -> bool:
    joints = hand.mean_joint_score
    if joints is not None and joints < LOW_JOINTS:
        return True
    return hand.score is not None and hand.score < LOW_HAND


def _disagrees(points: np.ndarray, box: np.ndarray) -> bool:
    around = box_around(points)
    if len(points) > 1 and share_inside(around[None], box[None])[0, 0] < INSIDE and around[2:].min() > 0:
        return True
    return len(points) == 21 and float(around[2:].max()) < FILLED * float(box[2:].max())


def _in_one_place(hand: Hand, other: Hand) -> bool:
    if hand.keypoints is not None and other.keypoints is not None:
        distance = np.sqrt(np.square(hand.keypoints - other.keypoints).sum(axis=1))
        known = distance[np.isfinite(distance)]
        return bool(len(known)) and float(known.mean()) < NEAR * max(hand.size, other.size)
    return float(iou(hand.box[None], other.box[None])[0, 0]) > SAME_BOXES


def _at_edge(hand: Hand, points: np.ndarray | None, width: int, height: int) -> bool:
    margin = EDGE * hand.size
    if points is None:  # a box may touch the edge
        low, high, margin = hand.box[:2], hand.box[:2] + hand.box[2:] - 1, -margin
    else:
        low, high = points.min(axis=0), points.max(axis=0)
    return bool((low < margin).any() or high[0] > width - 1 - margin or high[1] > height - 1 - margin)
