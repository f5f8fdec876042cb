"""The loss of the heatmaps, in keras.ops so that it runs on every backend."""

from __future__ import annotations

import keras
from keras import ops


class HeatmapMSE(keras.losses.Loss):
    """Mean squared error between heatmaps and Gaussians drawn around the labelled keypoints.

    Drawing the Gaussians here rather than in the dataset moves 63 numbers a hand to the device instead of 48,384.
    `heatmaps.encode` is the same in NumPy.

    y_true: float32 [n, joints, 3], x and y in heatmap pixels and the joint's weight. y_pred: float32 [n, h, w, joints].
    """

    def __init__(self, sigma: float, name: str = "heatmap_mse", **kwargs):
        super().__init__(name=name, **kwargs)
        self.sigma = sigma

    def call(self, y_true, y_pred):
        height, width = y_pred.shape[1:3]
        x, y, weight = y_true[:, None, :, 0], y_true[:, None, :, 1], y_true[..., 2]

        def bell(centre, length):  # [n, length, joints]
            grid = ops.arange(length, dtype="float32")[None, :, None]
            return ops.exp(-ops.square(grid - centre) / (2 * self.sigma**2))

        goal = bell(y, height)[:, :, None] * bell(x, width)[:, None]
        error = ops.mean(ops.square(goal - ops.cast(y_pred, "float32")), axis=(1, 2))
        return ops.sum(error * weight, axis=-1) / ops.maximum(ops.sum(weight, axis=-1), 1e-6)

    def get_config(self):
        return {**super().get_config(), "sigma": self.sigma}
