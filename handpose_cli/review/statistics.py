"""What a stream of records holds, counted as it passes."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from pathlib import Path
from typing import Any

from handpose_cli.doubt.flags import FLAGS
from handpose_cli.media.suffixes import is_video
from handpose_cli.records import Hand, ImageRecord

SCORE_BINS = 20
SIZE_EDGES = (16, 32, 64, 128, 256, 512, 1024)  # pixels
MOST_HANDS = 6  # in an image, in the histogram; more are counted there too
MOST_FAILURES = 200  # that are listed


class Statistics:
    """Counts of records; memory does not grow with them."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.flags: Counter[str] = Counter()
        self.sides: Counter[str] = Counter()
        self.failures: list[tuple[str, str]] = []
        self._scores, self._joints = [0] * SCORE_BINS, [0] * SCORE_BINS
        self._sizes, self._per_image = [0] * (len(SIZE_EDGES) + 1), [0] * (MOST_HANDS + 1)
        self._video = ""

    def add(self, record: ImageRecord) -> None:
        """Count a record."""
        if record.failure is not None:
            self.counts["failures"] += 1
            if len(self.failures) < MOST_FAILURES:
                self.failures.append((record.file, record.failure))
            return
        of_video = is_of_video(record)
        self.counts["frames" if of_video else "images"] += 1
        if of_video and record.file != self._video:
            self.counts["videos"] += 1
            self._video = record.file
        self._per_image[min(len(record.hands), MOST_HANDS)] += 1
        for hand in record.hands:
            self._add(hand)

    def _add(self, hand: Hand) -> None:
        self.counts["hands"] += 1
        self.counts["flagged"] += bool(hand.flags)
        self.flags.update(hand.flags)
        self.sides[hand.handedness or "unknown"] += 1
        self._sizes[bisect_right(SIZE_EDGES, hand.size)] += 1
        if hand.score is not None:
            self._scores[_bin(hand.score)] += 1
        if (joints := hand.mean_joint_score) is not None:
            self._joints[_bin(joints)] += 1

    def to_dict(self) -> dict[str, Any]:
        """Return all counts for the page; histograms as `{title, labels, counts}`, those without a hand left out."""
        edges = [f"{low / SCORE_BINS:.2f}" for low in range(SCORE_BINS)]
        sizes = [f"below {SIZE_EDGES[0]}", *(f"from {edge}" for edge in SIZE_EDGES)]
        per_image = [*map(str, range(MOST_HANDS)), f"{MOST_HANDS} or more"]
        sides = ("left", "right", "unknown")
        histograms = [
            ("Score of the hand", [f"from {edge}" for edge in edges], self._scores),
            ("Mean score of the joints", [f"from {edge}" for edge in edges], self._joints),
            ("Size of the hand, pixels", sizes, self._sizes),
            ("Hands in an image or frame", per_image, self._per_image),
            ("Handedness", list(sides), [self.sides[side] for side in sides]),
        ]
        return {
            **{name: self.counts[name] for name in ("images", "videos", "frames", "hands", "flagged", "failures")},
            "flags": {
                name: self.flags[name]
                for name in (*FLAGS, *sorted(self.flags - Counter(FLAGS.keys())))
                if self.flags[name]
            },
            "histograms": [
                {"title": title, "labels": labels, "counts": counts}
                for title, labels, counts in histograms
                if any(counts)
            ],
            "failed": self.failures,
        }


def is_of_video(record: ImageRecord) -> bool:
    """Return whether a record is a frame of a video, and not a page of a file with several pictures."""
    return record.frame is not None and (record.time is not None or is_video(Path(record.file)))


def _bin(score: float) -> int:
    return min(max(int(score * SCORE_BINS), 0), SCORE_BINS - 1)
