"""How far a training run is: a bar on a terminal, else a plain line now and then; and a line for each epoch."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import keras

if TYPE_CHECKING:
    import rich.progress

LINE_EVERY = 60.0  # seconds


class Progress(keras.callbacks.Callback):
    """Shows the epoch, its steps, the loss, crops or photographs a second and the time left for the whole run.

    Args:
        epochs: in the whole run.
        batch_size: crops or photographs in a step.
        report: called with each line worth keeping.
        batch_of: what a batch holds, in plural.
        shown: whether a terminal gets a bar.
    """

    def __init__(
        self, epochs: int, batch_size: int, report: Callable[[str], None], batch_of: str = "crops", shown: bool = True
    ):
        super().__init__()
        self.epochs, self.batch_size, self.report, self.batch_of = epochs, batch_size, report, batch_of
        self.bar = _bar(batch_of) if shown and sys.stderr.isatty() else None

    def on_train_begin(self, logs: Any = None) -> None:
        self.started = self.last_line = time.monotonic()
        self.done = 0
        self.steps = self.params["steps"]
        if self.bar is not None:
            self.bar.start()
            self.task = self.bar.add_task("", total=self.steps, loss=0.0, rate=0.0, left="")

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self.epoch = epoch
        if self.bar is not None:
            self.bar.reset(self.task, description=f"Epoch {epoch + 1}/{self.epochs}", loss=0.0, rate=0.0, left="")

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self.done += 1
        now = time.monotonic()
        rate = self.done / max(now - self.started, 1e-9)
        steps_left = (self.epochs - self.epoch) * self.steps - (batch + 1)
        shown: dict[str, Any] = {
            "loss": float(logs["loss"]),
            "rate": rate * self.batch_size,
            "left": _duration(steps_left / rate),
        }
        if self.bar is not None:
            self.bar.update(self.task, completed=batch + 1, **shown)
        elif now - self.last_line >= LINE_EVERY:
            self.last_line = now
            self.report(
                f"epoch {self.epoch + 1}/{self.epochs}, step {batch + 1}/{self.steps}: loss {shown['loss']:.5g}, "
                f"{shown['rate']:.0f} {self.batch_of}/s, {shown['left']} left"
            )

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        line = f"epoch {epoch + 1}: " + ", ".join(f"{name} {value:.5g}" for name, value in logs.items())
        if self.bar is not None:
            self.bar.console.print(line, markup=False, highlight=False)
        else:
            self.report(line)

    def close(self) -> None:
        """Take the bar off the terminal."""
        if self.bar is not None:
            self.bar.stop()


def _bar(batch_of: str) -> rich.progress.Progress:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn(
            "loss {task.fields[loss]:.4g}, {task.fields[rate]:.0f} " + batch_of + "/s, {task.fields[left]} left"
        ),
        console=Console(stderr=True),
    )


def _duration(seconds: float) -> str:
    minutes = round(seconds / 60)
    return f"{minutes // 60} h {minutes % 60:02d} min" if minutes >= 60 else f"{minutes} min"
