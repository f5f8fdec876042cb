"""A whole run of prediction: inputs in, journal, result files and annotated copies out."""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

from handpose_cli.files import remove_parts
from handpose_cli.media.annotated_copies import has_copy, remove_copies, save_copy
from handpose_cli.media.frames import Frame
from handpose_cli.media.inputs import Input
from handpose_cli.media.remote import public
from handpose_cli.records import ImageRecord
from handpose_cli.runs import journal as journals
from handpose_cli.runs.absent import describe_absent, keep_or_drop, refuse_loss, refuse_mixing, root_of
from handpose_cli.runs.earlier import refuse_existing, refuse_foreign, refuse_no_run, remove_existing
from handpose_cli.runs.errors import RunError
from handpose_cli.runs.executing import Execute
from handpose_cli.runs.journal import Header, Journal, open_journal
from handpose_cli.runs.names import check_names
from handpose_cli.runs.noted import noted
from handpose_cli.runs.plan import Task, describe, describe_change, describe_restyling, plan
from handpose_cli.runs.report import Report
from handpose_cli.runs.results import draw_video, write_results
from handpose_cli.runs.settings import RunSettings
from handpose_cli.runs.work import Piece

SHOWN = 10  # inputs in a preview
_REFUSE = {"refuse": refuse_existing, "resume": refuse_no_run, "overwrite": refuse_foreign}


def predict(
    inputs: Sequence[Input],
    settings: RunSettings,
    execute: Execute,
    header: Header,
    report: Report,
    *,
    earlier: str = "refuse",
    prune: bool = False,
    max_failures: int | None = None,
    drawers: int = 1,
    say: Callable[[str, str], None] = lambda line, remedy: None,
    progress: Callable[[ImageRecord], None] = lambda record: None,
) -> None:
    """Annotate all inputs and write the results; memory grows with neither their number nor their length.

    Args:
        execute: does what is to be done, see `runs.executing`.
        header: what the records depend on, and the head of the result file.
        report: counts what is done.
        earlier: what to do with an earlier run's output in the folder: "refuse", "resume" or "overwrite".
        prune: drop an earlier run's results of inputs that are not there now, which are kept otherwise.
        drawers: annotated copies of videos that are drawn at a time, here, besides the other work.
        max_failures: stop when more inputs could not be read; None: never.
        say: called with a line on what a resumed run does, or what is left out; and what would help, see `Remediable`.
        progress: called after each record, in order.

    Raises:
        RunError: if there is an earlier run's output in the folder, too many inputs fail, or a format cannot be written
            for these inputs by their names.
        OSError: if something cannot be written; no half-written file is left, and the journal has what was done.
    """
    report.total, output = len(inputs), settings.output
    _REFUSE[earlier](output.folder)
    check_names(inputs, output, settings.span)
    path, header = output.folder / journals.NAME, replace(header, root=root_of(inputs))
    if earlier == "resume" and not prune:
        refuse_loss(Journal(path), header, inputs)
    check = partial(_check, inputs=inputs, copies=output.copies, prune=prune)
    with open_journal(path, header, earlier == "overwrite", check) as journal:
        if not journal.is_locked and os.name != "nt":  # Windows never has such locks
            say(f"{output.folder} cannot be locked: see that no other run writes there", "")
        if earlier == "overwrite":
            remove_existing(output.folder)
        tasks, done, kept = _to_do(inputs, journal, settings, header, earlier, prune, say)
        report.total += len(kept)
        earlier_names = [*(entry.name for entry in done), *kept]
        report.start(len(earlier_names), sum(journal.entries[name].failed for name in earlier_names))

        def undrawn(entry: Input, reason: str) -> None:
            record = ImageRecord(entry.name, None, None, failure=f"no annotated copy: {reason}")
            report.undrawn += 1
            report.add(record)
            progress(record)

        with _drawing(journal, settings, drawers, undrawn) as draw:
            for entry in done:
                if entry.is_video and not has_copy(output.copies, entry.name):
                    draw(entry)
            _take(execute(tasks), journal, output.copies, report, max_failures, progress, draw)
        info = {**header.info, "started": _first_start(journal)}
        names_of_all = sorted([*(entry.name for entry in inputs), *kept])
        for line, remedy in noted(journal, names_of_all):
            say(line, remedy)
        write_results(
            names_of_all,
            journal,
            output,
            settings.track,
            info,
            report,
            {entry.name: entry.file for entry in inputs},
        )


def _to_do(
    inputs: Sequence[Input],
    journal: Journal,
    settings: RunSettings,
    header: Header,
    earlier: str,
    prune: bool,
    say: Callable[[str, str], None],
) -> tuple[list[Task], list[Input], list[str]]:
    """Return the tasks, the inputs that are done, and the names of those that are not there now and kept; say it too.

    Annotated copies that will be made anew are removed, and with `prune` the results of what is not there.
    """
    output = settings.output
    remove_parts(output.folder, output.copies)
    if restyled := describe_restyling(journal.headers[:-1], header):
        for entry in inputs:
            if entry.name in journal.entries:
                remove_copies(output.copies, entry.name)
        say(restyled, "")
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
    return tasks, done, kept


def _take(
    pieces: Iterable[Piece],
    journal: Journal,
    copies: Path,
    report: Report,
    max_failures: int | None,
    progress: Callable[[ImageRecord], None],
    draw: Callable[[Input], None],
) -> None:
    """Put pieces where they belong, and count them."""
    ended = ""
    for piece in pieces:
        if piece.input.name == ended:  # stretches behind one at which a video ended by a failure
            continue
        _keep(piece, journal, copies)
        ended = piece.input.name if piece.ends else ended
        report.inputs += piece.ends
        for record in piece.records:
            report.add(record)
            progress(record)
        if max_failures is not None and report.failures > max_failures:
            raise RunError(_stopped(report.failures, max_failures), "stopped")
        if piece.ends and piece.input.is_video:
            draw(piece.input)


def preview(
    inputs: Sequence[Input], settings: RunSettings, header: Header, earlier: str, prune: bool = False
) -> list[str]:
    """Return lines on what `predict` would do; raise RunError where it would."""
    output = settings.output
    _REFUSE[earlier](output.folder)
    check_names(inputs, output, settings.span)
    journal = Journal(output.folder / journals.NAME)
    if earlier == "resume" and journal.path.exists():
        if not prune:
            refuse_loss(Journal(journal.path), header, inputs)
        journal.load(header.settings)
        if not prune:
            refuse_mixing(journal, inputs)
    restyled = describe_restyling(journal.headers, header)
    tasks = list(plan(inputs, journal, output.copies if output.draw else None))
    videos = sum(task.input.is_video for task in tasks)
    lines = [f"To annotate: {len(tasks) - videos} images and {videos} videos."]
    if earlier == "resume":
        lines += [f"{restyled}."] * bool(restyled) + [describe(tasks, len(inputs)) + "."]
    lines += [f"  {public(task.input.file)}" for task in tasks[:SHOWN]]
    return [*lines, f"  and {len(tasks) - SHOWN} more"] if len(tasks) > SHOWN else lines


def _check(journal: Journal, now: Header, inputs: Sequence[Input], copies: Path, prune: bool) -> None:
    """Raise RunError if results would be mixed; remove annotated copies that are not of the results gone on with.

    Those are of an earlier run's settings, to which this one returns, and the copies of the last run's.
    """
    if not prune:
        refuse_mixing(journal, inputs)
    if journal.headers and journal.headers[-1].settings != now.settings:
        for name in journal.entries:
            remove_copies(copies, name)


def _stopped(failures: int, most: int) -> str:
    return f"Stopped, since {failures} inputs could not be read ({most} may be so). What was done is kept"


def _first_start(journal: Journal) -> str:
    """Return when the first run with these settings began."""
    started: str = next(h.info["started"] for h in journal.headers if h.settings == journal.headers[-1].settings)
    return started


def _keep(piece: Piece, journal: Journal, copies: Path) -> None:
    """Put a piece and its annotated copies where they belong; copies of an earlier run go before an input's first."""
    name = piece.input.name
    if piece.begins:
        remove_copies(copies, name)
    for page, encoded in piece.copies:
        save_copy(copies, name, page, encoded)
    if piece.records or piece.begins or piece.ends:
        journal.add(
            name, piece.records, begins=piece.begins, ends=piece.ends, input=piece.fingerprint, again=piece.transient,
            pages_left_out=piece.pages_left_out, is_damaged=piece.is_damaged,
        )  # fmt: skip


@contextmanager
def _drawing(
    journal: Journal, settings: RunSettings, drawers: int, undrawn: Callable[[Input, str], None]
) -> Iterator[Callable[[Input], None]]:
    """Give a function that draws a video's annotated copy, if wanted, in the background; at the end all are drawn.

    Args:
        undrawn: called with a video that could not be drawn, and why.
    """
    stop, jobs, output = threading.Event(), deque[tuple[Input, Future[str]]](), settings.output

    def pictures(entry: Input) -> Iterator[Frame]:
        for frame in settings.span.frames(entry):
            if stop.is_set():
                raise InterruptedError
            yield frame

    def end_first() -> None:
        entry, job = jobs.popleft()
        if reason := job.result():
            undrawn(entry, reason)

    def draw(entry: Input) -> None:
        if output.draw:
            while jobs and jobs[0][1].done():  # an error shows now, and what it holds is free
                end_first()
            again = partial(pictures, entry)
            jobs.append((entry, pool.submit(draw_video, entry, journal, output, settings.track, again)))

    with ThreadPoolExecutor(drawers) as pool:
        try:
            yield draw
            while jobs:
                end_first()
        finally:
            stop.set()
            for _, job in jobs:
                job.cancel()
