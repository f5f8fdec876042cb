"""What a worker of a cluster does: load the networks once in its process, then one unit of work after the other."""

from __future__ import annotations

import socket
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any, NamedTuple

from handpose_cli.allocation import keep_freed_memory
from handpose_cli.annotator.settings import Networks
from handpose_cli.media.damage import listening
from handpose_cli.quiet import set_up_libraries, silence_pillow


class RefusedError(Exception):
    """This worker may not take part; the message says which it is, and why."""


class Job(NamedTuple):
    """What all units of a run have in common.

    Attributes:
        work: what to do with a unit, given the networks.
        load: loads the networks.
        refusal: returns what this worker has that does not go with the others, in a line; "": nothing.
    """

    work: Callable[[Any, Networks], Any]
    load: Callable[[], Networks]
    refusal: Callable[[], str]


_listening = ExitStack()  # to the process's end
_current: dict[str, tuple[Job, Networks]] = {}  # by the job's number; a process works for one driver


def do_unit(number: str, get_job: Callable[[], Job], unit: Any) -> Any:
    """Do a unit of a job.

    Raises:
        RefusedError: if this worker may not take part; the message says why.
    """
    if number not in _current:
        set_up_libraries()
        silence_pillow()
        keep_freed_memory()
        job = get_job()
        if reason := job.refusal():
            raise RefusedError(f"A worker on {socket.gethostname()} has {reason}")
        import cv2

        cv2.setNumThreads(1)  # there are as many workers as processors
        _listening.enter_context(listening())
        _current.clear()
        _current[number] = job, job.load()
    job, networks = _current[number]
    return job.work(unit, networks)
