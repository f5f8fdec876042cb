"""Keypoints to Gaussian heatmaps, and heatmaps back to sub-pixel keypoints with a score for each joint.

A heatmap is `STRIDE` times smaller than its crop. Pixel i of the heatmap is centred on pixel (i + 0.5) * STRIDE - 0.5 of
the crop, so that the two grids have the same outer edges.
"""

from __future__ import annotations

import numpy as np

STRIDE = 4


def crop_to_heatmap(points):
    """Map coordinates from crop pixels to heatmap pixels (any array type)."""
    return (points + 0.5) / STRIDE - 0.5


def heatmap_to_crop(points):
    """Map coordinates from heatmap pixels to crop pixels (any array type)."""
    return (points + 0.5) * STRIDE - 0.5


def encode(keypoints: np.ndarray, size: int, sigma: float) -> np.ndarray:
    """Draw an unnormalised Gaussian (peak 1) for each keypoint, as in Newell et al. (2016) and Tompson et al. (2014).

    Args:
        keypoints: [..., joints, 2], x and y in heatmap pixels; a point outside the map leaves only its tail.
        size: side of the heatmap in pixels.
        sigma: standard deviation in heatmap pixels.

    Returns:
        float32 [..., size, size, joints], values 0 to 1.
    """
    grid = np.arange(size, dtype=np.float32)
    offsets = grid - np.asarray(keypoints, np.float32)[..., None]  # [..., joints, 2, size]
    bell = np.exp(-(offsets**2) / (2 * sigma**2))
    return np.einsum("...jx,...jy->...yxj", bell[..., 0, :], bell[..., 1, :])


def decode(heatmaps: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Find each heatmap's peak to a fraction of a pixel.

    The logarithm of a Gaussian is a parabola, so the vertex of the parabola through the logarithms of the peak and its
    two neighbours, in x and in y, is the Gaussian's centre: the Taylor step of DARK (Zhang et al., "Distribution-Aware
    Coordinate Representation for Human Pose Estimation", CVPR 2020) without its mixed term, which is 0 for the round
    Gaussians that the network is trained on. At the map's edge the parabola goes through the three outermost pixels.

    Args:
        heatmaps: float32 [n, height, width, joints], height and width at least 3.

    Returns:
        keypoints float32 [n, joints, 2], x and y in heatmap pixels, and scores float32 [n, joints]: the heatmaps' value
        at the peak pixel, cut to 0 to 1.
    """
    n, height, width, joints = heatmaps.shape
    flat = heatmaps.reshape(n, height * width, joints)
    peak = flat.argmax(axis=1)
    scores = np.take_along_axis(flat, peak[:, None], axis=1)[:, 0].clip(0, 1)
    row, column = np.divmod(peak, width)
    i, j = np.ogrid[:n, :joints]

    def vertex(middle, values):
        low, centre, high = (np.log(np.maximum(v, 1e-6)) for v in values)
        curvature = low - 2 * centre + high
        step = np.where(curvature < -1e-6, (low - high) / (2 * np.minimum(curvature, -1e-6)), 0)
        return middle + step.clip(-1.5, 1.5)

    x = column.clip(1, width - 2)
    y = row.clip(1, height - 2)
    points = np.stack(
        [
            vertex(x, [heatmaps[i, row, x + d, j] for d in (-1, 0, 1)]),
            vertex(y, [heatmaps[i, y + d, column, j] for d in (-1, 0, 1)]),
        ],
        axis=-1,
    )
    return points.astype(np.float32), scores.astype(np.float32)
