"""Everything that a run reads: hands to train and to validate on, and places without one."""

from __future__ import annotations

from itertools import chain
from typing import NamedTuple

from handpose_cli.formats.errors import FormatError
from handpose_cli.training.data.digest import digest
from handpose_cli.training.data.negatives import find_negatives
from handpose_cli.training.data.samples import Sample, read_samples, split
from handpose_cli.training.settings import Settings


class Data(NamedTuple):
    """A run's data.

    Attributes:
        samples: hands to train on.
        held_back: hands to validate on.
        negatives: places without a hand.
        known: for "data", "val" and "negatives", by source, how many it gave and their digest.
    """

    samples: list[Sample]
    held_back: list[Sample]
    negatives: list[Sample]
    known: dict[str, dict[str, tuple[int, str]]]


def read_data(settings: Settings) -> Data:
    """Read a run's data.

    Raises:
        FormatError: if labels or images cannot be read, or there are too few hands.
    """
    data = {source: read_samples([source]) for source in dict.fromkeys(settings.data)}
    val = {source: read_samples([source]) for source in settings.val}
    samples = [sample for source in settings.data for sample in data[source]]
    held_back = _all(val)
    if not val:
        samples, held_back = split(samples, settings.val_split, settings.seed)
    if len(samples) < settings.batch_size:
        raise FormatError(f"{len(samples)} hands to train on are fewer than --batch-size {settings.batch_size}")
    negatives = {source: list(find_negatives([source], settings.seed)) for source in settings.negatives}
    read = {"data": data, "val": val, "negatives": negatives}
    known = {name: {s: (len(found), digest(found)) for s, found in sources.items()} for name, sources in read.items()}
    return Data(samples, held_back, _all(negatives), known)


def _all(by_source: dict[str, list[Sample]]) -> list[Sample]:
    return list(chain.from_iterable(by_source.values()))
