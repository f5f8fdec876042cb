"""Train an hourglass: what `fit` needs to know of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import keras

from handpose_cli.networks.hourglass import presets
from handpose_cli.networks.hourglass.encoder import freeze
from handpose_cli.networks.hourglass.outputs import HAND_OUTPUT, POINTS_OUTPUT
from handpose_cli.training.data.dataset import RandomCrops
from handpose_cli.training.data.read_data import Data, read_data
from handpose_cli.training.delivery import card, deliver
from handpose_cli.training.delivery.trained import is_upright, preset_of
from handpose_cli.training.loss import LOSSES, HandLoss, PointsLoss
from handpose_cli.training.processes import count, number
from handpose_cli.training.settings import Settings
from handpose_cli.training.start import start
from handpose_cli.training.validation import MONITOR, Validate

# Beside the maps' loss of 4 to 5. Of the coordinates it is a share of the crop's side, so a few hundredths.
HAND_LOSS_WEIGHT, POINTS_LOSS_WEIGHT = 0.3, 10.0


class KeypointTask:
    """See `task.Task`."""

    monitor = MONITOR
    batch_of = "crops"

    def read(self, settings: Settings) -> Data:
        return read_data(settings)

    def build(self, settings: Settings) -> keras.Model:
        model = presets.build(settings.hourglass)
        start(model, settings.hourglass, settings.weights)
        return model

    def freeze(self, model: keras.Model, learns: str) -> None:
        freeze(model, learns)

    def losses(self, model: keras.Model, settings: Settings) -> tuple[dict[str, Any], dict[str, float]]:
        preset = settings.hourglass
        losses: dict[str, Any] = {name: LOSSES[preset.loss](preset.sigma) for name in model.output}
        shares = dict.fromkeys(model.output, 1.0)
        if HAND_OUTPUT in losses:
            losses[HAND_OUTPUT], shares[HAND_OUTPUT] = HandLoss(), HAND_LOSS_WEIGHT
        if POINTS_OUTPUT in losses:
            losses[POINTS_OUTPUT], shares[POINTS_OUTPUT] = PointsLoss(preset.input_size), POINTS_LOSS_WEIGHT
        return losses, shares

    def batches(self, data: Data, model: keras.Model, settings: Settings) -> RandomCrops:
        return RandomCrops(
            data.samples,
            settings.hourglass.input_size,
            settings.batch_size,
            settings.seed,
            joints=[name for name in model.output if name != HAND_OUTPUT],
            places=data.places,
            upright=settings.upright,
            part=(number(), count()),
        )

    def validation(self, data: Data, settings: Settings) -> Validate:
        return Validate(data.held_back, settings.hourglass, settings.batch_size, settings.upright)

    def deliver(self, run: Path, data: Data, forms: Sequence[str], report: Callable[[str], None]) -> None:
        size = preset_of(run).input_size
        calibration = deliver.calibration_crops(data.samples, size, data.places, is_upright(run))
        deliver.deliver(run, calibration, data.held_back, forms, report)
        card.write_card(run)
