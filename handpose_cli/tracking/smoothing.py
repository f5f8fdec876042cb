"""Smooth the keypoints of tracked hands over time, and put hands where a track was lost for a moment.

Two methods: "zero-lag" looks both ways in time and is for files; "one-euro" (`OneEuro`) only looks back and serves a
camera, too. Both count in seconds and in sizes of the hand, so that they hold for any frame rate and resolution. Where
the clock does not advance or the pictures' size changes (`goes_on`), neither looks across, and no gap is filled.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import TypeVar

import numpy as np

from handpose_cli.annotator.pose import is_double
from handpose_cli.records import NUM_JOINTS, Hand, ImageRecord
from handpose_cli.tracking import goes_on
from handpose_cli.tracking.tracks import MAX_GAP

# Seconds to each side. The first is short enough for fast hands: at 10 frames a second it leaves almost all as it is.
WINDOWS = (0.11, 0.2, 0.3)
SAME_MOTION = 0.01  # of the hand's size: how far lines through two windows may differ for the longer one to be trusted
MIN_CUTOFF = 1.0  # Hz, of a still joint
BETA = 25.0  # Hz that a speed of one hand's size a second adds
SPEED_CUTOFF = 1.0  # Hz, of the speed itself
LEAST_WEIGHT = 1e-3  # of a joint with score 0
MOST_NEIGHBOURS = 500  # frames on each side: of a stream whose clock hardly advances all would be neighbours

Cutoff = TypeVar("Cutoff", float, np.ndarray)
Scores = TypeVar("Scores", float, np.ndarray)


def smooth(records: Iterable[ImageRecord], method: str) -> Iterator[ImageRecord]:
    """Yield one video's records, in order, with smoothed hands, and hands put into the gaps of their tracks.

    Only the records of about a second are held at a time. A hand that was found keeps its box, and its keypoints of
    before as `raw_keypoints`. Interpolated hands come after those found.

    Args:
        records: of `tracks.tracked`; hands without track or keypoints are left as they are.
        method: a key of `METHODS`.
    """
    return fill_gaps(METHODS[method](records))


class OneEuro:
    """The 1 € filter (Casiez, Roussel and Vogel, "1 € Filter: A Simple Speed-based Low-pass Filter for Noisy Input in
    Interactive Systems", CHI 2012) for one hand: the faster a joint, the higher the cutoff frequency, the less lag.
    """

    def __init__(self) -> None:
        self._time = 0.0
        self._keypoints: np.ndarray | None = None
        self._velocity = np.zeros((1, 2))

    def __call__(self, time: float, keypoints: np.ndarray, scores: np.ndarray | None = None) -> np.ndarray:
        """Return the smoothed keypoints.

        Args:
            time: in seconds; after a gap (`tracks.MAX_GAP`), or if it went back, the filter starts again.
            keypoints: [21, 2] in pixels.
            scores: [21], 0 to 1; a joint follows its new place the less, the less sure that is (which halves the jitter
                that is left, at the same error); None: all are sure.
        """
        step, before = time - self._time, self._keypoints
        self._time = time
        if before is None or not 0 < step <= MAX_GAP:
            self._keypoints, self._velocity = keypoints.astype(np.float64), np.zeros(keypoints.shape)
            return keypoints.copy()
        velocity = (keypoints - before) / (step * _size(keypoints))
        self._velocity = self._velocity + _share(SPEED_CUTOFF, step) * (velocity - self._velocity)
        share = _share(MIN_CUTOFF + BETA * np.linalg.norm(self._velocity, axis=1, keepdims=True), step)
        if scores is not None:
            share = share * np.sqrt(np.maximum(scores, LEAST_WEIGHT))[:, None]
        self._keypoints = before + share * (keypoints - before)
        return self._keypoints.astype(keypoints.dtype)


def _share(cutoff: Cutoff, step: float) -> Cutoff:
    """Return the share of the new value in a first-order low-pass filter, for a cutoff in Hz and a step in seconds."""
    share: Cutoff = 1 / (1 + 1 / (2 * np.pi * cutoff * step))
    return share


class OneEuroTracks:
    """Puts each track's keypoints through a filter of its own; no record waits for another."""

    def __init__(self) -> None:
        self._filters: dict[int, OneEuro] = {}
        self._seen: dict[int, float] = {}
        self._before: ImageRecord | None = None

    def update(self, record: ImageRecord) -> ImageRecord:
        """Return the next record with smoothed hands, see `smooth`."""
        hands, now = list(record.hands), record.time
        if now is None:  # the record of a failure
            return record
        if self._before is not None and not goes_on(self._before, record):
            self._filters, self._seen = {}, {}
        self._before = record
        for i, hand in enumerate(hands):
            if hand.track_id is not None and hand.keypoints is not None:
                smoother = self._filters.setdefault(hand.track_id, OneEuro())
                self._seen[hand.track_id] = now
                hands[i] = _smoothed(hand, smoother(now, hand.keypoints, hand.keypoint_scores))
        for number in [n for n, time in self._seen.items() if now - time > MAX_GAP]:
            del self._filters[number], self._seen[number]
        return replace(record, hands=hands)


def one_euro(records: Iterable[ImageRecord]) -> Iterator[ImageRecord]:
    """Yield records as `OneEuroTracks` returns them."""
    return map(OneEuroTracks().update, records)


def zero_lag(records: Iterable[ImageRecord]) -> Iterator[ImageRecord]:
    """Yield records with keypoints from a local regression over time (`regress`), `WINDOWS[-1]` seconds later."""
    for record, neighbours in _with_neighbours(records, WINDOWS[-1]):
        hands = list(record.hands)
        for i, hand in enumerate(hands):
            if hand.track_id is None or hand.keypoints is None or record.time is None:
                continue
            since, keypoints, weights = [], [], []
            for time, other in _tracked(neighbours):
                if other.track_id == hand.track_id and other.keypoints is not None:
                    since.append(time - record.time)
                    keypoints.append(other.keypoints.astype(np.float64))
                    weights.append(_weights(other))
            place = regress(np.array(since), np.stack(keypoints), np.stack(weights), _size(hand.keypoints))
            hands[i] = _smoothed(hand, place.astype(hand.keypoints.dtype))
        yield replace(record, hands=hands)


def regress(since: np.ndarray, keypoints: np.ndarray, weights: np.ndarray, size: float) -> np.ndarray:
    """Return where the joints are now, float64 [21, 2]: lines through each joint's places, fitted with weights that
    fall off with time as a tricube (LOESS: Cleveland, "Robust Locally Weighted Regression and Smoothing Scatterplots",
    1979).

    The longer a window, the calmer its line, but it cuts a fast joint's corners. So the lines of longer windows count
    only as far as they agree with the shorter ones' (`SAME_MOTION`), after the idea of Lepski (1991).

    Args:
        since: float64 [n], seconds from now (negative: before).
        keypoints: float64 [n, 21, 2] in pixels.
        weights: float64 [n, 21].
        size: of the hand, in pixels.
    """
    found = _line(since / WINDOWS[0], keypoints, weights)
    for window in WINDOWS[1:]:
        calmer = _line(since / window, keypoints, weights)
        apart = np.linalg.norm(calmer - found, axis=1, keepdims=True) / (SAME_MOTION * size)
        found += np.exp(-np.square(apart) / 2) * (calmer - found)
    return found


def _line(when: np.ndarray, keypoints: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return the values at 0 of lines fitted to [n, 21, 2] at times `when` [n], by least squares with tricube weights;
    the mean where all weight lies on one time."""
    weights = weights * ((1 - np.abs(when).clip(0, 1) ** 3) ** 3)[:, None]  # [n, 21]
    moments = np.einsum("ij,pi->pj", weights, np.stack([np.ones_like(when), when, when**2]))  # [3, 21]
    sums = np.einsum("ij,pi,ijk->pjk", weights, np.stack([np.ones_like(when), when]), keypoints)  # [2, 21, 2]
    spread = moments[0] * moments[2] - moments[1] ** 2
    sloping = (spread > 1e-9 * moments[0] ** 2)[:, None]
    line = (moments[2, :, None] * sums[0] - moments[1, :, None] * sums[1]) / np.where(sloping, spread[:, None], 1)
    points: np.ndarray = np.where(sloping, line, sums[0] / moments[0, :, None])
    return points


def fill_gaps(records: Iterable[ImageRecord]) -> Iterator[ImageRecord]:
    """Yield records with hands put where a track was lost and found again within `MAX_GAP`, as much later.

    Such a hand lies on the straight line between the two, joint by joint, and scores no more than either.
    """
    for record, neighbours in _with_neighbours(records, MAX_GAP):
        now = record.time
        if now is None:
            yield record
            continue
        there = {hand.track_id for hand in record.hands}
        before: dict[int | None, tuple[float, Hand]] = {}
        after: dict[int | None, tuple[float, Hand]] = {}
        for time, hand in _tracked(neighbours):
            if time < now:
                before[hand.track_id] = time, hand
            elif time > now:
                after.setdefault(hand.track_id, (time, hand))
        hands = list(record.hands)
        for number, (begin, one) in before.items():
            if number in after and number not in there:
                end, two = after[number]
                hand = _between(one, two, (now - begin) / (end - begin))
                # where the track went on under another number, one hand is enough
                if end - begin <= MAX_GAP and not any(is_double(hand, found) for found in record.hands):
                    hands.append(hand)
        yield replace(record, hands=hands)


def _between(one: Hand, two: Hand, share: float) -> Hand:
    """Return a track's hand, `share` (0 to 1) of the way from one to two."""
    hand = replace(one, box=one.box + share * (two.box - one.box), interpolated=True, raw_keypoints=None, flags=())
    if one.keypoints is None or two.keypoints is None:
        return replace(hand, keypoints=None, keypoint_scores=None, score=_least(one.score, two.score))
    return replace(
        hand,
        keypoints=one.keypoints + share * (two.keypoints - one.keypoints),
        keypoint_scores=_least(one.keypoint_scores, two.keypoint_scores),
        score=_least(one.score, two.score),
    )


def _least(one: Scores | None, two: Scores | None) -> Scores | None:
    return (
        None if one is None or two is None else np.minimum(one, two) if isinstance(one, np.ndarray) else min(one, two)
    )


def _with_neighbours(
    records: Iterable[ImageRecord], reach: float
) -> Iterator[tuple[ImageRecord, Sequence[ImageRecord]]]:
    """Yield each record with those up to `reach` seconds before and after it, itself among them, in order.

    Only these are held, and no more than `MOST_NEIGHBOURS` on each side. None are beyond one that does not go on from
    the one before it.
    """
    before: deque[ImageRecord] = deque()
    after: deque[ImageRecord] = deque()
    last: ImageRecord | None = None

    def neighbours(record: ImageRecord) -> list[ImageRecord]:
        while before and (len(before) > MOST_NEIGHBOURS or _far(before[0], record, reach)):
            before.popleft()
        before.append(record)
        return [*before, *after]

    for newest in records:
        if last is not None and not goes_on(last, newest):
            while after:
                record = after.popleft()
                yield record, neighbours(record)
            before.clear()
        last = newest
        after.append(newest)
        while after and (len(after) > MOST_NEIGHBOURS or _far(after[0], newest, reach)):
            record = after.popleft()
            yield record, neighbours(record)
    while after:
        record = after.popleft()
        yield record, neighbours(record)


def _far(one: ImageRecord, other: ImageRecord, reach: float) -> bool:
    return one.time is None or other.time is None or other.time - one.time > reach


def _tracked(records: Iterable[ImageRecord]) -> Iterator[tuple[float, Hand]]:
    """Yield the tracked hands of records, each with its time."""
    for record in records:
        for hand in record.hands:
            if hand.track_id is not None and record.time is not None:
                yield record.time, hand


def _weights(hand: Hand) -> np.ndarray:
    """Return float64 [21]: how much each joint counts."""
    return np.ones(NUM_JOINTS) if hand.keypoint_scores is None else np.maximum(hand.keypoint_scores, LEAST_WEIGHT)


def _size(keypoints: np.ndarray) -> float:
    """Return the longer side of the box around keypoints."""
    return max(float(np.ptp(keypoints, axis=0).max()), 1.0)


def _smoothed(hand: Hand, keypoints: np.ndarray) -> Hand:
    return replace(hand, keypoints=keypoints, raw_keypoints=hand.keypoints)


METHODS: dict[str, Callable[[Iterable[ImageRecord]], Iterator[ImageRecord]]] = {
    "zero-lag": zero_lag,
    "one-euro": one_euro,
}
