"""What a run is divided into: units of work, each of which is done by itself."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import groupby, islice
from typing import NamedTuple, TypeVar

from handpose_cli.media.frames import Frame
from handpose_cli.media.inputs import Input
from handpose_cli.media.stretch import Stretch
from handpose_cli.runs.fingerprint import Fingerprint, identify
from handpose_cli.runs.plan import Task
from handpose_cli.runs.settings import Span
from handpose_cli.tracking.follow import DETECT_EVERY

T = TypeVar("T")
MOST_BYTES = 8 * 2**20  # of the still images in a batch of several
LONG_BYTES = 16 * 2**20  # of a video that may be worth being divided
STRETCH = 512  # frames of a video that are decoded for a part of it, at least; a multiple of `DETECT_EVERY`


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


class Part(NamedTuple):
    """A video, or a stretch of one, or a file with pages, that who works on it opens; small, so that it can be sent.

    Attributes:
        done: how many frames are annotated before it.
        stretch: which frames it has; None: all behind `done`.
        begins, ends: whether it is the file's first part, and its last.
    """

    input: Input
    done: int
    stretch: Stretch | None
    begins: bool
    ends: bool


def units_of(tasks: Iterable[Task], span: Span, track: bool, batch_size: int) -> Iterator[Stills | Chunk]:
    """Yield what threads work on: some stills, or some frames of one video; at its end a chunk without frames."""
    for many, group in groupby(tasks, lambda task: span.has_many(task.input)):
        if not many:
            yield from _stills((task.input for task in group), batch_size)
            continue
        for task in group:
            begins = task.done == 0
            known = identify(task.input) if begins else None
            size = DETECT_EVERY if track and task.input.is_video else batch_size
            for chunk in batches(span.frames(task.input, task.done), size):
                yield Chunk(task.input, chunk, begins, False, known)
                begins = False
            yield Chunk(task.input, [], begins, True, known)


def parts_of(
    tasks: Iterable[Task], span: Span, batch_size: int, divide: Callable[[Input], list[Stretch]]
) -> Iterator[Stills | Part]:
    """Yield what other processes work on, who open the files themselves: some stills, a video or a stretch of one.

    Args:
        divide: returns the stretches of a long video, none if it is not worth it; asked of large ones alone.
    """
    for many, group in groupby(tasks, lambda task: span.may_have_many(task.input)):
        if not many:
            yield from _stills((task.input for task in group), batch_size)
            continue
        for task in group:
            entry = task.input
            stretches = divide(entry) if entry.is_video and size_of(entry) > LONG_BYTES else []
            if len(stretches) < 2:
                yield Part(entry, task.done, None, task.done == 0, True)
                continue
            before = 0
            for number, stretch in enumerate(stretches):
                left = stretch.without(task.done - before)
                begins, ends = number == 0 and not task.done, number == len(stretches) - 1
                yield Part(entry, max(before, task.done), left, begins, ends)
                before += len(stretch.chosen)


def divided(unit: Stills | Part) -> list[Stills]:
    """Return stills each by itself, to find out which one ends its worker; none if there is only one."""
    return [Stills([entry]) for entry in unit.inputs] if isinstance(unit, Stills) and len(unit.inputs) > 1 else []


def size_of(entry: Input) -> int:
    """Return a file's size in bytes; 0 if it is not known, which reading it will report."""
    if entry.is_remote:
        return entry.version.size if entry.version is not None else 0
    try:
        return entry.path.stat().st_size
    except OSError:
        return 0


def _stills(inputs: Iterable[Input], batch_size: int) -> Iterator[Stills]:
    """Yield still images in batches, smaller ones of large files: a batch's pictures are in memory at the same time."""
    batch: list[Input] = []
    size = 0
    for entry in inputs:
        own = size_of(entry)
        if batch and (len(batch) == batch_size or size + own > MOST_BYTES):
            yield Stills(batch)
            batch, size = [], 0
        batch.append(entry)
        size += own
    if batch:
        yield Stills(batch)


def batches(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """Yield lists of so many items."""
    source = iter(items)
    while batch := list(islice(source, size)):
        yield batch
