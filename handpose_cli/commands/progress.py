"""Progress on standard error: a bar on a terminal, else a plain line now and then."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import click

from handpose_cli.records import ImageRecord
from handpose_cli.runs.counts import Counts

LINE_EVERY = 10.0  # seconds

Show = Callable[[ImageRecord, Counts], None]


@contextmanager
def progress(total: int, quiet: bool = False) -> Iterator[Show]:
    """Give a function to call with each record and the counts; failures are told at once, unless `quiet`."""
    if quiet:
        yield lambda record, counts: None
    elif sys.stderr.isatty():
        with _bar(total) as show:
            yield show
    else:
        yield _lines(total)


def failure_line(record: ImageRecord) -> str:
    return f"{record.file}: {record.failure}"


def _lines(total: int) -> Show:
    last = time.monotonic()

    def show(record: ImageRecord, counts: Counts) -> None:
        nonlocal last
        if record.failure is not None:
            click.echo(failure_line(record), err=True)
        if time.monotonic() - last >= LINE_EVERY:
            last = time.monotonic()
            rate = counts.images / max(counts.seconds, 1e-9)
            click.echo(f"{counts.inputs}/{total} inputs, {counts.hands} hands, {rate:.1f} images/s", err=True)

    return show


@contextmanager
def _bar(total: int) -> Iterator[Show]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("[progress.description]{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]:.1f} images/s"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task("Annotating", total=total, rate=0.0)

        def show(record: ImageRecord, counts: Counts) -> None:
            if record.failure is not None:
                bar.console.print(failure_line(record), markup=False, highlight=False)
            bar.update(task, completed=counts.inputs, rate=counts.images / max(counts.seconds, 1e-9))

        yield show
        bar.update(task, completed=total)
