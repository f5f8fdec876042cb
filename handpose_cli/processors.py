"""How many processors this process may use: those it is bound to, or fewer where a container's quota is less."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path, PurePosixPath

# by which libraries know, as they are imported, how many threads they may have: OpenCV, NumPy and Arrow, TensorFlow
_THREADS = (
    *("OPENCV_FOR_THREADS_NUM", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"),
    *("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"),
)


def processors() -> int:
    """Return how many processors this process may use."""
    return math.ceil(min(_bound_to(), quota()))


def threads_for_libraries() -> int:
    """Return how many threads libraries may have, which do not know of quotas; 0: as many as they like."""
    return processors() if quota() < _bound_to() else 0


def keep_libraries_within_quota() -> None:
    """Have libraries that are not imported yet take no more threads than that, unless a user has set them."""
    if threads := threads_for_libraries():
        for name in _THREADS:
            os.environ.setdefault(name, str(threads))


def _bound_to() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def quota(root: Path = Path("/")) -> float:
    """Return how many processors' time Linux's control groups leave this process; infinity if they do not limit it.

    That is the least of its own group and those above: of `docker run --cpus 2`, a Kubernetes limit, a systemd slice.
    In a container that knows its group by the host's name for it, the group is what is mounted.

    Args:
        root: what /proc and /sys are in.
    """
    least = math.inf
    for folder in _groups(root):
        with suppress(OSError, ValueError):  # there is no such group here, or it says "max"
            whole = folder / "cpu.max"
            parts = [whole] if whole.exists() else [folder / f"cpu.cfs_{name}_us" for name in ("quota", "period")]
            time, period = map(int, " ".join(part.read_text() for part in parts).split())
            if time > 0 and period > 0:
                least = min(least, time / period)
    return least


def _groups(root: Path) -> Iterator[Path]:
    """Yield where this process's control groups, and those above, may limit processors: of both versions."""
    try:
        lines = os.fsdecode((root / "proc/self/cgroup").read_bytes()).splitlines()
    except OSError:
        return
    for line in lines:
        if line.count(":") < 2:
            continue
        _, controllers, name = line.split(":", 2)
        if controllers and "cpu" not in controllers.split(","):
            continue
        group = PurePosixPath(name.lstrip("/"))
        for mount in ("cpu", controllers) if controllers else ("", "unified"):
            for each in (group, *group.parents):
                yield root / "sys/fs/cgroup" / mount / each
