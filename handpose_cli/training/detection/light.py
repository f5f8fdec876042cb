"""Pictures as other cameras take them: in other light, grey, blurred, noisy or compressed."""

from __future__ import annotations

import cv2
import numpy as np

NOISE = np.random.default_rng(0).standard_normal((1024, 1024, 3), np.float32)  # of which a part is as good as new


def in_other_light(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return an image (uint8 [h, w, 3]) brighter or darker, in other colours, grey, blurred, noisy or compressed."""
    gain, add = np.ones(3), 0.0
    if rng.random() < 0.8:
        gain = np.broadcast_to(rng.uniform(0.55, 1.4, 3 if rng.random() < 0.5 else 1), 3)
        add = rng.uniform(-25, 25)
    if rng.random() < 0.1:  # dark
        gain, add = gain * rng.uniform(0.2, 0.5), 0.0
    levels = np.arange(256)[:, None] * gain + add
    found: np.ndarray = np.asarray(cv2.LUT(image, levels.clip(0, 255).astype(np.uint8)[:, None]))
    if rng.random() < 0.15:
        found = np.repeat(cv2.cvtColor(found, cv2.COLOR_RGB2GRAY)[:, :, None], 3, axis=2)
    if rng.random() < 0.15:
        found = np.asarray(cv2.GaussianBlur(found, (0, 0), rng.uniform(0.5, 1.8)))
    if rng.random() < 0.25:
        height, width = found.shape[:2]
        y, x = rng.integers(NOISE.shape[0] - height + 1), rng.integers(NOISE.shape[1] - width + 1)
        noise = NOISE[y : y + height, x : x + width] * np.float32(rng.uniform(2, 12))
        found = np.asarray(cv2.add(found, noise, dtype=cv2.CV_8U))
    if rng.random() < 0.25:
        code = cv2.imencode(".jpg", found, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(25, 80))])[1]
        found = np.asarray(cv2.imdecode(code, cv2.IMREAD_COLOR))
    return found
