"""A network of any kind as a `contract.Detector`: images in, boxes with scores out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import cv2
import numpy as np

from handpose_cli.engine.contract import Boxes, Contract
from handpose_cli.engine.keypoint_network import Network
from handpose_cli.networks.ssd import cells, palms
from handpose_cli.networks.ssd.anchors import decode_boxes, make_anchors

NMS_IOU = 0.5  # as the SSD's authors have it
LEAST_DIRECTION = 0.3  # length of a vector that says where a hand points: a network that is torn gives a mean of both
MOST_LOGIT = 80.0  # exp of more is no float32
ANCHORS = make_anchors()
Decoding = Callable[[Mapping[str, np.ndarray], np.ndarray, int], np.ndarray]
Fit = Callable[[np.ndarray, int], tuple[np.ndarray, np.ndarray]]


def squeeze(image: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Squeeze an RGB image (uint8 [h, w, 3]) into a square: uint8 [size, size, 3], and see `FITS`."""
    pixels = cv2.resize(image, (size, size), interpolation=cv2.INTER_LINEAR)
    return pixels, np.array([image.shape[1], image.shape[0]], np.float32)


def letterbox(image: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Fit an RGB image (uint8 [h, w, 3]) into a square's top left corner, the rest black; returns as `squeeze` does."""
    height, width = image.shape[:2]
    scale = size / max(height, width)
    new = max(round(width * scale), 1), max(round(height * scale), 1)
    pixels = np.zeros((size, size, 3), np.uint8)
    pixels[: new[1], : new[0]] = cv2.resize(image, new, interpolation=cv2.INTER_LINEAR)
    return pixels, np.array([size * width / new[0], size * height / new[1]], np.float32)


# name -> what makes the network's square of an image: the square, and its width and height in pixels of the image
FITS: dict[str, Fit] = {"squeeze": squeeze, "letterbox": letterbox}


def _from_ssd(parts: Mapping[str, np.ndarray], rows: np.ndarray, input_size: int) -> np.ndarray:
    return decode_boxes(parts["encodings"][rows], ANCHORS[rows])


def _from_cells(parts: Mapping[str, np.ndarray], rows: np.ndarray, input_size: int) -> np.ndarray:
    centres, strides = cells.cells(input_size)
    return cells.decode_boxes(parts["encodings"][rows], centres[rows], strides[rows]) / input_size


def _from_palms(parts: Mapping[str, np.ndarray], rows: np.ndarray, input_size: int) -> np.ndarray:
    return palms.decode_boxes(parts["encodings"][rows], palms.anchors(input_size)[rows]) / input_size


def _from_boxes(parts: Mapping[str, np.ndarray], rows: np.ndarray, input_size: int) -> np.ndarray:
    boxes: np.ndarray = parts["boxes"][rows]
    return boxes


# name -> what turns those rows of one image's parts that the contract names into boxes [n, 4]: x, y, width and height
# as fractions of the square's sides
DECODINGS: dict[str, Decoding] = {"ssd": _from_ssd, "cells": _from_cells, "palms": _from_palms, "boxes": _from_boxes}
NEEDED = {
    "ssd": {"scores", "encodings"},
    "cells": {"scores", "encodings"},
    "palms": {"scores", "encodings"},
    "boxes": {"scores", "boxes"},
}  # parts that a contract must name; `logits` will do for `scores`


class DecodedBoxes:
    """A network with its contract."""

    def __init__(self, network: Network, contract: Contract):
        self.network, self.contract = network, contract
        self._decode, self._fit = DECODINGS[contract.decoding], FITS[contract.fit]

    @property
    def input_size(self) -> int:
        return self.contract.input_size

    @property
    def least_score(self) -> float:
        return self.contract.least_score

    def boxes(self, images: Sequence[np.ndarray], threshold: float) -> list[Boxes]:
        """Find the hands in images, see `contract.Detector`."""
        fitted = [self._fit(image, self.input_size) for image in images]
        squares = np.stack([pixels for pixels, _ in fitted])
        outputs = self.network(np.multiply(squares, np.float32(self.contract.highest / 255), dtype=np.float32))
        found = []
        for i, (image, (_, sides)) in enumerate(zip(images, fitted, strict=True)):
            parts = {part: outputs[name][i] for part, name in self.contract.outputs.items()}
            scores = scores_of(parts).reshape(-1)
            rows = np.flatnonzero(scores >= threshold)
            boxes = self._decode(parts, rows, self.input_size) * np.tile(sides, 2)
            size = np.array([image.shape[1], image.shape[0]], np.float32)
            low, high = np.clip(boxes[:, :2], 0, size), np.clip(boxes[:, :2] + boxes[:, 2:], 0, size)
            rotations = rotations_of(parts["directions"][rows], sides) if "directions" in parts else None
            inside = np.concatenate([low, high - low], axis=1).astype(np.float32)
            found.append(without_overlaps(Boxes(inside, scores[rows], rotations)))
        return found


def rotations_of(directions: np.ndarray, sides: np.ndarray) -> np.ndarray:
    """Return by how many degrees, clockwise, hands must be turned to point up: float32 [n], NaN where that is unclear.

    Args:
        directions: float [n, 2], where they point in the network's square, see `Contract.outputs`.
        sides: float [2], the square's width and height in pixels of the image.
    """
    x, y = (directions * sides).T
    unclear = np.linalg.norm(directions, axis=1) < LEAST_DIRECTION
    degrees: np.ndarray = np.where(unclear, np.nan, np.degrees(np.arctan2(-x, -y))).astype(np.float32)
    return degrees


def scores_of(parts: Mapping[str, np.ndarray]) -> np.ndarray:
    """Return the scores of images' boxes, 0 to 1: the part `scores`, or from `logits`."""
    if "scores" in parts:
        return parts["scores"]
    scores: np.ndarray = 1 / (1 + np.exp(-parts["logits"].clip(-MOST_LOGIT, MOST_LOGIT)))
    return scores


def without_overlaps(found: Boxes) -> Boxes:
    """Return boxes, best first, without those that overlap a better one (NMS)."""
    kept = cv2.dnn.NMSBoxes(found.boxes.tolist(), found.scores.tolist(), 0.0, NMS_IOU)
    return found.where(np.asarray(kept, int).reshape(-1))
