"""Work on several threads, each with networks of its own, and results in order."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from handpose_cli.annotator.settings import Networks

T = TypeVar("T")
Unit = TypeVar("Unit")


def run(
    units: Iterable[Unit], work: Callable[[Unit, Networks], T], load: Callable[[], Networks], threads: int
) -> Iterator[T]:
    """Call `work` on units of work on several threads and yield its results in the units' order.

    Args:
        work: what to do with a unit, given the networks.
        load: loads the networks; called once in each thread, since an interpreter serves one thread at a time.
        threads: how many threads work. At most twice as many units wait, so memory stays bounded.
    """
    own = threading.local()

    def on_thread(unit: Unit) -> T:
        if not hasattr(own, "networks"):
            own.networks = load()
        return work(unit, own.networks)

    waiting: deque[Future[T]] = deque()
    with ThreadPoolExecutor(threads) as pool:
        try:
            for unit in units:
                waiting.append(pool.submit(on_thread, unit))
                if len(waiting) > 2 * threads:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:  # on an error or Ctrl-C, do not do what waits
            for future in waiting:
                future.cancel()
