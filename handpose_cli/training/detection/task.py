"""Train a detector: what `fit` needs to know of it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np

from handpose_cli import weights
from handpose_cli.engine.contract import Contract, of_cells
from handpose_cli.engine.detector import DecodedBoxes
from handpose_cli.engine.keras import load_weights
from handpose_cli.networks.hourglass import encoder as landmark_encoder
from handpose_cli.networks.ssd import palm_encoder, presets
from handpose_cli.networks.ssd.heads import CELLS, for_prediction
from handpose_cli.training.delivery.deliver import CALIBRATION_CROPS, INT8_COSTS, Delivery, in_precision, write_files
from handpose_cli.training.detection.card import write_card
from handpose_cli.training.detection.data import DetectionData, read_data
from handpose_cli.training.detection.loss import DetectionLoss
from handpose_cli.training.detection.photos import Photos
from handpose_cli.training.detection.pictures import Pictures
from handpose_cli.training.detection.teacher import answers_of
from handpose_cli.training.detection.validation import MONITOR, ValidateBoxes, figures
from handpose_cli.training.processes import count, number
from handpose_cli.training.settings import RANDOM, Settings
from handpose_cli.weights import RUN_SETTINGS, RUN_WEIGHTS

SAME = 1e-3  # see `Delivery.same`: it is deeper than an hourglass, and its encodings have a small range
MOST_PHOTOS = 400  # of the validation photographs, to measure that on


class DetectionTask:
    """See `task.Task`."""

    monitor = MONITOR
    batch_of = "photographs"

    def read(self, settings: Settings) -> DetectionData:
        if settings.teacher is not None:  # before minutes go into reading
            answers_of(settings.teacher, settings.network.input_size)
        return read_data(settings)

    def build(self, settings: Settings) -> keras.Model:
        preset = settings.network
        assert isinstance(preset, presets.DetectorPreset)
        model = presets.build(preset)
        if settings.weights == preset.encoder:
            encoder = presets.build_encoder(preset)
            load_weights(encoder, weights.FOLDER / f"{preset.encoder}{weights.SUFFIXES['keras']}")
            for layer in model.layers:
                if layer.weights and layer.name.startswith((palm_encoder.PREFIX, landmark_encoder.PREFIX)):
                    layer.set_weights(encoder.get_layer(layer.name).get_weights())
        elif settings.weights != RANDOM:
            load_weights(model, weights.find(settings.weights, "keras", "detector"))
        return model

    def freeze(self, model: keras.Model, learns: str) -> None:
        presets.freeze(model, learns)

    def losses(self, model: keras.Model, settings: Settings) -> tuple[dict[str, Any], dict[str, float]]:
        return {CELLS: DetectionLoss()}, {CELLS: 1.0}

    def batches(self, data: DetectionData, model: keras.Model, settings: Settings) -> Pictures:
        size = settings.network.input_size
        teacher = None if settings.teacher is None else answers_of(settings.teacher, size)
        part = number(), count()
        return Pictures(data.photos, size, settings.batch_size, settings.seed, part=part, teacher=teacher)

    def validation(self, data: DetectionData, settings: Settings) -> ValidateBoxes:
        preset = settings.network
        assert isinstance(preset, presets.DetectorPreset)
        return ValidateBoxes(data.held_back, contract_of(preset))

    def deliver(self, run: Path, data: DetectionData, forms: Sequence[str], report: Callable[[str], None]) -> None:
        preset = presets.from_settings(json.loads((run / RUN_SETTINGS).read_text(encoding="utf-8")))
        exhaustive = [photo for photo in data.held_back if photo.exhaustive][:MOST_PHOTOS]
        contract = contract_of(preset)
        with in_precision("float32"), keras.device("cpu"):
            model = presets.build(preset)
            load_weights(model, run / RUN_WEIGHTS)
            delivery = Delivery(
                for_prediction(model),
                contract,
                lambda: shown_pictures(data.photos, preset.input_size),
                MONITOR,
                lambda network: figures(DecodedBoxes(network, contract), exhaustive)[MONITOR],
                len(exhaustive),
                None if preset.is_palm else INT8_COSTS,  # its PReLU and depthwise layers take three times as long
                SAME,
                ("photographs", "photographs"),
            )
            write_files(run, delivery, forms, report)
        write_card(run)


def contract_of(preset: presets.DetectorPreset) -> Contract:
    """Return the contract of what `heads.for_prediction` gives."""
    return of_cells(preset.input_size, directions=not preset.is_palm)


def shown_pictures(photos: Photos, size: int) -> Iterator[np.ndarray]:
    """Yield training pictures to calibrate and check exported networks on, float32 [1, size, size, 3], 0 to 1."""
    pictures = Pictures(photos, size, 1, seed=0)
    return (pictures[index][0] for index in range(CALIBRATION_CROPS))
