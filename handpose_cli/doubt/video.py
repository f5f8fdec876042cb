"""Flags for a stream of records, with those that only the frames before and after show."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

import numpy as np

from handpose_cli.boxes import iou
from handpose_cli.doubt.flags import FLIPPED_SIDE, flags_of, ordered
from handpose_cli.records import Hand, ImageRecord

# How far a joint is from the middle of where it is before and after, beyond what the hand's other joints do, over the
# hand's size. Nearly all joints that go farther than .15 and come back go farther than .35: fingers that are hidden.
JUMP = 0.25
AGREE = 0.5  # most that the places before and after differ, over the jump
NEAR_IN_TIME = 0.35  # seconds from the frame before to the one after
SAME_HAND = 0.3  # IoU of a hand in two frames, where hands are not tracked


def flagged(records: Iterable[ImageRecord], sides: bool = True) -> Iterator[ImageRecord]:
    """Yield the records, whose hands have their `flags`; flags that they had already stay.

    The frames of a video follow each other. One record is held back, so that memory does not grow.

    Args:
        sides: also flag hands of another side than their track had in the frames before; those to come are not known.
    """
    flagger = Flagger(sides)
    for record in records:
        yield from flagger.update(record)
    yield from flagger.finish()


class Flagger:
    """Gives records their flags as they come, each when the one after it is there."""

    def __init__(self, sides: bool = True) -> None:
        self._before: ImageRecord | None = None
        self._now: ImageRecord | None = None
        self._sides = _Sides() if sides else None

    def update(self, record: ImageRecord) -> list[ImageRecord]:
        """Take the next record and return the one before it, if there is one."""
        ready = [] if self._now is None else [_flagged(self._now, self._before, record, self._sides)]
        self._before, self._now = self._now, record
        return ready

    def finish(self) -> list[ImageRecord]:
        """Return the last record, if there is one."""
        return [] if self._now is None else [_flagged(self._now, self._before, None, self._sides)]


class _Sides:
    """What the hands of each track of a video were taken for so far."""

    def __init__(self) -> None:
        self._file = ""
        self._right: dict[int, int] = {}  # right hands less left ones, by track

    def flips(self, hand: Hand, record: ImageRecord) -> bool:
        """Return whether a hand is of another side than its track was for the most part; and count it."""
        if record.file != self._file:
            self._file, self._right = record.file, {}
        if hand.track_id is None or hand.handedness is None or record.frame is None:
            return False
        side, known = 1 if hand.handedness == "right" else -1, self._right.get(hand.track_id, 0)
        self._right[hand.track_id] = known + side
        return known * side < 0


def _flagged(
    now: ImageRecord, before: ImageRecord | None, after: ImageRecord | None, sides: _Sides | None
) -> ImageRecord:
    neighbours = None
    if before is not None and after is not None and _is_between(before, now, after):
        neighbours = before, after
    hands = []
    for hand in now.hands:
        found = {*hand.flags, *flags_of(hand, now)}
        if sides is not None and sides.flips(hand, now):
            found.add(FLIPPED_SIDE)
        if neighbours is not None and _jumps(hand, now, *neighbours):
            found.add("jump")
        flags = ordered(found)
        hands.append(hand if flags == hand.flags else replace(hand, flags=flags))
    return replace(now, hands=hands) if hands else now


def _is_between(before: ImageRecord, now: ImageRecord, after: ImageRecord) -> bool:
    """Return whether three records are successive frames of one video, of one size and near in time."""
    if not before.file == now.file == after.file:
        return False
    if not (before.width, before.height) == (now.width, now.height) == (after.width, after.height):
        return False
    if before.time is None or now.time is None or after.time is None:
        return before.frame is not None and after.frame == before.frame + 2  # an image sequence, or pages
    return before.time < now.time < after.time <= before.time + NEAR_IN_TIME


def _jumps(hand: Hand, now: ImageRecord, before: ImageRecord, after: ImageRecord) -> bool:
    earlier, later = _same_hand(hand, before), _same_hand(hand, after)
    if earlier is None or later is None or hand.interpolated or earlier.interpolated or later.interpolated:
        return False
    assert hand.keypoints is not None and earlier.keypoints is not None and later.keypoints is not None
    share = 0.5
    if before.time is not None and now.time is not None and after.time is not None:
        share = (now.time - before.time) / (after.time - before.time)
    middle = (1 - share) * earlier.keypoints + share * later.keypoints
    away = _beyond_the_others(hand.keypoints - middle)
    moved = _beyond_the_others(later.keypoints - earlier.keypoints)
    return bool(((away > JUMP * hand.size) & (moved < AGREE * away)).any())


def _beyond_the_others(steps: np.ndarray) -> np.ndarray:
    """Return how far joints [21, 2] go beyond what the hand does as a whole: [21]; NaN where a joint is not known."""
    known = np.isfinite(steps).all(axis=1)
    if not known.any():
        return np.full(len(steps), np.nan)
    ordered_steps = np.sort(steps[known], axis=0)  # np.median takes ten times as long for so few
    middle = (ordered_steps[(len(ordered_steps) - 1) // 2] + ordered_steps[len(ordered_steps) // 2]) / 2
    beyond: np.ndarray = np.sqrt(np.square(steps - middle).sum(axis=1))
    return beyond


def _same_hand(hand: Hand, record: ImageRecord) -> Hand | None:
    """Return a hand with keypoints in another frame: the one of its track, or else in the same place."""
    if hand.keypoints is None:
        return None
    if hand.track_id is not None:
        return next((h for h in record.hands if h.track_id == hand.track_id and h.keypoints is not None), None)
    others = [other for other in record.hands if other.keypoints is not None]
    if not others:
        return None
    overlaps = iou(hand.box[None], np.stack([other.box for other in others]))[0]
    return others[int(overlaps.argmax())] if overlaps.max() >= SAME_HAND else None
