"""A run's state on disk: whole at every moment, so that a killed run goes on from its last epoch.

    RUN/state/state.json              epochs done and what was logged; it names
    RUN/state/epoch-0007.weights.h5   weights, the optimizer's state and average
    RUN/state/lock                    held by the process that writes here
    RUN/log.csv, best.weights.h5      for people and for prediction
    RUN/tensorboard/                  see `training.tensorboard`

`state.json` is replaced in one step, after the weights that it names were written. What a run does after its state was
saved and before it was killed is done again, with the same numbers.
"""

from __future__ import annotations

import csv
import io
import json
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import keras
import numpy as np

from handpose_cli.errors import Remediable
from handpose_cli.files import atomic
from handpose_cli.locking import locked
from handpose_cli.training import processes
from handpose_cli.training.settings import SettingsError, damaged
from handpose_cli.weights import RUN_WEIGHTS

STATE, LOCK = "state/state.json", "state/lock"
LOG = "log.csv"

Log = list[dict[str, Any]]  # what each epoch logged


@contextmanager
def writing(run: Path) -> Iterator[None]:
    """Keep other processes from training in a run folder, which is made if need be.

    Raises:
        SettingsError: if one does. OSError: if the folder cannot be written.
    """
    try:
        with locked(run / LOCK):
            yield
    except BlockingIOError as error:
        raise SettingsError(f"Another training is writing to {run}", "output") from error


def read_log(run: Path) -> Log:
    """Return what the run's epochs logged, those up to its last state; nothing if it has none.

    Raises:
        SettingsError: if the state is damaged.
    """
    path = run / STATE
    return _read(path)["log"] if path.exists() else []


def _read(path: Path) -> dict[str, Any]:
    try:
        state = json.loads(path.read_text(encoding="utf-8"))
        return {"weights": str(state["weights"]), "log": list(state["log"])}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise damaged(path, error) from error


def restore(model: keras.Model, run: Path) -> None:
    """Load the run's last state into a compiled model in which the same layers learn.

    Raises:
        SettingsError: if it is damaged.
    """
    path = run / STATE
    state = path.with_name(_read(path)["weights"])
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # Keras only warns if it cannot load the optimizer's state
        try:
            model.load_weights(str(state))
        except (OSError, ValueError, KeyError) as error:
            raise damaged(state, error) from error


def best_epoch(log: Log, monitor: str) -> int:
    """Return the index of the best epoch, by a figure that is larger where it is better."""
    return int(np.argmax([row[monitor] for row in log]))


def gets_no_better(log: Log, monitor: str, patience: int | None) -> bool:
    """Return whether the last `patience` epochs are no better than one before."""
    return patience is not None and bool(log) and len(log) - 1 - best_epoch(log, monitor) >= patience


class LossError(Remediable, FloatingPointError):
    """The training went wrong; the message is one line."""


class SaveState(keras.callbacks.Callback):
    """Writes the weights that training goes on from, before their average takes their place for validation."""

    def __init__(self, run: Path, writes: bool = True):
        super().__init__()
        self.folder, self.writes = (run / STATE).parent, writes

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        if not np.isfinite(logs["loss"]):
            raise LossError(f"The loss is no longer a number in epoch {epoch + 1}", "diverged")
        if not all(np.isfinite(keras.ops.convert_to_numpy(v)).all() for v in self.model.trainable_variables):
            # by its last step, of which the loss is not known yet
            raise LossError(f"The weights are no longer numbers after epoch {epoch + 1}", "diverged")
        if not self.writes:
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        with processes.alone():
            _write_weights(self.model, self.folder / _weights_name(epoch))


class UseAverage(keras.callbacks.Callback):
    """Puts the weights' average in their place from an epoch's end to the next one's beginning.

    Unlike `keras.callbacks.SwapEMAWeights`, which adds and subtracts, it leaves every bit of them as it was.
    """

    trained: list[np.ndarray] | None = None

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        for variable, value in zip(self.model.trainable_variables, self.trained or (), strict=self.trained is not None):
            variable.assign(value)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self.trained = [keras.ops.convert_to_numpy(variable) for variable in self.model.trainable_variables]
        self.model.optimizer.finalize_variable_values(self.model.trainable_variables)


class CommitEpoch(keras.callbacks.Callback):
    """At the very end of an epoch: the best weights, the state, the log; and the end of a run that gets no better."""

    def __init__(self, run: Path, log: Log, patience: int | None, monitor: str, writes: bool = True):
        super().__init__()
        self.run, self.log, self.patience, self.monitor, self.writes = run, log, patience, monitor, writes

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        if not np.isfinite(logs[self.monitor]):  # which would pass for better than any figure
            raise LossError(f"The network's answers are no longer numbers after epoch {epoch + 1}", "diverged")
        rate = keras.ops.convert_to_numpy(self.model.optimizer.learning_rate)
        self.log.append(
            {"epoch": epoch + 1, **{name: float(value) for name, value in logs.items()}, "learning_rate": float(rate)}
        )
        if self.writes:
            with processes.alone():
                self._write(epoch)
        if self.patience is not None and processes.first_says(gets_no_better(self.log, self.monitor, self.patience)):
            self.model.stop_training = True

    def _write(self, epoch: int) -> None:
        if best_epoch(self.log, self.monitor) == epoch:
            save_weights(self.model, self.run / RUN_WEIGHTS)
        with atomic(self.run / STATE) as file:
            json.dump({"weights": _weights_name(epoch), "log": self.log}, file)
        # those of the state before; others are none of this run's business, where there are no locks
        (self.run / STATE).with_name(_weights_name(epoch - 1)).unlink(missing_ok=True)
        write_log(self.run / LOG, self.log)


def save_weights(model: keras.Model, path: Path) -> None:
    """Save a model's weights, without the optimizer's state, under `path` when they are whole."""
    part = path.with_name(f"part.{path.name}")
    _write_weights(keras.Model(model.input, model.output), part)
    part.replace(path)


class _InMemory(io.BytesIO):
    """A file that Keras takes for one of weights: it looks at the ending of what stands for its name."""

    def __str__(self) -> str:
        return "in_memory.weights.h5"


def _write_weights(model: keras.Model, path: Path) -> None:
    """Write a model's weights, and its optimizer's if it has one, to a file; on an error remove it.

    HDF5 does not see the disk: where it is full, it would crash the process at its end.
    """
    content = _InMemory()
    model.save_weights(content)
    try:
        path.write_bytes(content.getbuffer())
    except OSError:
        path.unlink(missing_ok=True)
        raise


def write_log(path: Path, log: Log) -> None:
    """Write a CSV file with a row for each epoch."""
    with atomic(path) as file:
        writer = csv.DictWriter(file, list(log[-1]), extrasaction="ignore", lineterminator="\n")
        writer.writeheader()
        writer.writerows(log)


def _weights_name(epoch: int) -> str:
    return f"epoch-{epoch + 1:04d}.weights.h5"
