"""Hands as if in gloves: what lies around their bones in another colour, with its light and shade.

Keypoints of hands in gloves are labelled in few sets; the hands of the others can be dressed.
"""

from __future__ import annotations

import cv2
import numpy as np

from handpose_cli.records import MIDDLE_MCP, WRIST
from handpose_cli.training.data.silhouette import PALM, silhouette

# A finger's width over the distance of wrist and middle MCP joint, or of index and little MCP joint if that is longer,
# and how much wider gloves are.
FINGER, WIDER = 0.26, (1.0, 1.35)
CUFF = (0.1, 0.6)  # how far behind the wrist the cuff's round end has its centre, in the palm's length
SUBDUED, BRIGHT = (0.0, 0.35), (0.35, 1.0)  # saturations of work gloves and of those of rubber


def gloved(image: np.ndarray, keypoints: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return an image (uint8 [h, w, 3], RGB) whose hand wears a glove of a random colour.

    Args:
        keypoints: of that hand, image pixels [21, 2]; NaN where not labelled.

    Returns:
        A copy; or the image itself, if the hand's palm is not labelled or not in it.
    """
    if not np.isfinite(keypoints[PALM]).all():
        return image
    palm = keypoints[MIDDLE_MCP] - keypoints[WRIST]
    longer = max(np.linalg.norm(palm), np.linalg.norm(keypoints[17] - keypoints[5]))
    width = max(round(float(longer) * FINGER * rng.uniform(*WIDER)), 1)
    cuff = keypoints[WRIST] - palm * rng.uniform(*CUFF)
    points = np.vstack([keypoints[np.isfinite(keypoints).all(axis=1)], cuff])
    size = np.array(image.shape[1::-1])
    low = np.clip(points.min(axis=0) - 2 * width, 0, size).astype(int)
    high = np.clip(points.max(axis=0) + 2 * width, 0, size).astype(int)
    if (low >= high).any():
        return image
    at = slice(low[1], high[1]), slice(low[0], high[0])
    cloth = _cloth(keypoints - low, cuff - low, (high[1] - low[1], high[0] - low[0]), width)
    if not cloth.any():
        return image
    dressed = image.copy()
    dressed[at] = _coloured(image[at], cloth, rng)
    return dressed


def _cloth(keypoints: np.ndarray, cuff: np.ndarray, shape: tuple[int, int], width: int) -> np.ndarray:
    """Draw palm, fingers and cuff as wide as flesh and cloth are: float32 [h, w], 0 to 1, soft at its edge."""
    drawn = silhouette(keypoints, shape, width)
    wrist, end = (point.round().astype(int).tolist() for point in (keypoints[WRIST], cuff))
    cv2.line(drawn, wrist, end, 255, 2 * width)
    soft: np.ndarray = cv2.GaussianBlur(drawn, (0, 0), max(width / 8, 0.6)).astype(np.float32) / 255
    return soft


def _coloured(part: np.ndarray, cloth: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return a part of an image, uint8 [h, w, 3], in one random colour where there is cloth, lit as before.

    Args:
        cloth: its share of each pixel, float32 [h, w].
    """
    grey = cv2.cvtColor(part, cv2.COLOR_RGB2GRAY).astype(np.float32)
    usual = max(float((grey * cloth).sum() / cloth.sum()), 1.0)
    shade = (grey / usual) ** rng.uniform(0.6, 1.4)  # rubber shines, wool does not
    if rng.random() < 0.5:
        shade += rng.normal(0, rng.uniform(0.02, 0.12), shade.shape).astype(np.float32)  # its weave
    coloured: np.ndarray = part + cloth[..., None] * (shade[..., None] * _colour(rng) - part)
    return coloured.clip(0, 255).astype(np.uint8)


def _colour(rng: np.random.Generator) -> np.ndarray:
    """Return any colour, float32 [3]: half of the time one near grey, from black to white."""
    saturation = rng.uniform(*(SUBDUED if rng.random() < 0.5 else BRIGHT))
    hsv = np.array([[[rng.uniform(0, 360), saturation, rng.uniform(0.12, 1.0)]]], np.float32)
    colour: np.ndarray = 255 * cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB)[0, 0]
    return colour
