"""Keypoints to Gaussian heatmaps, and heatmaps back to sub-pixel keypoints with a score for each joint.

A heatmap is `STRIDE` times smaller than its crop. Pixel i of the heatmap is centred on pixel (i + 0.5) * STRIDE - 0.5
of the crop, so that the two grids have the same outer edges.
"""

from __future__ import annotations

from functools import cache

import numpy as np

STRIDE = 4
SCORE_RADIUS = 3  # heatmap pixels
NEAR = 1.5  # heatmap pixels, as wide as the Gaussians that the networks learn


def crop_to_heatmap(points: np.ndarray) -> np.ndarray:
    """Map coordinates from crop pixels to heatmap pixels."""
    mapped: np.ndarray = (points + 0.5) / STRIDE - 0.5
    return mapped


def heatmap_to_crop(points: np.ndarray) -> np.ndarray:
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
    maps: np.ndarray = np.einsum("...jx,...jy->...yxj", bell[..., 0, :], bell[..., 1, :])
    return maps


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
    column, row = _peaks(heatmaps)
    i, j = np.ogrid[: heatmaps.shape[0], : heatmaps.shape[3]]
    points = _refine(np.log(np.maximum(heatmaps, 1e-6)), column, row)
    return points, heatmaps[i, row, column, j].clip(0, 1).astype(np.float32)


def decode_logits(logits: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Find the place with the most probability near it, in maps trained with `HeatmapCrossEntropy`.

    The softmax over a map says where the joint may be. Where that is spread out, or uneven as in 8 bits, its highest
    pixel says little; smoothed by a Gaussian (standard deviation `NEAR`) it is highest where most of it is near, which
    is what PCK asks for. Every second pixel of the smoothed map is enough for the parabola of `decode`. A joint less
    than 2 pixels from the map's edge, beyond which there is nothing to smooth, is drawn inwards by up to 1.

    Returns:
        keypoints float32 [n, joints, 2] as `decode`, and scores float32 [n, joints]: the probability that the joint is
        within `SCORE_RADIUS` pixels of there in x and in y; 0 to 1.
    """
    n, height, width, joints = logits.shape
    maps = np.ascontiguousarray(logits.transpose(0, 3, 1, 2))  # faster than in steps
    mass = np.exp(maps - maps.max(axis=(2, 3), keepdims=True))
    smoothed = (_smoothing(height) @ mass @ _smoothing(width).T).transpose(0, 2, 3, 1)
    points = 2 * _refine(np.log(np.maximum(smoothed, 1e-30)), *_peaks(smoothed)) + 0.5
    mass = mass.reshape(n, joints, height * width)
    column, row = np.rint(np.nan_to_num(points)).astype(np.intp).transpose(2, 0, 1)  # NaN: of weights that diverged
    i, j = np.ogrid[:n, :joints]
    window = np.arange(-SCORE_RADIUS, SCORE_RADIUS + 1)
    y, x = row[..., None] + window, column[..., None] + window
    inside = ((y >= 0) & (y < height))[..., :, None] & ((x >= 0) & (x < width))[..., None, :]
    pixels = y.clip(0, height - 1)[..., :, None] * width + x.clip(0, width - 1)[..., None, :]
    near = (mass[i[..., None, None], j[..., None, None], pixels] * inside).sum(axis=(2, 3))
    return points, (near / mass.sum(axis=2)).clip(0, 1).astype(np.float32)


@cache
def _smoothing(size: int) -> np.ndarray:
    """Return what smooths one axis of a map and keeps every second place of it, float32 [(size + 1) // 2, size]."""
    kept = np.arange(0.5, size, 2)
    away = kept[:, None] - np.arange(size)
    return np.exp(-(away**2) / (2 * NEAR**2)).astype(np.float32)


def _peaks(maps: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return column and row [n, joints] of each map's highest pixel."""
    n, height, width, joints = maps.shape
    row, column = np.divmod(maps.reshape(n, height * width, joints).argmax(axis=1), width)
    return column, row


def _refine(logarithms: np.ndarray, column: np.ndarray, row: np.ndarray) -> np.ndarray:
    """Return the vertices, float32 [n, joints, 2], of the parabolas through the peaks of the maps' logarithms."""
    n, height, width, joints = logarithms.shape
    i, j = np.ogrid[:n, :joints]

    def vertex(middle: np.ndarray, low: np.ndarray, centre: np.ndarray, high: np.ndarray) -> np.ndarray:
        curvature = np.minimum(low - 2 * centre + high, -1e-6)
        place: np.ndarray = middle + ((low - high) / (2 * curvature)).clip(-1.5, 1.5)
        return place

    x, y = column.clip(1, width - 2), row.clip(1, height - 2)
    across = vertex(x, *(logarithms[i, row, x + d, j] for d in (-1, 0, 1)))
    down = vertex(y, *(logarithms[i, y + d, column, j] for d in (-1, 0, 1)))
    return np.stack([across, down], axis=-1).astype(np.float32)
