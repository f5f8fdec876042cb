"""The SSD detector's anchors, and its box encodings back to boxes (NumPy).

Liu et al., "SSD: Single Shot MultiBox Detector" (ECCV 2016), with the settings of the TensorFlow Object Detection API's
`ssd_anchor_generator` and `faster_rcnn_box_coder` that the EgoHands detector was trained with.
"""

from __future__ import annotations

import numpy as np

INPUT_SIZE = 300  # the detector sees 300 x 300 pixels
GRIDS = (19, 10, 5, 3, 2, 1)  # cells along a side of each of the six feature maps
BOX_SCALES = np.array([10, 10, 5, 5], np.float32)  # of the encodings: centre y, centre x, height, width


def anchors_per_cell(level: int) -> int:
    """Return how many anchors a cell of a feature map has: 3 on the finest, 6 on the others."""
    return 3 if level == 0 else 6


def make_anchors() -> np.ndarray:
    """Return float32 [1917, 4]: centre y, centre x, height, width of each anchor, as fractions of the image's sides.

    Scales rise evenly from 0.2 on the finest feature map to 0.95 on the coarsest. Each cell has anchors of aspect ratio
    1, 2, 1/2, 3 and 1/3, and one more of ratio 1 half-way (geometrically) to the next scale; the finest map has
    only three: a square of scale 0.1, and ratios 2 and 1/2.
    """
    scales = [*np.linspace(0.2, 0.95, len(GRIDS)), 1.0]
    levels = []
    for level, grid in enumerate(GRIDS):
        shapes = [(scales[level], ratio) for ratio in (1, 2, 0.5, 3, 0.3333)]  # 0.3333 as in its config
        shapes.append((np.sqrt(scales[level] * scales[level + 1]), 1))
        if level == 0:
            shapes = [(0.1, 1), (scales[0], 2), (scales[0], 0.5)]
        sizes = np.array([[scale / np.sqrt(ratio), scale * np.sqrt(ratio)] for scale, ratio in shapes])
        centres = (np.arange(grid) + 0.5) / grid
        y, x = np.meshgrid(centres, centres, indexing="ij")
        cells = np.stack([y, x], axis=-1).reshape(-1, 1, 2)
        levels.append(np.concatenate(np.broadcast_arrays(cells, sizes), axis=-1).reshape(-1, 4))
    return np.concatenate(levels).astype(np.float32)


def decode_boxes(encodings: np.ndarray, anchors: np.ndarray) -> np.ndarray:
    """Turn box encodings [..., 4] into boxes, each beside its anchor [..., 4].

    Returns:
        float32 [..., 4]: x, y, width, height as fractions of the image's sides; they may reach outside 0 to 1.
    """
    offset_y, offset_x, log_height, log_width = np.moveaxis(encodings / BOX_SCALES, -1, 0)
    centre_y, centre_x, height, width = np.moveaxis(anchors, -1, 0)
    box_height, box_width = np.exp(log_height) * height, np.exp(log_width) * width
    x = centre_x + offset_x * width - box_width / 2
    y = centre_y + offset_y * height - box_height / 2
    return np.stack([x, y, box_width, box_height], axis=-1).astype(np.float32)
