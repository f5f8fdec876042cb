"""After each epoch: how good the network is, on keypoints decoded as in prediction."""

from __future__ import annotations

from collections.abc import Callable

import keras
import numpy as np

from handpose_cli.evaluation.metrics import average, correct, distances, longer_sides
from handpose_cli.heatmaps import decode, decode_logits, heatmap_to_crop
from handpose_cli.networks import presets
from handpose_cli.networks.hourglass import HAND_OUTPUT, heatmaps_name
from handpose_cli.training.dataset import Sample, centred_crops

MONITOR = "val_pck@0.1/keypoints"


class Validate(keras.callbacks.Callback):
    """Adds PCK and the mean error, relative to the longer side of the labelled keypoints, to the logs; reports a line.

    With a hand head also the share of hands whose handedness is right, and the mean probability of being a hand.
    """

    def __init__(self, samples: list[Sample], preset: presets.Preset, batch_size: int, report: Callable[[str], None]):
        super().__init__()
        self.crops, self.maps_back = centred_crops(samples, preset.input_size)
        self.preset, self.batch_size, self.report = preset, batch_size, report
        hands = [sample.hand for sample in samples if sample.hand is not None]
        self.sides = np.array([hand.handedness or "" for hand in hands])
        self.labelled = np.stack([hand.keypoints for hand in hands if hand.keypoints is not None])
        self.norm = longer_sides(self.labelled)

    def on_epoch_end(self, epoch, logs=None):
        outputs = self._predict()
        maps = outputs[heatmaps_name(self.preset.stacks)]
        decoded, _ = decode(maps) if self.preset.loss == "mse" else decode_logits(maps)
        points = heatmap_to_crop(decoded)
        predicted = np.stack([crop.to_image(p) for crop, p in zip(self.maps_back, points, strict=True)])
        error = distances(predicted, self.labelled)
        for threshold in (0.05, 0.1, 0.2):
            logs[f"val_pck@{threshold}/keypoints"] = average(correct(error, self.norm, threshold), "micro")
        logs["val_nme/keypoints"] = average(error / self.norm[:, None], "micro")
        if HAND_OUTPUT in outputs:
            known, said_right = self.sides != "", outputs[HAND_OUTPUT][:, 1] > 0
            if known.any():
                logs["val_handedness"] = float((said_right == (self.sides == "right"))[known].mean())
            logs["val_is_hand"] = float((1 / (1 + np.exp(-outputs[HAND_OUTPUT][:, 0]))).mean())
        self.report(f"epoch {epoch + 1}: " + ", ".join(f"{name} {value:.5g}" for name, value in logs.items()))

    def _predict(self) -> dict[str, np.ndarray]:
        batches: list[dict[str, np.ndarray]] = []
        for start in range(0, len(self.crops), self.batch_size):
            outputs = self.model(self.crops[start : start + self.batch_size].astype(np.float32) / 255, training=False)
            batches.append(
                {name: keras.ops.convert_to_numpy(value).astype(np.float32) for name, value in outputs.items()}
            )
        return {name: np.concatenate([batch[name] for batch in batches]) for name in batches[0]}
