"""Peak memory of `handpose predict` against the number of files, of a video's frames, and of videos; run by hand:

    python tests/benchmarks/memory.py [FILES ... [--frames FRAMES ...] [--videos VIDEOS ...]]

The files are links to one small picture, the long videos small and grey, and the hourglass a tiny one, so that 100,000
take minutes; what is written for each is as large as ever. Of several videos each has a few frames of 1280 x 720, which
would be seen if they stayed in memory, and every tenth is cut short.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import sys
import tempfile
import time
from pathlib import Path

import av
import cv2
import numpy as np

SIDE = 64


def write_network(path: Path) -> None:
    from handpose_cli.networks.hourglass.presets import Preset, build, for_prediction
    from handpose_cli.training.delivery.export import export_litert

    preset = Preset(1, 8, 1, SIDE, "fixup", 1.5, "cross-entropy")
    export_litert(for_prediction(build(preset), preset), path)


def write_files(folder: Path, count: int) -> None:
    folder.mkdir()
    picture = folder.parent / "picture.jpg"
    cv2.imwrite(str(picture), np.random.default_rng(0).integers(0, 255, (SIDE, SIDE, 3), np.uint8))
    for number in range(count):
        (folder / f"{number:07d}.jpg").symlink_to(picture)


def write_video(path: Path, frames: int, width: int = SIDE, height: int = SIDE) -> None:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=30)
        stream.width, stream.height, stream.pix_fmt, stream.options = width, height, "yuv420p", {"preset": "ultrafast"}
        for number in range(frames):
            grey = np.full((height * 3 // 2, width), number % 256, np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(grey, format="yuv420p")))
        container.mux(stream.encode())


def write_videos(folder: Path, count: int) -> None:
    folder.mkdir()
    whole, cut = folder.parent / "whole.mkv", folder.parent / "cut.mkv"
    write_video(whole, 10, 1280, 720)
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    for number in range(count):
        (folder / f"{number:06d}.mkv").symlink_to(whole if number % 10 else cut)


def run(inputs: Path, out: Path, weights: Path, *options: str) -> tuple[float, float]:
    """Return the seconds and the peak memory (resident, in MB) of a run as a process of its own."""
    arguments = [
        "predict",
        inputs,
        "-o",
        out,
        "--weights",
        weights,
        "--detector",
        "whole-image",
        "-q",
        "--format",
        "csv",
    ]
    started = time.monotonic()
    pid = os.posix_spawn(
        sys.executable,
        [sys.executable, "-c", "from handpose_cli.cli import cli; cli()", *map(str, arguments), *options],
        os.environ,
    )
    _, status, usage = os.wait4(pid, 0)
    if os.waitstatus_to_exitcode(status) not in (0, 3):  # 3: some inputs failed
        sys.exit(f"handpose predict failed: {os.waitstatus_to_exitcode(status)}")
    return time.monotonic() - started, usage.ru_maxrss / 1024


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("files", type=int, nargs="*", default=[1_000, 10_000, 100_000])
    parser.add_argument("--frames", type=int, nargs="*", default=[2_000, 20_000, 216_000])
    parser.add_argument("--videos", type=int, nargs="*", default=[30, 300])
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        weights = folder / "tiny.tflite"
        worker = multiprocessing.get_context("spawn").Process(target=write_network, args=(weights,))
        worker.start()  # TensorFlow's memory would count as that of processes started from here
        worker.join()
        for count in options.files:
            write_files(folder / f"files{count}", count)
            seconds, peak = run(folder / f"files{count}", folder / f"out{count}", weights)
            again, peak_again = run(folder / f"files{count}", folder / f"out{count}", weights, "--resume")
            print(
                f"{count} files: {seconds:.0f} s, {peak:.0f} MB; resumed: {again:.0f} s, {peak_again:.0f} MB",
                flush=True,
            )
        for count in options.frames:
            write_video(folder / f"{count}.mp4", count)
            for extra in ((), ("--smooth",)):
                out = folder / f"video{count}{len(extra)}"
                seconds, peak = run(folder / f"{count}.mp4", out, weights, *extra)
                print(f"{count} frames {' '.join(extra)}: {seconds:.0f} s, {peak:.0f} MB", flush=True)
        for count in options.videos:
            write_videos(folder / f"videos{count}", count)
            seconds, peak = run(folder / f"videos{count}", folder / f"out-videos{count}", weights)
            print(f"{count} videos of 1280 x 720: {seconds:.0f} s, {peak:.0f} MB", flush=True)


if __name__ == "__main__":
    main()
