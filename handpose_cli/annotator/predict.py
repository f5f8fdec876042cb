"""A whole run of prediction: inputs in, result files and annotated copies out."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from handpose_cli.annotated_copies import VideoCopies, save_image
from handpose_cli.annotator.pipeline import Annotated, Networks, Settings, annotate, run
from handpose_cli.drawing import draw_hands
from handpose_cli.formats import FORMATS, handpose_json
from handpose_cli.formats import load as load_format
from handpose_cli.records import ImageRecord
from handpose_cli.sources.discover import Input
from handpose_cli.sources.frames import Frame, frames

STEM = "predictions"
RESULTS = f"{STEM}.json"
COPIES = "annotated"


def result_path(folder: Path, name: str) -> Path:
    """Return where a run's results of a format go: `predictions.csv`, or a folder, `predictions-yolo-pose`."""
    suffix = FORMATS[name].suffix
    return folder / (f"{STEM}{suffix}" if suffix else f"{STEM}-{name}")


@dataclass
class Counts:
    """What a run did so far."""

    inputs: int = 0
    images: int = 0  # still images and video frames annotated
    hands: int = 0
    failures: int = 0
    seconds: float = 0.0


@dataclass(frozen=True)
class Output:
    """Where and what to write: the folder, the formats besides the result file, and whether copies are wanted."""

    folder: Path
    formats: tuple[str, ...] = ()
    draw: bool = False


def predict(
    inputs: Sequence[Input],
    output: Output,
    settings: Settings,
    load: Callable[[], Networks],
    info: dict[str, Any],
    *,
    every: int = 1,
    batch_size: int = 1,
    threads: int = 1,
    progress: Callable[[ImageRecord, Counts], None] = lambda record, counts: None,
) -> Counts:
    """Annotate all inputs and write the results; memory does not grow with their number.

    Args:
        load: loads the networks, once in each thread.
        info: goes into the result file as it is.
        every: annotate every n-th frame of videos.
        progress: called after each record, in order.

    Raises:
        OSError: if a result cannot be written; no half-written file is left.
    """
    counts, last, started = Counts(), None, time.monotonic()
    copies = output.folder / COPIES
    remove_results(output.folder)
    with ExitStack() as files:
        writers: list[Any] = [files.enter_context(handpose_json.open_writer(output.folder / RESULTS, info=info))]
        for name in output.formats:
            writers.append(files.enter_context(load_format(name).open_writer(result_path(output.folder, name))))
        videos = VideoCopies(copies)
        files.callback(videos.discard)
        work = partial(_annotate_and_draw, settings=settings, copies=copies if output.draw else None)
        for batch in run(frames(inputs, every), work, load, batch_size, threads):
            for record, drawn in batch:
                for writer in writers:
                    writer.write(record)
                if drawn is not None:
                    videos.add(record.file, record.time or 0.0, record.fps or 0.0, drawn)
                counts.inputs += record.file != last
                counts.images += record.failure is None
                counts.hands += len(record.hands)
                counts.failures += record.failure is not None
                counts.seconds = time.monotonic() - started
                last = record.file
                progress(record, counts)
        videos.close()
    return counts


def remove_results(folder: Path) -> None:
    """Remove an earlier run's results besides the result file: they would not belong to the new one's."""
    for name, format in FORMATS.items():
        path = result_path(folder, name)
        if format.writes and path.name != RESULTS:
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)


def _annotate_and_draw(
    batch: list[Frame], networks: Networks, settings: Settings, copies: Path | None
) -> list[Annotated]:
    """Annotate a batch and draw it; still copies are saved here, in parallel, video frames returned for the encoder."""
    results = []
    for record, pixels in annotate(batch, networks, settings):
        drawn = None
        if copies is not None and pixels is not None:
            drawn = draw_hands(pixels, record.hands)
            if record.frame is None:
                save_image(copies, record.file, drawn)
                drawn = None
        results.append(Annotated(record, drawn))
    return results
