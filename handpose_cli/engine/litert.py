"""Run an exported network with LiteRT: light, quick to start, for processors."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from handpose_cli.quiet import quiet_stderr


class LiteRTNetwork:
    """A network loaded from a `.tflite` file; call it with a batch.

    `input_shape` is the shape of one input, without the batch: (height, width, channels); `output_names` a set.
    """

    def __init__(self, path: Path, threads: int = 1):
        # 0.1 s, only needed once there is something to run
        from ai_edge_litert.interpreter import Interpreter

        with _load_quietly():
            self._interpreter = Interpreter(model_path=str(path), num_threads=threads)
            self._interpreter.allocate_tensors()
        self._run = self._interpreter.get_signature_runner()
        (self._input,) = self._run.get_input_details()
        self.output_names = set(self._run.get_output_details())
        self.input_shape = tuple(int(n) for n in self._run.get_input_details()[self._input]["shape"][1:])

    def __call__(self, inputs: np.ndarray) -> dict[str, np.ndarray]:
        """Run inputs float32 [n, ...] and return each output [n, ...] by name.

        One after the other: a batch is no faster in LiteRT on a processor, and so the result does not depend on it.
        """
        results = [self._run(**{self._input: one[None]}) for one in inputs]
        return {name: np.concatenate([result[name] for result in results]) for name in results[0]}


_first_load = threading.Lock()  # taken by the first load and never given back


@contextmanager
def _load_quietly() -> Iterator[None]:
    """Keep LiteRT's note on XNNPACK, which C++ prints at the first load and has no switch for, off standard error."""
    if not _first_load.acquire(blocking=False):
        yield
        return
    with quiet_stderr():
        yield
