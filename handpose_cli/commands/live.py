"""`handpose predict camera:0`: parse, call `runs.live`, report."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from types import SimpleNamespace

import click

# options of predict that are not for a camera, and their defaults
NOT_FOR_CAMERAS = {
    "recursive": False, "resume": False, "detector": "ssd", "boxes": None, "every": 1, "start": None, "end": None,
    "shard": None, "dry_run": False, "fail_fast": False, "max_failures": None, "summary_json": None, "batch_size": None,
}  # fmt: skip
TITLE = "handpose"
KEYS = (ord("q"), 27)  # 27: Esc


def predict_live(args: SimpleNamespace, settings, load: Callable, make_info: Callable) -> None:
    """Annotate a camera until it ends, q or Esc is pressed in the window, or Ctrl-C comes."""
    from handpose_cli.media.camera import open_camera
    from handpose_cli.media.errors import UnreadableError
    from handpose_cli.runs.errors import RunError
    from handpose_cli.runs.live import RECORDING, run_live
    from handpose_cli.runs.results import RESULTS, Output

    for name, default in NOT_FOR_CAMERAS.items():
        if getattr(args, name) != default:
            raise click.UsageError(f"--{name.replace('_', '-')} is not for a camera.")
    if args.smooth == "zero-lag":
        raise click.UsageError("--smooth zero-lag looks ahead, which a camera cannot; it is smoothed by one-euro.")
    if not args.show and args.output is None:
        raise click.UsageError("A camera needs --show, to see it, or --output, to record it.")
    if args.show:
        _check_display()
    output = args.output and Output(args.output, args.formats, args.draw, track=True, smooth="one-euro")
    networks = load()
    try:
        with open_camera(args.inputs[0]) as camera:
            show = _window() if args.show else lambda live: True
            counts = run_live(camera, networks, settings, output, make_info(), show, args.overwrite)
            dropped = camera.dropped
    except (UnreadableError, RunError) as error:
        raise click.ClickException(str(error)) from error
    except OSError as error:
        raise click.ClickException(
            f"Cannot write to {args.output}: {error.strerror}. Choose another --output."
        ) from error
    if not args.quiet:
        rate = counts.images / max(counts.seconds, 1e-9)
        kept = f". Results: {args.output / RESULTS}, {RECORDING}" if args.output else ""
        click.echo(
            f"{counts.images} pictures annotated in {counts.seconds:.1f} s ({rate:.1f} a second), {dropped} dropped, "
            f"{counts.hands} hands{kept}",
            err=True,
        )


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


def _window() -> Callable:
    """Return what shows a picture with its hands, rate and latency, and returns whether to go on.

    It returns False when the window is closed, or q or Esc pressed.
    """
    from handpose_cli.quiet import quiet_stderr

    opening: Callable[[], AbstractContextManager] = quiet_stderr  # Qt reports its missing fonts when the window opens

    def show(live) -> bool:
        nonlocal opening
        with opening():
            goes_on = _show(live)
        opening = nullcontext
        return goes_on

    return show


def _show(live) -> bool:
    import cv2

    from handpose_cli.drawing import draw_hands

    picture = cv2.cvtColor(draw_hands(live.pixels, live.record.hands), cv2.COLOR_RGB2BGR)
    text = f"{live.rate:.0f} images/s, {1000 * live.latency:.0f} ms late, {live.dropped} dropped  (q: quit)"
    picture[:28] //= 4  # readable on any background
    cv2.putText(picture, text, (8, 20), cv2.FONT_HERSHEY_SIMPLEX, 0.5, (255, 255, 255), 1, cv2.LINE_AA)
    cv2.imshow(TITLE, picture)
    if cv2.waitKey(1) & 0xFF in KEYS:
        return False
    return cv2.getWindowProperty(TITLE, cv2.WND_PROP_VISIBLE) >= 1
