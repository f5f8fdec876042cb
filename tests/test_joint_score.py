"""Joint scores as probabilities."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from handpose_cli.annotator.joint_score import CALIBRATION, joint_scores


@given(st.lists(st.floats(0, 1), min_size=2, max_size=21), st.sampled_from(list(CALIBRATION)))
def test_the_order_of_scores_stays_and_they_are_probabilities(own, views):
    own = np.sort(np.array([own], np.float32))
    scores = joint_scores(own, views)
    assert scores.dtype == np.float32
    assert ((scores >= 0) & (scores <= 1)).all()
    assert (np.diff(scores) >= 0).all()


def test_more_views_that_agree_as_much_are_surer():
    own = np.full((1, 21), 0.6, np.float32)
    assert 0.6 < joint_scores(own, 1)[0, 0] < joint_scores(own, 2)[0, 0]


def test_no_hands():
    assert joint_scores(np.zeros((0, 21), np.float32), 4).shape == (0, 21)
