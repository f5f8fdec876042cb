"""What `fit` needs to know of the kind of network that a preset names."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol

import keras

from handpose_cli.networks.ssd.presets import DETECTORS
from handpose_cli.training.data.digest import Known
from handpose_cli.training.settings import Settings


class TaskData(Protocol):
    """A run's data.

    Attributes:
        known: what was read, see `data.digest`.
        trained, held: how many are trained on, and validated on.
        shared: how many of the images to validate on are trained on too, and how many there are.
    """

    @property
    def known(self) -> Known: ...

    @property
    def trained(self) -> int: ...

    @property
    def held(self) -> int: ...

    @property
    def shared(self) -> tuple[int, int]: ...

    def described(self) -> str:
        """Return what there is, in a line."""


class Batches(Protocol):
    """A training set without end, see `data.dataset.RandomCrops`."""

    first_batch: int
    batches_a_pass: int
    failure: Exception | None

    def __getitem__(self, index: int) -> tuple[Any, Any]: ...


class Task(Protocol):
    """A kind of network.

    Attributes:
        monitor: what of the log says which epoch is best; larger is better.
        batch_of: what a batch holds, in plural.
    """

    monitor: str
    batch_of: str

    def read(self, settings: Settings) -> Any:
        """Return a run's `TaskData`; raise FormatError if labels or images cannot be read, or are too few."""

    def build(self, settings: Settings) -> keras.Model:
        """Return the network, with the weights that it starts from; raise WeightsError if these are not its own."""

    def freeze(self, model: keras.Model, learns: str) -> None:
        """Choose which layers learn."""

    def losses(self, model: keras.Model, settings: Settings) -> tuple[dict[str, Any], dict[str, float]]:
        """Return the loss of each output, and its weight."""

    def batches(self, data: Any, model: keras.Model, settings: Settings) -> Any:
        """Return the training set."""

    def validation(self, data: Any, settings: Settings) -> keras.callbacks.Callback:
        """Return what adds figures to the log after each epoch, `monitor` among them."""

    def deliver(self, run: Path, data: Any, forms: Sequence[str], report: Callable[[str], None]) -> None:
        """Export the best weights, and write their contract and card."""


def task_of(preset: str) -> Task:
    """Return what a preset's network is trained with."""
    if preset in DETECTORS:
        from handpose_cli.training.detection.task import DetectionTask

        return DetectionTask()
    from handpose_cli.training.keypoints import KeypointTask

    return KeypointTask()
