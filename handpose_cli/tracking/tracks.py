"""Which hands of a video are the same one: a track id for each, found frame by frame or in two passes over records.

The association is ByteTrack's (Zhang et al., "ByteTrack: Multi-Object Tracking by Associating Every Detection Box",
ECCV 2022): sure hands are matched to tracks first, then doubtful ones to what is left. Hands are compared by how boxes
overlap and by how far keypoints lie from where the track should be by now. All is counted in seconds, since frames may
be left out or come at uneven times. Where the size of the pictures changes, as in a browser's recordings, tracks are
scaled and go on.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from handpose_cli.boxes import iou
from handpose_cli.doubt.flags import FLIPPED_SIDE
from handpose_cli.records import Hand, ImageRecord

# Least score of a doubtful hand: what the annotator is given as threshold so that tracks go on through bad frames. In
# clips turned all ways (tests/benchmarks/tracks.py), 99 of 100 hands are found so instead of 94, and little else.
DOUBTFUL = 0.2
MAX_GAP = 0.7  # seconds; a hand not seen for longer is a new one
TRUST = 0.2  # seconds for which a hand is expected to go on as it moved; it may have stopped after that
# How far joints lie from where they are expected, in sizes of the hand: at once, more each second, and at most. A hand
# may start off with some ten times its size a second.
REACH, REACH_SPEED, MOST_REACH = 0.2, 5.0, 1.0
LEAST = 0.1  # least similarity of the same hand
SAME_SIDE = 0.1  # what the same handedness adds to a similarity
INERTIA = 0.5  # share of the old velocity in the new one


@dataclass
class _Track:
    """A hand that was seen not long ago: when, where, and how it moves.

    Attributes:
        keypoints: float64 [21, 2] in pixels, where it was last; corners and centre of its box if it has no keypoints.
        box: float64 [4].
        velocity: float64 [2] in pixels a second; 0 at first.
        right: votes for a right hand less those for a left one, each weighted by the hand's score.
        record: count of the record it was last seen in.
    """

    id: int
    time: float
    keypoints: np.ndarray
    box: np.ndarray
    velocity: np.ndarray
    right: float
    record: int


class Linker:
    """Gives the hands of a video's records their track ids as the records come; also for a camera.

    Args:
        threshold: hands that score less are doubtful: they go on with a track that the record before has, or have none.
            The annotator is given a lower threshold for these, `DOUBTFUL`.
    """

    def __init__(self, threshold: float = 0.0):
        self.threshold = threshold
        self.found = 0  # tracks so far; their ids are 1, 2, ... in the order they came
        self._records = 0
        self._tracks: list[_Track] = []
        self._size: np.ndarray | None = None  # width and height of the last record

    def update(self, record: ImageRecord) -> ImageRecord:
        """Return the record with track ids, without doubtful hands that go on with no track."""
        ids = self.ids_of(record)
        hands = [replace(hand, track_id=i) for hand, i in zip(record.hands, ids, strict=True) if i]
        return replace(record, hands=hands)

    def ids_of(self, record: ImageRecord) -> list[int]:
        """Return the track id of each of the record's hands; 0 for a doubtful one that goes on with no track."""
        ids = [0] * len(record.hands)
        if record.time is None:  # the record of a failure
            return ids
        now = record.time
        self._scale(record)
        self._tracks = [t for t in self._tracks if t.record == self._records or abs(now - t.time) <= MAX_GAP]
        scores = [1.0 if hand.score is None else hand.score for hand in record.hands]
        sure = [i for i, score in enumerate(scores) if score >= self.threshold]
        doubtful = [i for i, score in enumerate(scores) if score < self.threshold]
        left = self._match(record, sure, self._tracks, ids)
        self._match(record, doubtful, [track for track in left if track.record == self._records], ids)
        self._records += 1
        known = {track.id: track for track in self._tracks}
        # the best first, then from left to right: ids do not depend on the order of the hands
        for i in sorted(range(len(ids)), key=lambda i: (-scores[i], *record.hands[i].box.tolist())):
            if ids[i] in known:
                self._go_on(known[ids[i]], record.hands[i], scores[i], now)
            elif i in sure:
                self.found += 1
                ids[i] = self.found
                self._tracks.append(_begin(self.found, record.hands[i], scores[i], now, self._records))
        return ids

    def _scale(self, record: ImageRecord) -> None:
        """Bring the tracks to a record's size, if it is another one than before."""
        if record.width is None or record.height is None:
            return
        before, self._size = self._size, np.array([record.width, record.height], np.float64)
        if before is not None and (before != self._size).any():
            scale = self._size / before
            for track in self._tracks:
                track.keypoints, track.velocity = track.keypoints * scale, track.velocity * scale
                track.box = track.box * np.tile(scale, 2)

    def _match(
        self, record: ImageRecord, rows: Sequence[int], tracks: Sequence[_Track], ids: list[int]
    ) -> list[_Track]:
        """Put the ids of those tracks that go on with these hands into `ids`, and return the other tracks."""
        if not rows or not tracks:
            return list(tracks)
        assert record.time is not None
        similar = np.array([[_similarity(track, record.hands[i], record.time) for track in tracks] for i in rows])
        pairs = assign(np.where(similar >= LEAST, similar, 0.0))
        for row, column in pairs:
            ids[rows[row]] = tracks[column].id
        taken = {column for _, column in pairs}
        return [track for column, track in enumerate(tracks) if column not in taken]

    def _go_on(self, track: _Track, hand: Hand, score: float, now: float) -> None:
        points = _points(hand)
        if now > track.time and len(points) == len(track.keypoints):
            velocity = (points.mean(axis=0) - track.keypoints.mean(axis=0)) / (now - track.time)
            share = INERTIA if track.velocity.any() else 0.0
            track.velocity = share * track.velocity + (1 - share) * velocity
        track.time, track.keypoints, track.box = now, points, np.asarray(hand.box, np.float64)
        track.right += _vote(hand, score)
        track.record = self._records


def _begin(number: int, hand: Hand, score: float, now: float, record: int) -> _Track:
    box = np.asarray(hand.box, np.float64)
    return _Track(number, now, _points(hand), box, np.zeros(2), _vote(hand, score), record)


def _points(hand: Hand) -> np.ndarray:
    """Return the keypoints (float64 [n, 2]); corners and centre of the box if not all are there."""
    if hand.keypoints is not None and np.isfinite(hand.keypoints).all():
        return hand.keypoints.astype(np.float64)
    steps = np.array([[0, 0], [1, 0], [0, 1], [1, 1], [0.5, 0.5]])
    points: np.ndarray = np.asarray(hand.box[:2], np.float64) + steps * hand.box[2:]
    return points


def _vote(hand: Hand, score: float) -> float:
    return 0.0 if hand.handedness is None else score if hand.handedness == "right" else -score


def _similarity(track: _Track, hand: Hand, now: float) -> float:
    """Return how well a hand fits a track, 0 to 1: the mean of box overlap and keypoint similarity; more if they are of
    the same side.

    The keypoint similarity is COCO's OKS, a Gaussian of the distance over the hand's size, with one width for all
    joints, which grows with the time since the hand was seen.
    """
    points, since = _points(hand), max(now - track.time, 0.0)
    step = track.velocity * min(since, TRUST)
    overlap = float(iou(hand.box[None], (track.box + np.concatenate([step, [0, 0]]))[None])[0, 0])
    if len(points) != len(track.keypoints):
        return overlap
    size = max(np.ptp(points, axis=0).max(), np.ptp(track.keypoints, axis=0).max(), 1.0)
    reach = size * min(REACH + REACH_SPEED * since, MOST_REACH)
    distance = np.linalg.norm(points - track.keypoints - step, axis=1)
    near = float(np.exp(-np.square(distance / reach) / 2).mean())
    same = _vote(hand, 1.0) * track.right > 0
    return (overlap + near) / 2 + (SAME_SIDE if same and max(overlap, near) >= LEAST else 0.0)


def assign(values: np.ndarray) -> list[tuple[int, int]]:
    """Return the pairs of rows and columns that together have the greatest value, each row and column at most once.

    Shortest augmenting paths (Kuhn, 1955; Jonker and Volgenant, 1987), without SciPy, which is large.

    Args:
        values: float64 [n, m], at least 0; pairs of value 0 are none.
    """
    rows, columns = values.shape
    if rows > columns:
        return sorted((row, column) for column, row in assign(values.T))
    row_price, column_price = np.zeros(rows), np.zeros(columns + 1)
    owner = np.full(columns + 1, -1)  # the row that has a column; the last column is a place to start from
    for row in range(rows):
        owner[columns] = row
        column, done = columns, np.zeros(columns + 1, bool)
        least, before = np.full(columns, np.inf), np.full(columns, columns)
        while owner[column] >= 0:
            done[column] = True
            costs = -values[owner[column]] - row_price[owner[column]] - column_price[:-1]
            nearer = ~done[:-1] & (costs < least)
            least[nearer], before[nearer] = costs[nearer], column
            following = int(np.where(done[:-1], np.inf, least).argmin())
            step = least[following]
            row_price[owner[done]] += step
            column_price[done] -= step
            least[~done[:-1]] -= step
            column = following
        while column != columns:
            owner[column] = owner[before[column]]
            column = before[column]
    return sorted((int(owner[c]), c) for c in range(columns) if owner[c] >= 0 and values[owner[c], c] > 0)


@dataclass
class Links:
    """The tracks of a video: a few bytes a hand, so that the records themselves need not be kept.

    Attributes:
        ids: the track id of each hand, record after record; 0: none.
        starts: where each record's hands begin in `ids`, and the end.
        handedness: of each track, what most of its hands were taken for, weighted by their scores; None if unknown.
        frames: in how many records each track was found.
    """

    ids: array[int]
    starts: array[int]
    handedness: list[str | None]
    frames: list[int]


def link(records: Iterable[ImageRecord], threshold: float = 0.0) -> Links:
    """Find the tracks in one video's records, which are read once and not kept.

    Args:
        threshold: see `Linker`.
    """
    linker = Linker(threshold)
    ids, starts = array("i"), array("q", [0])
    right: list[float] = []
    frames: list[int] = []
    for record in records:
        found = linker.ids_of(record)
        for number, hand in zip(found, record.hands, strict=True):
            if number > len(right):
                right += [0.0] * (number - len(right))
                frames += [0] * (number - len(frames))
            if number:
                right[number - 1] += _vote(hand, 1.0 if hand.score is None else hand.score)
                frames[number - 1] += 1
        ids.extend(found)
        starts.append(len(ids))
    return Links(ids, starts, ["right" if r > 0 else "left" if r < 0 else None for r in right], frames)


class Linked:
    """Gives the records that `links` was made from their track ids and each track's handedness.

    Doubtful hands without a track are left out.
    """

    def __init__(self, links: Links):
        self._links = links
        self._count = 0

    def update(self, record: ImageRecord) -> ImageRecord:
        """Return the next record with its hands' tracks; raise ValueError if it is another one than was linked."""
        links, count = self._links, self._count
        ids = links.ids[links.starts[count] : links.starts[count + 1]] if count + 1 < len(links.starts) else None
        if ids is None or len(ids) != len(record.hands):
            raise ValueError(f"record {count} is not the one that was linked")
        self._count += 1
        hands = [
            replace(hand, track_id=number, handedness=side, flags=_flags(hand, side))
            for number, hand in zip(ids, record.hands, strict=True)
            if number
            for side in [links.handedness[number - 1]]
        ]
        return replace(record, hands=hands)

    def finish(self) -> None:
        """Raise ValueError if records that were linked did not come."""
        if self._count != len(self._links.starts) - 1:
            raise ValueError(f"{self._count} records, but {len(self._links.starts) - 1} were linked")


def _flags(hand: Hand, side: str | None) -> tuple[str, ...]:
    """Return a hand's flags, with one more if it was taken for another side than its track."""
    flips = None not in (hand.handedness, side) and hand.handedness != side
    return (*hand.flags, FLIPPED_SIDE) if flips and FLIPPED_SIDE not in hand.flags else hand.flags


def tracked(records: Iterable[ImageRecord], links: Links) -> Iterator[ImageRecord]:
    """Yield the records that `links` was made from as `Linked` returns them; raise ValueError for others."""
    linked = Linked(links)
    yield from map(linked.update, records)
    linked.finish()
