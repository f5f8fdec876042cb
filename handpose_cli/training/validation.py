"""After each epoch: how good the network is, on keypoints decoded as in prediction."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from handpose_cli.annotator.pose import Found, find_in_crops
from handpose_cli.annotator.tta import crop_of, upright
from handpose_cli.crop import Crop
from handpose_cli.engine.contract import KeypointNetwork
from handpose_cli.engine.keras import contract_of
from handpose_cli.engine.keypoint_network import DecodedKeypoints
from handpose_cli.evaluation.metrics import average, correct, distances, longer_sides
from handpose_cli.media.picture import Picture
from handpose_cli.networks.hourglass import presets
from handpose_cli.records import to_upright
from handpose_cli.training.data.samples import Sample, read_sample

MONITOR = "val_pck@0.1/keypoints"


class Validate(keras.callbacks.Callback):
    """Adds PCK and the mean error, relative to the longer side of the labelled keypoints, to the logs.

    With a hand head also the share of hands whose handedness is right, and the mean probability of being a hand.
    """

    def __init__(self, samples: list[Sample], preset: presets.Preset, batch_size: int, upright: bool = False):
        super().__init__()
        self.samples, self.preset, self.batch_size, self.upright = samples, preset, batch_size, upright
        hands = [sample.hand for sample in samples if sample.hand is not None]
        self.sides = np.array([hand.handedness or "" for hand in hands])
        self.labelled = np.stack([hand.keypoints for hand in hands if hand.keypoints is not None])
        sides = longer_sides(self.labelled)
        self.norm = np.where(sides > 0, sides, np.nan)  # of one joint, or several in one place: no size to measure by

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        network = DecodedKeypoints(self._network, contract_of(self.preset))
        found = predict(network, self.samples, self.batch_size, self.upright)
        error = distances(found.keypoints, self.labelled)
        for threshold in (0.05, 0.1, 0.2):
            logs[f"val_pck@{threshold}/keypoints"] = average(correct(error, self.norm, threshold), "micro")
        logs["val_nme/keypoints"] = average(error / self.norm[:, None], "micro")
        if found.is_hand is not None and found.is_right is not None:
            known, said_right = self.sides != "", found.is_right > 0.5
            if known.any():
                logs["val_handedness"] = float((said_right == (self.sides == "right"))[known].mean())
            logs["val_is_hand"] = float(found.is_hand.mean())

    def _network(self, crops: np.ndarray) -> dict[str, np.ndarray]:
        outputs = presets.for_prediction(self.model, self.preset)(crops, training=False)
        return {name: keras.ops.convert_to_numpy(value).astype(np.float32) for name, value in outputs.items()}


def predict(network: KeypointNetwork, samples: Sequence[Sample], batch_size: int, stand_upright: bool = False) -> Found:
    """Find the keypoints in the labelled boxes, from one view of each hand, as prediction does.

    Args:
        stand_upright: turn hands upright by their labels, as far as these say how.

    Raises:
        FormatError: if an image cannot be read.
    """
    found = []
    for start in range(0, len(samples), batch_size):
        batch = samples[start : start + batch_size]
        crops = [_crop(sample, network, stand_upright) for sample in batch]
        pictures = [Picture(read_sample(sample)) for sample in batch]
        found.append(find_in_crops(network, list(zip(pictures, crops, strict=True))))
    return Found(
        np.concatenate([batch.keypoints for batch in found]),
        np.concatenate([batch.scores for batch in found]),
        _joined([batch.is_hand for batch in found]),
        _joined([batch.is_right for batch in found]),
        np.concatenate([batch.evidence for batch in found]),
    )


def _crop(sample: Sample, network: KeypointNetwork, stand_upright: bool) -> Crop:
    keypoints = None if sample.hand is None else sample.hand.keypoints
    if stand_upright and keypoints is not None and np.isfinite(to_upright(keypoints)):
        return upright(keypoints, network.input_size, network.crop_scale)
    return crop_of(sample.box, network)


def _joined(answers: Sequence[np.ndarray | None]) -> np.ndarray | None:
    known = [answer for answer in answers if answer is not None]
    return np.concatenate(known) if known else None
