"""One score for a hand, the probability that it is one, from what the detector and the hourglass say of it.

Each says something of its own, so their log-odds add up (logistic regression). The weights are fitted on photographs
whose hands people boxed: `python -m handpose_cli.training.hand_score`.
"""

from __future__ import annotations

import math

import numpy as np

# of the log-odds of the detector's score, of the mean of the joints' scores and of `is_hand`; and the constant
WITH_HAND_HEAD = (0.224, 1.467, 0.094, -1.005)
WITHOUT_HAND_HEAD = (0.278, 1.63, 0.0, -0.873)
MOST = 7.0  # log-odds count up to here: networks exaggerate


def hand_score(box_score: float, joint_scores: np.ndarray, is_hand: float | None = None) -> float:
    """Return the probability that a detection is a hand.

    Args:
        box_score: the detector's score, 0 to 1.
        joint_scores: float32 [21], 0 to 1.
        is_hand: the hourglass's own probability; None if it does not tell.
    """
    weights = WITHOUT_HAND_HEAD if is_hand is None else WITH_HAND_HEAD
    evidence = (log_odds(box_score), log_odds(float(joint_scores.mean())), log_odds(is_hand or 0.0), 1.0)
    return 1 / (1 + math.exp(-sum(weight * value for weight, value in zip(weights, evidence, strict=True))))


def log_odds(probability: float) -> float:
    """Return the logarithm of p / (1 - p), cut to `MOST`."""
    inside = min(max(probability, 1e-6), 1 - 1e-6)
    return min(max(math.log(inside / (1 - inside)), -MOST), MOST)
