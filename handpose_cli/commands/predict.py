"""`handpose predict`: parse, call `annotator.predict`, report."""

from __future__ import annotations

import platform
import sys
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import click

from handpose_cli import __version__
from handpose_cli.commands.options import SCORE_THRESHOLD, SourceType, views_option
from handpose_cli.formats import FORMATS
from handpose_cli.formats.source import Source

EXIT_SOME_FAILED = 3
EXIT_INTERRUPTED = 130

WRITABLE = [name for name, format in FORMATS.items() if format.writes and name != "handpose"]


@click.command(context_settings={"show_default": True})
@click.argument("inputs", nargs=-1, required=True)
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True, help="Folder for the results.")
@click.option("-r", "--recursive", is_flag=True, help="Look into the folders inside folders too.")
@click.option("--format", "formats", type=click.Choice(WRITABLE), metavar="FORMAT", multiple=True,
              help=f"Also write the results as: {', '.join(WRITABLE)}; repeatable.")  # fmt: skip
@click.option("--draw", is_flag=True, help="Save annotated copies in OUTPUT/annotated.")
@click.option("--detector", type=click.Choice(["ssd", "whole-image"]), default="ssd",
              help="Find hands with the SSD, or take each image as one hand.")  # fmt: skip
@click.option("--boxes", type=SourceType(), help="Take boxes from labels in any format and detect none.")
@click.option("--score-threshold", type=click.FloatRange(0, 1), default=SCORE_THRESHOLD, help="Least score of a hand.")
@click.option("--max-hands", type=click.IntRange(min=1), help="Keep the best so many hands.  [default: all]")
@views_option
@click.option("--every", type=click.IntRange(min=1), default=1, help="Annotate every N-th frame of videos.")
@click.option("--weights", default="hourglass-lite",
              help="Bundled hourglass, a run folder of train, or a .tflite or .weights.h5 file.")  # fmt: skip
@click.option("--engine", type=click.Choice(["litert", "keras"]), default="litert",
              help="litert is light and for processors; keras uses a GPU if TensorFlow sees one.")  # fmt: skip
@click.option("--batch-size", type=click.IntRange(min=1), help="Images in a batch.  [default: litert 1, keras 16]")
@click.option("--threads", type=click.IntRange(min=1), help="Images at a time (litert).  [default: all processors]")
@click.option("--overwrite", is_flag=True, help="Replace the results in OUTPUT.")
@click.option("-q", "--quiet", is_flag=True, help="Print nothing but what stops the run.")
@click.pass_context
def command(ctx, inputs, output, recursive, formats, draw, detector, boxes, score_threshold, max_hands, views, every,
            weights, engine, batch_size, threads, overwrite, quiet) -> None:  # fmt: skip
    """Find every hand and its 21 keypoints in images and videos.

    INPUTS are image and video files, folders, glob patterns, .txt files with one path a line, or - for a list of paths
    on standard input. Results go to OUTPUT/predictions.json.

    \b
    Exit codes: 0 done, 1 an error stopped the run, 2 wrong usage,
                3 done, but some inputs could not be read, 130 interrupted
    """
    from handpose_cli import engine as engines
    from handpose_cli.annotator import predict as prediction
    from handpose_cli.annotator.pipeline import Networks, Settings, processors
    from handpose_cli.commands.progress import progress
    from handpose_cli.formats.errors import FormatError
    from handpose_cli.sources.discover import NoInputError, discover
    from handpose_cli.weights import WeightsError

    results = output / prediction.RESULTS
    others = [prediction.result_path(output, name) for name in WRITABLE]
    for path in (results, *others, output / prediction.COPIES):
        if path.exists() and not overwrite:
            raise click.ClickException(f"{path} exists. Replace it with --overwrite or choose another --output.")
    try:
        found = discover(inputs, recursive, sys.stdin if "-" in inputs else (), output / prediction.COPIES)
        given = None if boxes is None else _read_boxes(boxes, {entry.name for entry in found})

        def load() -> Networks:
            detects = given is None and detector == "ssd"
            pose = engines.load_hourglass(engine, weights)
            return Networks(engines.load_detector(engine) if detects else None, pose, pose.input_shape[0])

        if engine == "keras":
            networks, threads = load(), 1  # one copy: TensorFlow spreads a batch over the processors itself
            load = lambda: networks  # noqa: E731
        else:
            load()  # wrong weights are told before anything is written
        with progress(len(found), quiet) as show:
            counts = prediction.predict(
                found,
                prediction.Output(output, formats, draw),
                Settings(score_threshold, views, max_hands, given),
                load,
                _info(ctx, engine, weights, given is None and detector == "ssd"),
                every=every,
                batch_size=batch_size or (1 if engine == "litert" else 16),
                threads=threads or processors(),
                progress=show,
            )
    except (NoInputError, WeightsError, FormatError) as error:
        raise click.ClickException(str(error)) from error
    except OSError as error:
        raise click.ClickException(f"Cannot write to {output}: {error.strerror}. Choose another --output.") from error
    except KeyboardInterrupt:
        click.echo("Interrupted; no results were written. Start over with --overwrite.", err=True)
        ctx.exit(EXIT_INTERRUPTED)
    if not quiet:
        rate = counts.images / max(counts.seconds, 1e-9)
        click.echo(
            f"{counts.inputs} inputs, {counts.images} images, {counts.hands} hands, {counts.failures} failures "
            f"in {counts.seconds:.1f} s ({rate:.1f} images/s). Results: {results}",
            err=True,
        )
    if counts.failures:
        ctx.exit(EXIT_SOME_FAILED)


def _read_boxes(source: Source, names: set[str]):
    """Return the hands of labels by file name and frame; at least one must belong to an input."""
    from handpose_cli.formats.errors import FormatError

    boxes: dict[tuple[str, int | None], list] = {}
    for record in source.read():
        boxes.setdefault((record.file, record.frame), []).extend(record.hands)
    if not names & {file for file, _ in boxes}:
        raise FormatError(f"{source.path}: no entry of --boxes names one of the inputs (such as {min(names)})")
    return boxes


def _info(ctx: click.Context, engine: str, weights: str, detects: bool) -> dict:
    """Return the head of the result file: how it was made, and what its numbers mean."""
    import cv2

    from handpose_cli import weights as bundled
    from handpose_cli.formats.handpose_json import FORMAT_VERSION

    used = [bundled.find(name, engine) for name in ([bundled.DETECTOR] if detects else []) + [weights]]
    libraries = ("numpy", "av", "ai-edge-litert" if engine == "litert" else "keras")
    # what cannot change the results is left out, so that results can be compared byte by byte
    left_out = {"output", "overwrite", "quiet", "threads", "batch_size"}
    return {
        "format_version": FORMAT_VERSION,
        "tool": f"handpose {__version__}",
        "versions": {
            "python": platform.python_version(),
            "opencv": cv2.__version__,  # whichever of its four packages is installed
            **{name: version(name) for name in libraries},
        },
        "weights": {path.name: bundled.sha256(path) for path in used},
        "arguments": {
            name: str(value) if isinstance(value, Path) else str(value.path) if name == "boxes" and value else value
            for name, value in ctx.params.items()
            if name not in left_out
        },
        "started": datetime.now(UTC).isoformat(timespec="seconds"),
        "coordinates": "pixels of the upright image (EXIF orientation applied); the first pixel's centre is (0, 0)",
        "scores": "hand: probability that it is one; joint: probability that it is within a tenth of the longer side "
        "of the hand's box, or the heatmap's peak for networks trained with the squared error",
    }
