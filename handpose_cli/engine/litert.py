"""Run an exported network with LiteRT: light, quick to start, for processors."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from handpose_cli.quiet import quiet_stderr

if TYPE_CHECKING:
    from ai_edge_litert.interpreter import Interpreter

Run = Callable[[np.ndarray], dict[str, np.ndarray]]


class LiteRTNetwork:
    """A network loaded from a `.tflite` file; call it with a batch.

    `input_shape` is the shape of one input, without the batch: (height, width, channels); `output_names` a set.
    Threads that share one take turns: LiteRT keeps inputs and outputs in one place.
    """

    def __init__(self, path: Path, threads: int = 1):
        # 0.1 s, only needed once there is something to run
        from ai_edge_litert.interpreter import Interpreter

        with _load_quietly():
            self._interpreter = Interpreter(model_path=str(path), num_threads=threads)
            self._interpreter.allocate_tensors()
        if self._interpreter.get_signature_list():
            self._run, self.output_names, shape = _by_signature(self._interpreter)
        else:  # of older converters
            self._run, self.output_names, shape = _by_tensors(self._interpreter)
        self.input_shape = tuple(int(n) for n in shape[1:])
        self._turn = threading.Lock()

    def __call__(self, inputs: np.ndarray) -> dict[str, np.ndarray]:
        """Run inputs float32 [n, ...] and return each output [n, ...] by name.

        One after the other: a batch is no faster in LiteRT on a processor, and so the result does not depend on it.
        """
        with self._turn:
            results = [self._run(one[None]) for one in inputs]
        return {name: np.concatenate([result[name] for result in results]) for name in results[0]}


def _by_signature(interpreter: Interpreter) -> tuple[Run, set[str], tuple[int, ...]]:
    """Return what runs a network, the names of its outputs, and its input's shape."""
    runner = interpreter.get_signature_runner()
    ((name, details),) = runner.get_input_details().items()
    return lambda one: runner(**{name: one}), set(runner.get_output_details()), details["shape"]


def _by_tensors(interpreter: Interpreter) -> tuple[Run, set[str], tuple[int, ...]]:
    """Return the same of a network whose file has no signature; its outputs are named as their tensors."""
    (details,) = interpreter.get_input_details()
    outputs = {output["name"]: output["index"] for output in interpreter.get_output_details()}

    def run(one: np.ndarray) -> dict[str, np.ndarray]:
        interpreter.set_tensor(details["index"], one)
        interpreter.invoke()
        return {name: interpreter.get_tensor(index) for name, index in outputs.items()}

    return run, set(outputs), details["shape"]


_first_load = threading.Lock()  # taken by the first load and never given back


@contextmanager
def _load_quietly() -> Iterator[None]:
    """Keep LiteRT's note on XNNPACK, which C++ prints at the first load and has no switch for, off standard error."""
    if not _first_load.acquire(blocking=False):
        yield
        return
    with quiet_stderr():
        yield
