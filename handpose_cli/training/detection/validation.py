"""How good a detector is, on boxes decoded as in prediction."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from handpose_cli.engine.contract import Contract, Detector
from handpose_cli.engine.detector import DecodedBoxes
from handpose_cli.evaluation.detection import average_precision, recall_at_precision
from handpose_cli.networks.ssd.heads import for_prediction
from handpose_cli.records import Hand, ImageRecord
from handpose_cli.training.detection.photos import Photo

MONITOR = "val_ap@iou0.5"
RECALL = "val_recall@precision0.95"
LEAST_SCORE = 0.02
BATCH = 16

Found = list[tuple[ImageRecord, list[Hand]]]


class ValidateBoxes(keras.callbacks.Callback):
    """Adds the average precision of boxes, and recall where precision is .95, to the logs, both at an IoU of .5.

    Photographs that may show further hands count in neither; the share of their hands that is found is `val_recall`.
    """

    def __init__(self, photos: Sequence[Photo], contract: Contract):
        super().__init__()
        self.photos, self.contract = photos, contract

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        model = for_prediction(self.model)

        def run(images: np.ndarray) -> dict[str, np.ndarray]:
            outputs = model(images, training=False)
            return {name: keras.ops.convert_to_numpy(value).astype(np.float32) for name, value in outputs.items()}

        network = DecodedBoxes(run, self.contract)
        exhaustive = [photo for photo in self.photos if photo.exhaustive]
        logs.update(figures(network, exhaustive))
        others = [photo for photo in self.photos if not photo.exhaustive]
        if others:
            logs["val_recall"] = recall_at_precision(find(network, others), 0.0)


def figures(network: Detector, photos: Sequence[Photo]) -> dict[str, float]:
    """Return a detector's figures by their names in the log; 0 where there is no photograph."""
    found = find(network, photos)
    return {MONITOR: average_precision(found, "bbox").at50 or 0.0, RECALL: recall_at_precision(found, 0.95)}


def find(network: Detector, photos: Sequence[Photo]) -> Found:
    """Return for each photograph what is labelled, and what the detector finds.

    Raises:
        FormatError: if an image cannot be read.
    """
    found: Found = []
    for start in range(0, len(photos), BATCH):
        batch = photos[start : start + BATCH]
        answers = network.boxes([photo.read() for photo in batch], LEAST_SCORE)
        for photo, answer in zip(batch, answers, strict=True):
            label = ImageRecord(str(photo.image), None, None, [Hand(box) for box in photo.boxes])
            hands = [Hand(box, score=float(score)) for box, score in zip(answer.boxes, answer.scores, strict=True)]
            found.append((label, hands))
    return found
