"""Hands before an even background: find that background, so that another one can be put there.

Even is what changes slowly: one colour, or a wall that is darker in its corners. Colours are CIELAB scaled to 8 bits.
"""

from __future__ import annotations

import cv2
import numpy as np

from handpose_cli.crop import Crop
from handpose_cli.records import SKELETON

RING = 64  # side of the small copy of an image whose border pixels are looked at
EVEN_SPREAD = 4.0  # median distance of border pixels from the background fitted to them, at most
EVEN_SHARE = 0.7  # of the border pixels that are near it, at least: the arm leaves the picture somewhere
NEAR = 14.0  # distance of a background pixel from the fitted background, at most
SURE = 20.0  # distance beyond which a pixel is surely none
PALM = [0, 1, 5, 9, 13, 17]


def without_background(
    image: np.ndarray, crop: Crop, keypoints: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray] | None:
    """Cut a crop and find the background in it: what is near the image's even border and joined to it.

    Args:
        image: uint8 [h, w, 3], RGB.
        keypoints: image pixels [21, 2] of the hand in the crop, if there is one; NaN where not labelled.

    Returns:
        The crop uint8 [size, size, 3], and the background's share of each pixel, float32 [size, size], 0 to 1; None if
        the border is not even, or the hand cannot be separated from it.
    """
    fitted = _even_border(image)
    if fitted is None:
        return None
    cut = crop.cut(image, cv2.BORDER_REPLICATE)
    x, y = _image_pixels(crop)
    height, width = image.shape[:2]
    expected = _terms((2 * x + 1) / width - 1, (2 * y + 1) / height - 1) @ fitted
    distance = np.linalg.norm(_lab(cv2.GaussianBlur(cut, (3, 3), 0)) - expected, axis=2)
    joints = None if keypoints is None else crop.to_crop(_seen(keypoints, image))
    if joints is not None:
        hand = distance[_inner_hand(joints, crop.size) > 0]
        if not len(hand) or (hand <= SURE).mean() > 0.02:
            return None
    beyond = outside(image, crop)
    near = ((distance <= NEAR) | (beyond > 0.5)).astype(np.uint8)
    framed = cv2.copyMakeBorder(near, 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=1)
    cv2.floodFill(framed, None, (0, 0), 2)
    found = ((framed[1:-1, 1:-1] == 2) & (beyond <= 0.5)).astype(np.float32)
    # a pixel more, for the colour that has mixed with the hand's outline, and on across the image's edge
    grown = np.maximum(cv2.dilate(found, np.ones((3, 3))), cv2.dilate(found, np.ones((7, 7))) * (beyond > 0))
    share = np.maximum(cv2.GaussianBlur(grown, (0, 0), 0.8), beyond)
    if joints is not None and (share[_pixels(joints, crop.size)] > 0.5).any():
        return None
    return cut, share


def _seen(keypoints: np.ndarray, image: np.ndarray) -> np.ndarray:
    """Return keypoints with NaN for those outside the image."""
    inside = ((keypoints >= 0) & (keypoints <= [image.shape[1] - 1, image.shape[0] - 1])).all(axis=1, keepdims=True)
    return np.where(inside, keypoints, np.nan)


def _pixels(joints: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the rows and columns of the joints that lie in the crop."""
    pixels = np.nan_to_num(joints, nan=-1).round().astype(int)
    pixels = pixels[((pixels >= 0) & (pixels < size)).all(axis=1)]
    return pixels[:, 1], pixels[:, 0]


def outside(image: np.ndarray, crop: Crop) -> np.ndarray:
    """Return the share of each of a crop's pixels that lies outside the image: float32 [size, size], 0 to 1."""
    height, width = image.shape[:2]
    x, y = _image_pixels(crop)
    depth = 0.5 + np.minimum(np.minimum(x, width - 1 - x), np.minimum(y, height - 1 - y))  # in image pixels
    share: np.ndarray = np.clip(0.5 - depth * np.sqrt(abs(np.linalg.det(crop.matrix[:, :2]))), 0, 1)
    return share.astype(np.float32)


def _even_border(image: np.ndarray) -> np.ndarray | None:
    """Fit a colour that changes slowly to an image's border: float32 [6, 3], see `_terms`; None if it is not even."""
    small = _lab(cv2.resize(image, (RING, RING), interpolation=cv2.INTER_AREA))
    border = small[BORDER]
    near = np.linalg.norm(border - np.median(border, axis=0), axis=1) < 60
    for _ in range(5):
        if near.mean() < 0.4:
            return None
        terms = BORDER_TERMS[near]
        fitted = np.linalg.solve(terms.T @ terms + 1e-3 * np.eye(6, dtype=np.float32), terms.T @ border[near])
        distance = np.linalg.norm(border - BORDER_TERMS @ fitted, axis=1)
        near = distance <= NEAR
    return fitted if np.median(distance) <= EVEN_SPREAD and near.mean() >= EVEN_SHARE else None


def _terms(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return the terms of a quadratic polynomial of x and y (-1 to 1 across the image): float32 [..., 6]."""
    return np.stack([np.ones_like(x), x, y, x * x, x * y, y * y], axis=-1).astype(np.float32)


def _border(side: int) -> np.ndarray:
    border = np.ones((side, side), bool)
    border[1:-1, 1:-1] = False
    return border


BORDER = _border(RING)
BORDER_TERMS = _terms(*((2 * np.argwhere(BORDER)[:, ::-1].T + 1) / RING - 1))


def _image_pixels(crop: Crop) -> tuple[np.ndarray, np.ndarray]:
    """Return the image's x and y of each of a crop's pixels: float32 [size, size] both."""
    a = cv2.invertAffineTransform(crop.matrix).astype(np.float32)
    pixel = np.arange(crop.size, dtype=np.float32)
    x, y = pixel[None], pixel[:, None]
    return a[0, 0] * x + a[0, 1] * y + a[0, 2], a[1, 0] * x + a[1, 1] * y + a[1, 2]


def _inner_hand(joints: np.ndarray, size: int) -> np.ndarray:
    """Draw the palm and the fingers' bones (crop pixels [21, 2], NaN: left out): uint8 [size, size], not 0 there."""
    drawn = np.zeros((size, size), np.uint8)
    known = np.isfinite(joints).all(axis=1)
    points = np.nan_to_num(joints).round().astype(np.int32)
    if known[PALM].sum() >= 3:
        cv2.fillConvexPoly(drawn, cv2.convexHull(points[PALM][known[PALM]]), 1)
    for a, b in SKELETON:
        if known[a] and known[b]:
            cv2.line(drawn, points[a].tolist(), points[b].tolist(), 1, 2)
    return drawn


def _lab(image: np.ndarray) -> np.ndarray:
    lab: np.ndarray = cv2.cvtColor(image, cv2.COLOR_RGB2LAB)
    return lab.astype(np.float32)
