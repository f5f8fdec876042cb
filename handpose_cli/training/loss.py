"""The losses of a network's outputs, in keras.ops so that they run on every backend.

Those of the heatmaps draw their Gaussians here rather than in the dataset: that moves 63 numbers a hand to the device
instead of 65,856. `heatmaps.encode` is the same in NumPy.

y_true: float32 [n, joints, 3], x and y in heatmap pixels and the joint's weight. y_pred: float32 [n, h, w, joints],
of coordinates [n, joints * 2].
"""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from handpose_cli.networks.hourglass.heatmaps import STRIDE
from handpose_cli.networks.tensors import Tensor


def gaussians(centres: Tensor, height: int, width: int, sigma: float) -> Tensor:
    """Return Gaussians of peak 1, [n, height, width, joints], around centres [n, joints, 2] (x, y)."""

    def bell(centre: Tensor, length: int) -> Tensor:  # [n, length, joints]
        grid = ops.arange(length, dtype="float32")[None, :, None]
        return ops.exp(-ops.square(grid - centre[:, None]) / (2 * sigma**2))

    return bell(centres[..., 1], height)[:, :, None] * bell(centres[..., 0], width)[:, None]


class _HeatmapLoss(keras.losses.Loss):
    def __init__(self, sigma: float, name: str, **kwargs: Any):
        super().__init__(name=name, **kwargs)
        self.sigma = sigma

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "sigma": self.sigma}


class HeatmapMSE(_HeatmapLoss):
    """Mean squared error between the maps and the Gaussians: the student paper's loss, and Newell et al.'s."""

    def __init__(self, sigma: float, name: str = "heatmap_mse", **kwargs: Any):
        super().__init__(sigma, name, **kwargs)

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        goal = gaussians(y_true[..., :2], y_pred.shape[1], y_pred.shape[2], self.sigma)
        error = ops.mean(ops.square(goal - ops.cast(y_pred, "float32")), axis=(1, 2))
        weight = y_true[..., 2]
        return ops.sum(error * weight, axis=-1) / ops.maximum(ops.sum(weight, axis=-1), 1e-6)


class HeatmapCrossEntropy(_HeatmapLoss):
    """Cross-entropy between the softmax over a joint's whole map and its Gaussian, made to sum to 1.

    The map is a distribution over where the joint is, so its mass around the peak is a probability. It does not start
    with the long plateau of the squared error, where an empty map is a good answer. Joints whose Gaussian lies (nearly)
    outside the map have no weight.
    """

    def __init__(self, sigma: float, name: str = "heatmap_cross_entropy", **kwargs: Any):
        super().__init__(sigma, name, **kwargs)

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        goal = gaussians(y_true[..., :2], y_pred.shape[1], y_pred.shape[2], self.sigma)
        mass = ops.sum(goal, axis=(1, 2))
        logits = ops.cast(y_pred, "float32")
        log_total = ops.logsumexp(logits, axis=(1, 2))
        error = log_total - ops.sum(goal * logits, axis=(1, 2)) / ops.maximum(mass, 1e-6)
        # a whole Gaussian has mass 2 pi sigma^2
        weight = y_true[..., 2] * ops.cast(mass > self.sigma**2, "float32")
        return ops.sum(error * weight, axis=-1) / ops.maximum(ops.sum(weight, axis=-1), 1e-6)


class PointsLoss(keras.losses.Loss):
    """Mean absolute error of the coordinates (`outputs.POINTS_OUTPUT`), as a share of the crop's side."""

    def __init__(self, input_size: int, name: str = "points_loss", **kwargs: Any):
        super().__init__(name=name, **kwargs)
        self.input_size = input_size

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "input_size": self.input_size}

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        goal = (y_true[..., :2] + 0.5) * STRIDE
        points = ops.reshape(ops.cast(y_pred, "float32"), ops.shape(goal))
        error = ops.mean(ops.abs(points - goal), axis=-1) / self.input_size
        weight = y_true[..., 2]
        return ops.sum(error * weight, axis=-1) / ops.maximum(ops.sum(weight, axis=-1), 1e-6)


class HandLoss(keras.losses.Loss):
    """Binary cross-entropy of "is a hand" and "is a right hand".

    y_true: float32 [n, 4], for each of the two the answer (0 or 1) and its weight. y_pred: float32 [n, 2], logits.
    """

    def __init__(self, name: str = "hand_loss", **kwargs: Any):
        super().__init__(name=name, **kwargs)

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        answers, weights = y_true[:, 0::2], y_true[:, 1::2]
        return ops.sum(ops.binary_crossentropy(answers, y_pred, from_logits=True) * weights, axis=-1)


LOSSES = {"mse": HeatmapMSE, "cross-entropy": HeatmapCrossEntropy}
