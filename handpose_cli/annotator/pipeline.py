"""Frames to records: detect, crop, find keypoints; in batches, on several threads, in order."""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from typing import NamedTuple, Protocol, TypeVar

import numpy as np

from handpose_cli.annotator.detector import Network, detect
from handpose_cli.annotator.hand_score import hand_score
from handpose_cli.annotator.joint_score import joint_scores
from handpose_cli.annotator.pose import find_keypoints, handedness_of, without_doubles
from handpose_cli.records import Hand, ImageRecord
from handpose_cli.sources.errors import UnreadableError
from handpose_cli.sources.frames import Frame

T = TypeVar("T")
LEAST_BOX_SCORE = 0.1  # of the detector, for a box worth the hourglass's look

Boxes = Mapping[tuple[str, int | None], list[Hand]]


class Hourglass(Protocol):
    """A network of `engine`: for crops float32 [n, size, size, 3] (RGB, 0 to 1) it returns outputs by name."""

    output_names: set[str]

    def __call__(self, inputs: np.ndarray) -> dict[str, np.ndarray]: ...


class Networks(NamedTuple):
    """What a thread runs: the SSD (None if boxes come from elsewhere), the hourglass and the side of its crops."""

    detector: Network | None
    pose: Hourglass
    pose_input_size: int


@dataclass(frozen=True)
class Settings:
    """How frames are annotated.

    Attributes:
        score_threshold: least score of a hand, 0 to 1.
        views: 1, 2 or 4, see `pose.find_keypoints`.
        max_hands: keep the best so many hands of a frame; None: all.
        boxes: hands with boxes by file name and frame index, in place of a detector; None: no such boxes.
    """

    score_threshold: float
    views: int = 4
    max_hands: int | None = None
    boxes: Boxes | None = None


class Annotated(NamedTuple):
    """A record and the pixels it was made from (None if they could not be read)."""

    record: ImageRecord
    pixels: np.ndarray | None


def annotate(frames: list[Frame], networks: Networks, settings: Settings) -> list[Annotated]:
    """Annotate a batch of frames; one that cannot be read gets a record with `failure`."""
    results = [_read(frame) for frame in frames]
    found = []  # (record, pixels, box, box score) of each hand in the batch
    for frame, (record, pixels) in zip(frames, results, strict=True):
        if pixels is not None:
            found += [(record, pixels, box, score) for box, score in _boxes(frame, pixels, networks, settings)]
    if found:
        crops = [(pixels, box) for _, pixels, box, _ in found]
        hands = find_keypoints(networks.pose, networks.pose_input_size, crops, settings.views)
        scores = hands.scores
        if "logits" in networks.pose.output_names:
            scores = joint_scores(scores, settings.views)
        for i, (record, _, box, box_score) in enumerate(found):
            is_hand = None if hands.is_hand is None else float(hands.is_hand[i])
            is_right = None if hands.is_right is None else float(hands.is_right[i])
            score = hand_score(box_score, scores[i], is_hand)
            if score >= settings.score_threshold or networks.detector is None:
                side = handedness_of(is_right)
                record.hands.append(Hand(box, hands.keypoints[i], scores[i], score, side))
        for record, _ in results:
            record.hands.sort(key=lambda hand: -(hand.score or 0))
            if networks.detector is not None:  # who gives boxes wants an answer for each
                record.hands = without_doubles(record.hands)
            record.hands = record.hands[: settings.max_hands]
    return results


def _read(frame: Frame) -> Annotated:
    try:
        pixels = frame.read()
    except UnreadableError as error:
        return Annotated(ImageRecord(frame.file, None, None, failure=str(error)), None)
    height, width = pixels.shape[:2]
    return Annotated(ImageRecord(frame.file, width, height, [], frame.index, frame.time, frame.fps), pixels)


def _boxes(frame: Frame, pixels: np.ndarray, networks: Networks, settings: Settings) -> list[tuple[np.ndarray, float]]:
    """Return the boxes of a frame with their scores: given, detected, or else the whole image."""
    if settings.boxes is not None:
        given = settings.boxes.get((frame.file, frame.index), [])
        return [(hand.box, 1.0 if hand.score is None else hand.score) for hand in given]
    if networks.detector is not None:
        least = min(LEAST_BOX_SCORE, settings.score_threshold)
        return list(zip(*detect(networks.detector, pixels, least), strict=True))
    height, width = pixels.shape[:2]
    return [(np.array([0, 0, width, height], np.float32), 1.0)]


def processors() -> int:
    """Return how many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def run(
    frames: Iterable[Frame],
    work: Callable[[list[Frame], Networks], T],
    load: Callable[[], Networks],
    batch_size: int,
    threads: int,
) -> Iterator[T]:
    """Call `work` on batches of frames on several threads and yield its results in the frames' order.

    Args:
        work: what to do with a batch, given the networks.
        load: loads the networks; called once in each thread, since an interpreter serves one thread at a time.
        batch_size: frames in a batch.
        threads: how many threads work. At most twice as many batches wait, so memory stays bounded.
    """
    own = threading.local()

    def on_thread(batch: list[Frame]) -> T:
        if not hasattr(own, "networks"):
            own.networks = load()
        return work(batch, own.networks)

    source = iter(frames)
    waiting: deque[Future[T]] = deque()
    with ThreadPoolExecutor(threads) as pool:
        try:
            while batch := list(islice(source, batch_size)):
                waiting.append(pool.submit(on_thread, batch))
                if len(waiting) > 2 * threads:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:  # on an error or Ctrl-C, do not work off what waits
            for future in waiting:
                future.cancel()
