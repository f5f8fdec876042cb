"""Random crops of labelled hands: one affine map for image and keypoints, then changes of colour and quality."""

from __future__ import annotations

import cv2
import numpy as np

from handpose_cli.crop import Crop, crop_around, crop_around_turned
from handpose_cli.records import to_upright
from handpose_cli.training.data.backgrounds import view
from handpose_cli.training.data.cutouts import outside, without_background
from handpose_cli.training.data.occlusion import cover


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


def random_upright_crop(keypoints: np.ndarray, size: int, rng: np.random.Generator) -> Crop:
    """Return such a crop in which a hand stands upright, as in a second look: off by what first answers are off.

    Args:
        keypoints: float [21, 2] in image pixels, its wrist and its middle MCP joint labelled.
    """
    rotation = float(to_upright(keypoints)) + float(rng.normal(0, 14))
    if rng.random() < 0.06:  # the first answer was wrong
        rotation = float(rng.uniform(-180, 180))
    return crop_around_turned(
        keypoints,
        size,
        scale=float(np.exp(rng.uniform(np.log(1.08), np.log(1.7)))),
        rotation=rotation,
        mirror=bool(rng.random() < 0.5),
        shift=(rng.uniform(-0.08, 0.08), rng.uniform(-0.08, 0.08)),
    )


def cut_random_border(
    image: np.ndarray,
    crop: Crop,
    rng: np.random.Generator,
    picture: np.ndarray | None = None,
    keypoints: np.ndarray | None = None,
    boxed: bool = False,
) -> np.ndarray:
    """Cut the crop, filling what lies outside the image with black, a colour, the edge's pixels, a reflection or a
    picture; a hand before an even background gets the picture as another one most of the time.

    Args:
        image: uint8 [h, w, 3], RGB.
        picture: uint8 [side, side, 3], RGB; without one nothing is filled with pictures.
        keypoints: image pixels [21, 2] of the hand in the crop, if there is one.
        boxed: there is one whose joints are not known: it could be cut off with its background unseen.
    """
    if picture is not None and not boxed and rng.random() < 0.65:
        parts = without_background(image, crop, keypoints)
        if parts is not None:
            return _blended(parts[0], view(picture, crop.size, rng), parts[1])
    kind = rng.choice(["black", "colour", "edge", "reflection", "picture"], p=[0.4, 0.1, 0.1, 0.1, 0.3])
    if kind == "picture" and picture is not None:
        share = outside(image, crop)
        if rng.random() < 0.5:
            share = cv2.GaussianBlur(share, (0, 0), rng.uniform(0.5, 4))
        return _blended(crop.cut(image, cv2.BORDER_REPLICATE), view(picture, crop.size, rng), share)
    if kind == "edge":
        return crop.cut(image, cv2.BORDER_REPLICATE)
    if kind == "reflection":
        return crop.cut(image, cv2.BORDER_REFLECT_101)
    return crop.cut(image, fill=rng.integers(0, 256, 3).tolist() if kind == "colour" else (0, 0, 0))


def _blended(front: np.ndarray, behind: np.ndarray, share: np.ndarray) -> np.ndarray:
    blended: np.ndarray = cv2.blendLinear(front, behind, 1 - share, share)
    return blended


def change_look(image: np.ndarray, rng: np.random.Generator, picture: np.ndarray | None = None) -> np.ndarray:
    """Cover parts of a crop (uint8 [size, size, 3], RGB; see `occlusion.cover`), change its colours and sharpness."""
    if rng.random() < 0.25:
        image = cover(image, picture, rng)
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
    return image


def _recoloured(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Gamma, gain and offset, a little different for each channel, by a lookup table."""
    level = np.linspace(0, 1, 256, dtype=np.float32)[:, None]
    gamma = np.exp(rng.uniform(-0.5, 0.5))
    gain = rng.uniform(0.65, 1.4) * rng.uniform(0.85, 1.15, 3)
    offset = rng.uniform(-0.12, 0.12)
    table = ((level**gamma * gain + offset) * 255).clip(0, 255).astype(np.uint8)
    changed: np.ndarray = cv2.LUT(image, table[None])
    return changed


def _as_if_small(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Lose detail, as in a crop that was enlarged from a few pixels."""
    size = image.shape[0]
    small = cv2.resize(image, (int(size * rng.uniform(0.25, 0.7)),) * 2, interpolation=cv2.INTER_AREA)
    enlarged: np.ndarray = cv2.resize(small, (size, size), interpolation=cv2.INTER_LINEAR)
    return enlarged
