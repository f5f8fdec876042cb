"""Fit the weights of `annotator.hand_score`:

    python -m handpose_cli.training.hand_score [FORMAT:]LABELS [WEIGHTS]

LABELS are photographs in which every hand has a box; WEIGHTS a bundled hourglass, a file or a run.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator

import numpy as np

from handpose_cli import engine
from handpose_cli.annotator.detector import detect, whole
from handpose_cli.annotator.hand_score import log_odds
from handpose_cli.annotator.joint_score import joint_scores
from handpose_cli.annotator.pipeline import box_of
from handpose_cli.annotator.pose import find_keypoints
from handpose_cli.boxes import iou
from handpose_cli.formats.source import Source
from handpose_cli.sources.images import read_image
from handpose_cli.sources.picture import Picture

LEAST_SCORE = 0.02  # of the detector
IS_HAND = 0.5  # least intersection over union of a hand's box with a labelled one
VIEWS = 2


def detections(source: Source, weights: str) -> Iterator[tuple[list[float], bool]]:
    """Yield what the networks say of each detection (the terms of `hand_score`), and whether it is a hand."""
    detector, pose = engine.load_detector("litert"), engine.load_hourglass("litert", weights)
    for record in source.read():
        path = source.folder / record.file
        if record.frame is not None or not path.is_file():
            continue
        image = read_image(path)
        ((boxes, scores),) = detect(detector, [whole(Picture(image))], LEAST_SCORE)
        if not len(boxes):
            continue
        found = find_keypoints(pose, pose.input_shape[0], [(image, box) for box in boxes], VIEWS)
        joints = joint_scores(found.scores, VIEWS)
        hands = np.reshape([hand.box for hand in record.hands], (-1, 4)).astype(np.float32)
        height, width = image.shape[:2]
        published = np.stack([box_of(points, width, height) for points in found.keypoints])
        overlap = iou(published, hands).max(axis=1, initial=0.0)
        for i, score in enumerate(scores):
            is_hand = 0.5 if found.is_hand is None else float(found.is_hand[i])
            said = (float(score), float(joints[i].mean()), is_hand)
            yield [*map(log_odds, said), 1.0], bool(overlap[i] >= IS_HAND)


def fit(terms: np.ndarray, answers: np.ndarray, steps: int = 50) -> np.ndarray:
    """Return the weights of a logistic regression, by Newton's method.

    Args:
        terms: float64 [n, k].
        answers: bool [n].
    """
    weights = np.zeros(terms.shape[1])
    for _ in range(steps):
        probability = 1 / (1 + np.exp(-terms @ weights))
        gradient = terms.T @ (answers - probability) - 1e-3 * weights
        curvature = (terms * (probability * (1 - probability))[:, None]).T @ terms + 1e-3 * np.eye(len(weights))
        weights = weights + np.linalg.solve(curvature, gradient)
    return weights


def main(source: str, weights: str = "hourglass-lite") -> None:
    terms, answers = map(np.array, zip(*detections(Source.parse(source), weights), strict=True))
    print(f"{len(answers)} detections, {answers.sum()} hands")
    print("WITH_HAND_HEAD =", tuple(fit(terms, answers).round(3).tolist()))
    box, joints, constant = fit(terms[:, [0, 1, 3]], answers).round(3).tolist()
    print("WITHOUT_HAND_HEAD =", (box, joints, 0.0, constant))


if __name__ == "__main__":
    main(*sys.argv[1:])
