"""What a run depends on: the recipes of the presets, a run's own settings, and those it goes on with."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from itertools import accumulate
from pathlib import Path
from typing import Any

from handpose_cli.errors import Remediable
from handpose_cli.files import atomic
from handpose_cli.formats._keypoint_names import KeypointNames
from handpose_cli.formats.plugin import ReadOptions
from handpose_cli.networks.hourglass import presets
from handpose_cli.networks.ssd import presets as detectors
from handpose_cli.weights import RUN_SETTINGS, RUN_WEIGHTS


@dataclass(frozen=True)
class Stage:
    """A part of a run, with an optimizer and a learning rate schedule of its own.

    Attributes:
        learns: which layers: a key of `networks.hourglass.encoder.FROZEN_BLOCKS`; without a pretrained encoder "all".
        epochs: how many.
        learning_rate: at its highest.
    """

    learns: str
    epochs: int
    learning_rate: float


LEARNS = ("decoder", "stride16", "all")

# the student paper's; it trained in stretches of 40 epochs, each from the last one's checkpoint
SEED_RECIPE: dict[str, Any] = {
    "stages": (Stage("all", 40, 2.5e-4),),
    "batch_size": 64,
    "optimizer": "rmsprop",
    "schedule": "constant",
    "ema": 0.0,
}
ON_ENCODER_RECIPE: dict[str, Any] = {
    "stages": (Stage("decoder", 4, 1.5e-3), Stage("stride16", 36, 5e-4)),
    "batch_size": 32,
    "optimizer": "adamw",
    "schedule": "cosine",
    "ema": 0.998,
}
RECIPES: dict[str, dict[str, Any]] = {
    "hourglass-8": SEED_RECIPE,
    "hourglass-2": SEED_RECIPE,
    "hourglass-lite": ON_ENCODER_RECIPE,
    "hourglass-wide": ON_ENCODER_RECIPE,
    "ssd-palm": {
        "stages": (Stage("decoder", 1, 2e-3), Stage("stride16", 3, 7e-4)),
        "batch_size": 32,
        "optimizer": "adamw",
        "schedule": "cosine",
        "ema": 0.996,
    },
    "ssd-hand": {
        "stages": (Stage("decoder", 1, 2e-3), Stage("all", 7, 1e-3)),
        "batch_size": 32,
        "optimizer": "adamw",
        "schedule": "cosine",
        "ema": 0.998,
    },
}
OPTIMIZERS = ("rmsprop", "adamw")
SCHEDULES = ("constant", "cosine", "steps")
PRECISIONS = ("float32", "mixed_bfloat16")
EXPORTS = ("litert", "onnx", "none")  # "litert", and Keras with it, comes with all but "none"
RANDOM = "none"  # in place of weights to start from
MAY_CHANGE = {"epochs", "learning_rate", "schedule", "patience", "workers", "devices", "data_licence", "export"}


@dataclass(frozen=True)
class Settings:
    """Everything that a run depends on; written to `settings.json` in the run folder.

    Attributes:
        preset: name in `networks.hourglass.presets` or, of a detector, in `networks.ssd.presets`.
        data: labels to train on, each `[FORMAT:]PATH`, with the images beside them; what is named twice comes twice in
            each pass.
        val: such labels to choose the best weights by; none: `val_split` of the data.
        val_split: share of the samples to hold back for that; versions of a pose and frames of a video stay together.
        negatives: labels with boxes, to learn the hand score from these and from what lies outside, see `data.places`.
        classes, keypoint_names: which classes of objects are hands and how keypoints are named, as a user says it,
            where labels have such names; see `formats.plugin.ReadOptions`.
        input_size: crop side in pixels; None: the preset's.
        stages: what learns when, one stage after the other.
        steps_per_epoch: batches between two checkpoints; None: one pass over the data.
        patience: stop after so many epochs without a better one; None: never.
        optimizer, schedule: see `training.optimizer`.
        precision: of the layers, a Keras dtype policy.
        ema: share by which the average of the weights (Polyak and Juditsky, 1992), which is validated and saved, keeps
            its old value at each step; 0: no average.
        seed: of every random choice.
        weights: what to start from: a bundled network's name, a file or a run folder, which may lack the hand head;
            `RANDOM`: from random numbers.
        upright: show hands upright, but for some degrees: as a network sees them that is asked second, or of which a
            detector says how they are turned.
        teacher: of a detector, another one with the same cells, from whose answers it learns too; None: there is none.
        workers: threads that prepare batches.
        devices: see `training.devices`.
        export: what to write at the end, see `training.delivery.deliver`: "litert" and with it Keras, also "onnx", or
            "none".
        data_licence: what the model card says of the data's licence.
    """

    preset: str
    data: tuple[str, ...]
    val: tuple[str, ...]
    stages: tuple[Stage, ...]
    batch_size: int
    optimizer: str
    schedule: str
    ema: float
    negatives: tuple[str, ...] = ()
    val_split: float = 0.1
    input_size: int | None = None
    steps_per_epoch: int | None = None
    patience: int | None = None
    precision: str = "float32"
    seed: int = 0
    weights: str = RANDOM
    upright: bool = False
    teacher: str | None = None
    workers: int = 2
    devices: int | None = None
    export: tuple[str, ...] = ("litert",)
    data_licence: tuple[str, ...] = ()
    classes: tuple[str, ...] = ()
    keypoint_names: str | None = None

    @property
    def read_options(self) -> ReadOptions:
        """What a user says of the labels."""
        names = None if self.keypoint_names is None else KeypointNames.parse(self.keypoint_names)
        return ReadOptions(self.classes, names)

    @property
    def epochs(self) -> int:
        """In all, those before the earlier ones of a resumed run included."""
        return sum(stage.epochs for stage in self.stages)

    @property
    def network(self) -> presets.Preset | detectors.DetectorPreset:
        """The network's shape."""
        if self.preset not in detectors.DETECTORS:
            return self.hourglass
        preset = detectors.DETECTORS[self.preset]
        return replace(preset, input_size=self.input_size) if self.input_size else preset

    @property
    def hourglass(self) -> presets.Preset:
        """The network's shape, of an hourglass: without negatives, from which to learn it, it has no hand head, and in
        crops of another size no coordinates, since the encoder's are those of one.
        """
        preset = replace(presets.get_preset(self.preset), hand_head=bool(self.negatives))
        if not self.input_size or self.input_size == preset.input_size:
            return preset
        return replace(preset, input_size=self.input_size, points=False)


class SettingsError(Remediable):
    """A run cannot be trained or continued with these settings; the message says which."""


class WrongSettingsError(SettingsError):
    """No run can be trained with these settings, whatever the data."""

    wrong_call = True


def damaged(path: Path, error: Exception) -> SettingsError:
    """Return the error of a file of a run folder that cannot be read, as after a power cut, or is gone."""
    reason = f"cannot be read ({error.strerror})" if isinstance(error, OSError) and error.strerror else "is damaged"
    if not path.exists():
        reason = "is not there"
    run = path.parent if (path.parent / RUN_SETTINGS).exists() else path.parent.parent
    return SettingsError(f"{path} {reason}", "begin_from" if (run / RUN_WEIGHTS).exists() else "output", run=run)


def of_new_run(given: Mapping[str, Any]) -> Settings:
    """Return the settings given, the rest by the preset's recipe.

    Args:
        given: values of `Settings`; besides `epochs` in all, and `learning_rate` of the last stage.

    Raises:
        WrongSettingsError: if there are no data, what to validate on is said twice, or a stage asks for an encoder that
            the network does not have.
    """
    if not given.get("data"):
        raise WrongSettingsError("There are no data to train on", "data")
    if given.get("val") and "val_split" in given:
        raise WrongSettingsError(
            f"No share of the data is held back where there are labels to validate on. Received: "
            f"{said(given['val_split'])}",
            "val_split",
        )
    name = given["preset"]
    encoder = detectors.DETECTORS[name].encoder if name in detectors.DETECTORS else presets.get_preset(name).encoder
    if given.get("teacher") and name not in detectors.DETECTORS:
        raise WrongSettingsError(
            f"Only detectors learn from a teacher, and {name} is none. Received: {given['teacher']}"
        )
    if given.get("upright") and name in detectors.DETECTORS:
        raise WrongSettingsError(f"Only hourglasses learn from upright hands, and {name} is none", "upright")
    size, step = given.get("input_size"), 32 if name in detectors.DETECTORS else 4 << presets.get_preset(name).order
    if size and size % step:
        raise WrongSettingsError(
            f"The side of {name}'s crops must be a multiple of {step}. Received: {size}", "input_size"
        )
    recipe = {**RECIPES[given["preset"]], "val": (), "weights": encoder or RANDOM}
    if not encoder:
        recipe["stages"] = (Stage("all", sum(s.epochs for s in recipe["stages"]), recipe["stages"][-1].learning_rate),)
        for stage in given.get("stages", ()):
            if stage.learns != "all":
                raise WrongSettingsError(
                    f"Stage {said(stage)}: {given['preset']} has no pretrained encoder to freeze", "stages"
                )
    return _with_stages({**recipe, **given})


def of_earlier_run(run: Path, given: Mapping[str, Any]) -> Settings:
    """Return the settings that a run was begun with, and those given that may change.

    Raises:
        SettingsError: if there is no run, it is damaged, or a setting that may not change is given again.
    """
    path = run / RUN_SETTINGS
    if not path.exists():
        raise SettingsError(f"{run} holds no run to go on with", "begin")
    try:
        saved = json.loads(path.read_text(encoding="utf-8"))
        names = {field.name for field in fields(Settings)}
        values: dict[str, Any] = {
            name: tuple(v) if isinstance(v, list) else v for name, v in saved.items() if name in names
        }
        if "stages" in values:
            values["stages"] = tuple(Stage(**stage) for stage in values["stages"])
        else:  # a run begun before there were stages
            values["stages"] = (Stage("all", saved["epochs"], saved["learning_rate"]),)
            values["weights"] = saved.get("weights") or RANDOM
        earlier = Settings(**values)
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise damaged(path, error) from error
    if not _is_of(saved, earlier):
        raise SettingsError(
            f"{run} trains a network that {earlier.preset} no longer is. It can be predicted with; begin another run."
        )
    for name, value in given.items():
        if name not in MAY_CHANGE and value != (old := getattr(earlier, name)):
            raise SettingsError(
                f"{name.replace('_', ' ')} was {said(old)} in {run} and cannot be {said(value)} now",
                "begin_from",
                run=run,
            )
    return _with_stages({**vars(earlier), **{name: value for name, value in given.items() if name in MAY_CHANGE}})


def _is_of(saved: dict[str, Any], settings: Settings) -> bool:
    """Return whether a run's network is still what its preset is."""
    if settings.preset in detectors.DETECTORS:
        return bool(json.loads(json.dumps(asdict(settings.network))) == saved.get("network"))
    said_shape = "network" in saved or "features" in saved  # the latter in an earlier version's
    return not said_shape or presets.from_settings(saved) == settings.network


def _with_stages(values: dict[str, Any]) -> Settings:
    """Return settings whose stages have so many `epochs` in all, and the last of them such a `learning_rate`."""
    stages: tuple[Stage, ...] = values["stages"]
    epochs = values.pop("epochs", None)
    if epochs is not None:
        begins = [0, *accumulate(stage.epochs for stage in stages)]
        stages = tuple(stage for stage, begin in zip(stages, begins, strict=False) if begin < epochs)
        stages = (*stages[:-1], replace(stages[-1], epochs=epochs - begins[len(stages) - 1]))
    rate = values.pop("learning_rate", stages[-1].learning_rate)
    return Settings(**{**values, "stages": (*stages[:-1], replace(stages[-1], learning_rate=rate))})


def save(settings: Settings, run: Path) -> None:
    """Write `settings.json`: the settings, and the network's shape, which prediction needs."""
    with atomic(run / RUN_SETTINGS) as file:
        json.dump({**asdict(settings), "network": asdict(settings.network)}, file, indent=1)
        file.write("\n")


def said(value: Any) -> str:
    """Return a setting as it is given on the command line."""
    if isinstance(value, Stage):
        return f"{value.learns}:{value.epochs}:{value.learning_rate:g}"
    return " ".join(map(said, value)) if isinstance(value, tuple) else str(value)
