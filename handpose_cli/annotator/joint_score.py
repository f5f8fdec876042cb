"""A joint's score: the probability that it is where the hourglass says.

A network's own probability is too modest, the more so after several views, which agree less often than each is sure.
The log-odds are therefore scaled (Platt, 1999), by constants that `python -m handpose_cli.training.joint_score` fits
for the bundled network on training photographs.
"""

from __future__ import annotations

import numpy as np

RIGHT = 0.1  # error, over the longer side of the hand's box, up to which a joint is right
# most views of a hand -> factor of the log-odds, and what is added
CALIBRATION = {1: (2.094, 0.37), 2: (1.831, 1.181), 3: (1.833, 1.3), 4: (1.833, 1.351)}


def joint_scores(own: np.ndarray, views: int) -> np.ndarray:
    """Return float32 [n, joints], 0 to 1: the probabilities that joints are right.

    Args:
        own: float32 [n, joints], the network's probabilities as merged from its views.
        views: how many a hand had at most, a key of `CALIBRATION`.
    """
    factor, constant = CALIBRATION[views]
    inside = own.astype(np.float64).clip(1e-6, 1 - 1e-6)
    return (1 / (1 + np.exp(-(factor * np.log(inside / (1 - inside)) + constant)))).astype(np.float32)
