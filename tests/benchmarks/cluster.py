"""What a run on a cluster costs the process that feeds it, with work that costs nothing; run by hand:

    python tests/benchmarks/cluster.py 100000

Prints its memory, how many images with two hands each it takes in a second, and how many it writes.
"""

from __future__ import annotations

import os
import sys
import tempfile
import threading
import time
from functools import partial
from itertools import chain
from pathlib import Path

import numpy as np

from handpose_cli.annotator.settings import AnnotateSettings
from handpose_cli.media.inputs import Input, Version
from handpose_cli.records import Hand, ImageRecord
from handpose_cli.runs.executors.ray import connected
from handpose_cli.runs.executors.worker import Job
from handpose_cli.runs.fingerprint import Fingerprint
from handpose_cli.runs.journal import Header
from handpose_cli.runs.predict import predict
from handpose_cli.runs.report import Report
from handpose_cli.runs.settings import OutputSettings, RunSettings
from handpose_cli.runs.units import divided, parts_of
from handpose_cli.runs.work import Piece, instead, lost


def memory() -> float:
    """Return what this process has in memory now, in MiB."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


def main(count: int) -> None:
    def work(unit, _):
        random = np.random.default_rng(0)
        make = partial(Hand, np.ones(4), score=0.9, handedness="left")
        return [
            Piece(
                entry,
                [ImageRecord(entry.name, 640, 480, [make(keypoints=random.random((21, 2)) * 999,
                                                         keypoint_scores=random.random(21)) for _ in range(2)])],
                True, True, Fingerprint(5, 6, "a" * 64),
            )
            for entry in unit.inputs
        ]  # fmt: skip

    inputs = [
        Input(f"a/{i:08d}.jpg", f"s3://bucket/photos/a/{i:08d}.jpg", Version(10**5, "e" * 32)) for i in range(count)
    ]
    most, stop = [0.0], threading.Event()

    def watch() -> None:
        while not stop.wait(0.2):
            most[0] = max(most[0], memory())

    threading.Thread(target=watch, daemon=True).start()
    with tempfile.TemporaryDirectory() as folder, connected("local", 2) as cluster:
        settings = RunSettings(OutputSettings(Path(folder)), AnnotateSettings(0.5))
        job = Job(work, lambda: None, lambda: "")

        def execute(tasks):
            units = parts_of(tasks, settings.span, 4, lambda entry: [])
            return chain.from_iterable(cluster.run(units, job, lost, divided, instead))

        before, begun, taken = memory(), time.monotonic(), [0.0]
        predict(
            inputs, settings, execute, Header({}, {"started": ""}), Report(),
            progress=lambda record: taken.__setitem__(0, time.monotonic()),
        )  # fmt: skip
        ended = time.monotonic()
    stop.set()
    print(
        f"{count} images: {before:.0f} MiB before, {most[0]:.0f} at most; "
        f"{count / (taken[0] - begun):.0f} images/s taken in, {count / (ended - taken[0]):.0f} images/s written"
    )


if __name__ == "__main__":
    main(int(sys.argv[1]))
