"""A whole run of prediction: inputs in, journal, result files and annotated copies out."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain, groupby, islice
from typing import NamedTuple, TypeVar

from handpose_cli.annotator.pipeline import annotate
from handpose_cli.annotator.settings import Networks, Settings
from handpose_cli.drawing import draw_hands
from handpose_cli.files import remove, remove_parts
from handpose_cli.media.annotated_copies import copy_path, save_image
from handpose_cli.media.discover import Input
from handpose_cli.media.frames import Frame, frames
from handpose_cli.records import ImageRecord
from handpose_cli.runs import journal as journals
from handpose_cli.runs.counts import Counts
from handpose_cli.runs.errors import RunError
from handpose_cli.runs.executors.threads import run
from handpose_cli.runs.fingerprint import Fingerprint, fingerprint
from handpose_cli.runs.journal import Header, Journal, open_journal
from handpose_cli.runs.plan import Task, describe, describe_change, has_copy, plan
from handpose_cli.runs.results import Output, draw_video, refuse_existing, remove_existing, write_results
from handpose_cli.tracking.follow import DETECT_EVERY, follow
from handpose_cli.tracking.tracks import DOUBTFUL

T = TypeVar("T")
SHOWN = 10  # inputs in a preview
MOST_BYTES = 8 * 2**20  # of the still images in a batch of several


@dataclass(frozen=True)
class Span:
    """Which frames of videos: every n-th of those shown from `start` on and before `end`, in seconds; None: all."""

    every: int = 1
    start: float | None = None
    end: float | None = None

    def frames(self, entry: Input, first: int = 0) -> Iterator[Frame]:
        """Yield a video's frames, without the first so many."""
        return islice(frames([entry], every=self.every, start=self.start, end=self.end), first, None)


class Stills(NamedTuple):
    """Still images to annotate together."""

    inputs: list[Input]


class Chunk(NamedTuple):
    """Successive frames of a video to annotate together, and what the file is, if they are its first."""

    input: Input
    frames: list[Frame]
    begins: bool
    ends: bool
    fingerprint: Fingerprint | None


class Piece(NamedTuple):
    """What was annotated of an input, for the journal."""

    input: Input
    records: list[ImageRecord]
    begins: bool
    ends: bool
    fingerprint: Fingerprint | None


def predict(
    inputs: Sequence[Input],
    output: Output,
    settings: Settings,
    load: Callable[[], Networks],
    header: Header,
    *,
    span: Span,
    earlier: str = "refuse",
    batch_size: int = 1,
    threads: int = 1,
    max_failures: int | None = None,
    say: Callable[[str], None] = lambda line: None,
    progress: Callable[[ImageRecord, Counts], None] = lambda record, counts: None,
) -> Counts:
    """Annotate all inputs and write the results; memory grows with neither their number nor their length.

    Args:
        load: loads the networks, once in each thread.
        header: what the records depend on, and the head of the result file.
        earlier: what to do with an earlier run's output in the folder: "refuse", "resume" or "overwrite".
        batch_size: stills, or a video's frames if hands are not tracked, that are annotated together.
        max_failures: stop when more inputs could not be read; None: never.
        say: called with a line on what a resumed run does.
        progress: called after each record, in order.

    Raises:
        RunError: if there is an earlier run's output in the folder, or too many inputs fail.
        OSError: if something cannot be written; no half-written file is left, and the journal has what was done.
    """
    started = time.monotonic()
    if earlier == "refuse":
        refuse_existing(output.folder)
    with open_journal(output.folder / journals.NAME, header, anew=earlier == "overwrite") as journal:
        if earlier == "overwrite":
            remove_existing(output.folder)
        remove_parts(output.folder, output.copies)
        tasks = list(plan(inputs, journal, output.copies if output.draw else None))
        names = {task.input.name for task in tasks}
        done = [entry for entry in inputs if entry.name not in names]
        for gone in journal.entries.keys() - names - {entry.name for entry in done}:
            remove(copy_path(output.copies, gone))
            journal.drop(gone)
        if earlier == "resume" and len(journal.headers) > 1:
            if changes := describe_change(journal.headers[-2].settings, journal.headers[-1].settings):
                say(f"Settings have changed: {changes}")
            say(describe(tasks, len(inputs)))
        counts = Counts(len(done), failures=sum(journal.entries[entry.name].failed for entry in done))
        work = partial(_annotate, settings=settings, output=output)
        units = _units(tasks, span, output.track, batch_size)
        with _drawing(journal, output, span) as draw:
            for entry in done:
                if entry.is_video and not has_copy(entry, output.copies):
                    draw(entry)
            for piece in chain.from_iterable(run(units, work, load, threads)):
                _keep(piece, journal, output)
                counts.inputs += piece.ends
                for record in piece.records:
                    counts.images += record.failure is None
                    counts.hands += len(record.hands)
                    counts.failures += record.failure is not None
                    counts.seconds = time.monotonic() - started
                    progress(record, counts)
                if max_failures is not None and counts.failures > max_failures:
                    raise RunError(_stopped(counts.failures, max_failures))
                if piece.ends and piece.input.is_video:
                    draw(piece.input)
        annotated = counts.images
        info = {**header.info, "started": _first_start(journal, header)}
        counts = write_results([entry.name for entry in inputs], journal, output, info)
        return replace(counts, annotated=annotated, seconds=time.monotonic() - started)


def preview(inputs: Sequence[Input], output: Output, header: Header, earlier: str) -> list[str]:
    """Return lines on what `predict` would do; raise RunError where it would."""
    if earlier == "refuse":
        refuse_existing(output.folder)
    journal = Journal(output.folder / journals.NAME)
    if earlier == "resume" and journal.path.exists():
        journal.load(header.settings)
    tasks = list(plan(inputs, journal, output.copies if output.draw else None))
    videos = sum(task.input.is_video for task in tasks)
    lines = [f"To annotate: {len(tasks) - videos} images and {videos} videos."]
    if earlier == "resume":
        lines.append(describe(tasks, len(inputs)) + ".")
    lines += [f"  {task.input.path}" for task in tasks[:SHOWN]]
    return [*lines, f"  and {len(tasks) - SHOWN} more"] if len(tasks) > SHOWN else lines


def _stopped(failures: int, most: int) -> str:
    return (
        f"Stopped, since {failures} inputs could not be read (--max-failures {most}). What was done is kept: "
        "go on with --resume and a larger --max-failures."
    )


def _first_start(journal: Journal, header: Header) -> str:
    """Return when the first run with these settings began."""
    return next(h.info["started"] for h in journal.headers if h.settings == journal.headers[-1].settings)


def _batches(items: Iterable[T], size: int) -> Iterator[list[T]]:
    source = iter(items)
    while batch := list(islice(source, size)):
        yield batch


def _units(tasks: Iterable[Task], span: Span, track: bool, batch_size: int) -> Iterator[Stills | Chunk]:
    """Yield what threads work on: some stills, or some frames of one video; at its end a chunk without frames."""
    for is_video, group in groupby(tasks, lambda task: task.input.is_video):
        if not is_video:
            yield from _stills((task.input for task in group), batch_size)
            continue
        for task in group:
            begins = task.done == 0
            known = fingerprint(task.input.path) if begins else None
            for chunk in _batches(span.frames(task.input, task.done), DETECT_EVERY if track else batch_size):
                yield Chunk(task.input, chunk, begins, False, known)
                begins = False
            yield Chunk(task.input, [], begins, True, known)


def _stills(inputs: Iterable[Input], batch_size: int) -> Iterator[Stills]:
    """Yield still images in batches, smaller ones of large files: a batch's pictures are in memory at the same time."""
    batch: list[Input] = []
    size = 0
    for entry in inputs:
        try:
            own = entry.path.stat().st_size
        except OSError:  # reading it will tell
            own = 0
        if batch and (len(batch) == batch_size or size + own > MOST_BYTES):
            yield Stills(batch)
            batch, size = [], 0
        batch.append(entry)
        size += own
    if batch:
        yield Stills(batch)


def _annotate(unit: Stills | Chunk, networks: Networks, settings: Settings, output: Output) -> list[Piece]:
    if isinstance(unit, Chunk):
        work = annotate
        if output.track:  # doubtful hands may belong to a track; those that do not are left out when it is known
            work, settings = follow, replace(settings, score_threshold=min(settings.score_threshold, DOUBTFUL))
        records = [record for record, _ in work(unit.frames, networks, settings)] if unit.frames else []
        return [Piece(unit.input, records, unit.begins, unit.ends, unit.fingerprint)]
    known = [fingerprint(entry.path) for entry in unit.inputs]  # before it is read: a later change will show
    results = annotate(list(frames(unit.inputs)), networks, settings)
    for entry, (record, picture) in zip(unit.inputs, results, strict=True):
        if output.draw and picture is not None:
            save_image(output.copies, entry.name, draw_hands(picture.pixels, record.hands))
        else:
            remove(copy_path(output.copies, entry.name))  # of an earlier run
    return [
        Piece(entry, [result.record], True, True, file)
        for entry, result, file in zip(unit.inputs, results, known, strict=True)
    ]


def _keep(piece: Piece, journal: Journal, output: Output) -> None:
    """Put a piece into the journal; a video's copy of an earlier run goes before its first."""
    name = piece.input.name
    if piece.input.is_video and piece.begins:
        remove(copy_path(output.copies, name))
    journal.add(name, piece.records, begins=piece.begins, ends=piece.ends, input=piece.fingerprint)


@contextmanager
def _drawing(journal: Journal, output: Output, span: Span) -> Iterator[Callable[[Input], None]]:
    """Give a function that draws a video's annotated copy, if wanted, in the background; at the end all are drawn."""
    stop, jobs = threading.Event(), deque[Future[None]]()

    def pictures(entry: Input) -> Iterator[Frame]:
        for frame in span.frames(entry):
            if stop.is_set():
                raise InterruptedError
            yield frame

    def draw(entry: Input) -> None:
        if output.draw:
            jobs.append(pool.submit(draw_video, entry, journal, output, partial(pictures, entry)))

    with ThreadPoolExecutor(1) as pool:
        try:
            yield draw
            for job in jobs:
                job.result()
        finally:
            stop.set()
            for job in jobs:
                job.cancel()
