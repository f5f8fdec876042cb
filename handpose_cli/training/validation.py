"""After each epoch: how good the network is, on keypoints decoded as in prediction."""

from __future__ import annotations

import keras
import numpy as np

from handpose_cli.evaluation.metrics import average, correct, distances, longer_sides
from handpose_cli.heatmaps import decode, decode_logits, heatmap_to_crop
from handpose_cli.networks import presets
from handpose_cli.networks.hourglass import HAND_OUTPUT, heatmaps_name
from handpose_cli.training.dataset import centred_crops
from handpose_cli.training.samples import Sample

MONITOR = "val_pck@0.1/keypoints"


class Validate(keras.callbacks.Callback):
    """Adds PCK and the mean error, relative to the longer side of the labelled keypoints, to the logs.

    With a hand head also the share of hands whose handedness is right, and the mean probability of being a hand.
    """

    def __init__(self, samples: list[Sample], preset: presets.Preset, batch_size: int):
        super().__init__()
        self.samples, self.preset, self.batch_size = samples, preset, batch_size
        hands = [sample.hand for sample in samples if sample.hand is not None]
        self.sides = np.array([hand.handedness or "" for hand in hands])
        self.labelled = np.stack([hand.keypoints for hand in hands if hand.keypoints is not None])
        self.norm = longer_sides(self.labelled)

    def on_epoch_end(self, epoch, logs=None):
        predicted, hand = self._predict()
        error = distances(predicted, self.labelled)
        for threshold in (0.05, 0.1, 0.2):
            logs[f"val_pck@{threshold}/keypoints"] = average(correct(error, self.norm, threshold), "micro")
        logs["val_nme/keypoints"] = average(error / self.norm[:, None], "micro")
        if hand is not None:
            known, said_right = self.sides != "", hand[:, 1] > 0
            if known.any():
                logs["val_handedness"] = float((said_right == (self.sides == "right"))[known].mean())
            logs["val_is_hand"] = float((1 / (1 + np.exp(-hand[:, 0]))).mean())

    def _predict(self) -> tuple[np.ndarray, np.ndarray | None]:
        """Return keypoints [n, 21, 2] in pixels of the images, and the hand head's logits [n, 2] if there is one."""
        keypoints, hands = [], []
        for start in range(0, len(self.samples), self.batch_size):
            pixels, crops = centred_crops(self.samples[start : start + self.batch_size], self.preset.input_size)
            outputs = {
                name: keras.ops.convert_to_numpy(value).astype(np.float32)
                for name, value in self.model(pixels.astype(np.float32) / 255, training=False).items()
            }
            maps = outputs[heatmaps_name(self.preset.stacks)]
            points, _ = decode(maps) if self.preset.loss == "mse" else decode_logits(maps)
            keypoints += [crop.to_image(p) for crop, p in zip(crops, heatmap_to_crop(points), strict=True)]
            hands += [outputs[HAND_OUTPUT]] if HAND_OUTPUT in outputs else []
        return np.stack(keypoints), np.concatenate(hands) if hands else None
