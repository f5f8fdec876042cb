"""The type of `--stage`."""

from __future__ import annotations

from typing import Any

import click

from handpose_cli.training.settings import LEARNS, Stage


class StageType(click.ParamType):
    """A stage of training: what learns, for how many epochs, and the learning rate at its highest."""

    name = "LEARNS:EPOCHS:RATE"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Stage:
        if isinstance(value, Stage):
            return value
        learns, _, rest = str(value).partition(":")
        epochs, _, rate = rest.partition(":")
        try:
            stage = Stage(learns, int(epochs), float(rate))
        except ValueError:
            stage = None
        if stage is None or learns not in LEARNS or stage.epochs < 1 or not 0 < stage.learning_rate < float("inf"):
            choices = ", ".join(LEARNS)
            self.fail(f"{value!r} is no stage: give LEARNS:EPOCHS:RATE, such as decoder:4:0.0015, with LEARNS one of "
                      f"{choices}.", param, ctx)  # fmt: skip
        return stage
