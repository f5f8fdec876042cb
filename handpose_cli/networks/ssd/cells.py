"""Detectors with one box a cell (anchor-free, as in Tian et al., "FCOS", ICCV 2019): cells, and encodings to boxes."""

from __future__ import annotations

from functools import cache

import numpy as np

STRIDES = (8, 16, 32)
SIZE_IN_STRIDES = 4.0  # of a box whose encoded size is 0


@cache
def cells(input_size: int) -> tuple[np.ndarray, np.ndarray]:
    """Return each cell's centre, float32 [cells, 2] in pixels of the square input, and its stride, float32 [cells].

    Cells come stride by stride, the finest first, each row by row.
    """
    centres, strides = [], []
    for stride in STRIDES:
        along = (np.arange(input_size // stride) + 0.5) * stride
        x, y = np.meshgrid(along, along)
        centres.append(np.stack([x, y], axis=-1).reshape(-1, 2))
        strides.append(np.full(x.size, stride))
    return np.concatenate(centres).astype(np.float32), np.concatenate(strides).astype(np.float32)


def encode_boxes(boxes: np.ndarray, centres: np.ndarray, strides: np.ndarray) -> np.ndarray:
    """Return the encodings, float32 [n, 4], of boxes (x, y, width, height in pixels), each at its cell.

    They are the box centre's distance from the cell's, in strides, and the logarithm of width and height over
    `SIZE_IN_STRIDES`.
    """
    middle = boxes[:, :2] + boxes[:, 2:] / 2
    offset = (middle - centres) / strides[:, None]
    size = np.log(np.maximum(boxes[:, 2:], 1) / (SIZE_IN_STRIDES * strides[:, None]))
    return np.concatenate([offset, size], axis=1).astype(np.float32)


def decode_boxes(encodings: np.ndarray, centres: np.ndarray, strides: np.ndarray) -> np.ndarray:
    """Return boxes, float32 [n, 4]: the inverse of `encode_boxes`."""
    middle = centres + encodings[:, :2] * strides[:, None]
    size = np.exp(np.minimum(encodings[:, 2:], 4.0)) * SIZE_IN_STRIDES * strides[:, None]
    return np.concatenate([middle - size / 2, size], axis=1).astype(np.float32)
