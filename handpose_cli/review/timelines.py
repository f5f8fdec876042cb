"""For each video a timeline: hands, scores, doubt and tracks over its frames, in so many bins."""

from __future__ import annotations

from array import array
from itertools import pairwise
from typing import Any

from handpose_cli.records import ImageRecord
from handpose_cli.review.statistics import is_of_video

BINS = 200  # most of a video
MOST_VIDEOS = 60  # that have a timeline
MOST_TRACKS, MOST_PARTS = 30, 60  # of a video's that are drawn, and of a track's parts without gaps


class Timelines:
    """Takes the records of all videos, which follow each other; keeps a few numbers for each frame of the last one.

    Attributes:
        left_out: videos that are beyond `MOST_VIDEOS`.
    """

    def __init__(self) -> None:
        self.done: list[dict[str, Any]] = []
        self.left_out = 0
        self._begin("")

    def _begin(self, file: str) -> None:
        self._file = file
        self._hands, self._doubtful = array("H"), array("H")
        self._scores = array("f")
        self._times: list[float | None] = [None, None]
        self._tracks: dict[int, list[list[int]]] = {}

    def add(self, record: ImageRecord) -> None:
        """Take the next record, of a video or not."""
        if record.file != self._file:
            self.finish()
            self._begin(record.file)
        if record.failure is not None or not is_of_video(record):
            return
        number = len(self._hands)
        if number == 0:
            self._times[0] = record.time
        self._times[1] = record.time
        sure = [hand.score if (joints := hand.mean_joint_score) is None else joints for hand in record.hands]
        scores = [score for score in sure if score is not None]
        self._hands.append(min(len(record.hands), 65535))
        self._doubtful.append(min(sum(bool(hand.flags) for hand in record.hands), 65535))
        self._scores.append(min(scores) if scores else -1)
        for hand in record.hands:
            if hand.track_id is None:
                continue
            parts = self._tracks.setdefault(hand.track_id, [])
            if parts and parts[-1][1] >= number - 1:
                parts[-1][1] = number
            elif len(parts) < MOST_PARTS:
                parts.append([number, number])

    def finish(self) -> None:
        """Put the last video to the others."""
        count = len(self._hands)
        if not count:
            return
        if len(self.done) == MOST_VIDEOS:
            self.left_out += 1
            return
        bins = min(count, BINS)
        edges = [round(i * count / bins) for i in range(bins + 1)]
        hands, doubtful, scores = [], [], []
        for start, end in pairwise(edges):
            hands.append(round(sum(self._hands[start:end]) / (end - start), 2))
            doubtful.append(round(sum(self._doubtful[start:end]) / (end - start), 2))
            known = [score for score in self._scores[start:end] if score >= 0]
            scores.append(round(min(known), 3) if known else None)
        self.done.append(
            {
                "file": self._file, "frames": count, "times": self._times, "hands": hands, "doubtful": doubtful,
                "scores": scores, "without": sum(n == 0 for n in self._hands), "track_count": len(self._tracks),
                "tracks": [[number, parts] for number, parts in list(self._tracks.items())[:MOST_TRACKS]],
            }
        )  # fmt: skip
