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
from handpose_cli.evaluation.metrics import distances, longer_sides, pck
from handpose_cli.formats.errors import FormatError
from handpose_cli.heatmaps import decode, decode_logits, heatmap_to_crop
from handpose_cli.networks import presets
from handpose_cli.training.dataset import RandomCrops, centred_crops, read_samples
from handpose_cli.training.loss import LOSSES

BEST_WEIGHTS = "best.weights.h5"
LOG = "log.csv"
MONITOR = "val_pck@0.1/bbox"


@dataclass(frozen=True)
class Settings:
    """Everything that a run depends on; written to `settings.json` in the run folder.

    Attributes:
        preset: name in `networks.presets`.
        data: folders with images and `labels.json` to train on.
        validation: such folders to choose the best weights by.
        input_size: crop side in pixels; None: the preset's.
        epochs: passes over the data in all, those before `--resume` included.
        optimizer: "rmsprop" (the seed's) or "adamw".
        learning_rate: at its highest; it rises over the first 500 steps and falls along a cosine to 1 % at the end.
        precision: "float32" or "mixed_bfloat16".
        weights: weights file to start from instead of random numbers.
    """

    preset: str
    data: tuple[str, ...]
    validation: tuple[str, ...]
    input_size: int | None = None
    epochs: int = 40
    batch_size: int = 64
    optimizer: str = "rmsprop"
    learning_rate: float = 2.5e-4
    precision: str = "float32"
    seed: int = 0
    weights: str | None = None


class Validate(keras.callbacks.Callback):
    """After each epoch, adds PCK and EPE on decoded keypoints to the logs, and reports a line."""

    def __init__(self, samples, preset: presets.Preset, batch_size: int, report: Callable[[str], None]):
        super().__init__()
        self.crops, self.maps_back = centred_crops(samples, preset.input_size)
        self.decode = decode if preset.loss == "mse" else decode_logits
        self.labelled = np.stack([sample.hand.keypoints for sample in samples])
        self.norm = longer_sides(self.labelled)
        self.batch_size, self.report = batch_size, report

    def on_epoch_end(self, epoch, logs=None):
        error = distances(self._predict(), self.labelled)
        for threshold in (0.05, 0.1, 0.2):
            logs[f"val_pck@{threshold}/bbox"] = pck(error, self.norm, threshold)
        logs["val_epe/bbox"] = float((error / self.norm[:, None]).mean())
        self.report(f"epoch {epoch + 1}: " + ", ".join(f"{name} {value:.5g}" for name, value in logs.items()))

    def _predict(self) -> np.ndarray:
        found = []
        for start in range(0, len(self.crops), self.batch_size):
            crops = self.crops[start : start + self.batch_size].astype(np.float32) / 255
            outputs = self.model(crops, training=False)
            last = outputs[-1] if isinstance(outputs, (list, tuple)) else outputs
            found.append(heatmap_to_crop(self.decode(keras.ops.convert_to_numpy(last).astype(np.float32))[0]))
        points = np.concatenate(found)
        return np.stack([crop.to_image(p) for crop, p in zip(self.maps_back, points, strict=True)])


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
    samples = read_samples(map(Path, settings.data))
    held_back = read_samples(map(Path, settings.validation))
    report(f"{len(samples)} hands to train on, {len(held_back)} to validate on, {preset}")

    if len(samples) < settings.batch_size:
        raise FormatError(f"{len(samples)} hands to train on are fewer than --batch-size {settings.batch_size}")

    model = presets.build(preset)
    if settings.weights:
        load_weights(model, Path(settings.weights))
    run.mkdir(parents=True, exist_ok=True)
    (run / "settings.json").write_text(json.dumps({**asdict(settings), **asdict(preset)}, indent=1) + "\n")

    earlier = _logged(run) if resume else []
    data = RandomCrops(
        samples, preset.input_size, settings.batch_size, settings.seed, len(earlier), workers=2, max_queue_size=8
    )
    steps = settings.epochs * len(data)
    warmup = min(500, steps // 10)
    schedule = keras.optimizers.schedules.CosineDecay(
        settings.learning_rate / 100,
        steps - warmup,
        alpha=0.01,
        warmup_target=settings.learning_rate,
        warmup_steps=warmup,
    )
    if settings.optimizer == "adamw":
        # a network without batch norms needs the rare huge gradient cut
        optimizer = keras.optimizers.AdamW(schedule, global_clipnorm=1.0)
    else:
        optimizer = keras.optimizers.RMSprop(schedule)
    model.compile(optimizer, LOSSES[preset.loss](preset.sigma), jit_compile=False)
    callbacks = [
        keras.callbacks.BackupAndRestore(str(run / "backup"), delete_checkpoint=False),
        keras.callbacks.TerminateOnNaN(),
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


def _logged(run: Path) -> list[float]:
    """Return the monitored figure of each epoch that the run's log has."""
    if not (run / LOG).exists():
        return []
    with (run / LOG).open(newline="") as file:
        return [float(row[MONITOR]) for row in csv.DictReader(file)]
