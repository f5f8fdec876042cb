"""Which hands a person is shown: the most doubtful ones, then some at random."""

from __future__ import annotations

import heapq
import random
from typing import NamedTuple

from handpose_cli.doubt.order import doubt
from handpose_cli.records import Hand, ImageRecord

DOUBTFUL, RANDOM = 300, 100


class Shown(NamedTuple):
    """A hand to show, ordered by its doubt; of two alike the one that came later is less.

    Attributes:
        number: how many hands came before it, less than 0 so that the first one is most.
        place: of the hand in its image or frame.
    """

    doubt: float
    number: int
    record: ImageRecord
    place: int

    @property
    def hand(self) -> Hand:
        """The hand itself."""
        return self.record.hands[self.place]


class Choice:
    """Chooses hands from a stream, keeping only those that may be shown."""

    def __init__(self, doubtful: int = DOUBTFUL, at_random: int = RANDOM, seed: int = 0):
        self._doubtful, self._at_random = doubtful, at_random
        self._most: list[Shown] = []
        self._sample: list[Shown] = []  # of all hands (Vitter, 1985, algorithm R): more, some are doubtful as well
        self._count, self._rng = 0, random.Random(seed)

    def add(self, record: ImageRecord) -> None:
        """Look at a record's hands."""
        for place, hand in enumerate(record.hands):
            shown = Shown(doubt(hand), -self._count, record, place)
            self._count += 1
            if len(self._most) < self._doubtful:
                heapq.heappush(self._most, shown)
            elif shown[:2] > self._most[0][:2]:
                heapq.heapreplace(self._most, shown)
            size = self._doubtful + self._at_random
            if len(self._sample) < size:
                self._sample.append(shown)
            elif (number := self._rng.randrange(self._count)) < size:
                self._sample[number] = shown

    def result(self) -> tuple[list[Shown], list[Shown]]:
        """Return the most doubtful hands, those first, and others at random, in the records' order."""
        most = sorted(self._most, reverse=True)
        taken = {shown.number for shown in most}
        others = [shown for shown in self._sample if shown.number not in taken]
        self._rng.shuffle(others)
        return most, sorted(others[: self._at_random], key=lambda shown: -shown.number)
