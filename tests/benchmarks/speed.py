"""`handpose predict` against MediaPipe Hands on the same photos and clip; run by hand:

    python -m venv PEER && PEER/bin/pip install mediapipe==0.10.21
    python tests/benchmarks/speed.py --peer PEER/bin/python [--runs 5] [-- OPTION OF PREDICT ...]

Whole processes in turn, A B A B, start-up included; the figures are medians, the ratio is the median of the pairs'.
Without --peer only handpose is timed.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple

from made_up_folders import write_clip, write_photos

PHOTOS = {".jpg", ".jpeg", ".png"}
PEER = Path(__file__).with_name("mediapipe_hands.py")
WORKLOADS: dict[str, tuple[Callable[..., None], int, list[str]]] = {  # how to make it, pictures, options of predict
    "640x480": (partial(write_photos, count=500, width=640, height=480), 500, []),
    "1920x1080": (partial(write_photos, count=200, width=1920, height=1080), 200, []),
    "4000x3000": (partial(write_photos, count=60, width=4000, height=3000), 60, []),
    "clip.mp4": (partial(write_clip, frames=600), 600, ["--track"]),
    "720p.mp4": (partial(write_clip, frames=600, two_hands=True), 600, ["--track"]),  # it plays at 30 images/s
}


class Run(NamedTuple):
    """What a process took, and the hands that it found."""

    seconds: float
    cpu: float
    megabytes: float
    hands: int


def measured(call: list[str], hands: Callable[[str], int]) -> Run:
    """Run a process to its end; `hands` tells from its output how many were found."""
    started = time.perf_counter()
    with subprocess.Popen(call, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout is not None
        output = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    seconds = time.perf_counter() - started
    if process.returncode != 0:
        raise SystemExit(f"{' '.join(call)}: exit code {process.returncode}")
    return Run(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, hands(output))


def handpose(source: Path, out: Path, options: list[str]) -> Run:
    program = str(Path(sys.executable).with_name("handpose"))
    call = [program, "predict", str(source), "-o", str(out), "--overwrite", "-q", "--summary-json", "-", *options]
    return measured(call, lambda output: json.loads(output)["hands"])


def mediapipe(python: Path, source: Path, out: Path) -> Run:
    return measured([str(python), str(PEER), str(source), str(out)], lambda output: json.loads(output)["hands"])


def show(name: str, pictures: int, runs: list[Run]) -> None:
    middle = [statistics.median(values) for values in zip(*runs, strict=True)]
    rates = [pictures / run.seconds for run in runs]
    print(
        f"  {name:10} {pictures / middle[0]:7.1f} images/s ({min(rates):.1f} to {max(rates):.1f})"
        f"  {1000 * middle[1] / pictures:6.1f} ms CPU an image  {middle[2]:6.0f} MB  {middle[3]:.0f} hands",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--peer", type=Path, help="Python with mediapipe 0.10.21")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--only", choices=WORKLOADS, action="append")
    parser.add_argument("--folder", type=Path, help="where the photos and the clip are made, or are from a run before")
    parser.add_argument("--photos", type=Path, help="a folder of photographs to take instead of what is made")
    parser.add_argument("options", nargs="*", help="of handpose predict")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder, workloads = args.folder or Path(scratch), WORKLOADS
        if args.photos:
            photos = [path for path in args.photos.iterdir() if path.suffix.lower() in PHOTOS]
            folder, args.only = args.photos.parent, None
            workloads = {args.photos.name: (write_photos, len(photos), [])}
        for name in args.only or workloads:
            make, pictures, options = workloads[name]
            source = folder / name
            if not source.exists():  # in a process of its own, whose memory a later one's peak would count
                maker = multiprocessing.get_context("spawn").Process(target=make, args=(source,))
                maker.start()
                maker.join()
            print(f"{name}: {pictures} pictures, handpose predict {' '.join(options + args.options)}")
            ours: list[Run] = []
            theirs: list[Run] = []
            for _ in range(args.runs):
                ours.append(handpose(source, Path(scratch) / "out", options + args.options))
                if args.peer:
                    theirs.append(mediapipe(args.peer, source, Path(scratch) / "peer.json"))
            show("handpose", pictures, ours)
            if args.peer:
                show("MediaPipe", pictures, theirs)
                ratio = statistics.median(b.seconds / a.seconds for a, b in zip(ours, theirs, strict=True))
                print(f"  handpose is {ratio:.2f} times as fast")


if __name__ == "__main__":
    main()
