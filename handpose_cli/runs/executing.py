"""How a run's tasks are done: on threads here, or on a cluster. Either way the results are the same, in order."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import chain
from typing import Any

from handpose_cli.annotator.settings import Networks
from handpose_cli.media.errors import UnreadableError
from handpose_cli.media.inputs import Input
from handpose_cli.media.remote import fetched
from handpose_cli.media.stretch import Stretch
from handpose_cli.runs import units as run_units  # `units` are a run's here
from handpose_cli.runs.errors import RunError
from handpose_cli.runs.executors.ray import Cluster
from handpose_cli.runs.executors.threads import run
from handpose_cli.runs.executors.worker import Job
from handpose_cli.runs.header import software
from handpose_cli.runs.plan import Task, describe_change
from handpose_cli.runs.settings import RunSettings, Span
from handpose_cli.runs.units import divided, parts_of, units_of
from handpose_cli.runs.work import Piece, annotate_unit, instead, lost
from handpose_cli.tracking.follow import DETECT_EVERY

Execute = Callable[[Iterable[Task]], Iterator[Piece]]


def on_threads(settings: RunSettings, load: Callable[[], Networks], batch_size: int, threads: int) -> Execute:
    """Return what does tasks on so many threads.

    Args:
        load: loads the networks, once in each thread.
        batch_size: stills, or a video's frames if hands are not tracked, that are annotated together.
    """
    work = partial(annotate_unit, settings=settings, batch_size=batch_size)

    def execute(tasks: Iterable[Task]) -> Iterator[Piece]:
        units = units_of(tasks, settings.span, settings.track.track, batch_size)
        return chain.from_iterable(run(units, work, load, threads))

    return execute


def on_cluster(cluster: Cluster, settings: RunSettings, load: Callable[[], Networks], batch_size: int) -> Execute:
    """Return what does tasks on a Ray cluster, see `on_threads`; `load` is called in each process there.

    What it returns raises RunError if workers have other software than this process, or cannot read the inputs.
    """
    work = partial(annotate_unit, settings=settings, batch_size=batch_size)
    job = Job(work, load, partial(_refusal, software(settings), settings))

    def divide(entry: Input) -> list[Stretch]:
        return cluster.call(_divide, entry, settings.span, run_units.STRETCH) or []

    def execute(tasks: Iterable[Task]) -> Iterator[Piece]:
        tasks = list(tasks)
        if any(task.input.file.startswith("memory:") for task in tasks):
            raise RunError("memory:// is this process's own: a cluster's workers cannot read it.")
        units = parts_of(tasks, settings.span, batch_size, divide)
        results: Iterator[list[Piece]] = cluster.run(units, job, lost, divided, instead)
        yield from chain.from_iterable(results)
        cluster.leave()

    return execute


def _divide(entry: Input, span: Span, least: int) -> list[Stretch]:
    try:
        with fetched(entry, keep=True) as path:
            from handpose_cli.media.stretches import divide_video  # brings PyAV

            return divide_video(path, span.every, span.start, span.end, least, DETECT_EVERY)
    except UnreadableError:  # reading it will report that
        return []


def _refusal(expected: dict[str, Any], settings: RunSettings) -> str:
    """Return in which software this process differs from what is expected; "" if it does not."""
    own = software(settings)
    return "" if own == expected else f"other software than here: {describe_change(expected, own)}."
