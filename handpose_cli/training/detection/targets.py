"""What each of a detector's cells should answer for the boxes in a picture."""

from __future__ import annotations

import numpy as np

from handpose_cli.networks.ssd.cells import cells, encode_boxes

# The longer sides, in pixels of the input, of the hands that each stride's cells answer for; they overlap.
SIZES = {8: (0.0, 42.0), 16: (34.0, 100.0), 32: (80.0, np.inf)}
NEARLY = 1.3  # factor beyond those sizes within which a stride may answer too: it is asked nothing in the middle
MIDDLE = 0.22  # of a box's sides: cells within, from its centre, answer for it
AROUND = 0.32  # cells further out but within this are asked nothing, on strides that answer for the hand
HAND, NONE, UNASKED = 1.0, 0.0, -1.0


def cell_targets(
    boxes: np.ndarray, directions: np.ndarray, unclear: np.ndarray, exhaustive: bool, input_size: int
) -> np.ndarray:
    """Return what is asked of each cell, float32 [cells, 7]: `HAND`, `NONE` or `UNASKED`, a hand's encoding, direction.

    Args:
        boxes: float32 [n, 4], x, y, width, height in pixels of the input.
        directions: float32 [n, 2], where the hands point: x and y of a vector of length 1, or of 0 where not known.
        unclear: likewise, of what is neither to be found nor to be taken for background.
        exhaustive: whether there are no other hands; if not, cells outside the boxes are asked nothing.

    Cells inside a box, but not of its middle or not of its size, are background: else fine strides would find small
    hands all over a large one.
    """
    centres, strides = cells(input_size)
    target = np.zeros((len(centres), 7), np.float32)
    target[:, 0] = NONE if exhaustive else UNASKED
    low, high = (np.array([SIZES[int(stride)][end] for stride in strides]) for end in (0, 1))
    for box in boxes:
        target[_within(box, centres, 0.5), 0] = NONE
    for box in unclear:
        target[_within(box, centres, 0.5), 0] = UNASKED
    for index in np.argsort(-boxes[:, 2] * boxes[:, 3], kind="stable"):  # where two share a cell, the smaller has it
        box = boxes[index]
        longer = max(box[2], box[3])
        # at least the cell next to the centre
        reach = np.maximum(MIDDLE * box[2:], 0.5 * strides[:, None])
        near = (np.abs(centres - (box[:2] + box[2:] / 2)) <= reach).all(axis=1)
        answers = (longer >= low) & (longer < high)
        nearly = (longer >= low / NEARLY) & (longer < high * NEARLY)
        unasked = (answers & _within(box, centres, AROUND)) | (nearly & near)
        target[unasked & (target[:, 0] != HAND), 0] = UNASKED
        own = near & answers
        target[own, 0] = HAND
        target[own, 1:5] = encode_boxes(np.broadcast_to(box, (int(own.sum()), 4)), centres[own], strides[own])
        target[own, 5:] = directions[index]
    return target


def _within(box: np.ndarray, centres: np.ndarray, share: float) -> np.ndarray:
    """Return which centres lie within a share of a box's sides from its centre."""
    return np.asarray((np.abs(centres - (box[:2] + box[2:] / 2)) <= share * box[2:]).all(axis=1))
