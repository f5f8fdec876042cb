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
    """Chooses hands from a stream, keeping only those that may be shown.

    Of a video's track, or of hands without one, only the most doubtful of each second counts among the doubtful ones:
    its neighbours look the same.
    """

    def __init__(self, doubtful: int = DOUBTFUL, at_random: int = RANDOM, seed: int = 0):
        self._doubtful, self._at_random = doubtful, at_random
        self._most: list[Shown] = []
        self._second: dict[tuple[str, int | None, int], Shown] = {}  # of the video that passes, by file, track, second
        self._sample: list[Shown] = []  # of all hands (Vitter, 1985, algorithm R): more, since some are doubtful too
        self._count, self._rng = 0, random.Random(seed)

    def add(self, record: ImageRecord) -> None:
        """Look at a record's hands."""
        second = -1 if record.frame is None or record.time is None else int(record.time)
        for key in [key for key in self._second if (key[0], key[2]) != (record.file, second)]:
            self._push(self._second.pop(key))
        for place, hand in enumerate(record.hands):
            shown = Shown(doubt(hand), -self._count, record, place)
            self._count += 1
            if second >= 0:
                key = record.file, hand.track_id, second
                self._second[key] = max(shown, self._second.get(key, shown), key=lambda one: one[:2])
            else:
                self._push(shown)
            size = self._doubtful + self._at_random
            if len(self._sample) < size:
                self._sample.append(shown)
            elif (number := self._rng.randrange(self._count)) < size:
                self._sample[number] = shown

    def _push(self, shown: Shown) -> None:
        if len(self._most) < self._doubtful:
            heapq.heappush(self._most, shown)
        elif shown[:2] > self._most[0][:2]:
            heapq.heapreplace(self._most, shown)

    def result(self) -> tuple[list[Shown], list[Shown]]:
        """Return the most doubtful hands, those first, and others at random, in the records' order."""
        for key in list(self._second):
            self._push(self._second.pop(key))
        most = sorted(self._most, reverse=True)
        taken = {shown.number for shown in most}
        others = [shown for shown in self._sample if shown.number not in taken]
        self._rng.shuffle(others)
        return most, sorted(others[: self._at_random], key=lambda shown: -shown.number)
