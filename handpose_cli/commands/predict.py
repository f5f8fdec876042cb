"""`handpose predict`: parse, call `runs.predict`, report."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import click

from handpose_cli.annotator.settings import SCORE_THRESHOLD
from handpose_cli.commands.help_sections import SectionedCommand
from handpose_cli.commands.idle_options import check_output, check_predict
from handpose_cli.commands.option_types import FiniteRange, LocalPath, ShardType, TileType, TimeType
from handpose_cli.commands.options import (
    SourceType,
    ValueOption,
    config_option,
    detector_option,
    draw_options,
    image_prefix_option,
    quiet_option,
    views_option,
)
from handpose_cli.commands.output import OutputType, at_output, named
from handpose_cli.commands.remedies import with_remedy
from handpose_cli.commands.result_format import ResultFormat, ResultFormatOption
from handpose_cli.commands.run_errors import run_errors
from handpose_cli.commands.summary import check_summary, write_summary
from handpose_cli.media.suffixes import CAMERA
from handpose_cli.quiet import EXIT_INTERRUPTED

if TYPE_CHECKING:
    from handpose_cli.labels.source import Source
    from handpose_cli.media.inputs import Input
    from handpose_cli.runs.report import Report
    from handpose_cli.runs.settings import OutputSettings, RunSettings
    from handpose_cli.runs.shard import Shard

BATCH = {"litert": 4, "keras": 16}  # images in a batch, by engine


@click.command("predict", cls=SectionedCommand, context_settings={"show_default": True})
@click.argument("inputs", nargs=-1, required=True)
@click.option("-o", "--output", type=OutputType(), help="Folder for the results, or its URL in a store.")
@click.option("-r", "--recursive", is_flag=True, help="Look into the folders inside folders too.")
@click.option("--format", "formats", cls=ResultFormatOption, type=ResultFormat(), metavar="FORMAT", multiple=True,
              help="Also write the results as: FORMATS; repeatable.")  # fmt: skip
@image_prefix_option
@click.option("--report", "html", is_flag=True,
              help="Also write OUTPUT/predictions.report.html, a page to look through.")  # fmt: skip
@draw_options
@click.option("--resume", is_flag=True, help="Go on with the run in OUTPUT: do what is missing or has changed.")
@click.option("--prune", is_flag=True, help="With --resume, drop results of inputs that are not there now.")
@click.option("--overwrite", is_flag=True, help="Replace the results in OUTPUT.")
@detector_option
@click.option("--boxes", type=SourceType(), help="Take boxes from labels in any format and detect none.")
@click.option("--rescale", is_flag=True, help="Scale boxes that are for another size than the image.")
@click.option("--score-threshold", type=FiniteRange(0, 1), default=SCORE_THRESHOLD, help="Least score of a hand.")
@click.option("--max-hands", type=click.IntRange(min=1), help="Keep the best so many hands.  [default: all]")
@views_option
@click.option("--tile", type=TileType(),
              help="Where no hand is near, search large pictures for small ones in tiles too, of about so many pixels, "
              "at least 300; auto is 600.")  # fmt: skip
@click.option("--track", is_flag=True, help="Follow hands through videos: track ids, and faster.")
@click.option("--smooth", cls=ValueOption, type=click.Choice(["zero-lag", "one-euro"]), is_flag=False,
              flag_value="zero-lag",
              help="Smooth tracks and fill their gaps; raw keypoints are kept beside. Implies --track.")  # fmt: skip
@click.option("--every", type=click.IntRange(min=1), default=1, help="Annotate every N-th frame of videos.")
@click.option("--pages", is_flag=True,
              help="Annotate every page or frame of TIFF, GIF, WebP, PNG, AVIF and MPO files, not only the "
              "first.")  # fmt: skip
@click.option("--start", type=TimeType(),
              help="Annotate videos from this time on, counted from their beginning: seconds, or "
              "[HH:]MM:SS.")  # fmt: skip
@click.option("--end", type=TimeType(), help="Annotate videos up to this time.")
@click.option("--shard", type=ShardType(),
              help="Annotate part I of N of the inputs, or of the parts A to B; join them with handpose "
              "merge.")  # fmt: skip
@click.option("--weights", default="hourglass-lite", metavar="NAME|FILE|RUN",
              help="Bundled network, a run folder of train, a .tflite or .weights.h5 file, or mediapipe, whose "
              "network is read from that package.")  # fmt: skip
@click.option("--engine", type=click.Choice(["litert", "keras"]), default="litert",
              help="litert is light and for processors; keras uses a GPU if TensorFlow sees one.")  # fmt: skip
@click.option("--batch-size", type=click.IntRange(min=1), help="Images in a batch.  [default: litert 4, keras 16]")
@click.option(
    "--threads", type=click.IntRange(min=1), help="Batches at a time.  [default: all processors, of the cluster too]"
)
@click.option("--cluster", metavar="local|auto|HOST:PORT",
              help="Annotate on a Ray cluster: one made of this machine's processors, the one that runs here, or that "
              "at an address.")  # fmt: skip
@click.option("--fail-fast", is_flag=True, help="Stop at the first input that cannot be read.")
@click.option(
    "--max-failures",
    type=click.IntRange(min=0),
    help="Stop when more inputs than this cannot be read.  [default: never]",
)
@click.option("--dry-run", is_flag=True, help="Only say what would be annotated.")
@click.option("--summary-json", type=LocalPath(allow_dash=True), metavar="FILE",
              help="Write how the run ended as JSON; - for standard output.")  # fmt: skip
@click.option("--show", is_flag=True, help="Show a camera's pictures in a window as they are annotated.")
@config_option
@quiet_option
@click.pass_context
def command(
    ctx: click.Context, inputs: tuple[str, ...], output: Path | str | None, recursive: bool, formats: tuple[str, ...],
    image_prefix: str, html: bool, draw: bool, colours: str, hide: tuple[str, ...], sheets: bool, side_by_side: bool,
    resume: bool, prune: bool, overwrite: bool, detector: str, boxes: Source | None, rescale: bool,
    score_threshold: float, max_hands: int | None, views: int, tile: int | None, track: bool, smooth: str | None,
    every: int, pages: bool, start: float | None, end: float | None, shard: Shard | None, weights: str, engine: str,
    batch_size: int | None, threads: int | None, cluster: str | None, fail_fast: bool, max_failures: int | None,
    dry_run: bool, summary_json: Path | None, show: bool, quiet: bool,
) -> None:  # fmt: skip
    """Find every hand and its 21 keypoints in images and videos.

    INPUTS are image and video files, folders, glob patterns, .txt files with one path a line, or - for a list of paths
    on standard input. Results go to OUTPUT/predictions.json. A run that was stopped goes on with --resume. A camera
    (camera:0, camera:rtsp://...) is annotated live, and shown with --show.

    \b
    Exit codes: 0 done, 1 an error stopped the run, 2 wrong usage, or inputs or weights are not there,
                3 done, but some inputs could not be read, 130 interrupted
    """
    from handpose_cli.annotator.settings import AnnotateSettings
    from handpose_cli.commands.lost_formats import say_lost
    from handpose_cli.drawing import DrawStyle
    from handpose_cli.runs.earlier import RESULTS, result_path
    from handpose_cli.runs.report import EXIT_ERROR, Report
    from handpose_cli.runs.settings import NetworkSettings, OutputSettings, RunSettings, Span, TrackSettings

    live = any(name.startswith(CAMERA) for name in inputs)
    if live and len(inputs) > 1:
        raise click.UsageError("A camera is annotated by itself. Give it as the only input.")
    if live and isinstance(output, str):
        raise click.UsageError("A camera's results go to a folder here. Give its path to --output.")
    if summary_json is not None:
        check_summary(summary_json, output)
    if not live:
        check_predict(ctx)
    check_output(ctx)
    folder = output if isinstance(output, Path) else Path()  # a camera need not be recorded
    if html and "report" not in formats:
        formats = (*formats, "report")
    side_by_side = side_by_side and smooth is not None
    style = DrawStyle.without(hide, colours, side_by_side)
    settings = RunSettings(
        OutputSettings(folder, formats, draw or sheets or side_by_side, image_prefix, style, sheets),
        AnnotateSettings(score_threshold, views, max_hands, tile, rescale_boxes=rescale and boxes is not None),
        NetworkSettings(weights, detector, engine),
        TrackSettings(track or smooth is not None, smooth, score_threshold),
        Span(every, start, end, pages),
        inputs,
        recursive,
        boxes,
    )
    if live:
        from handpose_cli.commands.live import predict_live

        return predict_live(ctx, settings, record=output is not None, show=show, overwrite=overwrite, quiet=quiet)
    earlier = "resume" if resume else "overwrite" if overwrite else "refuse"
    assert output is not None
    report, status = Report(), Status("failed", EXIT_ERROR)
    try:
        found = _inputs(settings, quiet, output)
        if shard is not None:
            shard, found = shard.of(found)
        report.total = len(found)
        with run_errors(output), at_output(output, earlier, look_only=dry_run) as folder:
            settings = replace(settings, output=_output_in(folder, settings.output, earlier))
            if dry_run:
                return _preview(found, settings, earlier, prune)
            _annotate(
                found, settings, shard, report, quiet, earlier=earlier, prune=prune, threads=threads, cluster=cluster,
                batch_size=batch_size or BATCH[engine], max_failures=0 if fail_fast else max_failures,
            )  # fmt: skip
        status = Status("done", report.exit_code)
    except KeyboardInterrupt:
        status = Status("interrupted", EXIT_INTERRUPTED)
        click.echo(f"Interrupted; {report.inputs} of {report.total} inputs are done. Go on with --resume.", err=True)
    except click.ClickException as error:
        status = Status("failed", error.exit_code)
        raise
    finally:
        if summary_json is not None and not dry_run:
            write_summary(summary_json, {"status": status.word, "exit_code": status.code, **report.to_dict()})
    if status.word == "done" and not quiet:
        click.echo(f"{report.line()}. Results: {named(str(folder / RESULTS), folder, output)}", err=True)
        if html and "report" not in report.lost:
            click.echo(f"To look through: {named(str(result_path(folder, 'report')), folder, output)}", err=True)
    if report.lost:
        say_lost(report, folder, output)
    ctx.exit(status.code)


class Status(NamedTuple):
    """How a run ended: a word for `--summary-json`, and the exit code."""

    word: str
    code: int


def _output_in(folder: Path, output: OutputSettings, earlier: str) -> OutputSettings:
    """Return the output's settings for a folder; a run that goes on writes the formats that it wrote before, too."""
    from handpose_cli.runs.earlier import output_before

    formats, prefix = output_before(folder) if earlier == "resume" else ((), "")
    formats = tuple(dict.fromkeys((*formats, *output.formats)))
    return replace(output, folder=folder, formats=formats, image_prefix=output.image_prefix or prefix)


def _inputs(settings: RunSettings, quiet: bool, output: Path | str) -> Sequence[Input]:
    from handpose_cli.media.discover import discover
    from handpose_cli.runs.earlier import holds_copies
    from handpose_cli.runs.settings import COPIES

    with run_errors(None):
        stdin = _lines_of_stdin() if "-" in settings.inputs else ()
        passed_over: list[str] = []
        skipped = f"{output}/{COPIES}" if isinstance(output, str) else holds_copies
        found = discover(settings.inputs, settings.recursive, stdin, skipped, passed_over.append)
        for line in passed_over if not quiet else ():
            click.echo(line, err=True)
    return found


def _lines_of_stdin() -> Iterator[str]:
    """Yield the lines of standard input; names of files in them may be no UTF-8."""
    for line in sys.stdin.buffer:
        yield os.fsdecode(line)


def _preview(found: Sequence[Input], settings: RunSettings, earlier: str, prune: bool) -> None:
    from handpose_cli.runs.header import make_header
    from handpose_cli.runs.predict import preview

    with run_errors(settings.output.folder):
        lines = preview(found, settings, make_header(settings), earlier, prune)
    click.echo("\n".join([*lines, "Nothing was done (--dry-run)."]))


def _annotate(
    found: Sequence[Input], settings: RunSettings, shard: Shard | None, report: Report, quiet: bool, *,
    earlier: str, prune: bool, batch_size: int, threads: int | None, cluster: str | None,
    max_failures: int | None,
) -> None:  # fmt: skip
    from handpose_cli.commands.executing import drawers, executing
    from handpose_cli.commands.progress import progress
    from handpose_cli.formats._notes import silent
    from handpose_cli.runs.header import make_header
    from handpose_cli.runs.predict import predict

    def say(line: str, remedy: str = "") -> None:
        if not quiet:
            click.echo(with_remedy(line, remedy), err=True)

    with run_errors(settings.output.folder), silent() if quiet else nullcontext():
        header = make_header(settings, shard)  # wrong weights stop the run before anything is written
        if settings.boxes is not None:
            from handpose_cli.commands.given_boxes import read_boxes, say_unused

            names, span = {entry.name for entry in found}, settings.span
            # of a shard's few inputs none may be named; and behind --start, every n-th frame has whatever number
            every = span.every if span.start is None else 1
            given, sizes = read_boxes(settings.boxes, names, shard is None, every, say)
            of = str(settings.boxes.path)
            annotate = replace(settings.annotate, boxes=given, box_sizes=sizes, boxes_of=of)
            settings = replace(settings, annotate=annotate)
        with (
            executing(settings, batch_size, threads, cluster) as (execute, where),
            progress(report, quiet, where) as show,
        ):
            predict(
                found,
                settings,
                execute,
                header,
                report,
                earlier=earlier,
                prune=prune,
                max_failures=max_failures,
                drawers=drawers(cluster),
                say=say,
                progress=show,
            )
        if settings.boxes is not None and not quiet:
            say_unused(settings.boxes, given, settings.span, settings.output.folder, say)
