"""Work on a Ray cluster: units of work go out as Ray's tasks, and results come back in order.

Tasks and not actors: Ray gives a task to any machine that is free, and keeps its process, with the networks, for the
next one; an actor whose machine is gone waits until there is place for it elsewhere, and so does its work. Nor Ray
Data, which has no count of how often a piece of work has ended its worker.
"""

from __future__ import annotations

import os
import secrets
import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, TypeVar

from handpose_cli.processors import processors
from handpose_cli.quiet import quiet_stderr
from handpose_cli.runs.errors import RunError
from handpose_cli.runs.executors.worker import Job, RefusedError, do_unit

T = TypeVar("T")

INSTALL = "pip install 'handpose-cli[ray]'"
LOCAL, AUTO = "local", "auto"
MOST_DEATHS = 3  # of workers, until a unit is given up
_MOST_LOSSES = 10  # of machines, which are seldom the unit's fault
_WAIT = 5.0  # seconds to reach a cluster, and between looks at its size
# how a client of HTTP/2 begins, as gRPC's do: the preface, and settings, which the server answers with its own
_HELLO = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes([0, 0, 0, 4, 0, 0, 0, 0, 0])


@dataclass(eq=False)
class _Slot:
    """A unit on its way, and then its result."""

    unit: Any
    deaths: int = 0
    losses: int = 0
    done: bool = False
    result: Any = None


@dataclass
class Cluster:
    """A cluster that this process is connected to.

    Attributes:
        workers: the most units at a time; None: one for each processor, or with `gpu` for each GPU.
        gpu: whether each worker needs a GPU of its own.
        seen: processes that have worked, by machine.
        leave: begins to end this process's workers, in the background: nothing more is to be done.
    """

    workers: int | None = None
    gpu: bool = False
    seen: dict[str, set[int]] = field(default_factory=dict)
    leave: Callable[[], None] = lambda: None
    _size: tuple[float, int] = (0.0, 0)  # when it was looked at, and what it was

    def __str__(self) -> str:
        """Say how large it is, as far as it has worked."""
        nodes, workers = len(self.seen), sum(map(len, self.seen.values()))
        return f"{nodes} node{'s' * (nodes != 1)}, {workers} worker{'s' * (workers != 1)}"

    def size(self) -> int:
        """Return how many units can be worked on at a time."""
        import ray

        looked, size = self._size
        if time.monotonic() - looked > _WAIT or not looked:
            alive = {node["NodeID"] for node in ray.nodes() if node["Alive"]}
            self.seen = {node: processes for node, processes in self.seen.items() if node in alive}
            size = int(ray.cluster_resources().get("GPU" if self.gpu else "CPU", 0))
            self._size = time.monotonic(), size
        return max(1, min(size, self.workers or size))

    def call(self, work: Callable[..., T], *arguments: Any) -> T | None:
        """Return what a function returns that is called on the cluster; None if its worker dies."""
        import ray

        try:
            result: T = ray.get(ray.remote(num_cpus=0, max_retries=1)(work).remote(*arguments))
            return result
        except ray.exceptions.RayTaskError as error:
            raise error.cause from None
        except ray.exceptions.RayError:
            return None

    def run(
        self,
        units: Iterable[Any],
        job: Job,
        lost: Callable[[Any, str], T],
        divided: Callable[[Any], Sequence[Any]],
        instead: Callable[[Any, T], Sequence[Any]],
    ) -> Iterator[T]:
        """Do units and yield the results in the units' order.

        At most twice as many units as there are workers are out, and four times as many are not yielded yet. A unit
        whose worker dies goes out again; one that has ended its worker `MOST_DEATHS` times is divided, or given up.

        Args:
            lost: returns the result of a unit that is given up, for a reason.
            divided: returns the units that a unit consists of; none if it cannot be divided.
            instead: returns, given a unit and its result, the units that take their place; none if it stands.
        """
        import ray

        number, shared = secrets.token_hex(8), [ray.put(job)]  # in a list, so that it is sent once to each process
        task = ray.remote(max_retries=0, max_calls=0, **({"num_gpus": 1} if self.gpu else {"num_cpus": 1}))(_task)
        source, order = iter(units), deque[_Slot]()
        out: dict[Any, _Slot] = {}

        def send(slot: _Slot) -> None:
            out[task.remote(number, shared, slot.unit)] = slot

        def replace(slot: _Slot, others: Sequence[Any]) -> None:
            at = order.index(slot)
            del order[at]
            for each in reversed([_Slot(unit) for unit in others]):
                order.insert(at, each)
                send(each)

        def again(slot: _Slot, reason: str, times: int, most: int) -> None:
            """Send a unit whose worker died out again; after the last time divide it, or give it up."""
            if times < most:
                send(slot)
            elif others := divided(slot.unit):
                replace(slot, others)
            else:
                slot.result, slot.done = lost(slot.unit, f"ended its worker {times} times: {reason}"), True

        def settle(reference: Any) -> None:
            slot = out.pop(reference)
            try:
                node, process, slot.result = ray.get(reference)
            except ray.exceptions.RayTaskError as error:
                raise _reason(error) from None
            except (ray.exceptions.NodeDiedError, ray.exceptions.ObjectLostError):
                slot.losses += 1
                again(slot, "its machine was lost", slot.losses, _MOST_LOSSES)
            except ray.exceptions.RayError as error:
                slot.deaths += 1
                memory = isinstance(error, ray.exceptions.OutOfMemoryError)
                again(slot, "for want of memory" if memory else "it crashed or was killed", slot.deaths, MOST_DEATHS)
            else:
                slot.done = True
                self.seen.setdefault(node, set()).add(process)
                if others := instead(slot.unit, slot.result):
                    replace(slot, others)

        while True:
            size = self.size()
            most = size if self.workers else 2 * size
            for unit in islice(source, max(0, min(most - len(out), 4 * size - len(order)))):
                order.append(_Slot(unit))
                send(order[-1])
            if not order:
                return
            for reference in ray.wait(list(out), num_returns=1, timeout=_WAIT)[0]:
                settle(reference)
            while order and order[0].done:
                yield order.popleft().result


def _task(number: str, shared: list[Any], unit: Any) -> tuple[str, int, Any]:
    import ray

    result = do_unit(number, lambda: ray.get(shared[0]), unit)
    return ray.get_runtime_context().get_node_id(), os.getpid(), result


def _reason(error: Any) -> BaseException:
    """Return what a unit raised, or a RunError where the worker may not take part or has no handpose."""
    cause: BaseException = error.cause
    if isinstance(cause, RefusedError):
        return RunError(str(cause))
    if isinstance(cause, ModuleNotFoundError) or "failed to import" in str(cause):
        return RunError(f"A worker has no handpose, or not all it needs. On each machine: {INSTALL}")
    return cause


@contextmanager
def connected(where: str, workers: int | None = None, gpu: bool = False) -> Iterator[Cluster]:
    """Connect to a Ray cluster, or make one of this machine; at the end, its workers for this process end.

    So does what they were at, after an error or Ctrl-C. (It is not cancelled: Ray 2.60 aborts this process when a
    cancelled task's answer comes after all.)

    Args:
        where: `LOCAL`, `AUTO` (the one that runs on this machine) or an address, HOST:PORT or ray://HOST:PORT.
        workers: see `Cluster`.
        gpu: whether each worker gets a GPU of its own, if there are any.

    Raises:
        RunError: if Ray is not installed, or the cluster is not there.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nothing is reported to anyone
    # what Ray says of workers that died would come on standard output; it is read when Ray is imported
    os.environ.setdefault("RAY_DEDUP_LOGS_SKIP_REGEX", ".")
    try:
        import ray
    except ImportError as error:
        raise RunError(f"A cluster needs Ray, which is not installed. Install it with: {INSTALL}") from error
    quiet: Any = {"log_to_driver": False, "logging_level": "CRITICAL"}
    if where == LOCAL:
        try:
            ray.init(num_cpus=workers or processors(), include_dashboard=False, **quiet)
        except (RuntimeError, ValueError, OSError) as error:
            raise RunError(
                f"No Ray cluster can be made of this machine: {_first_line(error)}. Ray writes in the home folder "
                "(HOME) and in /tmp/ray, or RAY_TMPDIR; without --cluster none is needed"
            ) from error
    else:
        if where != AUTO:
            _check_reachable(where)
        try:
            with quiet_stderr():  # where Ray's C++ complains on its own while it tries
                ray.init(address=where, **quiet)
        except (ConnectionError, RuntimeError, ValueError, OSError) as error:
            if where == AUTO and isinstance(error, ConnectionError):
                raise RunError("No Ray cluster runs on this machine. Begin one with: ray start --head") from error
            raise RunError(
                f"The Ray cluster at {where} cannot be used: {_first_line(error)}. If it asks for a token, as those of "
                "ray start do, this process needs it too: RAY_AUTH_MODE=token, and RAY_AUTH_TOKEN_PATH."
            ) from error
    # results can be written meanwhile
    leaving = threading.Thread(target=_end_local if where == LOCAL else ray.shutdown)
    try:
        has_gpus = ray.cluster_resources().get("GPU", 0) >= 1
        yield Cluster(None if where == LOCAL else workers, gpu and has_gpus, leave=leaving.start)
    finally:
        if leaving.ident is None:
            leaving.start()
        leaving.join()


def _end_local() -> None:
    """End the cluster that was made of this machine."""
    import psutil  # comes with Ray
    import ray

    # Ray waits a second for its autoscaler to end, which has nothing to end here
    for child in psutil.Process().children():
        with suppress(psutil.Error):
            if any("/ray/autoscaler/" in word for word in child.cmdline()):
                child.kill()
    ray.shutdown()


def _check_reachable(address: str) -> None:
    """Raise RunError unless something like Ray answers at an address; Ray itself would try for minutes."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if not host or not port.isdecimal():
        raise RunError(f"{address} is no address of a cluster: give local, auto or HOST:PORT.")
    try:
        with socket.create_connection((host.strip("[]"), int(port)), _WAIT) as connection:
            if os.environ.get("RAY_USE_TLS", "0").lower() in ("1", "true"):
                return
            connection.sendall(_HELLO)
            answer = connection.makefile("rb").read(4)
    except OSError as error:
        raise RunError(f"There is no Ray cluster at {address}: {error.strerror or error}.") from error
    if answer[3:] != b"\x04":  # the kind of a frame of settings
        raise RunError(f"There is no Ray cluster at {address}: what listens there is something else.")


def _first_line(error: Exception) -> str:
    return " ".join(str(error).split())[:200].rstrip(".")
