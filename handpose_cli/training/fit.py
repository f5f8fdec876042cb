"""Train a network: settings in, a run folder with weights, log, exported networks and card out."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import keras

from handpose_cli.networks.backend import TRAIN
from handpose_cli.networks.ssd.presets import DETECTORS
from handpose_cli.training import processes
from handpose_cli.training import settings as run_settings
from handpose_cli.training.checkpoint import (
    LOCK,
    STATE,
    CommitEpoch,
    Log,
    SaveState,
    UseAverage,
    gets_no_better,
    read_log,
    restore,
    writing,
)
from handpose_cli.training.data.digest import refuse_other
from handpose_cli.training.data.prefetch import Prefetch
from handpose_cli.training.delivery import card, deliver
from handpose_cli.training.devices import lacks_bfloat16, on_devices
from handpose_cli.training.optimizer import make_optimizer
from handpose_cli.training.progress import Progress
from handpose_cli.training.settings import Settings, SettingsError, Stage
from handpose_cli.training.start import check
from handpose_cli.training.task import Batches, Task, TaskData, task_of
from handpose_cli.training.tensorboard import TensorBoardLog
from handpose_cli.weights import RUN_WEIGHTS

NO_HAND_HEAD = (
    "Without --negatives the network will not say whether there is a hand, nor which: labels of whole photographs "
    "teach it, also those of --data"
)


def train(settings: Settings, run: Path, report: Callable[[str], None]) -> Log:
    """Train until `settings.epochs`, from the run's last state on if it has one, export, and return the log.

    Args:
        run: folder for `settings.json`, for what `training.checkpoint` writes after each epoch, and for the exported
            networks and their card, see `training.delivery.deliver` and `training.delivery.card`.
        report: called with each line worth reading.

    Raises:
        FormatError: if the data cannot be read. WeightsError: if the weights are not this network's.
        SettingsError: if the data, or the teacher, are not those of the run, it has more epochs behind it, a file of it
            is damaged, there are too few devices, the backend does not train, the `processes` do not meet or lose each
            other, or another process trains in the run folder.
        DeliveryError: if the result cannot be exported; the weights are there then.
        FloatingPointError: if the loss stops being a number. OSError: if the run folder cannot be written.
    """
    if keras.backend.backend() not in TRAIN:
        raise SettingsError(
            f"KERAS_BACKEND={keras.backend.backend()} only predicts. With these it trains: {', '.join(TRAIN)}"
        )
    deliver.check_forms(settings.export)
    check(settings.weights, "detector" if settings.preset in DETECTORS else "keypoints")
    processes.join()
    keras.utils.set_random_seed(settings.seed)
    with deliver.in_precision(settings.precision):
        return _train(settings, run, report if processes.number() == 0 else _say_nothing)


def _train(settings: Settings, run: Path, report: Callable[[str], None]) -> Log:
    first = processes.number() == 0
    task = task_of(settings.preset)
    if first and (run / LOCK).exists():
        with writing(run):  # before minutes go into reading
            pass
    log = read_log(run)
    if settings.epochs < len(log):  # the settings would lose what the rest was trained with
        raise SettingsError(f"{run} has {len(log)} epochs behind it. Received: {settings.epochs}", "epochs")
    if log and not (run / RUN_WEIGHTS).exists():  # the best epoch's, which may not come again
        raise SettingsError(f"{run / RUN_WEIGHTS} is not there", "best")
    trained_on = card.read_known(run) if log else {}
    data: TaskData = task.read(settings)
    refuse_other(run, trained_on, data.known)
    processes.check_agreement(settings, data.known, (run / STATE).exists() and (run / STATE).read_bytes())
    report(f"{data.described()}, {settings.network}")
    if data.shared[0]:
        report("{} of {} images to validate on are also trained on".format(*data.shared))
    if settings.preset not in DETECTORS and not settings.negatives and not (run / STATE).exists():
        report(NO_HAND_HEAD)  # whatever the weights that it starts from can do
    if settings.precision == "mixed_bfloat16" and lacks_bfloat16():
        report("This processor has no arithmetic of bfloat16: training in float32 is several times as fast on it")
    with ExitStack() as held:
        with on_devices(settings.devices, settings.batch_size):
            model = task.build(settings)
            if first:
                held.enter_context(writing(run))
            log = _fit(task, model, settings, data, run, report)
        processes.leave()
        if first and "none" not in settings.export:
            if keras.backend.backend() == "tensorflow":
                task.deliver(run, data, settings.export, report)
            else:
                report("Nothing is exported: that needs TensorFlow. Resume the run with KERAS_BACKEND=tensorflow")
    return log


def _fit(
    task: Task, model: keras.Model, settings: Settings, data: TaskData, run: Path, report: Callable[[str], None]
) -> Log:
    writes = processes.number() == 0
    if writes:
        run_settings.save(settings, run)
        card.write_data(run, data.known, data.trained, data.held, data.shared)

    log = read_log(run)
    if writes and len(log) < settings.epochs:
        deliver.withdraw(run)
    progress = Progress(settings.epochs, settings.batch_size, report, task.batch_of, shown=writes)
    callbacks = [
        task.validation(data, settings),
        CommitEpoch(run, log, settings.patience, task.monitor, writes),
        *([TensorBoardLog(run, log)] if writes else []),
        progress,
    ]
    begin, model.stop_training = 0, gets_no_better(log, task.monitor, settings.patience)
    try:
        for stage in settings.stages:
            end = begin + stage.epochs
            if len(log) <= end and not model.stop_training:
                _fit_stage(task, model, settings, stage, begin, data, run, log, callbacks)
            begin = end
    finally:
        progress.close()
    if model.stop_training and len(log) < settings.epochs:
        report(f"No better for {settings.patience} epochs: ended after {len(log)}")
    return log


def _fit_stage(
    task: Task,
    model: keras.Model,
    settings: Settings,
    stage: Stage,
    begin: int,
    data: TaskData,
    run: Path,
    log: Log,
    callbacks: list[keras.callbacks.Callback],
) -> None:
    """Train one stage, which begins after so many epochs, from where it was left if it was."""
    writes = processes.number() == 0
    batches: Batches = task.batches(data, model, settings)
    steps = settings.steps_per_epoch or batches.batches_a_pass
    task.freeze(model, stage.learns)
    compile_model(model, task, settings, stage.learning_rate, steps=stage.epochs * steps)
    if len(log) > begin:
        restore(model, run)
    if len(log) == begin + stage.epochs:
        if settings.ema:  # with which the next stage begins
            model.optimizer.finalize_variable_values(model.trainable_variables)
        return
    batches.first_batch = len(log) * steps
    ahead = Prefetch(batches, settings.workers)
    try:
        model.fit(
            ahead,
            steps_per_epoch=steps,
            initial_epoch=len(log),
            epochs=begin + stage.epochs,
            shuffle=False,  # they come shuffled
            verbose=0,
            callbacks=[SaveState(run, writes), *([UseAverage()] if settings.ema else []), *callbacks],
        )
    except Exception as error:
        if batches.failure is not None:
            raise batches.failure from None
        if isinstance(error, RuntimeError) and processes.count() > 1:
            raise SettingsError(
                f"The processes lost each other ({str(error).splitlines()[0]})", "resume_all"
            ) from error
        raise
    finally:
        ahead.close()


def compile_model(model: keras.Model, task: Task, settings: Settings, learning_rate: float, steps: int) -> None:
    """Give a model its losses and the optimizer of a stage of so many steps."""
    losses, shares = task.losses(model, settings)
    model.compile(
        make_optimizer(settings, learning_rate, steps),
        losses,
        loss_weights=shares,
        jit_compile=keras.backend.backend() == "jax",  # which otherwise runs operation by operation
    )
    model.optimizer.build(model.trainable_variables)  # or TensorFlow makes its graph twice, of which one is thrown away


def _say_nothing(line: str) -> None:
    pass
