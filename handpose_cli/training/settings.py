"""What a run depends on: the recipes of the presets, a run's own settings, and those it goes on with."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

from handpose_cli.files import atomic
from handpose_cli.networks import presets
from handpose_cli.weights import RUN_SETTINGS

# the seed project's; it trained in stretches of 40 epochs, each from the last one's checkpoint
SEED_RECIPE = {
    "epochs": 40,
    "batch_size": 64,
    "optimizer": "rmsprop",
    "learning_rate": 2.5e-4,
    "schedule": "constant",
    "ema": 0.0,
}
RECIPES = {
    "hourglass-8": SEED_RECIPE,
    "hourglass-2": SEED_RECIPE,
    "hourglass-lite": {
        "epochs": 40,
        "batch_size": 32,
        "optimizer": "adamw",
        "learning_rate": 6e-4,
        "schedule": "cosine",
        "ema": 0.999,
    },
}
OPTIMIZERS = ("rmsprop", "adamw")
SCHEDULES = ("constant", "cosine", "steps")
PRECISIONS = ("float32", "mixed_bfloat16")
EXPORTS = ("litert", "onnx", "none")  # "litert", and Keras with it, comes with all but "none"
MAY_CHANGE = {"epochs", "learning_rate", "schedule", "patience", "workers", "devices", "data_licence", "export"}


@dataclass(frozen=True)
class Settings:
    """Everything that a run depends on; written to `settings.json` in the run folder.

    Attributes:
        preset: name in `networks.presets`.
        data: labels to train on, each `[FORMAT:]PATH`, with the images beside them.
        val: such labels to choose the best weights by; none: `val_split` of the data.
        val_split: share of the samples to hold back for that; versions of a pose and frames of a video stay together.
        negatives: labels in which every hand has a box, to learn the hand score from what lies outside.
        input_size: crop side in pixels; None: the preset's.
        epochs: in all, those before `--resume` included.
        steps_per_epoch: batches between two checkpoints; None: one pass over the data.
        patience: stop after so many epochs without a better one; None: never.
        optimizer, schedule: see `training.optimizer`.
        learning_rate: at its highest.
        precision: of the layers, a Keras dtype policy.
        ema: share by which the average of the weights (Polyak and Juditsky, 1992), which is validated and saved, keeps
            its old value at each step; 0: no average.
        seed: of every random choice.
        weights: weights file to start from instead of random numbers; it may lack the hand head.
        workers: threads that prepare batches.
        devices: see `training.devices`.
        export: what to write at the end, see `training.deliver`: "litert" and with it Keras, also "onnx", or "none".
        data_licence: what the model card says of the data's licence.
    """

    preset: str
    data: tuple[str, ...]
    val: tuple[str, ...]
    epochs: int
    batch_size: int
    optimizer: str
    learning_rate: float
    schedule: str
    ema: float
    negatives: tuple[str, ...] = ()
    val_split: float = 0.1
    input_size: int | None = None
    steps_per_epoch: int | None = None
    patience: int | None = None
    precision: str = "float32"
    seed: int = 0
    weights: str | None = None
    workers: int = 2
    devices: int | None = None
    export: tuple[str, ...] = ("litert",)
    data_licence: tuple[str, ...] = ()

    @property
    def network(self) -> presets.Preset:
        """The network's shape: without negatives there is nothing to learn a hand head from."""
        preset = replace(presets.get_preset(self.preset), hand_head=bool(self.negatives))
        return replace(preset, input_size=self.input_size) if self.input_size else preset


class SettingsError(Exception):
    """A run cannot be trained or continued with these settings; the message says which."""


def of_new_run(given: Mapping[str, Any]) -> Settings:
    """Return the settings given, the rest by the preset's recipe.

    Raises:
        SettingsError: if there are no data.
    """
    if not given.get("data"):
        raise SettingsError("There are no data to train on. Name labels with --data.")
    return Settings(**{**RECIPES[given["preset"]], "val": (), **given})


def of_earlier_run(run: Path, given: Mapping[str, Any]) -> Settings:
    """Return the settings that a run was begun with, and those given that may change.

    Raises:
        SettingsError: if there is no run, or a setting that may not change is given anew.
    """
    try:
        saved = json.loads((run / RUN_SETTINGS).read_text(encoding="utf-8"))
        names = {field.name for field in fields(Settings)}
        values: dict[str, Any] = {
            name: tuple(v) if isinstance(v, list) else v for name, v in saved.items() if name in names
        }
        earlier = Settings(**values)
    except (OSError, ValueError, TypeError) as error:
        raise SettingsError(f"{run} holds no run to go on with: leave out --resume to begin one.") from error
    for name, value in given.items():
        if name not in MAY_CHANGE and value != (old := getattr(earlier, name)):
            option = name.replace("_", "-")
            raise SettingsError(
                f"--{option} was {_said(old)} in {run} and cannot be {_said(value)} now: begin another with --weights."
            )
    return replace(earlier, **{name: value for name, value in given.items() if name in MAY_CHANGE})


def save(settings: Settings, run: Path) -> None:
    """Write `settings.json`: the settings, and the network's shape, which prediction needs."""
    with atomic(run / RUN_SETTINGS) as file:
        json.dump({**asdict(settings), **asdict(settings.network)}, file, indent=1)
        file.write("\n")


def _said(value: Any) -> str:
    return " ".join(map(str, value)) if isinstance(value, tuple) else str(value)
