"""Random crops of labelled hands: one affine map for image and keypoints, then changes of colour and quality."""

from __future__ import annotations

import cv2
import numpy as np

from handpose_cli.crop import Crop, crop_around


def random_crop(box: np.ndarray, size: int, rng: np.random.Generator) -> Crop:
    """Return a random square crop around a box (tight): turned, scaled, shifted and half of the time mirrored.

    A mirrored hand keeps its joints' names, so nothing is swapped. Scales span what tight and loose boxes give.
    """
    turned_anyhow = rng.random() < 0.2
    return crop_around(
        box,
        size,
        scale=float(np.exp(rng.uniform(np.log(1.15), np.log(2.2)))),
        rotation=rng.uniform(-180, 180) if turned_anyhow else float(rng.normal(0, 35)),
        mirror=bool(rng.random() < 0.5),
        shift=(rng.uniform(-0.1, 0.1), rng.uniform(-0.1, 0.1)),
    )


def cut_random_border(image: np.ndarray, crop: Crop, rng: np.random.Generator) -> np.ndarray:
    """Cut the crop, padding what lies outside the image with black, a colour, the edge's pixels or a reflection."""
    kind = rng.choice(["black", "colour", "edge", "reflection"], p=[0.45, 0.2, 0.2, 0.15])
    if kind == "edge":
        return crop.cut(image, cv2.BORDER_REPLICATE)
    if kind == "reflection":
        return crop.cut(image, cv2.BORDER_REFLECT_101)
    return crop.cut(image, fill=(0, 0, 0) if kind == "black" else rng.integers(0, 256, 3).tolist())


def change_look(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Change colour, sharpness and cover of a crop (uint8 [size, size, 3], any channel order)."""
    if rng.random() < 0.8:
        image = _recoloured(image, rng)
    if rng.random() < 0.1:
        image = np.repeat(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)[..., None], 3, axis=2)
    if rng.random() < 0.2:
        image = _as_if_small(image, rng)
    if rng.random() < 0.15:
        image = cv2.GaussianBlur(image, (0, 0), rng.uniform(0.5, 2.0))
    if rng.random() < 0.2:
        noise = rng.normal(0, rng.uniform(2, 15), image.shape).astype(np.float32)
        image = (image + noise).clip(0, 255).astype(np.uint8)
    if rng.random() < 0.15:
        quality = [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(15, 70))]
        image = np.asarray(cv2.imdecode(cv2.imencode(".jpg", image, quality)[1], cv2.IMREAD_COLOR))
    if rng.random() < 0.25:
        image = _covered(image, rng)
    return image


def _recoloured(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Gamma, gain and offset, a little different for each channel, by a lookup table."""
    level = np.linspace(0, 1, 256, dtype=np.float32)[:, None]
    gamma = np.exp(rng.uniform(-0.5, 0.5))
    gain = rng.uniform(0.65, 1.4) * rng.uniform(0.85, 1.15, 3)
    offset = rng.uniform(-0.12, 0.12)
    table = ((level**gamma * gain + offset) * 255).clip(0, 255).astype(np.uint8)
    return cv2.LUT(image, table[None])


def _as_if_small(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Lose detail, as in a crop that was enlarged from a few pixels."""
    size = image.shape[0]
    small = cv2.resize(image, (int(size * rng.uniform(0.25, 0.7)),) * 2, interpolation=cv2.INTER_AREA)
    return cv2.resize(small, (size, size), interpolation=cv2.INTER_LINEAR)


def _covered(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Cover up to three rectangles, each with one colour or with another part of the crop."""
    size = image.shape[0]
    image = image.copy()
    for _ in range(rng.integers(1, 4)):
        h, w = rng.integers(size // 12, size // 4, 2)
        y, x, from_y, from_x = (int(rng.integers(0, size - d)) for d in (h, w, h, w))
        patch = image[from_y : from_y + h, from_x : from_x + w] if rng.random() < 0.5 else rng.integers(0, 256, 3)
        image[y : y + h, x : x + w] = patch
    return image
