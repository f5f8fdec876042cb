"""Things in front of a hand: rectangles, blobs that show another picture, and fingers of someone else."""

from __future__ import annotations

import cv2
import numpy as np

from handpose_cli.training.data.backgrounds import view

SKIN = np.array([[255, 219, 193], [234, 188, 155], [208, 155, 118], [168, 114, 78], [120, 76, 50], [70, 44, 32]])  # RGB


def cover(crop: np.ndarray, picture: np.ndarray | None, rng: np.random.Generator) -> np.ndarray:
    """Return a copy of a crop (uint8 [size, size, 3], RGB) with one to three things in front of it.

    Args:
        picture: what the things show, uint8 [side, side, 3]; without one they show a colour or the crop's other parts.
    """
    crop = crop.copy()
    for _ in range(rng.integers(1, 4)):
        kind = rng.random()
        if kind < 0.4:
            _rectangle(crop, rng)
        elif kind < 0.75:
            _blob(crop, picture, rng)
        else:
            _finger(crop, rng)
    return crop


def _rectangle(crop: np.ndarray, rng: np.random.Generator) -> None:
    size = len(crop)
    h, w = rng.integers(size // 12, size // 4, 2)
    y, x, from_y, from_x = (int(rng.integers(0, size - d)) for d in (h, w, h, w))
    other = crop[from_y : from_y + h, from_x : from_x + w]
    crop[y : y + h, x : x + w] = other if rng.random() < 0.5 else rng.integers(0, 256, 3)


def _blob(crop: np.ndarray, picture: np.ndarray | None, rng: np.random.Generator) -> None:
    """An ellipse or a polygon."""
    side = int(len(crop) * rng.uniform(0.12, 0.35))
    mask = np.zeros((side, side), np.uint8)
    if rng.random() < 0.5:
        half = (rng.uniform(0.15, 0.5, 2) * side).astype(int).tolist()
        cv2.ellipse(mask, (side // 2, side // 2), half, rng.uniform(0, 180), 0, 360, 255, -1, cv2.LINE_AA)
    else:
        angles = np.sort(rng.uniform(0, 2 * np.pi, rng.integers(3, 8)))
        points = (0.5 + np.column_stack([np.cos(angles), np.sin(angles)]) * rng.uniform(0.25, 0.5)) * side
        cv2.fillPoly(mask, [points.astype(np.int32)], 255, cv2.LINE_AA)
    if picture is None:
        content = np.full((side, side, 3), rng.integers(0, 256, 3), np.uint8)
    else:
        content = view(picture, side, rng)
    y, x = rng.integers(0, len(crop) - side, 2)
    part = crop[y : y + side, x : x + side]
    share = mask.astype(np.float32) / 255
    part[:] = cv2.blendLinear(part, content, 1 - share, share)


def _finger(crop: np.ndarray, rng: np.random.Generator) -> None:
    """A bent bar with a round end that comes in from the crop's edge, lit from one side; half of them as the hand."""
    size = len(crop)
    half = size * rng.uniform(0.025, 0.055)
    tip = rng.uniform(0.15, 0.85, 2) * size
    direction = rng.uniform(0, 2 * np.pi)
    cos, sin = float(np.cos(direction)), float(np.sin(direction))
    pixel = np.arange(size, dtype=np.float32)
    x, y = pixel[None] - tip[0], pixel[:, None] - tip[1]
    along, across = x * cos + y * sin, x * sin - y * cos
    across = (across + rng.uniform(-0.3, 0.3) / size * np.square(along)) / half
    widening = 1 + 0.25 * np.clip(along / (10 * half), 0, 1)  # towards the root
    from_axis = np.hypot(across / widening, np.minimum(along / half, 0))
    share = np.clip((1 - from_axis) * half + 0.5, 0, 1)
    rows, columns = np.nonzero(share)
    if rng.random() < 0.5:
        middle = slice(int(size * 0.4), int(size * 0.6))
        tone = crop[middle, middle].mean(axis=(0, 1))
    else:
        first = rng.integers(len(SKIN) - 1)
        tone = SKIN[first] + rng.random() * (SKIN[first + 1] - SKIN[first])
    across, share = across[rows, columns, None], share[rows, columns, None]
    light = (1 - 0.3 * across**2 + rng.uniform(-0.25, 0.25) * across) * rng.uniform(0.7, 1.1)
    crop[rows, columns] = ((1 - share) * crop[rows, columns] + share * light * tone).clip(0, 255).astype(np.uint8)
