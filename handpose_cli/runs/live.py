"""Annotate a camera's pictures as they come, show them, and record them if that is wanted."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from queue import Full, Queue
from typing import Any, NamedTuple

import numpy as np

from handpose_cli.annotator.settings import AnnotateSettings, Networks
from handpose_cli.doubt.video import flagged
from handpose_cli.drawing import draw_hands
from handpose_cli.formats import handpose_json
from handpose_cli.media.annotated_copies import copy_path, write_video
from handpose_cli.media.camera import Camera
from handpose_cli.media.frames import Frame
from handpose_cli.media.picture import Picture
from handpose_cli.records import ImageRecord
from handpose_cli.run_facts import RunFacts
from handpose_cli.runs.earlier import RESULTS, refuse_existing, refuse_foreign, remove_existing, remove_journal
from handpose_cli.runs.errors import RunError
from handpose_cli.runs.names import check_installed
from handpose_cli.runs.report import Report
from handpose_cli.runs.results import open_format
from handpose_cli.runs.settings import OutputSettings
from handpose_cli.runs.writers import Writers, writing
from handpose_cli.tracking import Step
from handpose_cli.tracking.follow import LiveFollower
from handpose_cli.tracking.smoothing import OneEuroTracks
from handpose_cli.tracking.tracks import DOUBTFUL, Linker

RECORDING = "camera.mp4"  # the pictures as they came, beside the results, which name it
Record = Callable[[float, np.ndarray], None]
_WAITING = 30  # pictures that may wait for their encoder


class Live(NamedTuple):
    """An annotated picture of a camera, and what to say of it.

    Attributes:
        record: its hands, with track ids, smoothed; frames count those annotated.
        pixels: uint8 [h, w, 3], RGB, as it came.
        rate: pictures a second, a running mean.
        latency: seconds from when it came to now.
        dropped: how many pictures came and went until now while others were worked on.
    """

    record: ImageRecord
    pixels: np.ndarray
    rate: float
    latency: float
    dropped: int


def annotate_live(camera: Camera, networks: Networks, settings: AnnotateSettings) -> Iterator[Live]:
    """Yield a camera's pictures with their hands: always the newest, so that none waits for the others."""
    doubtful = replace(settings, score_threshold=min(settings.score_threshold, DOUBTFUL))
    follower = LiveFollower(networks, doubtful)
    steps: tuple[Step, ...] = (Linker(settings.score_threshold), OneEuroTracks())
    rate, last = 0.0, None
    for number, picture in enumerate(camera):
        seen = Frame(RECORDING, partial(Picture, picture.pixels), number, picture.time, 0.0)
        record = follower.annotate(seen).record
        for step in steps:
            record = step.update(record)
        (record,) = flagged([record])  # frames to come are not waited for
        now = camera.now()
        if last is not None:
            rate = 0.9 * rate + 0.1 / max(now - last, 1e-3) if rate else 1 / max(now - last, 1e-3)
        last = now
        yield Live(record, picture.pixels, rate, now - picture.time, camera.dropped)


def run_live(
    camera: Camera,
    networks: Networks,
    settings: AnnotateSettings,
    output: OutputSettings | None,
    info: dict[str, Any],
    show: Callable[[Live], bool],
    overwrite: bool = False,
) -> Report:
    """Annotate a camera's pictures until it ends, or until `show` returns False or Ctrl-C comes; then close the files.

    Args:
        output: where to record results, pictures and, with `draw`, annotated pictures; None: nowhere.
        info: the head of the result file.

    Raises:
        RunError: if there is an earlier run's output in the folder.
        OSError: if something cannot be written.
    """
    report = Report(1)
    report.start(done=1)
    with ExitStack() as stack:
        writers: Writers | None = None
        video: Record | None = None
        copy: Record | None = None
        if output is not None:
            check_installed(output.formats)
            _make_room(output.folder, overwrite)
            results = stack.enter_context(handpose_json.open_writer(output.folder / RESULTS, run=RunFacts(info=info)))
            writers = stack.enter_context(writing())
            report.lost = writers.lost
            facts = RunFacts({RECORDING: str(output.folder / RECORDING)}, info, lambda: report.seconds)
            for name in output.formats:
                writers.add(name, open_format(output, name, facts))
            video = stack.enter_context(_recorder(output.folder / RECORDING))
            if output.draw:
                copy = stack.enter_context(_recorder(copy_path(output.copies, RECORDING)))
        try:
            for live in annotate_live(camera, networks, settings):
                if writers is not None:
                    results.write(live.record)
                    writers.write(live.record)
                time = live.record.time or 0.0
                if video is not None:
                    video(time, live.pixels)
                if copy is not None and output is not None:
                    copy(time, draw_hands(live.pixels, live.record.hands, output.style))
                report.add(live.record)
                if not show(live):
                    break
        except KeyboardInterrupt:  # the usual end of a recording
            pass
    return report


def _make_room(folder: Path, overwrite: bool) -> None:
    """Remove what an earlier run or recording left in the folder, or raise RunError if that is not wanted."""
    if overwrite:
        refuse_foreign(folder)
        remove_journal(folder)
        remove_existing(folder)
        return
    refuse_existing(folder)
    if (folder / RECORDING).exists():
        raise RunError(f"{folder / RECORDING} exists", "exists")


@contextmanager
def _recorder(path: Path) -> Iterator[Record]:
    """Give a function that adds pictures to a video, which is encoded on a thread of its own."""
    pictures: Queue[tuple[float, np.ndarray] | None] = Queue(_WAITING)
    with ThreadPoolExecutor(1) as pool:
        job = pool.submit(write_video, path, iter(pictures.get, None), 0.0, is_live=True)

        def add(time: float, pixels: np.ndarray) -> None:
            while True:
                if job.done():  # the encoder failed; it would not take the picture
                    job.result()
                with suppress(Full):
                    pictures.put((time, pixels), timeout=0.1)
                    return

        try:
            yield add
        finally:
            while not job.done():
                with suppress(Full):
                    pictures.put(None, timeout=0.1)
                    break
            job.result()
