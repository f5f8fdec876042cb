"""A network of any kind as a `contract.KeypointNetwork`: crops in, keypoints in the crops' pixels out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Protocol

import numpy as np

from handpose_cli.engine.contract import Answers, Calibration, Contract
from handpose_cli.engine.joining import join, trust_in
from handpose_cli.engine.quarters import in_quarters
from handpose_cli.networks.hourglass.heatmaps import decode, decode_logits, heatmap_to_crop
from handpose_cli.records import NUM_JOINTS

Network = Callable[[np.ndarray], dict[str, np.ndarray]]


class LoadedNetwork(Protocol):
    """A `Network` that an engine has loaded from a file.

    Attributes:
        input_shape: of one input, without the batch: height, width, channels.
        output_names: of what it returns.
    """

    input_shape: tuple[int, ...]
    output_names: set[str]

    def __call__(self, inputs: np.ndarray, /) -> dict[str, np.ndarray]:
        """Run inputs float32 [n, ...] and return each output [n, ...] by name."""


Decoding = Callable[[Mapping[str, np.ndarray], int], tuple[np.ndarray, np.ndarray]]


def _from_heatmaps(parts: Mapping[str, np.ndarray], size: int) -> tuple[np.ndarray, np.ndarray]:
    points, scores = decode(parts["maps"])
    return heatmap_to_crop(points), scores


def _from_logits(parts: Mapping[str, np.ndarray], size: int) -> tuple[np.ndarray, np.ndarray]:
    points, scores = decode_logits(parts["maps"])
    keypoints = heatmap_to_crop(points)
    if "points" not in parts:
        return keypoints, scores
    coordinates, _ = _from_pixels({"points": parts["points"]}, size)
    is_hand, _ = _of_hands(parts)
    return join(keypoints, scores, coordinates, trust_in(is_hand, len(keypoints)))


def _from_coordinates(parts: Mapping[str, np.ndarray], size: int) -> tuple[np.ndarray, np.ndarray]:
    """Take `points` [n, joints, 2 or more], as fractions of the crop's side from its upper left corner."""
    points = parts["points"][..., :2] * size - 0.5
    scores = parts.get("scores", np.ones(points.shape[:2]))
    return points.astype(np.float32), scores.reshape(points.shape[:2]).astype(np.float32)


def _from_pixels(parts: Mapping[str, np.ndarray], size: int) -> tuple[np.ndarray, np.ndarray]:
    """Take `points` as those of "coordinates", but in the crop's pixels and in one row, [n, 21 joints * 2 or more].

    Of `scores` [n, 1], each joint gets its hand's.
    """
    n = len(parts["points"])
    points = parts["points"].reshape(n, NUM_JOINTS, -1)
    scores = parts.get("scores", np.ones((n, 1))).reshape(n, -1)
    fractions = {"points": points / size, "scores": np.broadcast_to(scores, (n, NUM_JOINTS))}
    return _from_coordinates(fractions, size)


# name -> what turns the parts that the contract names into keypoints [n, joints, 2] and scores [n, joints]
DECODINGS: dict[str, Decoding] = {
    "heatmaps": _from_heatmaps,
    "logits": _from_logits,
    "coordinates": _from_coordinates,
    "pixels": _from_pixels,
}
NEEDED = {
    "heatmaps": {"maps"},
    "logits": {"maps"},
    "coordinates": {"points"},
    "pixels": {"points"},
}  # parts that a contract must name


class DecodedKeypoints:
    """A network with its contract, and its second one if it has one (`contract.KeypointNetwork`)."""

    def __init__(self, network: Network, contract: Contract, load_second: Callable[[], DecodedKeypoints] | None = None):
        """The second one is loaded when it is first needed."""
        self.network, self.contract, self._load_second = network, contract, load_second
        self._decode = DECODINGS[contract.decoding]

    @cached_property
    def second(self) -> DecodedKeypoints | None:
        return None if self._load_second is None else self._load_second()

    @property
    def input_size(self) -> int:
        return self.contract.input_size

    @property
    def crop_scale(self) -> float:
        return self.contract.crop_scale

    @property
    def most_tilt(self) -> float:
        return self.contract.most_tilt

    @property
    def calibration(self) -> Calibration | None:
        return self.contract.calibration

    def find(self, crops: np.ndarray) -> Answers:
        """Answer for crops, uint8 [n, input_size, input_size, 3], RGB."""
        return in_quarters(self._ask, crops) if self.contract.in_quarters else self._ask(crops)

    def _ask(self, crops: np.ndarray) -> Answers:
        outputs = self.network(np.multiply(crops, np.float32(self.contract.highest / 255), dtype=np.float32))
        parts = {part: outputs[name] for part, name in self.contract.outputs.items()}
        keypoints, scores = self._decode(parts, self.input_size)
        return Answers(keypoints, scores, *_of_hands(parts))


def _of_hands(parts: Mapping[str, np.ndarray]) -> tuple[np.ndarray | None, np.ndarray | None]:
    """Return the probabilities of a hand and of a right one, each [n]: `hand` [n, 2], or `is_hand` and `is_right`."""
    if "hand" in parts:
        is_hand, is_right = parts["hand"].T
        return is_hand, is_right
    alone = [parts[part].reshape(-1) if part in parts else None for part in ("is_hand", "is_right")]
    return alone[0], alone[1]
