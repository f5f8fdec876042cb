"""Train an hourglass: settings in, a run folder with weights, log, exported networks and card out."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import keras

from handpose_cli.engine.keras import load_weights
from handpose_cli.formats.errors import FormatError
from handpose_cli.networks import presets
from handpose_cli.networks.hourglass import HAND_OUTPUT
from handpose_cli.training import settings as run_settings
from handpose_cli.training.checkpoint import CommitEpoch, Log, SaveState, UseAverage, restore
from handpose_cli.training.dataset import RandomCrops, Sample, read_samples, split
from handpose_cli.training.loss import LOSSES, HandLoss
from handpose_cli.training.negatives import find_negatives
from handpose_cli.training.optimizer import make_optimizer
from handpose_cli.training.progress import Progress
from handpose_cli.training.settings import Settings
from handpose_cli.training.validation import Validate

HAND_LOSS_WEIGHT = 0.3  # of the hand head, beside the maps' loss of 4 to 5


def train(settings: Settings, run: Path, report: Callable[[str], None]) -> Log:
    """Train until `settings.epochs`, from the run's last state on if it has one, and return its log.

    Args:
        run: folder for `settings.json`, and for what `training.checkpoint` writes after each epoch.
        report: called with each line worth telling.

    Raises:
        FormatError: if the data cannot be read. WeightsError: if the weights are not this network's.
        FloatingPointError: if the loss stops being a number. OSError: if the run folder cannot be written.
    """
    keras.utils.set_random_seed(settings.seed)
    keras.config.set_dtype_policy(settings.precision)
    preset = settings.network
    samples, held_back, negatives = _read_data(settings)
    report(
        f"{len(samples)} hands to train on, {len(held_back)} to validate on, {len(negatives)} places without, {preset}"
    )
    model = presets.build(preset)
    if settings.weights:
        load_weights(model, Path(settings.weights), preset)
    run.mkdir(parents=True, exist_ok=True)
    run_settings.save(settings, run)

    data = RandomCrops(
        samples,
        preset.input_size,
        settings.batch_size,
        settings.seed,
        maps=[name for name in model.output if name != HAND_OUTPUT],
        negatives=negatives,
        workers=settings.workers,
        max_queue_size=4 * settings.workers,
    )
    steps = settings.steps_per_epoch or data.batches_a_pass
    compile_model(model, preset, settings, steps=settings.epochs * steps)
    log = restore(model, run)
    data.first_batch = len(log) * steps
    progress = Progress(settings.epochs, settings.batch_size, report)
    callbacks = [
        SaveState(run),
        *([UseAverage()] if settings.ema else []),
        Validate(held_back, preset, settings.batch_size),
        CommitEpoch(run, log, settings.patience),
        progress,
    ]
    try:
        model.fit(
            data,
            steps_per_epoch=steps,
            initial_epoch=len(log),
            epochs=settings.epochs,
            shuffle=False,  # they come shuffled
            verbose=0,
            callbacks=callbacks,
        )
    except Exception:
        if data.failure is not None:
            raise data.failure from None
        raise
    finally:
        progress.close()
    return log


def compile_model(model: keras.Model, preset: presets.Preset, settings: Settings, steps: int) -> None:
    """Give a model its losses and the optimizer of a run of so many steps."""
    model.compile(
        make_optimizer(settings, steps),
        {name: HandLoss() if name == HAND_OUTPUT else LOSSES[preset.loss](preset.sigma) for name in model.output},
        loss_weights={name: HAND_LOSS_WEIGHT if name == HAND_OUTPUT else 1.0 for name in model.output},
        jit_compile=False,
    )


def _read_data(settings: Settings) -> tuple[list[Sample], list[Sample], list[Sample]]:
    """Return the hands to train on, those to validate on, and places without."""
    samples = read_samples(settings.data)
    if settings.val:
        held_back = read_samples(settings.val)
    else:
        samples, held_back = split(samples, settings.val_split, settings.seed)
    if len(samples) < settings.batch_size:
        raise FormatError(f"{len(samples)} hands to train on are fewer than --batch-size {settings.batch_size}")
    return samples, held_back, list(find_negatives(settings.negatives, settings.seed))
