"""Progress on standard error: a bar on a terminal, else a plain line now and then."""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import click

from handpose_cli.records import ImageRecord
from handpose_cli.runs.report import Report

LINE_EVERY = 10.0  # seconds
_CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")

Show = Callable[[ImageRecord], None]


@contextmanager
def progress(report: Report, quiet: bool = False, where: Callable[[], str] = str) -> Iterator[Show]:
    """Give a function to call with each record when the report has counted it; it prints failures, unless `quiet`.

    Args:
        where: says on what is worked, such as on how many machines; "": nothing worth saying.
    """
    if quiet:
        yield lambda record: None
    elif sys.stderr.isatty():
        with _bar(report, where) as show:
            yield show
    else:
        yield _lines(report, where)


def failure_line(record: ImageRecord) -> str:
    """Return a line on what failed; names may have line ends, or what terminals take for orders."""
    return _CONTROLS.sub(lambda found: repr(found[0])[1:-1], f"{record.file}: {record.failure}")


def _lines(report: Report, where: Callable[[], str]) -> Show:
    last = time.monotonic()

    def show(record: ImageRecord) -> None:
        nonlocal last
        if record.failure is not None:
            click.echo(failure_line(record), err=True)
        if time.monotonic() - last >= LINE_EVERY:
            last = time.monotonic()
            counts = f"{report.inputs}/{report.total} inputs, {report.hands} hands, {report.rate:.1f} images/s"
            click.echo(", ".join(filter(None, [counts, where()])), err=True)

    return show


@contextmanager
def _bar(report: Report, where: Callable[[], str]) -> Iterator[Show]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("[progress.description]{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]:.1f} images/s"),
        TextColumn("{task.fields[where]}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task("Annotating", total=report.total, rate=0.0, where=where())

        def show(record: ImageRecord) -> None:
            if record.failure is not None:
                bar.console.print(failure_line(record), markup=False, highlight=False)
            bar.update(task, completed=report.inputs, rate=report.rate, where=where())

        yield show
        bar.update(task, completed=report.total)
