"""Batches made ahead of their use, on several threads, always in the same order."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import keras

AHEAD = 3  # batches for each thread


class Prefetch(keras.utils.PyDataset):
    """The endless batches of another data set, made ahead.

    Keras's own `workers` serve all iterators from one queue, so that batches go missing where it makes two: a resumed
    run, or one on several GPUs, would see others than an undisturbed one.
    """

    def __init__(self, batches: keras.utils.PyDataset, workers: int):
        super().__init__()
        self.batches, self.ahead = batches, AHEAD * workers
        self.pool = ThreadPoolExecutor(workers)
        self.waiting: dict[int, Future[Any]] = {}

    @property
    def num_batches(self) -> None:
        """Without end, in Keras's terms."""

    def __getitem__(self, index: int) -> Any:
        for number in range(index, index + self.ahead):
            if number not in self.waiting:
                self.waiting[number] = self.pool.submit(self.batches.__getitem__, number)
        return self.waiting.pop(index).result()

    def close(self) -> None:
        """Stop making batches."""
        self.pool.shutdown(cancel_futures=True)
