"""A detector's loss: is there a hand, and where are its sides."""

from __future__ import annotations

import keras
from keras import ops

from handpose_cli.networks.tensors import Tensor
from handpose_cli.training.detection.targets import HAND, UNASKED

ALPHA, GAMMA = 0.25, 2.0
BOX_WEIGHT = 1.0
HUBER = 0.1  # error of an encoding from which the loss grows linearly


class DetectionLoss(keras.losses.Loss):
    """Focal loss of scores (Lin et al., ICCV 2017) and smooth L1 of hands' encodings, over the number of hands' cells.

    Both are given as [n, cells, 5], see `targets.cell_targets` and `palm_model.CELLS`.
    """

    def __init__(self) -> None:
        super().__init__(reduction="sum_over_batch_size", name="detection_loss")

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        y_true, y_pred = ops.cast(y_true, "float32"), ops.cast(y_pred, "float32")
        asked, hand = y_true[..., 0], ops.cast(y_true[..., 0] == HAND, "float32")
        counts = ops.cast(asked != UNASKED, "float32")
        logit = y_pred[..., 0]
        score = ops.sigmoid(logit)
        entropy = ops.maximum(logit, 0) - logit * hand + ops.log1p(ops.exp(-ops.abs(logit)))
        right = hand * score + (1 - hand) * (1 - score)
        share = hand * ALPHA + (1 - hand) * (1 - ALPHA)
        focal = counts * share * (1 - right) ** GAMMA * entropy
        off = ops.abs(y_pred[..., 1:] - y_true[..., 1:])
        smooth = ops.where(off < HUBER, 0.5 * off**2 / HUBER, off - 0.5 * HUBER)
        hands = ops.maximum(ops.sum(hand), 1.0)
        total = ops.sum(focal) + BOX_WEIGHT * ops.sum(hand * ops.sum(smooth, axis=-1))
        return total / hands * ops.ones_like(y_true[:, 0, 0])
