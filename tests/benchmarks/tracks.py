"""Hands followed, tracked and smoothed through clips with human marks; run by hand:

    python tests/benchmarks/tracks.py FOLDER [CLIP...]

FOLDER holds `.mp4` clips of one hand, each with a `.txt` beside it (TI1K's): per frame the hand's box `x1 y1 x2 y2`,
thumb tip `x y` and index tip `x y`, as fractions of the frame. `turned` ones by 90, 180 and 270 degrees;
`pairs` are two clips side by side; `still` ones are a clip's first frame again and again with the noise of a sensor,
where every joint should stand still.

Columns: recall of the marked boxes and other hands a frame; id switches; detector runs and milliseconds of processor a
frame; then for the keypoints as found and after each smoothing: mean and median error of both fingertips and the share
within 0.05, over the longer side of the box; jitter (mean absolute second difference of a still joint, over the hand's
size, times 10,000).
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import numpy as np

from handpose_cli import engine
from handpose_cli.annotator.pipeline import Annotated, annotate
from handpose_cli.annotator.settings import AnnotateSettings, Networks
from handpose_cli.boxes import iou
from handpose_cli.engine.contract import Boxes, Detector
from handpose_cli.media.frames import Frame
from handpose_cli.media.picture import Picture
from handpose_cli.media.videos import read_video
from handpose_cli.records import Hand, ImageRecord, box_around
from handpose_cli.tracking.follow import follow
from handpose_cli.tracking.smoothing import METHODS, smooth
from handpose_cli.tracking.tracks import DOUBTFUL, link, tracked

TIPS = [4, 8]
THRESHOLD = 0.5
STILL_FRAMES, STILL_RATE, NOISE = 30, 30, 6
WAYS = {"raw": None} | {method: method for method in METHODS}
# what annotates, frames in a chunk, views, least score
RUNS: dict[str, tuple[Callable, int, int, float]] = {
    f"{name}, {views} views": (work, chunk, views, least)
    for views in (4, 2, 1)
    for name, work, chunk, least in (
        ("frame by frame", annotate, 1, THRESHOLD),
        ("follow, chunks of 4", follow, 4, THRESHOLD),
        ("follow, chunks of 8", follow, 8, THRESHOLD),
        ("follow, chunks of 16", follow, 16, THRESHOLD),
        ("follow, chunks of 8, with doubtful hands", follow, 8, DOUBTFUL),
    )
    if views == 2 or chunk in (1, 8)
}


@dataclass
class Clip:
    """Frames with their times, and the marks: [frames, hands, 4, 2] (box's corners, thumb and index tip), in pixels."""

    name: str
    frames: list[np.ndarray]
    times: list[float]
    marks: np.ndarray


@dataclass
class Counts:
    """What a run found, over clips."""

    marked: int = 0
    found: int = 0
    others: int = 0
    switches: int = 0
    detections: int = 0
    interpolated: int = 0
    frames: int = 0
    seconds: float = 0.0
    errors: dict[str, list] = field(default_factory=lambda: {way: [] for way in WAYS})
    jitter: dict[str, list] = field(default_factory=lambda: {way: [] for way in WAYS})


def read_clip(path: Path) -> Clip:
    frames = list(read_video(path))
    pixels = [frame.pixels for frame in frames]
    rows = [line.split()[1:] for line in path.with_suffix(".txt").read_text().splitlines() if line.strip()]
    size = np.array(pixels[0].shape[1::-1])
    marks = np.array(rows, np.float64).reshape(-1, 1, 4, 2) * size
    return Clip(path.stem, pixels, [frame.time for frame in frames], marks)


def pair(one: Clip, two: Clip) -> Clip:
    width = one.frames[0].shape[1]
    frames = [np.hstack(both) for both in zip(one.frames, two.frames, strict=True)]
    marks = np.concatenate([one.marks, two.marks + np.array([width, 0])], axis=1)
    return Clip(f"{one.name} | {two.name}", frames, one.times, marks)


def turned(clip: Clip, quarters: int) -> Clip:
    """Turn a clip anticlockwise."""
    frames, marks = clip.frames, clip.marks
    for _ in range(quarters):
        width = frames[0].shape[1]
        frames = [np.ascontiguousarray(np.rot90(frame)) for frame in frames]
        marks = np.stack([marks[..., 1], width - 1 - marks[..., 0]], axis=-1)
    corners = np.stack([marks[:, :, :2].min(axis=2), marks[:, :, :2].max(axis=2)], axis=2)
    return Clip(f"{clip.name}, turned", frames, clip.times, np.concatenate([corners, marks[:, :, 2:]], axis=2))


def still(clip: Clip) -> Clip:
    rng, first = np.random.default_rng(0), clip.frames[0]
    frames = [(first + rng.normal(0, NOISE, first.shape)).clip(0, 255).astype(np.uint8) for _ in range(STILL_FRAMES)]
    times = [i / STILL_RATE for i in range(STILL_FRAMES)]
    return Clip(f"still {clip.name}", frames, times, np.repeat(clip.marks[:1], STILL_FRAMES, axis=0))


def run(
    clip: Clip, work: Callable[..., list[Annotated]], chunk: int, settings: AnnotateSettings, networks: Networks
) -> tuple[list[ImageRecord], float]:
    frames = [
        Frame(clip.name, lambda p=pixels: Picture(p), i, time)
        for i, (pixels, time) in enumerate(zip(clip.frames, clip.times, strict=True))
    ]
    started = time.process_time()
    records = [
        result.record
        for i in range(0, len(frames), chunk)
        for result in work(frames[i : i + chunk], networks, settings)
    ]
    return records, time.process_time() - started


def matched(record: ImageRecord, marks: np.ndarray) -> list[Hand | None]:
    """Return for each marked box (marks [hands, 4, 2]) the hand in it."""
    boxes = np.concatenate([marks[:, 0], marks[:, 1] - marks[:, 0]], axis=1)
    found = np.reshape([box_around(hand.keypoints) for hand in record.hands], (-1, 4))
    overlap = iou(boxes, found)
    hands: list[Hand | None] = []
    for row, (low, high) in zip(overlap, marks[:, :2], strict=True):
        inside = [((h.keypoints.mean(axis=0) >= low) & (h.keypoints.mean(axis=0) <= high)).all() for h in record.hands]
        row = np.where(np.array(inside, bool) & (row >= 0.3), row, 0.0)
        hands.append(record.hands[int(row.argmax())] if row.any() else None)
    return hands


def add(counts: Counts, clip: Clip, records: list[ImageRecord]) -> None:
    """Track and smooth a run's records and count what came out."""
    links = link(records, THRESHOLD)
    for way, method in WAYS.items():
        final = list(tracked(records, links))
        final = list(smooth(final, method)) if method else final
        hands = [matched(record, marks) for record, marks in zip(final, clip.marks, strict=True)]
        for i, row in enumerate(hands):
            for n, hand in enumerate(row):
                if hand is not None and not hand.interpolated:
                    low, high, *tips = clip.marks[i, n]
                    counts.errors[way].append(np.linalg.norm(hand.keypoints[TIPS] - tips, axis=1) / (high - low).max())
        if method == "zero-lag":
            counts.interpolated += sum(hand.interpolated for record in final for hand in record.hands)
        if way == "raw":
            counts.marked += clip.marks.shape[0] * clip.marks.shape[1]
            counts.found += sum(hand is not None for row in hands for hand in row)
            counts.others += sum(len(record.hands) for record in final) - sum(
                h is not None for row in hands for h in row
            )
            for column in zip(*hands, strict=True):
                ids = [hand.track_id for hand in column if hand is not None]
                counts.switches += sum(a != b for a, b in pairwise(ids))
        if clip.name.startswith("still"):
            for column in zip(*hands, strict=True):
                places = np.stack([hand.keypoints for hand in column if hand is not None] or [np.zeros((21, 2))])
                if len(places) == STILL_FRAMES:
                    size = np.ptp(places, axis=1).max(axis=1).mean()
                    counts.jitter[way].append(np.abs(np.diff(places, 2, axis=0)).mean() / size)


def line(counts: Counts) -> str:
    text = f"recall {counts.found}/{counts.marked}, others {counts.others}, switches {counts.switches}, "
    text += f"interpolated {counts.interpolated}, detector {counts.detections}/{counts.frames}, "
    text += f"{1000 * counts.seconds / max(counts.frames, 1):.1f} ms"
    for way in WAYS:
        errors = np.array(counts.errors[way]).reshape(-1, 2)
        if counts.jitter[way]:
            text += f" | {way} jitter {1e4 * np.mean(counts.jitter[way]):.1f}"
        elif len(errors):
            thumb, index = (f"{e.mean():.4f} ({np.median(e):.4f})" for e in errors.T)
            text += f" | {way} thumb {thumb} index {index} {np.mean(errors <= 0.05):.3f}"
    return text


class Counted:
    """A detector that counts the images it is asked about."""

    def __init__(self, detector: Detector):
        self.detector, self.runs = detector, 0
        self.input_size, self.least_score = detector.input_size, detector.least_score

    def boxes(self, images: Sequence[np.ndarray], threshold: float) -> list[Boxes]:
        self.runs += len(images)
        return self.detector.boxes(images, threshold)


def main(folder: Path, names: list[str]) -> None:
    clips = [read_clip(path) for path in sorted(folder.glob("*.mp4")) if not names or path.stem in names]
    groups: dict[str, Callable[[], Iterator[Clip]]] = {  # made when they are needed, since pixels are large
        "clips": lambda: iter(clips),
        "turned": lambda: (turned(clip, quarters) for quarters in (1, 2, 3) for clip in clips),
        "pairs": lambda: (pair(one, two) for one, two in pairwise(clips) if len(one.frames) == len(two.frames)),
        "still": lambda: map(still, clips),
    }
    detector = Counted(engine.load_detector("litert"))
    networks = Networks(detector, engine.load_keypoint_network("litert"))
    for name, (work, chunk, views, least) in RUNS.items():
        print(f"\n{name}")
        for group, members in groups.items():
            total = Counts()
            for clip in members():
                before, each = detector.runs, Counts()
                records, seconds = run(clip, work, chunk, AnnotateSettings(least, views), networks)
                for counts in (each, total):
                    add(counts, clip, records)
                    counts.detections += detector.runs - before
                    counts.frames += len(records)
                    counts.seconds += seconds
                if group == "clips":
                    print(f"  {clip.name}: {line(each)}")
            print(f"  {group}: {line(total)}", flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
