"""`handpose predict camera:0`: parse, call `runs.live`, report."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from handpose_cli.commands.idle_options import given, spelled
from handpose_cli.commands.remedies import failure
from handpose_cli.commands.run_errors import os_error_line
from handpose_cli.media.suffixes import CAMERA

if TYPE_CHECKING:
    from handpose_cli.drawing import DrawStyle
    from handpose_cli.runs.live import Live
    from handpose_cli.runs.settings import RunSettings

# options of predict that are not for a camera
NOT_FOR_CAMERAS = (
    "recursive", "resume", "prune", "boxes", "rescale", "every", "pages", "start", "end", "shard", "dry_run",
    "fail_fast", "max_failures", "summary_json", "batch_size", "threads", "cluster", "sheets", "side_by_side",
)  # fmt: skip
TITLE = "handpose"
KEYS = (ord("q"), 27)  # 27: Esc
LEAST_SPACE = 100  # MB of a disk: to close a recording of hours, and its results, takes some


def predict_live(
    ctx: click.Context, settings: RunSettings, *, record: bool, show: bool, overwrite: bool, quiet: bool
) -> None:
    """Annotate a camera until it ends, q or Esc is pressed in the window, or Ctrl-C comes.

    With `record` what it saw is kept in the output folder. A camera that gives no more pictures is told, and the exit
    code then is that of inputs that failed.
    """
    from handpose_cli.api import Annotator
    from handpose_cli.commands.lost_formats import say_lost
    from handpose_cli.media.camera import open_camera
    from handpose_cli.media.errors import EncodingError, UnreadableError
    from handpose_cli.runs.earlier import RESULTS
    from handpose_cli.runs.errors import RunError
    from handpose_cli.runs.header import make_header
    from handpose_cli.runs.live import RECORDING, run_live
    from handpose_cli.runs.report import EXIT_SOME_FAILED
    from handpose_cli.runs.settings import Span, TrackSettings
    from handpose_cli.weights import WeightsError

    for option in ctx.command.params:
        if option.name in NOT_FOR_CAMERAS and given(ctx, option.name):
            raise click.UsageError(f"{spelled(option.name)} is not for a camera.")
    if settings.track.smooth == "zero-lag" and given(ctx, "smooth"):
        raise click.UsageError("--smooth zero-lag looks ahead, which a camera cannot; it is smoothed by one-euro.")
    settings = replace(  # as it is done, whatever the environment and files say of videos
        settings,
        annotate=replace(settings.annotate, rescale_boxes=False),
        track=TrackSettings(True, "one-euro", settings.annotate.score_threshold),
        span=Span(),
        recursive=False,
        boxes=None,
    )
    folder = settings.output.folder
    if not show and not record:
        raise click.UsageError("A camera needs --show, to see it, or --output, to record it.")
    if show:
        _check_display()
    try:
        networks = Annotator.load(settings.networks.weights, settings.detector_name, settings.networks.engine).networks
        info = make_header(settings).info
        if record:
            _refuse_own(settings.inputs[0].removeprefix(CAMERA), folder / RECORDING)
        with open_camera(settings.inputs[0]) as camera:
            window = _window(settings.output.style) if show else lambda live: True
            output, room = (settings.output, _Room(folder)) if record else (None, None)
            goes_on = window if room is None else lambda live: window(live) and not room.is_short()
            report = run_live(camera, networks, settings.annotate, output, info, goes_on, overwrite)
            dropped, broke_off = camera.dropped, camera.broke_off
    except (UnreadableError, EncodingError, RunError, WeightsError) as error:
        raise failure(error) from error
    except OSError as error:
        raise click.ClickException(os_error_line(error, folder, "Choose another --output.")) from error
    if not quiet:
        kept = f". Results: {folder / RESULTS}, {RECORDING}" if record else ""
        click.echo(
            f"{report.images} pictures annotated in {report.seconds:.1f} s ({report.rate:.1f} a second), "
            f"{dropped} dropped, {report.hands} hands{kept}",
            err=True,
        )
    if broke_off:
        kept = " What came before is recorded." if record else ""
        click.echo(f"The camera gave no more pictures after {report.seconds:.1f} s.{kept}", err=True)
    is_short = room is not None and room.was_short
    if is_short:
        reason = f"{folder} has less than {LEAST_SPACE} MB of space left"
        click.echo(f"{reason}: the recording ended after {report.seconds:.1f} s, and is whole up to there.", err=True)
    if record and report.lost:
        say_lost(report, folder, folder)
    ctx.exit(report.exit_code or (EXIT_SOME_FAILED if broke_off or is_short else 0))


class _Room:
    """Watches the space on a folder's disk: one that is full would take what is recorded with it."""

    def __init__(self, folder: Path):
        self.was_short = False
        self._folder = folder

    def is_short(self) -> bool:
        self.was_short = shutil.disk_usage(self._folder).free < LEAST_SPACE * 10**6
        return self.was_short


def _refuse_own(source: str, recording: Path) -> None:
    """Raise RunError if a recording is played that would be replaced by what is recorded of it."""
    from handpose_cli.runs.errors import RunError

    if recording.is_file() and Path(source).is_file() and recording.samefile(source):
        raise RunError(f"{recording} is played, and would be replaced", "output")


def _check_display() -> None:
    """Raise ClickException if no window can be opened; tried in another process, since Qt ends its own if not."""
    if sys.platform.startswith("linux") and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        raise click.ClickException(
            "--show needs a display, and there is none (DISPLAY is not set). Record with --output."
        )
    code = "import cv2; cv2.namedWindow('handpose'); cv2.destroyAllWindows()"
    tried = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    if tried.returncode and "not implemented" in tried.stderr:
        raise click.ClickException("--show needs windows, which opencv-python-headless lacks. Install opencv-python.")
    if tried.returncode:
        raise click.ClickException("--show cannot open a window on this display. Record with --output instead.")


def _window(style: DrawStyle) -> Callable[[Live], bool]:
    """Return what shows a picture with its hands, rate and latency, and returns whether to go on.

    It returns False when the window is closed, or q or Esc pressed.
    """
    from handpose_cli.quiet import quiet_stderr

    opening: Callable[[], AbstractContextManager[None]] = (
        quiet_stderr  # Qt reports its missing fonts when the window opens
    )

    def show(live: Live) -> bool:
        nonlocal opening
        with opening():
            goes_on = _show(live, style)
        opening = nullcontext
        return goes_on

    return show


def _show(live: Live, style: DrawStyle) -> bool:
    import cv2

    from handpose_cli.drawing import draw_hands

    picture = cv2.cvtColor(draw_hands(live.pixels, live.record.hands, style), cv2.COLOR_RGB2BGR)
    text = f"{live.rate:.0f} images/s, {1000 * live.latency:.0f} ms late, {live.dropped} dropped  (q: quit)"
    picture[:28] //= 4  # readable on any background
    cv2.putText(picture, text, (8, 20), cv2.FONT_HERSHEY_SIMPLEX, 0.5, (255, 255, 255), 1, cv2.LINE_AA)
    cv2.imshow(TITLE, picture)
    if cv2.waitKey(1) & 0xFF in KEYS:
        return False
    return cv2.getWindowProperty(TITLE, cv2.WND_PROP_VISIBLE) >= 1
