"""Fit the constants of `annotator.joint_score`:

    python -m handpose_cli.training.joint_score [FORMAT:]LABELS [WEIGHTS]

LABELS are photographs with keypoints; WEIGHTS a bundled hourglass, a file or a run.
"""

from __future__ import annotations

import random
import sys

import numpy as np

from handpose_cli import engine
from handpose_cli.annotator.hand_score import log_odds
from handpose_cli.annotator.joint_score import CALIBRATION, RIGHT
from handpose_cli.annotator.pose import find_keypoints
from handpose_cli.training.hand_score import fit
from handpose_cli.training.samples import Sample, read_sample, read_samples

HANDS = 700


def scores_and_answers(network, samples: list[Sample], views: int) -> tuple[np.ndarray, np.ndarray]:
    """Return each labelled joint's own score, and whether the joint was right: float64 and bool [n]."""
    scores, answers = [], []
    for sample in samples:
        if sample.hand is None or sample.hand.keypoints is None:
            continue
        found = find_keypoints(network, network.input_shape[0], [(read_sample(sample), sample.box)], views)
        error = np.linalg.norm(found.keypoints[0] - sample.hand.keypoints, axis=1) / max(sample.box[2:].max(), 1.0)
        labelled = np.isfinite(error)
        scores.append(found.scores[0][labelled])
        answers.append(error[labelled] < RIGHT)
    return np.concatenate(scores).astype(np.float64), np.concatenate(answers)


def main(source: str, weights: str = "hourglass-lite") -> None:
    samples = read_samples([source])
    samples = random.Random(0).sample(samples, min(HANDS, len(samples)))
    network = engine.load_hourglass("litert", weights)
    for views in CALIBRATION:
        scores, answers = scores_and_answers(network, samples, views)
        terms = np.array([[log_odds(score), 1.0] for score in scores])
        print(views, tuple(fit(terms, answers).round(3).tolist()), f"{answers.mean():.3f} right")


if __name__ == "__main__":
    main(*sys.argv[1:])
