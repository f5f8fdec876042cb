"""Several views of a hand, turned and mirrored, and one answer from them (test-time augmentation)."""

from __future__ import annotations

import numpy as np

from handpose_cli.crop import Crop, crop_around, crop_around_turned
from handpose_cli.engine.contract import KeypointNetwork
from handpose_cli.records import box_around, to_upright

MOST_TURN = 20.0  # degrees from upright up to which a crop shows a hand as well as one that is turned
AGREE = 0.1  # of the hand's size: how near answers of two views lie that support each other


def upright(keypoints: np.ndarray, size: int, scale: float) -> Crop:
    """Return the crop in which a hand, found by an earlier view, has its middle MCP joint right above its wrist.

    Args:
        keypoints: float [21, 2] in pixels of the image.
        size: side of the crop in pixels.
        scale: side of the crop over the longer side of the hand.
    """
    return crop_around_turned(keypoints, size, scale, float(to_upright(keypoints)))


def around(keypoints: np.ndarray, network: KeypointNetwork) -> Crop:
    """Return the crop around a hand whose place is known from its keypoints: turned upright if it is far from that.

    Hands that stand almost upright are found no better when turned, and the crop is the calmer without.

    Args:
        keypoints: float [21, 2] in pixels of the image.
        network: whose crop it is.
    """
    if is_turned(keypoints, MOST_TURN):
        return upright(keypoints, network.input_size, network.crop_scale)
    return crop_of(box_around(keypoints), network)


def crop_of(box: np.ndarray, network: KeypointNetwork, rotation: float = 0.0) -> Crop:
    """Return a network's crop of the hand in a box (x, y, width, height in pixels).

    Args:
        rotation: by how many degrees it is turned clockwise, which has the hand point up where that is known.
    """
    return crop_around(box, network.input_size, network.crop_scale, rotation)


def is_turned(keypoints: np.ndarray, most: float) -> bool:
    """Return whether a hand (float [21, 2], x right and y down) points more than so many degrees away from up."""
    return abs(float(to_upright(keypoints))) > most


def merge(keypoints: np.ndarray, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return one answer for each joint: the mean of the views around the one that the others support most.

    A view supports another by its score times a Gaussian of their distance (`AGREE`), so a view that took one finger
    for another is left out instead of drawing the joint to a place between the two.

    Args:
        keypoints: float32 [views, n, joints, 2] in pixels of each hand's image.
        scores: float32 [views, n, joints], 0 to 1.

    Returns:
        keypoints float32 [n, joints, 2], and scores float32 [n, joints]: the support over the number of views, 0 to 1.
    """
    size = np.ptp(keypoints, axis=2).max(axis=(0, 2))  # [n]
    reach = AGREE * np.maximum(size, 1e-3)[:, None]
    distance = np.linalg.norm(keypoints[:, None] - keypoints[None], axis=-1)  # [views, views, n, joints]
    support = np.exp(-np.square(distance / reach) / 2) * scores
    best = support.sum(axis=1).argmax(axis=0)
    weights = np.take_along_axis(support, best[None, None], axis=0)[0]  # [views, n, joints], for the best one
    total = weights.sum(axis=0)
    points = (keypoints * weights[..., None]).sum(axis=0) / np.maximum(total, 1e-9)[..., None]
    found = np.where(total[..., None] > 0, points, keypoints.mean(axis=0))
    return found.astype(np.float32), (total / len(keypoints)).astype(np.float32)
