"""The one order of doubt: which hand to look at first."""

from __future__ import annotations

from handpose_cli.doubt.flags import MISTAKES
from handpose_cli.doubt.shape import strangeness
from handpose_cli.records import Hand

# With .1 flat hands, whose bones look long, come before wrong ones.
STRANGE = 0.05  # what proportions count beside the joints' scores
MISTAKE = 0.1  # what a flag counts that is likely a mistake


def doubt(hand: Hand) -> float:
    """Return how doubtful a hand is, from 0 to about 2; the larger, the sooner a person should look at it.

    It is one less the mean of the joints' scores (or the hand's score, if they are not known), and more for proportions
    that few hands have and for each flag that is likely a mistake. Flags of `video.flagged` must be there already.
    """
    sure = hand.mean_joint_score
    if sure is None:
        sure = 1.0 if hand.score is None else float(hand.score)
    strange = 0.0 if hand.keypoints is None else min(max(strangeness(hand.keypoints)), 2.0)
    return 1 - sure + STRANGE * strange + MISTAKE * sum(name in MISTAKES for name in hand.flags)
