"""Find the keypoints of hands whose boxes are known: crops in, keypoints in image pixels out."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from handpose_cli.annotator.detector import Network
from handpose_cli.crop import crop_around
from handpose_cli.heatmaps import decode, decode_logits, heatmap_to_crop


def find_keypoints(
    network: Network, input_size: int, hands: Sequence[tuple[np.ndarray, np.ndarray]]
) -> tuple[np.ndarray, np.ndarray]:
    """Run the hourglass on hands, which may come from several images.

    Args:
        network: the hourglass, from `engine`; its output is named "heatmaps" or "logits" after what it was trained on.
        input_size: side of its crops in pixels.
        hands: for each hand its image (uint8 [h, w, 3], RGB) and its box (x, y, width, height in pixels).

    Returns:
        keypoints float32 [n, 21, 2] in pixels of each hand's image, and scores float32 [n, 21], 0 to 1.
    """
    crops = [crop_around(box, input_size) for _, box in hands]
    pixels = np.stack([crop.cut(image) for crop, (image, _) in zip(crops, hands, strict=True)])
    outputs = network(pixels.astype(np.float32) / 255)
    points, scores = decode_logits(outputs["logits"]) if "logits" in outputs else decode(outputs["heatmaps"])
    points = heatmap_to_crop(points)
    keypoints = [crop.to_image(p) for crop, p in zip(crops, points, strict=True)]
    return np.stack(keypoints).astype(np.float32), scores


def hand_score(box_score: float, keypoint_scores: np.ndarray) -> float:
    """Return a hand's score: the detector's score times the mean of the joints' scores.

    The hourglass sees the hand larger than the detector does, and is unsure of its joints where there is no hand.
    """
    return float(box_score * keypoint_scores.mean())
