"""Options that do not go together, or would do nothing: told in a line before anything is done.

What would do nothing is refused where it stands on the command line. In the environment and in files it may be meant
for other calls, and passes.
"""

from __future__ import annotations

from collections.abc import Iterator

import click
from click.core import ParameterSource


def given(ctx: click.Context, name: str) -> bool:
    """Return whether a parameter, by its name in the code, stands on the command line."""
    return ctx.get_parameter_source(name) is ParameterSource.COMMANDLINE


def spelled(name: str) -> str:
    """Return `--score-threshold` for `score_threshold`."""
    return f"--{name.replace('_', '-')}"


def check_predict(ctx: click.Context) -> None:
    """Raise UsageError where the options of a `predict` that annotates files contradict each other."""
    known = ctx.params
    start, end = known["start"], known["end"]
    if known["output"] is None:
        raise click.UsageError("Missing option '-o' / '--output'.")
    if given(ctx, "show"):
        raise click.UsageError("--show is for a camera, such as camera:0. Give --draw for annotated copies.")
    if given(ctx, "prune") and not known["resume"]:
        raise click.UsageError("--prune is for --resume.")
    if known["resume"] and known["overwrite"]:
        raise click.UsageError("--resume keeps what --overwrite replaces. Give one of them.")
    if known["fail_fast"] and known["max_failures"] is not None:
        raise click.UsageError("--fail-fast means --max-failures 0. Give one of them.")
    if start is not None and end is not None and end <= start:
        raise click.UsageError(f"--end must be later than --start. Received: --start {start:g} --end {end:g}")
    if known["dry_run"] and given(ctx, "summary_json"):
        raise click.UsageError("--summary-json says how a run ended; --dry-run begins none.")
    if given(ctx, "rescale") and known["boxes"] is None:
        raise click.UsageError("--rescale is for --boxes.")
    if given(ctx, "side_by_side") and known["smooth"] is None:
        raise click.UsageError("--side-by-side shows what --smooth changes. Give both.")
    for name, reason in _idle_without_detector(ctx):
        if given(ctx, name):
            raise click.UsageError(f"{spelled(name)} does nothing with {reason}")


def _idle_without_detector(ctx: click.Context) -> Iterator[tuple[str, str]]:
    """Yield the options that only a detector has a use for, and why there is none."""
    from handpose_cli.annotator.settings import WHOLE_IMAGE

    known = ctx.params
    if known["boxes"] is not None:
        instead, why = "--boxes", "which says where hands are"
        yield "detector", f"{instead}, {why}. Give one of them."
    elif known["detector"] == WHOLE_IMAGE:
        instead, why = f"--detector {WHOLE_IMAGE}", "which takes each image as one hand"
    else:
        return
    yield "tile", f"{instead}, {why}. Give one of them."
    if not (known["track"] or known["smooth"]):  # which leave out what begins no track
        yield "score_threshold", f"{instead}: each hand is kept, whatever it scores. Leave it out."


def check_output(ctx: click.Context) -> None:
    """Raise UsageError for options of `predict`, of a camera too, that say how something looks that is not written."""
    from handpose_cli.formats import FORMATS

    known = ctx.params
    if not any(known[name] for name in ("draw", "sheets", "side_by_side", "show")):
        for name in ("colours", "hide"):
            if given(ctx, name):
                raise click.UsageError(f"{spelled(name)} says how annotated copies look. Give --draw too.")
    takes_prefix = any("image_prefix" in FORMATS[name].write_options for name in known["formats"])
    if given(ctx, "image_prefix") and not takes_prefix:
        raise click.UsageError("--image-prefix is for --format label-studio. Give both.")


def check_evaluate(ctx: click.Context, predicts: bool) -> None:
    """Raise UsageError for options of `evaluate` that do nothing, as those of how to predict if it does not."""
    if given(ctx, "overwrite") and ctx.params["report"] is None:
        raise click.UsageError("--overwrite is for --report.")
    if given(ctx, "threads") and ctx.params["engine"] == "keras":
        raise click.UsageError("--threads is for --engine litert; keras takes the processors that it needs.")
    if predicts:
        return
    for name in ("detector", "views", "engine", "threads"):
        if given(ctx, name):
            raise click.UsageError(f"{spelled(name)} is for --weights; --predictions are scored as they are.")


def check_convert(ctx: click.Context) -> None:
    """Raise UsageError where the options of a `convert-labels` contradict each other, lack one, or do nothing."""
    from handpose_cli.formats import FORMATS

    known = ctx.params
    writes = ("target", "target_format", "split", "strict", "dry_run", "frames_to", "overwrite", "worst", "flagged",
              "where", "corrections")  # fmt: skip
    if known["check"] and any(given(ctx, name) for name in writes):
        raise click.UsageError("--check only reads: it goes with SOURCE and what says how that is read.")
    if not known["check"] and known["target_format"] is None:
        writable = ", ".join(name for name, format in FORMATS.items() if format.writes)
        raise click.UsageError(f"Missing option '--to'. Choose from: {writable}")
    if not known["check"] and not known["dry_run"] and known["target"] is None:
        raise click.UsageError("Missing argument 'TARGET'.")
    if given(ctx, "seed") and known["split"] is None:
        raise click.UsageError("--seed is for --split.")
    if given(ctx, "rescale") and known["images"] is None and known["corrections"] is None:
        raise click.UsageError("--rescale is for --images or --update, which say what sizes there are.")


def one_of(ctx: click.Context, *names: str) -> list[str]:
    """Return which of options that exclude each other have a value: those of the command line before others."""
    there = [name for name in names if ctx.params[name] is not None]
    return [name for name in there if given(ctx, name)] or there
