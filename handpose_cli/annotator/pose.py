"""Find the keypoints of hands whose boxes are known: crops in, keypoints in image pixels out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from handpose_cli.annotator.detector import Network
from handpose_cli.crop import crop_around
from handpose_cli.heatmaps import decode, decode_logits, heatmap_to_crop
from handpose_cli.records import Hand

DOUBLE = 0.2  # of the hand's size


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


def find_keypoints(network: Network, input_size: int, hands: Sequence[tuple[np.ndarray, np.ndarray]]) -> Found:
    """Run the hourglass on hands, which may come from several images.

    Args:
        network: the hourglass, from `engine`; its output is named "heatmaps" or "logits" after what it was trained on.
        input_size: side of its crops in pixels.
        hands: for each hand its image (uint8 [h, w, 3], RGB) and its box (x, y, width, height in pixels).
    """
    crops = [crop_around(box, input_size) for _, box in hands]
    pixels = np.stack([crop.cut(image) for crop, (image, _) in zip(crops, hands, strict=True)])
    outputs = network(pixels.astype(np.float32) / 255)
    points, scores = decode_logits(outputs["logits"]) if "logits" in outputs else decode(outputs["heatmaps"])
    points = heatmap_to_crop(points)
    keypoints = [crop.to_image(p) for crop, p in zip(crops, points, strict=True)]
    is_hand, is_right = outputs["hand"].T if "hand" in outputs else (None, None)
    return Found(np.stack(keypoints).astype(np.float32), scores, is_hand, is_right)


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
