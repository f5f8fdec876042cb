"""A detector's loss: is there a hand, and where are its sides."""

from __future__ import annotations

import keras
from keras import ops

from handpose_cli.networks.tensors import Tensor
from handpose_cli.training.detection.targets import HAND, UNASKED

ALPHA, GAMMA = 0.25, 2.0
BOX_WEIGHT, DIRECTION_WEIGHT = 1.0, 0.5
HUBER = 0.1  # error of an encoding from which the loss grows linearly


class DetectionLoss(keras.losses.Loss):
    """Focal loss of scores (Lin et al., ICCV 2017) and smooth L1 of hands' encodings, over the number of hands' cells.

    Answers are [n, cells, 5 or 7], see `heads.CELLS`: those with directions are asked for these as well, where they are
    known. Targets are [n, cells, 7], see `targets.cell_targets`, or [n, cells, 12] with what a teacher answers (score
    and encoding, see `teacher.answers_of`): it is asked of every cell (with the quality focal loss of Li et al.,
    "Generalized Focal Loss", NeurIPS 2020), and how a box lies where the truth does not say.
    """

    def __init__(self) -> None:
        super().__init__(reduction="sum_over_batch_size", name="detection_loss")

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        y_true, y_pred = ops.cast(y_true, "float32"), ops.cast(y_pred, "float32")
        asked, hand = y_true[..., 0], ops.cast(y_true[..., 0] == HAND, "float32")
        counts = ops.cast(asked != UNASKED, "float32")
        logit = y_pred[..., 0]
        score = ops.sigmoid(logit)
        right = hand * score + (1 - hand) * (1 - score)
        share = hand * ALPHA + (1 - hand) * (1 - ALPHA)
        focal = counts * share * (1 - right) ** GAMMA * _entropy(hand, logit)
        hands = ops.maximum(ops.sum(hand), 1.0)
        total = ops.sum(focal) + BOX_WEIGHT * ops.sum(hand * _off(y_true[..., 1:5], y_pred[..., 1:5]))
        if y_pred.shape[-1] > 5:
            known = ops.sum(ops.square(y_true[..., 5:7]), axis=-1)
            total += DIRECTION_WEIGHT * ops.sum(known * hand * _off(y_true[..., 5:7], y_pred[..., 5:7]))
        if y_true.shape[-1] > 7:
            said = y_true[..., 7]
            total += ops.sum((said - score) ** GAMMA * _entropy(said, logit))
            total += BOX_WEIGHT * ops.sum((1 - hand) * said**2 * _off(y_true[..., 8:], y_pred[..., 1:5]))
        return total / hands * ops.ones_like(y_true[:, 0, 0])


def _entropy(truth: Tensor, logit: Tensor) -> Tensor:
    return ops.maximum(logit, 0) - logit * truth + ops.log1p(ops.exp(-ops.abs(logit)))


def _off(truth: Tensor, answer: Tensor) -> Tensor:
    """Return the smooth L1 distance of each cell's numbers."""
    off = ops.abs(answer - truth)
    return ops.sum(ops.where(off < HUBER, 0.5 * off**2 / HUBER, off - 0.5 * HUBER), axis=-1)
