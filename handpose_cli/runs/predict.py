"""A whole run of prediction: inputs in, journal, result files and annotated copies out."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from itertools import chain
from typing import NamedTuple

from handpose_cli.annotator.pipeline import annotate
from handpose_cli.annotator.settings import Networks
from handpose_cli.drawing import draw_hands
from handpose_cli.files import remove_parts
from handpose_cli.media.annotated_copies import has_copy, remove_copies, save_image, save_page
from handpose_cli.media.discover import Input
from handpose_cli.media.frames import Frame, frames
from handpose_cli.media.pages import page_count
from handpose_cli.records import ImageRecord
from handpose_cli.runs import journal as journals
from handpose_cli.runs.absent import describe_absent, keep_or_drop, refuse_loss
from handpose_cli.runs.errors import RunError
from handpose_cli.runs.executors.threads import run
from handpose_cli.runs.fingerprint import Fingerprint, fingerprint
from handpose_cli.runs.journal import Header, Journal, open_journal
from handpose_cli.runs.names import check_names
from handpose_cli.runs.plan import describe, describe_change, plan
from handpose_cli.runs.report import Report
from handpose_cli.runs.results import draw_video, refuse_existing, remove_existing, write_results
from handpose_cli.runs.settings import RunSettings
from handpose_cli.runs.units import Chunk, Stills, units_of
from handpose_cli.tracking.follow import follow
from handpose_cli.tracking.tracks import DOUBTFUL

SHOWN = 10  # inputs in a preview


class Piece(NamedTuple):
    """What was annotated of an input, for the journal."""

    input: Input
    records: list[ImageRecord]
    begins: bool
    ends: bool
    fingerprint: Fingerprint | None
    pages_left_out: int = 0


def predict(
    inputs: Sequence[Input],
    settings: RunSettings,
    load: Callable[[], Networks],
    header: Header,
    report: Report,
    *,
    earlier: str = "refuse",
    prune: bool = False,
    batch_size: int = 1,
    threads: int = 1,
    max_failures: int | None = None,
    say: Callable[[str, str], None] = lambda line, remedy: None,
    progress: Callable[[ImageRecord], None] = lambda record: None,
) -> None:
    """Annotate all inputs and write the results; memory grows with neither their number nor their length.

    Args:
        load: loads the networks, once in each thread.
        header: what the records depend on, and the head of the result file.
        report: counts what is done.
        earlier: what to do with an earlier run's output in the folder: "refuse", "resume" or "overwrite".
        prune: drop an earlier run's results of inputs that are not there now, which are kept otherwise.
        batch_size: stills, or a video's frames if hands are not tracked, that are annotated together.
        max_failures: stop when more inputs could not be read; None: never.
        say: called with a line on what a resumed run does, or what is left out; and what would help, see `Remediable`.
        progress: called after each record, in order.

    Raises:
        RunError: if there is an earlier run's output in the folder, too many inputs fail, or a format cannot be written
            for these inputs by their names.
        OSError: if something cannot be written; no half-written file is left, and the journal has what was done.
    """
    report.total, output = len(inputs), settings.output
    if earlier == "refuse":
        refuse_existing(output.folder)
    check_names(inputs, output, settings.span)
    if earlier == "resume" and not prune:
        refuse_loss(Journal(output.folder / journals.NAME), header, inputs)
    with open_journal(output.folder / journals.NAME, header, empty=earlier == "overwrite") as journal:
        if earlier == "overwrite":
            remove_existing(output.folder)
        remove_parts(output.folder, output.copies)
        tasks = list(plan(inputs, journal, output.copies if output.draw else None))
        names = {task.input.name for task in tasks}
        done = [entry for entry in inputs if entry.name not in names]
        for task in tasks:
            if not task.done and (output.copies / task.input.name).is_dir():
                remove_copies(output.copies, task.input.name)  # of pages
        kept = keep_or_drop(journal, inputs, output, prune)
        if earlier == "resume" and len(journal.headers) > 1:
            if changes := describe_change(journal.headers[-2].settings, journal.headers[-1].settings):
                say(f"Settings have changed: {changes}", "")
            say(describe(tasks, len(inputs)), "")
        if kept:
            say(describe_absent(kept), "kept")
        report.total += len(kept)
        earlier_names = [*(entry.name for entry in done), *kept]
        report.start(len(earlier_names), sum(journal.entries[name].failed for name in earlier_names))
        units = units_of(tasks, settings.span, settings.track.track, batch_size)
        with _drawing(journal, settings) as draw:
            for entry in done:
                if entry.is_video and not has_copy(output.copies, entry.name):
                    draw(entry)
            pages, files = 0, 0
            for piece in chain.from_iterable(run(units, partial(_annotate, settings=settings), load, threads)):
                _keep(piece, journal, settings)
                report.inputs += piece.ends
                pages, files = pages + piece.pages_left_out, files + (piece.pages_left_out > 0)
                for record in piece.records:
                    report.add(record)
                    progress(record)
                if max_failures is not None and report.failures > max_failures:
                    raise RunError(_stopped(report.failures, max_failures), "stopped")
                if piece.ends and piece.input.is_video:
                    draw(piece.input)
        info = {**header.info, "started": _first_start(journal, header)}
        if pages:
            say(f"{pages} pages beyond the first, in {files} files, were left out", "pages")
        names_of_all = sorted([*(entry.name for entry in inputs), *kept])
        write_results(
            names_of_all, journal, output, settings.track, info, report, {entry.name: entry.file for entry in inputs}
        )


def preview(inputs: Sequence[Input], settings: RunSettings, header: Header, earlier: str) -> list[str]:
    """Return lines on what `predict` would do; raise RunError where it would."""
    output = settings.output
    if earlier == "refuse":
        refuse_existing(output.folder)
    check_names(inputs, output, settings.span)
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
    return f"Stopped, since {failures} inputs could not be read ({most} may be so). What was done is kept"


def _first_start(journal: Journal, header: Header) -> str:
    """Return when the first run with these settings began."""
    started: str = next(h.info["started"] for h in journal.headers if h.settings == journal.headers[-1].settings)
    return started


def _annotate(unit: Stills | Chunk, networks: Networks, settings: RunSettings) -> list[Piece]:
    how, output = settings.annotate, settings.output
    if isinstance(unit, Chunk):
        work, copies = annotate, output.draw and not unit.input.is_video
        if settings.track.track and unit.input.is_video:
            # doubtful hands may belong to a track; those that do not are left out later
            work, how = follow, replace(how, score_threshold=min(how.score_threshold, DOUBTFUL))
        results = work(unit.frames, networks, how) if unit.frames else []
        for record, picture in results if copies else ():
            if picture is not None and record.frame is not None:
                drawn = draw_hands(picture.pixels, record.hands, output.style)
                save_page(output.copies, unit.input.name, record.frame, drawn)
        records = [record for record, _ in results]
        return [Piece(unit.input, records, unit.begins, unit.ends, unit.fingerprint)]
    known = [fingerprint(entry.path) for entry in unit.inputs]  # before it is read: a later change will show
    results = annotate(list(frames(unit.inputs)), networks, how)
    for entry, (record, picture) in zip(unit.inputs, results, strict=True):
        remove_copies(output.copies, entry.name)  # of an earlier run
        if output.draw and picture is not None:
            save_image(output.copies, entry.name, draw_hands(picture.pixels, record.hands, output.style))
    return [
        Piece(entry, [result.record], True, True, file, page_count(entry.path) - 1)
        for entry, result, file in zip(unit.inputs, results, known, strict=True)
    ]


def _keep(piece: Piece, journal: Journal, settings: RunSettings) -> None:
    """Put a piece into the journal; a video's copy of an earlier run goes before its first."""
    name = piece.input.name
    if piece.input.is_video and piece.begins:
        remove_copies(settings.output.copies, name)
    journal.add(name, piece.records, begins=piece.begins, ends=piece.ends, input=piece.fingerprint)


@contextmanager
def _drawing(journal: Journal, settings: RunSettings) -> Iterator[Callable[[Input], None]]:
    """Give a function that draws a video's annotated copy, if wanted, in the background; at the end all are drawn."""
    stop, jobs, output = threading.Event(), deque[Future[None]](), settings.output

    def pictures(entry: Input) -> Iterator[Frame]:
        for frame in settings.span.frames(entry):
            if stop.is_set():
                raise InterruptedError
            yield frame

    def draw(entry: Input) -> None:
        if output.draw:
            again = partial(pictures, entry)
            jobs.append(pool.submit(draw_video, entry, journal, output, settings.track, again))

    with ThreadPoolExecutor(1) as pool:
        try:
            yield draw
            for job in jobs:
                job.result()
        finally:
            stop.set()
            for job in jobs:
                job.cancel()
