"""Train an hourglass: data and settings in, a run folder with weights, log and card out."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import keras
import numpy as np

from handpose_cli.engine.keras import load_weights
from handpose_cli.formats.errors import FormatError
from handpose_cli.networks import presets
from handpose_cli.networks.hourglass import HAND_OUTPUT
from handpose_cli.training.dataset import RandomCrops, read_samples
from handpose_cli.training.loss import LOSSES, HandLoss
from handpose_cli.training.negatives import find_negatives
from handpose_cli.training.validation import MONITOR, Validate

BEST_WEIGHTS = "best.weights.h5"
LOG = "log.csv"
HAND_LOSS_WEIGHT = 0.3  # of the hand head, beside the maps' loss of 4 to 5


@dataclass(frozen=True)
class Settings:
    """Everything that a run depends on; written to `settings.json` in the run folder.

    Attributes:
        preset: name in `networks.presets`.
        data: labels to train on, each `[FORMAT:]PATH`, with the images beside them.
        validation: such labels to choose the best weights by.
        negatives: labels in which every hand has a box, to learn the hand score from what lies outside.
        input_size: crop side in pixels; None: the preset's.
        epochs: passes over the data in all, those before `--resume` included.
        optimizer: "rmsprop" (the seed's) or "adamw".
        learning_rate: at its highest; it rises over the first 500 steps and falls along a cosine to 1 % at the end.
        precision: "float32" or "mixed_bfloat16".
        ema: share by which the average of the weights (Polyak and Juditsky, 1992), which is validated and saved, keeps
            its old value at each step; 0: no average.
        weights: weights file to start from instead of random numbers; it may lack the hand head.
    """

    preset: str
    data: tuple[str, ...]
    validation: tuple[str, ...]
    negatives: tuple[str, ...] = ()
    input_size: int | None = None
    epochs: int = 40
    batch_size: int = 64
    optimizer: str = "rmsprop"
    learning_rate: float = 2.5e-4
    precision: str = "float32"
    ema: float = 0.0
    seed: int = 0
    weights: str | None = None


def train(settings: Settings, run: Path, resume: bool, report: Callable[[str], None]) -> Path:
    """Train and return the path of the best weights (by validation PCK@0.1).

    Args:
        run: folder for `settings.json`, `log.csv`, `best.weights.h5`, `last.weights.h5` and the state that
            `resume` continues from.
        resume: go on where an earlier run in that folder stopped.
        report: called with each line worth telling.

    Raises:
        FormatError: if the data cannot be read. WeightsError: if the weights are not this network's.
        FloatingPointError: if the loss stops being a number.
    """
    keras.utils.set_random_seed(settings.seed)
    keras.config.set_dtype_policy(settings.precision)
    preset = presets.get_preset(settings.preset)
    if settings.input_size:
        preset = replace(preset, input_size=settings.input_size)
    preset = replace(preset, hand_head=bool(settings.negatives))  # nothing to learn it from otherwise
    samples = read_samples(settings.data)
    held_back = read_samples(settings.validation)
    negatives = list(find_negatives(settings.negatives, settings.seed))
    report(
        f"{len(samples)} hands to train on, {len(held_back)} to validate on, {len(negatives)} places without, {preset}"
    )
    if len(samples) < settings.batch_size:
        raise FormatError(f"{len(samples)} hands to train on are fewer than --batch-size {settings.batch_size}")

    model = presets.build(preset)
    if settings.weights:
        load_weights(model, Path(settings.weights), preset)
    run.mkdir(parents=True, exist_ok=True)
    (run / "settings.json").write_text(json.dumps({**asdict(settings), **asdict(preset)}, indent=1) + "\n")

    earlier = _logged(run) if resume else []
    maps = [name for name in model.output if name != HAND_OUTPUT]
    data = RandomCrops(
        samples, preset.input_size, settings.batch_size, settings.seed, len(earlier), maps, negatives,
        workers=2, max_queue_size=8,
    )  # fmt: skip
    model.compile(
        _optimizer(settings, steps=settings.epochs * len(data)),
        {name: HandLoss() if name == HAND_OUTPUT else LOSSES[preset.loss](preset.sigma) for name in model.output},
        loss_weights={name: HAND_LOSS_WEIGHT if name == HAND_OUTPUT else 1.0 for name in model.output},
        jit_compile=False,
    )
    callbacks = [
        keras.callbacks.BackupAndRestore(str(run / "backup"), delete_checkpoint=False),
        keras.callbacks.TerminateOnNaN(),
        *([keras.callbacks.SwapEMAWeights(swap_on_epoch=True)] if settings.ema else []),
        Validate(held_back, preset, settings.batch_size, report),
        keras.callbacks.CSVLogger(str(run / LOG), append=resume),
        keras.callbacks.ModelCheckpoint(
            str(run / BEST_WEIGHTS),
            MONITOR,
            save_best_only=True,
            save_weights_only=True,
            mode="max",
            initial_value_threshold=max(earlier) if earlier else None,
        ),
    ]
    try:
        history = model.fit(data, epochs=settings.epochs, verbose=0, callbacks=callbacks)
    except Exception:
        if data.failure is not None:
            raise data.failure from None
        raise
    if not np.isfinite(history.history["loss"]).all():
        raise FloatingPointError("the loss is not a number any more; try a lower --learning-rate")
    model.save_weights(str(run / "last.weights.h5"))
    return run / BEST_WEIGHTS


def _optimizer(settings: Settings, steps: int) -> keras.optimizers.Optimizer:
    warmup = min(500, steps // 10)
    schedule = keras.optimizers.schedules.CosineDecay(
        settings.learning_rate / 100,
        steps - warmup,
        alpha=0.01,
        warmup_target=settings.learning_rate,
        warmup_steps=warmup,
    )
    average = {"use_ema": True, "ema_momentum": settings.ema} if settings.ema else {}
    if settings.optimizer == "adamw":
        # a network without batch norms needs the rare huge gradient cut
        return keras.optimizers.AdamW(schedule, global_clipnorm=1.0, **average)
    return keras.optimizers.RMSprop(schedule, **average)


def _logged(run: Path) -> list[float]:
    """Return the monitored figure of each epoch that the run's log has."""
    if not (run / LOG).exists():
        return []
    with (run / LOG).open(newline="") as file:
        return [float(row[MONITOR]) for row in csv.DictReader(file)]
