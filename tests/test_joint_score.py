"""Joint scores as probabilities."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from handpose_cli.engine.contract import Calibration

CALIBRATION = Calibration({1: (2.1, 0.4), 2: (1.8, 1.2), 4: (1.8, 1.4)}, {1: (0.2, 1.5, 0.1, -1.0)})


@given(st.lists(st.floats(0, 1), min_size=2, max_size=21), st.integers(1, 5))
def test_the_order_of_scores_stays_and_they_are_probabilities(own, views):
    own = np.sort(np.array([own], np.float32))
    scores = CALIBRATION.joint_scores(own, views)
    assert scores.dtype == np.float32
    assert ((scores >= 0) & (scores <= 1)).all()
    assert (np.diff(scores) >= 0).all()


def test_each_number_of_views_has_its_own_constants_or_those_of_fewer():
    scores = [CALIBRATION.joint_scores(np.full((1, 21), 0.6, np.float32), views)[0, 0] for views in (1, 2, 3, 4, 5)]
    assert 0.6 < scores[0] < scores[1] == scores[2] < scores[3] == scores[4]


def test_no_hands():
    assert CALIBRATION.joint_scores(np.zeros((0, 21), np.float32), 4).shape == (0, 21)
