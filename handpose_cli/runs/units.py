"""What a run is divided into: units of work that threads take, each by itself."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby, islice
from typing import NamedTuple, TypeVar

from handpose_cli.media.discover import Input
from handpose_cli.media.frames import Frame
from handpose_cli.runs.fingerprint import Fingerprint, fingerprint
from handpose_cli.runs.plan import Task
from handpose_cli.runs.settings import Span
from handpose_cli.tracking.follow import DETECT_EVERY

T = TypeVar("T")
MOST_BYTES = 8 * 2**20  # of the still images in a batch of several


class Stills(NamedTuple):
    """Still images to annotate together."""

    inputs: list[Input]


class Chunk(NamedTuple):
    """Successive frames of a video or pages of a file to annotate together, and what it is, if they are its first."""

    input: Input
    frames: list[Frame]
    begins: bool
    ends: bool
    fingerprint: Fingerprint | None


def units_of(tasks: Iterable[Task], span: Span, track: bool, batch_size: int) -> Iterator[Stills | Chunk]:
    """Yield what threads work on: some stills, or some frames of one video; at its end a chunk without frames."""
    for many, group in groupby(tasks, lambda task: span.has_many(task.input)):
        if not many:
            yield from _stills((task.input for task in group), batch_size)
            continue
        for task in group:
            begins = task.done == 0
            known = fingerprint(task.input.path) if begins else None
            size = DETECT_EVERY if track and task.input.is_video else batch_size
            for chunk in _batches(span.frames(task.input, task.done), size):
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
        except OSError:  # reading it will report that
            own = 0
        if batch and (len(batch) == batch_size or size + own > MOST_BYTES):
            yield Stills(batch)
            batch, size = [], 0
        batch.append(entry)
        size += own
    if batch:
        yield Stills(batch)


def _batches(items: Iterable[T], size: int) -> Iterator[list[T]]:
    source = iter(items)
    while batch := list(islice(source, size)):
        yield batch
