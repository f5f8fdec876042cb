"""`handpose train`: parse, call `training.fit`, report."""

from __future__ import annotations

from pathlib import Path

import click

from handpose_cli.networks.presets import PRESETS


@click.command(context_settings={"show_default": True})
@click.option("--data", metavar="[FORMAT:]PATH", multiple=True, required=True,
              help="Labels to train on, with the images beside them; the format is recognised or named.")  # fmt: skip
@click.option("--val", metavar="[FORMAT:]PATH", multiple=True, required=True,
              help="Such labels to choose the best weights by; repeatable.")  # fmt: skip
@click.option("--negatives", metavar="[FORMAT:]PATH", multiple=True,
              help="Labels in which every hand has a box, to learn from the rest what is no hand.")  # fmt: skip
@click.option("-o", "--output", "run", type=click.Path(path_type=Path), required=True, help="Run folder to write.")
@click.option("--preset", type=click.Choice(list(PRESETS)), default="hourglass-2", help="Network to train.")
@click.option("--input-size", type=click.IntRange(min=64), help="Side of the crops in pixels.  [default: the preset's]")
@click.option("--epochs", type=click.IntRange(min=1), default=40, help="Passes over the data, in all.")
@click.option("--batch-size", type=click.IntRange(min=1), default=64, help="Hands in a step.")
@click.option("--optimizer", type=click.Choice(["rmsprop", "adamw"]), default="rmsprop", help="Optimizer.")
@click.option("--learning-rate", type=click.FloatRange(min=0, min_open=True), default=2.5e-4, help="At its highest.")
@click.option("--precision", type=click.Choice(["float32", "mixed_bfloat16"]), default="float32", help="Of the layers.")
@click.option("--ema", type=click.FloatRange(0, 1, max_open=True), default=0.0,
              help="Validate and save an average of the weights that keeps this share at each step.")  # fmt: skip
@click.option("--seed", type=int, default=0, help="Of every random choice.")
@click.option("--weights", type=click.Path(path_type=Path, exists=True, dir_okay=False), help="Weights to start from.")
@click.option("--resume", is_flag=True, help="Go on with the run in the output folder.")
def command(data, val, negatives, run, resume, weights, **options) -> None:
    """Train an hourglass on labelled hands.

    The defaults are the seed paper's: RMSprop, batches of 64, mean squared error on heatmaps at every stack.
    """
    if (run / "settings.json").exists() and not resume:
        raise click.ClickException(f"{run} already holds a run. Continue it with --resume or choose another --output.")

    from handpose_cli.formats.errors import FormatError
    from handpose_cli.training import fit
    from handpose_cli.weights import WeightsError

    settings = fit.Settings(
        data=data,
        validation=val,
        negatives=negatives,
        weights=str(weights) if weights else None,
        **options,
    )
    try:
        best = fit.train(settings, run, resume, report=lambda line: click.echo(line, err=True))
    except (FormatError, WeightsError, FloatingPointError) as error:
        raise click.ClickException(str(error)) from error
    click.echo(f"Best weights: {best}", err=True)
