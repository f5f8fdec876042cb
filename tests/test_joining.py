"""Two answers of one network, maps and coordinates, become one."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from handpose_cli.engine.contract import of_maps
from handpose_cli.engine.joining import BELIEVED, FIRM_REACH, LEAST_TRUST, REACH, join, trust_in
from handpose_cli.engine.keypoint_network import DecodedKeypoints

POINTS = arrays(np.float64, (21, 2), elements=st.floats(-500, 500))
SIZE = 224
CORNERS = np.tile([[60.0, 60.0], [160.0, 60.0], [160.0, 160.0]], (7, 1))  # a hand of 100 pixels


def answer(keypoints, coordinates, is_hand):
    """What a network says whose maps peak at keypoints, sure of each, and which also gives coordinates."""
    rows, columns = np.mgrid[: SIZE // 4, : SIZE // 4] * 4 + 1.5
    away = np.stack([(columns - x) ** 2 + (rows - y) ** 2 for x, y in keypoints], axis=-1)
    outputs = {
        "logits": (-away / 32)[None].astype(np.float32),  # Gaussians, one map pixel wide
        "hand": np.array([[is_hand, 1]], np.float32),
        "points": (coordinates + 0.5).reshape(1, -1),  # from the crop's corner, not its first pixel's centre
    }
    network = DecodedKeypoints(lambda crops: outputs, of_maps(SIZE, "logits", hand_head=True, points=True))
    return network.find(np.zeros((1, SIZE, SIZE, 3), np.uint8))


@pytest.mark.parametrize(
    ("is_hand", "reach", "believed"),
    [(0.999, FIRM_REACH, 1.0), (0.9, LEAST_TRUST * REACH, BELIEVED), (0.0, LEAST_TRUST * REACH, BELIEVED)],
)
def test_coordinates_are_believed_where_they_are_near_farther_if_the_network_is_surer(is_hand, reach, believed):
    agreement = np.exp(-1 / 2)
    for away, moves, score in ((reach, believed * agreement, (1 + agreement) / 2), (4 * reach, 0.0, 0.5)):
        found = answer(CORNERS, CORNERS + np.array([100 * away, 0]), is_hand)
        moved = found.keypoints[0] - CORNERS
        assert moved[:, 0] == pytest.approx(100 * away * moves, abs=0.4)
        assert moved[:, 1] == pytest.approx(0, abs=0.4)
        assert found.scores[0] == pytest.approx(score, abs=0.05)


@given(POINTS, POINTS, st.floats(0, 1))
def test_joined_joints_lie_between_both(one, other, is_hand):
    trust = trust_in(np.array([is_hand], np.float32), 1)
    assert LEAST_TRUST <= trust[0] <= 1
    points, scores = join(one[None], np.full((1, 21), 0.8), other[None], trust)
    low, high = np.minimum(one, other) - 1e-3, np.maximum(one, other) + 1e-3
    assert ((points[0] >= low) & (points[0] <= high)).all()
    assert ((scores >= 0.4 - 1e-6) & (scores <= 0.8 + 1e-6)).all()


def test_coordinates_of_a_network_that_does_not_say_how_sure_it_is_are_trusted():
    assert trust_in(None, 3).tolist() == [1.0, 1.0, 1.0]
