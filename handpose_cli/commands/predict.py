"""`handpose predict`: parse, call `runs.predict`, report."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import click

from handpose_cli.commands.option_types import ShardType, TileType, TimeType
from handpose_cli.commands.options import SCORE_THRESHOLD, SourceType, config_option, detector_option, views_option
from handpose_cli.formats import FORMATS
from handpose_cli.labels.source import Source

EXIT_ERROR = 1
EXIT_SOME_FAILED = 3
EXIT_INTERRUPTED = 130

WRITABLE = [name for name, format in FORMATS.items() if format.writes and name != "handpose"]


@click.command(context_settings={"show_default": True})
@click.argument("inputs", nargs=-1, required=True)
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Folder for the results.")
@click.option("-r", "--recursive", is_flag=True, help="Look into the folders inside folders too.")
@click.option("--format", "formats", type=click.Choice(WRITABLE), metavar="FORMAT", multiple=True,
              help=f"Also write the results as: {', '.join(WRITABLE)}; repeatable.")  # fmt: skip
@click.option("--draw", is_flag=True, help="Save annotated copies in OUTPUT/annotated.")
@click.option("--resume", is_flag=True, help="Go on with the run in OUTPUT: do what is missing or has changed.")
@click.option("--overwrite", is_flag=True, help="Replace the results in OUTPUT.")
@detector_option
@click.option("--boxes", type=SourceType(), help="Take boxes from labels in any format and detect none.")
@click.option("--score-threshold", type=click.FloatRange(0, 1), default=SCORE_THRESHOLD, help="Least score of a hand.")
@click.option("--max-hands", type=click.IntRange(min=1), help="Keep the best so many hands.  [default: all]")
@views_option
@click.option("--tile", type=TileType(), help="Search large pictures for small hands in tiles too, where none is near.")
@click.option("--track", is_flag=True, help="Follow hands through videos: track ids, and faster.")
@click.option("--smooth", type=click.Choice(["zero-lag", "one-euro"]), is_flag=False, flag_value="zero-lag",
              help="Smooth tracks and fill their gaps; raw keypoints are kept beside. Implies --track.")  # fmt: skip
@click.option("--every", type=click.IntRange(min=1), default=1, help="Annotate every N-th frame of videos.")
@click.option("--start", type=TimeType(), help="Annotate videos from this time on: seconds, or [HH:]MM:SS.")
@click.option("--end", type=TimeType(), help="Annotate videos up to this time.")
@click.option("--shard", type=ShardType(), help="Annotate part I of N of the inputs; join them with handpose merge.")
@click.option("--weights", default="hourglass-lite",
              help="Bundled hourglass, a run folder of train, or a .tflite or .weights.h5 file.")  # fmt: skip
@click.option("--engine", type=click.Choice(["litert", "keras"]), default="litert",
              help="litert is light and for processors; keras uses a GPU if TensorFlow sees one.")  # fmt: skip
@click.option("--batch-size", type=click.IntRange(min=1), help="Images in a batch.  [default: litert 4, keras 16]")
@click.option("--threads", type=click.IntRange(min=1), help="Batches at a time.  [default: all processors]")
@click.option("--fail-fast", is_flag=True, help="Stop at the first input that cannot be read.")
@click.option(
    "--max-failures",
    type=click.IntRange(min=0),
    help="Stop when more inputs than this cannot be read.  [default: never]",
)
@click.option("--dry-run", is_flag=True, help="Only tell what would be annotated.")
@click.option("--summary-json", type=click.Path(path_type=Path, allow_dash=True), metavar="FILE",
              help="Write how the run ended as JSON; - for standard output.")  # fmt: skip
@click.option("--show", is_flag=True, help="Show a camera's pictures in a window as they are annotated.")
@config_option
@click.option("-q", "--quiet", is_flag=True, help="Print nothing but what stops the run.")
@click.pass_context
def command(ctx: click.Context, **arguments: Any) -> None:
    """Find every hand and its 21 keypoints in images and videos.

    INPUTS are image and video files, folders, glob patterns, .txt files with one path a line, or - for a list of paths
    on standard input. Results go to OUTPUT/predictions.json. A run that was stopped goes on with --resume. A camera
    (camera:0, camera:rtsp://...) is annotated live, and shown with --show.

    \b
    Exit codes: 0 done, 1 an error stopped the run, 2 wrong usage,
                3 done, but some inputs could not be read, 130 interrupted
    """
    from handpose_cli.formats.errors import FormatError
    from handpose_cli.media.discover import NoInputError
    from handpose_cli.runs.counts import Counts
    from handpose_cli.runs.errors import RunError
    from handpose_cli.runs.results import RESULTS
    from handpose_cli.weights import WeightsError

    args = _checked(arguments)
    if args.inputs[0].startswith("camera:"):
        return _live(args)
    found: list = []
    latest, code, status = Counts(), EXIT_ERROR, "failed"
    try:
        found = _inputs(args)
        if args.dry_run:
            return _preview(found, args)

        def keep(counts: Counts) -> None:
            nonlocal latest
            latest = counts

        latest = _annotate(found, args, keep)
        code, status = (EXIT_SOME_FAILED if latest.failures else 0), "done"
    except (NoInputError, WeightsError, FormatError, RunError) as error:
        raise click.ClickException(str(error)) from error
    except OSError as error:
        raise click.ClickException(
            f"Cannot write to {args.output}: {error.strerror}. Choose another --output, or go on with --resume."
        ) from error
    except KeyboardInterrupt:
        code, status = EXIT_INTERRUPTED, "interrupted"
        click.echo(f"Interrupted; {latest.inputs} of {len(found)} inputs are done. Go on with --resume.", err=True)
    finally:
        if args.summary_json is not None and not args.dry_run:
            _write_summary(args.summary_json, {"status": status, "exit_code": code, **vars(latest)})
    if status == "done" and not args.quiet:
        rate = f" ({latest.annotated / max(latest.seconds, 1e-9):.1f} images/s)" if latest.annotated else ""
        click.echo(
            f"{latest.inputs} inputs, {latest.images} images, {latest.hands} hands, {latest.failures} failures "
            f"in {latest.seconds:.1f} s{rate}. Results: {args.output / RESULTS}",
            err=True,
        )
    ctx.exit(code)


def _checked(arguments: dict[str, Any]) -> SimpleNamespace:
    """Return the arguments, with what one implies for another; raise UsageError where two do not go together."""
    args = SimpleNamespace(**arguments)
    if any(name.startswith("camera:") for name in args.inputs):
        if len(args.inputs) > 1:
            raise click.UsageError("A camera is annotated by itself. Give it as the only input.")
        return args
    if args.output is None:
        raise click.UsageError("Missing option '-o' / '--output'.")
    if args.show:
        raise click.UsageError("--show is for a camera, such as camera:0. Give --draw for annotated copies.")
    if args.resume and args.overwrite:
        raise click.UsageError("--resume keeps what --overwrite replaces. Give one of them.")
    if args.fail_fast and args.max_failures is not None:
        raise click.UsageError("--fail-fast means --max-failures 0. Give one of them.")
    if args.start is not None and args.end is not None and args.end <= args.start:
        raise click.UsageError(f"--end must be later than --start. Received: --start {args.start:g} --end {args.end:g}")
    args.track = args.track or args.smooth is not None
    args.max_failures = 0 if args.fail_fast else args.max_failures
    return args


def _inputs(args: SimpleNamespace) -> list:
    from handpose_cli.media.discover import discover
    from handpose_cli.runs.results import COPIES

    found = discover(args.inputs, args.recursive, sys.stdin if "-" in args.inputs else (), args.output / COPIES)
    return found if args.shard is None else found[args.shard.number - 1 :: args.shard.parts]


def _preview(found: list, args: SimpleNamespace) -> None:
    from handpose_cli.runs.header import make_header
    from handpose_cli.runs.predict import preview

    lines = preview(found, _output(args), make_header(vars(args)), _earlier(args))
    click.echo("\n".join([*lines, "Nothing was done (--dry-run)."]))


def _annotate(found: list, args: SimpleNamespace, keep: Callable) -> Any:
    from handpose_cli.annotator.settings import Settings
    from handpose_cli.commands.progress import progress
    from handpose_cli.runs.executors.threads import processors
    from handpose_cli.runs.header import make_header
    from handpose_cli.runs.predict import Span, predict

    # of a shard's few inputs none may be named
    names = {entry.name for entry in found} if args.shard is None else set()
    given = None if args.boxes is None else _read_boxes(args.boxes, names)
    load: Callable[[], Any] = partial(_load, args)
    threads = args.threads or processors()
    if args.engine == "keras":
        networks = load()  # one copy, whose turns the threads take
        load = lambda: networks  # noqa: E731
    else:
        load()  # wrong weights are told before anything is written
    with progress(len(found), args.quiet) as show:

        def step(record, counts) -> None:
            keep(counts)
            show(record, counts)

        return predict(
            found,
            _output(args),
            Settings(args.score_threshold, args.views, args.max_hands, given, args.tile),
            load,
            make_header(vars(args), args.shard and str(args.shard)),
            span=Span(args.every, args.start, args.end),
            earlier=_earlier(args),
            batch_size=args.batch_size or (4 if args.engine == "litert" else 16),
            threads=threads,
            max_failures=args.max_failures,
            say=lambda line: None if args.quiet else click.echo(line, err=True),
            progress=step,
        )


def _load(args: SimpleNamespace) -> Any:
    from handpose_cli.api import Annotator
    from handpose_cli.runs.header import used_detector

    return Annotator.load(args.weights, used_detector(args.detector, args.boxes), args.engine).networks


def _live(args: SimpleNamespace) -> None:
    from handpose_cli.annotator.settings import Settings
    from handpose_cli.commands.live import predict_live
    from handpose_cli.runs.header import make_header
    from handpose_cli.weights import WeightsError

    try:
        settings = Settings(args.score_threshold, args.views, args.max_hands, tile=args.tile)
        predict_live(args, settings, partial(_load, args), lambda: make_header(vars(args)).info)
    except WeightsError as error:
        raise click.ClickException(str(error)) from error


def _output(args: SimpleNamespace) -> Any:
    from handpose_cli.runs.results import Output

    return Output(args.output, args.formats, args.draw, args.track, args.smooth, args.score_threshold)


def _earlier(args: SimpleNamespace) -> str:
    return "resume" if args.resume else "overwrite" if args.overwrite else "refuse"


def _read_boxes(source: Source, names: set[str]):
    """Return the hands of labels by file name and frame; one at least must belong to one of `names`, if any."""
    from handpose_cli.formats.errors import FormatError

    boxes: dict[tuple[str, int | None], list] = {}
    for record in source.read():
        boxes.setdefault((record.file, record.frame), []).extend(record.hands)
    if names and not names & {file for file, _ in boxes}:
        raise FormatError(f"{source.path}: no entry of --boxes names one of the inputs (such as {min(names)})")
    return boxes


def _write_summary(path: Path, summary: dict[str, Any]) -> None:
    text = json.dumps(summary) + "\n"
    if str(path) == "-":
        click.echo(text, nl=False)
        return
    from handpose_cli.files import atomic

    try:
        with atomic(path) as file:
            file.write(text)
    except OSError as error:
        raise click.ClickException(f"Cannot write --summary-json {path}: {error.strerror}.") from error
