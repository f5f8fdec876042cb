"""`handpose train`: parse, call `training.fit`, report."""

from __future__ import annotations

import os
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import click

from handpose_cli.commands.help_sections import SectionedCommand
from handpose_cli.commands.option_types import FiniteRange, LocalPath
from handpose_cli.commands.options import (
    SourceNameType,
    class_option,
    config_option,
    keypoint_names_option,
    quiet_option,
)
from handpose_cli.commands.remedies import failure
from handpose_cli.commands.run_errors import os_error_line
from handpose_cli.commands.stage_type import StageType
from handpose_cli.networks.hourglass.presets import PRESETS
from handpose_cli.networks.ssd.presets import DETECTORS
from handpose_cli.quiet import EXIT_INTERRUPTED
from handpose_cli.training.settings import EXPORTS, OPTIMIZERS, PRECISIONS, RECIPES, SCHEDULES, said


def _by_recipe(name: str) -> str:
    return "  [default: " + ", ".join(f"{said(recipe[name])} ({preset})" for preset, recipe in RECIPES.items()) + "]"


@click.command("train", cls=SectionedCommand)
@click.option("--data", type=SourceNameType(), multiple=True,
              help="Labels to train on, with the images beside them; the format is recognised or named; "
              "repeatable.")  # fmt: skip
@click.option("--val", type=SourceNameType(), multiple=True,
              help="Such labels to choose the best weights by; repeatable.  [default: a part of --data]")  # fmt: skip
@click.option("--val-split", type=FiniteRange(0, 1, min_open=True, max_open=True),
              help="Share of --data to hold back for that; versions of a pose and frames of a clip stay "
              "together.  [default: 0.1]")  # fmt: skip
@click.option("--negatives", type=SourceNameType(), multiple=True,
              help="Labels with boxes, to learn from these what is a hand too, and from the rest, where every hand "
              "has one, what is none; without them the network will not say, nor which hand one is; "
              "repeatable.")  # fmt: skip
@class_option
@keypoint_names_option
@click.option("-o", "--output", "run", type=LocalPath(file_okay=False), required=True,
              help="Run folder to write.")  # fmt: skip
@config_option
@click.option("--preset", type=click.Choice([*PRESETS, *DETECTORS]), help="Network to train.  [default: hourglass-2]")
@click.option("--input-size", type=click.IntRange(min=64), help="Side of the crops in pixels.  [default: the preset's]")
@click.option("--stage", "stages", type=StageType(), multiple=True,
              help="What learns (decoder: all but a pretrained encoder; stride16: the encoder too, from its features "
              "of stride 16 on; or all), for how many epochs and with which learning rate at its highest; repeatable."
              + _by_recipe("stages"))  # fmt: skip
@click.option("--epochs", type=click.IntRange(min=1),
              help="Epochs in all: the last stage becomes longer, or stages shorter.")  # fmt: skip
@click.option("--steps-per-epoch", type=click.IntRange(min=1),
              help="Batches between two checkpoints.  [default: one pass over the data]")  # fmt: skip
@click.option("--patience", type=click.IntRange(min=1), help="Stop after so many epochs without a better one.")
@click.option("--batch-size", type=click.IntRange(min=1), help="Hands in a step." + _by_recipe("batch_size"))
@click.option("--optimizer", type=click.Choice(OPTIMIZERS), help="Optimizer." + _by_recipe("optimizer"))
@click.option("--learning-rate", type=FiniteRange(min=0, min_open=True),
              help="Of the last stage, at its highest.")  # fmt: skip
@click.option("--schedule", type=click.Choice(SCHEDULES),
              help="Of the learning rate in a stage: constant; cosine: it rises for up to 500 steps, then falls along "
              "a cosine to 1 %; steps: a tenth from 60 % of the stage on, a hundredth from 85 % on."
              + _by_recipe("schedule"))  # fmt: skip
@click.option("--precision", type=click.Choice(PRECISIONS), help="Of the layers.  [default: float32]")
@click.option("--ema", type=FiniteRange(0, 1, max_open=True),
              help="Validate and save an average of the weights that keeps this share at each step."
              + _by_recipe("ema"))  # fmt: skip
@click.option("--seed", type=click.IntRange(0, 2**32 - 1), help="Of every random choice.  [default: 0]")
@click.option("--weights", metavar="NAME|FILE|RUN|none",
              help="Weights to start from; none: random numbers.  [default: the pretrained encoders of hourglass-lite, "
              "hourglass-wide, ssd-palm and ssd-hand, none for the others]")  # fmt: skip
@click.option("--upright", is_flag=True, default=None,
              help="Show hands upright, but for some degrees: for a second network, or behind a detector that says how "
              "they are turned.")  # fmt: skip
@click.option("--teacher", metavar="NAME|FILE|RUN",
              help="Another detector with the same cells, from whose answers a detector learns too.")  # fmt: skip
@click.option("--workers", type=click.IntRange(min=1), help="Threads that prepare batches.  [default: 2]")
@click.option("--devices", type=click.IntRange(min=1), help="GPUs to split each batch among.  [default: all]")
@click.option("--export", type=click.Choice(EXPORTS), multiple=True,
              help="What to write at the end: model.keras and LiteRT files, ONNX too, or nothing but weights.  "
              "[default: litert]")  # fmt: skip
@click.option("--data-licence", metavar="TEXT", multiple=True, help="For the model card; repeatable.")
@click.option("--resume", is_flag=True,
              help="Go on with the run in the output folder, with its settings; --epochs may be more.")  # fmt: skip
@quiet_option
@click.pass_context
def command(ctx: click.Context, /, run: Path, resume: bool, quiet: bool, **options: Any) -> None:
    """Train an hourglass on labelled hands, or a detector on boxes.

    Without further options the recipe is that of the student paper that this tool grew out of: two stacks, RMSprop,
    batches of 64, mean squared error on heatmaps at every stack, 40 epochs, and 40 more with --resume --epochs 80. A
    run that was interrupted, in whatever way, goes on from its last epoch with --resume.

    Detectors (--preset ssd-palm, ssd-hand) learn from labels with boxes alone, which are taken for whole photographs
    (those in label-list form may say "exhaustive": false), and from hands with keypoints, which are pasted into them.

    Several machines train together with KERAS_BACKEND=jax: give the same command on each, and Keras's environment
    variables KERAS_DISTRIBUTION_JOB_ADDRESSES (HOST:PORT of the first), ..._NUM_PROCESSES and ..._PROCESS_ID (from 0).

    \b
    Exit codes: 0 done, 1 an error stopped the run, 2 wrong usage, or labels or weights are not there,
                130 interrupted
    """
    from handpose_cli.networks.backend import set_up_keras
    from handpose_cli.training.settings import SettingsError, of_earlier_run, of_new_run
    from handpose_cli.weights import RUN_SETTINGS, RUN_WEIGHTS, WeightsError

    given = {name: value for name, value in options.items() if value not in (None, ())}
    if "keypoint_names" in given:
        given["keypoint_names"] = given["keypoint_names"].text
    try:
        if resume:
            settings = of_earlier_run(run, given)
        elif (run / RUN_SETTINGS).exists():
            raise SettingsError(f"{run} already holds a run. Continue it with --resume or choose another --output.")
        else:
            settings = of_new_run({"preset": "hourglass-2", **given})
        set_up_keras()  # before `fit`, which imports it
    except (SettingsError, WeightsError) as error:
        raise failure(error) from error

    from handpose_cli.formats._notes import say, silent
    from handpose_cli.formats.errors import FormatError
    from handpose_cli.media.damaged import telling_damaged
    from handpose_cli.training import fit, processes
    from handpose_cli.training.delivery.deliver import DeliveryError

    try:
        # of several processes, JAX says why it ends one as that crashes: on standard error, which must not be led away
        alone = processes.ADDRESSES not in os.environ
        with silent() if quiet else nullcontext(), telling_damaged(say) if alone else nullcontext():
            fit.train(settings, run, report=lambda line: None if quiet else click.echo(line, err=True))
    except (SettingsError, FormatError, WeightsError, DeliveryError, FloatingPointError) as error:
        raise failure(error) from error
    except OSError as error:
        remedy = "Go on with --resume." if (run / RUN_SETTINGS).exists() else "Choose another --output."
        raise click.ClickException(os_error_line(error, run, remedy)) from error
    except KeyboardInterrupt:
        begun = f" Go on from the last epoch with: handpose train -o {run} --resume"
        click.echo(f"Interrupted.{begun if (run / RUN_SETTINGS).exists() else ' Nothing was written.'}", err=True)
        ctx.exit(EXIT_INTERRUPTED)
    if not quiet and processes.number() == 0:
        option = "--detector" if settings.preset in DETECTORS else "--weights"
        click.echo(f"Best weights: {run / RUN_WEIGHTS}. Predict with: handpose predict ... {option} {run}", err=True)
