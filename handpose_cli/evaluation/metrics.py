"""Figures that compare predicted with labelled keypoints. Each name says how it is normalised."""

from __future__ import annotations

import numpy as np


def distances(predicted: np.ndarray, labelled: np.ndarray) -> np.ndarray:
    """Return the distance in pixels of each joint: [n, joints] from keypoints [n, joints, 2]."""
    return np.linalg.norm(np.asarray(predicted, np.float64) - labelled, axis=-1)


def longer_sides(keypoints: np.ndarray) -> np.ndarray:
    """Return the longer side [n] of each hand's tight keypoint box, from keypoints [n, joints, 2]."""
    return (keypoints.max(axis=1) - keypoints.min(axis=1)).max(axis=-1).astype(np.float64)


def pck(distance: np.ndarray, norm: np.ndarray, threshold: float) -> float:
    """Percentage of correct keypoints, 0 to 1: the share of joints closer than `threshold` times the hand's norm.

    Strict comparison, as in MMPose's `PCKAccuracy`; every joint counts once. distance [n, joints], norm [n], both in
    pixels. NaN distances (no prediction) count as wrong.
    """
    return float((distance < threshold * norm[:, None]).mean())
