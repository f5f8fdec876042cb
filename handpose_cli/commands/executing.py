"""What does the work of `handpose predict`: threads, or a cluster."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from handpose_cli.annotator.settings import Networks
    from handpose_cli.runs.executing import Execute
    from handpose_cli.runs.settings import RunSettings


@contextmanager
def executing(
    settings: RunSettings, batch_size: int, threads: int | None, cluster: str | None
) -> Iterator[tuple[Execute, Callable[[], str]]]:
    """Give what does tasks, and what says where it does."""
    from handpose_cli.media.damage import listening
    from handpose_cli.processors import processors
    from handpose_cli.runs.executing import on_cluster, on_threads

    load = partial(_load, settings)
    keras = settings.networks.engine == "keras"
    if cluster is not None:
        from handpose_cli.runs.executors.ray import connected

        if not keras:
            load()
        with connected(cluster, threads, gpu=keras) as there:
            yield on_cluster(there, settings, load, batch_size), there.__str__
        return
    networks = load()
    # with Keras one copy, whose turns the threads take
    with listening():
        yield on_threads(settings, (lambda: networks) if keras else load, batch_size, threads or processors()), str


def drawers(cluster: str | None) -> int:
    """Return how many videos to draw at a time here: one beside this machine's workers, else one a processor."""
    from handpose_cli.processors import processors
    from handpose_cli.runs.executors.ray import LOCAL

    return 1 if cluster in (None, LOCAL) else processors()


def _load(settings: RunSettings) -> Networks:
    from handpose_cli.api import Annotator

    return Annotator.load(settings.networks.weights, settings.detector_name, settings.networks.engine).networks
