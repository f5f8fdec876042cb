"""Find the keypoints of hands whose boxes are known: crops in, keypoints in image pixels out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from handpose_cli.annotator.detector import Network
from handpose_cli.annotator.views import merge, upright
from handpose_cli.crop import Crop, crop_around
from handpose_cli.heatmaps import decode, decode_logits, heatmap_to_crop
from handpose_cli.records import Hand

DOUBLE = 0.2  # of the hand's size
SURE = 0.8  # mean joint score of two views that needs no more
NO_HAND = 0.1  # least probability of being a hand that deserves more views


class Found(NamedTuple):
    """What the hourglass says of hands.

    Attributes:
        keypoints: float32 [n, 21, 2] in pixels of each hand's image.
        scores: float32 [n, 21], 0 to 1.
        is_hand: float32 [n], the probability that the box holds a hand; None if the network does not tell.
        is_right: float32 [n], the probability that it is a right hand, likewise.
    """

    keypoints: np.ndarray
    scores: np.ndarray
    is_hand: np.ndarray | None
    is_right: np.ndarray | None


def find_keypoints(
    network: Network, input_size: int, hands: Sequence[tuple[np.ndarray, np.ndarray]], views: int = 1
) -> Found:
    """Run the hourglass on hands, which may come from several images.

    Args:
        network: the hourglass, from `engine`; its output is named "heatmaps" or "logits" after what it was trained on.
        input_size: side of its crops in pixels.
        hands: for each hand its image (uint8 [h, w, 3], RGB) and its box (x, y, width, height in pixels).
        views: 1: the crop as it is; 2: also mirrored; 4: where that leaves doubt, also both turned upright.
    """
    images = [image for image, _ in hands]
    looks = _look(network, [crop_around(box, input_size) for _, box in hands], images, mirrored=views > 1)
    found = _merged(looks)
    unsure = np.flatnonzero(found.scores.mean(axis=1) < SURE) if views > 2 else np.zeros(0, int)
    if found.is_hand is not None:
        unsure = unsure[found.is_hand[unsure] >= NO_HAND]
    if not len(unsure):
        return found
    crops = [upright(found.keypoints[i], input_size) for i in unsure]
    again = _look(network, crops, [images[i] for i in unsure], mirrored=True)
    better = _merged([_rows(look, unsure) for look in looks] + again)
    for old, new in zip(found, better, strict=True):
        if old is not None:
            old[unsure] = new
    return found


def _look(network: Network, crops: Sequence[Crop], images: Sequence[np.ndarray], mirrored: bool) -> list[Found]:
    """Run the hourglass on crops, and on the mirrored crops."""
    pixels = np.stack([crop.cut(image) for crop, image in zip(crops, images, strict=True)])
    answers = []
    for mirror in (False, True)[: 1 + mirrored]:
        outputs = network((pixels[:, :, ::-1] if mirror else pixels).astype(np.float32) / 255)
        points, scores = decode_logits(outputs["logits"]) if "logits" in outputs else decode(outputs["heatmaps"])
        points = heatmap_to_crop(points)
        is_hand, is_right = outputs["hand"].T if "hand" in outputs else (None, None)
        if mirror:
            points[..., 0] = pixels.shape[2] - 1 - points[..., 0]
            is_right = None if is_right is None else 1 - is_right
        keypoints = np.stack([crop.to_image(p) for crop, p in zip(crops, points, strict=True)])
        answers.append(Found(keypoints.astype(np.float32), scores, is_hand, is_right))
    return answers


def _merged(looks: Sequence[Found]) -> Found:
    keypoints, scores = merge(np.stack([look.keypoints for look in looks]), np.stack([look.scores for look in looks]))
    is_hand, is_right = (
        None if field[0] is None else np.mean(field, axis=0)
        for field in ([look.is_hand for look in looks], [look.is_right for look in looks])
    )
    return Found(keypoints, scores, is_hand, is_right)


def _rows(found: Found, rows: np.ndarray) -> Found:
    return Found(*(None if field is None else field[rows] for field in found))


def without_doubles(hands: Sequence[Hand]) -> list[Hand]:
    """Drop hands with the same keypoints as a better one: the detector may box one hand twice, with little overlap.

    Args:
        hands: with keypoints, best first.

    Returns:
        Those that lie, in the mean of the joints, at least `DOUBLE` times the size of each better hand away from it.
    """
    kept: list[Hand] = []
    for hand in hands:
        if all(_apart(hand.keypoints, better.keypoints) >= DOUBLE for better in kept):
            kept.append(hand)
    return kept


def _apart(keypoints: np.ndarray | None, others: np.ndarray | None) -> float:
    """Return the mean distance of the joints over the longer side of the other hand."""
    if keypoints is None or others is None:
        return np.inf
    return float(np.linalg.norm(keypoints - others, axis=1).mean() / max(np.ptp(others, axis=0).max(), 1.0))


def hand_score(box_score: float, keypoint_scores: np.ndarray, is_hand: float | None = None) -> float:
    """Return a hand's score: the detector's score times the mean of the joints' scores, times `is_hand` if it is known.

    The hourglass sees the hand larger than the detector does, and is unsure of its joints where there is no hand.
    """
    return float(box_score * keypoint_scores.mean() * (1.0 if is_hand is None else is_hand))


def handedness_of(is_right: float | None) -> str | None:
    """Return "left" or "right", whichever is more probable; None if the network does not tell."""
    return None if is_right is None else "right" if is_right >= 0.5 else "left"
