"""Hands as if in gloves: what lies around their bones in another colour, with its light and shade.

Keypoints of hands in gloves are labelled in few sets; the hands of the others can be dressed.
"""

from __future__ import annotations

import cv2
import numpy as np

from handpose_cli.records import MIDDLE_MCP, WRIST
from handpose_cli.training.data.silhouette import PALM, silhouette

FINGER = 0.26  # a finger's width over the distance of wrist and middle MCP joint, or of index and little MCP joint
CUFF = (0.1, 0.6)  # how far a glove goes on behind the wrist, in the palm's length
SUBDUED, BRIGHT = (0.0, 0.35), (0.35, 1.0)  # saturations of work gloves and of those of rubber


def gloved(image: np.ndarray, keypoints: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return a copy of an image (uint8 [h, w, 3], RGB) whose hand wears a glove of a random colour.

    Args:
        keypoints: of that hand, image pixels [21, 2]; NaN where not labelled.
    """
    cloth = _glove(image.shape[:2], keypoints, rng)
    rows, columns = np.nonzero(cloth > 0)
    if not len(rows):
        return image
    at = slice(rows.min(), rows.max() + 1), slice(columns.min(), columns.max() + 1)
    part, share = image[at], cloth[at].astype(np.float32)[..., None] / 255
    grey = cv2.cvtColor(part, cv2.COLOR_RGB2GRAY).astype(np.float32)
    usual = max(float((grey * share[..., 0]).sum() / share.sum()), 1.0)
    shade = (grey / usual) ** rng.uniform(0.6, 1.4)  # rubber shines, wool does not
    if rng.random() < 0.5:
        shade += rng.normal(0, rng.uniform(0.02, 0.12), shade.shape).astype(np.float32)  # its weave
    coloured = shade[..., None] * _colour(rng)
    dressed = image.copy()
    dressed[at] = (part + share * (coloured - part)).clip(0, 255).astype(np.uint8)
    return dressed


def _colour(rng: np.random.Generator) -> np.ndarray:
    """Return any colour, float32 [3]: half of the time one near grey, from black to white."""
    saturation = rng.uniform(*(SUBDUED if rng.random() < 0.5 else BRIGHT))
    hsv = np.array([[[rng.uniform(0, 360), saturation, rng.uniform(0.12, 1.0)]]], np.float32)
    colour: np.ndarray = 255 * cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB)[0, 0]
    return colour


def _glove(shape: tuple[int, int], keypoints: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Draw palm, fingers and cuff as wide as flesh and cloth are: uint8 [h, w], 0 to 255, soft at its edge."""
    if not np.isfinite(keypoints[PALM]).all():
        return np.zeros(shape, np.uint8)
    palm = keypoints[MIDDLE_MCP] - keypoints[WRIST]
    longer = max(np.linalg.norm(palm), np.linalg.norm(keypoints[17] - keypoints[5]))
    width = max(round(float(longer) * FINGER * rng.uniform(1.0, 1.35)), 1)
    drawn = silhouette(keypoints, shape, width)
    wrist, cuff = keypoints[WRIST], keypoints[WRIST] - palm * rng.uniform(*CUFF)
    cv2.line(drawn, wrist.round().astype(int).tolist(), cuff.round().astype(int).tolist(), 255, 2 * width)
    soft: np.ndarray = cv2.GaussianBlur(drawn, (0, 0), max(width / 8, 0.6))
    return soft
