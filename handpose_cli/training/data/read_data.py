"""Everything that a run reads: hands to train and to validate on, and places without one."""

from __future__ import annotations

from itertools import chain
from typing import NamedTuple

from handpose_cli.formats.errors import FormatError
from handpose_cli.training.data.negatives import find_negatives
from handpose_cli.training.data.samples import Sample, read_samples, split
from handpose_cli.training.settings import Settings


class Data(NamedTuple):
    """A run's data.

    Attributes:
        samples: hands to train on.
        held_back: hands to validate on.
        negatives: places without a hand.
        counts: for `Settings.data`, `val` and `negatives`, how many each source gave.
    """

    samples: list[Sample]
    held_back: list[Sample]
    negatives: list[Sample]
    counts: tuple[dict[str, int], dict[str, int], dict[str, int]]

    @property
    def trained(self) -> int:
        """How many hands are trained on."""
        return len(self.samples)

    @property
    def held(self) -> int:
        """How many are validated on."""
        return len(self.held_back)

    def described(self) -> str:
        """Return what there is, in a line."""
        return f"{self.trained} hands to train on, {self.held} to validate on, {len(self.negatives)} places without"


def read_data(settings: Settings) -> Data:
    """Read a run's data.

    Raises:
        FormatError: if labels or images cannot be read, or there are too few hands.
    """
    options = settings.read_options
    data = {source: read_samples([source], options) for source in dict.fromkeys(settings.data)}
    val = {source: read_samples([source], options) for source in settings.val}
    samples = [sample for source in settings.data for sample in data[source]]
    held_back = _all(val)
    if not val:
        samples, held_back = split(samples, settings.val_split, settings.seed)
    if len(samples) < settings.batch_size:
        raise FormatError(f"{len(samples)} hands to train on are fewer than --batch-size {settings.batch_size}")
    negatives = {source: list(find_negatives([source], settings.seed, options)) for source in settings.negatives}
    return Data(samples, held_back, _all(negatives), (_counts(data), _counts(val), _counts(negatives)))


def _all(by_source: dict[str, list[Sample]]) -> list[Sample]:
    return list(chain.from_iterable(by_source.values()))


def _counts(by_source: dict[str, list[Sample]]) -> dict[str, int]:
    return {source: len(samples) for source, samples in by_source.items()}
