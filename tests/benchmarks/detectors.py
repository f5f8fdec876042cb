"""Detectors against each other on boxes that people drew, by kind of photograph; run by hand:

    python tests/benchmarks/detectors.py DATA NAME [NAME ...]

DATA is a folder with `dev/boxes.json`, `dev_boxes/boxes.json` and `video/*.mp4` (with a `.txt` beside each: per frame
`x1 y1 x2 y2`, as fractions, and more); NAME is what `--detector` takes. Prints average precision (IoU .5), recall where
precision is .95, recall of all candidates; for photographs without hands the share with a box at some scores; recall
in the videos at a score of .3; and the milliseconds a square takes on one thread, the detectors in turn.
"""

from __future__ import annotations

import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from handpose_cli import engine
from handpose_cli.evaluation.detection import average_precision, recall_and_precision, recall_at_precision
from handpose_cli.labels.source import Source
from handpose_cli.media.images import read_image
from handpose_cli.records import Hand, ImageRecord

KINDS = ("piano", "gloved", "negatives")  # by the file's name; of dev_boxes
SCORES = (0.1, 0.3, 0.5)
LEAST_SCORE, VIDEO_SCORE = 0.02, 0.3
EVERY = 2  # frame of the videos


def photographs(data: Path) -> Iterator[tuple[str, ImageRecord, np.ndarray]]:
    """Yield kind, labels and image (uint8 [h, w, 3], RGB)."""
    for name in ("dev", "dev_boxes"):
        source = Source.parse(f"label-list:{data / name / 'boxes.json'}")
        for record in source.read():
            kind = next((kind for kind in KINDS if kind in record.file), name)
            yield kind, record, read_image(source.folder / record.file)


def frames(data: Path) -> Iterator[tuple[str, ImageRecord, np.ndarray]]:
    """Yield frames of the videos likewise."""
    for clip in sorted((data / "video").glob("*.mp4")):
        video = cv2.VideoCapture(str(clip))
        for number, line in enumerate(clip.with_suffix(".txt").read_text().splitlines()):
            there, frame = video.read()
            if not there:
                break
            if number % EVERY:
                continue
            height, width = frame.shape[:2]
            corners = np.array(line.split()[1:5], np.float32) * np.tile([width, height], 2)
            box = np.concatenate([corners[:2], corners[2:] - corners[:2]]).astype(np.float32)
            yield "video", ImageRecord(f"{clip.name}:{number}", width, height, [Hand(box=box)]), frame[..., ::-1]


def measure(name: str, data: Path) -> dict[str, list[tuple[ImageRecord, list[Hand]]]]:
    """Return what a detector finds, with the labels, by kind."""
    detector = engine.load_detector("litert", name)
    found = defaultdict(list)
    for pictures in (photographs, frames):
        for kind, record, image in pictures(data):
            (boxes,) = detector.boxes([image], LEAST_SCORE)
            hands = [Hand(box=box, score=float(score)) for box, score in zip(boxes.boxes, boxes.scores, strict=True)]
            found[kind].append((record, hands))
    return found


def rows(found: dict[str, list[tuple[ImageRecord, list[Hand]]]]) -> Iterator[str]:
    """Yield what to print of a detector."""
    for kind, images in found.items():
        if kind == "negatives":
            best = np.array([max((hand.score for hand in hands), default=0.0) for _, hands in images])
            shares = ", ".join(f"{(best >= score).mean():.3f} at {score}" for score in SCORES)
            yield f"  {kind} ({len(images)}): with a box {shares}; .05 of them score {np.quantile(best, 0.95):.2f}"
        elif kind == "video":
            sure = [(label, [hand for hand in hands if hand.score >= VIDEO_SCORE]) for label, hands in images]
            recalls = ", ".join(
                f"{recall_and_precision(sure, overlap)[0]:.3f} at IoU {overlap}" for overlap in (0.3, 0.5)
            )
            yield f"  {kind} ({len(images)}): recall {recalls}; of all {recall_at_precision(images, 0.0):.3f}"
        else:
            precision = average_precision(images, "bbox").at50
            high, everything = recall_at_precision(images, 0.95), recall_at_precision(images, 0.0)
            yield f"  {kind} ({len(images)}): AP {precision:.3f}, recall {high:.3f} at .95, {everything:.3f} of all"


def milliseconds(names: list[str]) -> dict[str, float]:
    """Return the least time that a square without hands takes, the detectors in turn."""
    networks = {name: engine.load_detector("litert", name) for name in names}
    least = dict.fromkeys(names, np.inf)
    for _ in range(40):
        for name, detector in networks.items():
            square = np.zeros((detector.input_size, detector.input_size, 3), np.uint8)
            begun = time.perf_counter()
            detector.boxes([square], LEAST_SCORE)
            least[name] = min(least[name], 1000 * (time.perf_counter() - begun))
    return least


def main(data: str, *names: str) -> None:
    times = milliseconds(list(names))
    for name in names:
        print(f"{name}: {times[name]:.1f} ms", *rows(measure(name, Path(data))), sep="\n", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
