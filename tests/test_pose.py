"""Keypoints of hands with known boxes: where they land, and which hands are the same."""

from functools import partial

import numpy as np
import pytest
from labelled import open_hand

from handpose_cli.annotator.pipeline import _less_if_strange
from handpose_cli.annotator.pose import find_keypoints, handedness_of, without_doubles
from handpose_cli.doubt.shape import strangeness
from handpose_cli.engine.contract import Calibration, of_maps
from handpose_cli.engine.keypoint_network import DecodedKeypoints
from handpose_cli.networks.hourglass.heatmaps import encode
from handpose_cli.records import Hand
from handpose_cli.training.fit_scores import fit


def bright_spot(crops):
    """A network that finds one joint: the brightest pixel of the crop."""
    n, size = crops.shape[:2]
    rows, columns = np.unravel_index(crops[..., 0].reshape(n, -1).argmax(axis=1), (size, size))
    points = (np.stack([columns, rows], axis=-1)[:, None] + 0.5) / 4 - 0.5
    return {"heatmaps": encode(points, size // 4, 1.5)}


@pytest.mark.parametrize("spot", [(140, 90), (205, 149), (101, 51)])
def test_keypoints_are_given_in_pixels_of_the_image(spot):
    image = np.zeros((300, 400, 3), np.uint8)
    image[spot[1] - 2 : spot[1] + 3, spot[0] - 2 : spot[0] + 3] = 120
    image[spot[1], spot[0]] = 255
    boxes = [np.array([100, 50, 120, 100]), np.array([90, 30, 130, 140])]
    network = DecodedKeypoints(bright_spot, of_maps(192, "heatmaps", hand_head=False))
    found = find_keypoints(network, [(image, box) for box in boxes])
    assert found.keypoints.shape == (2, 1, 2)
    assert found.keypoints[:, 0] == pytest.approx(np.array([spot, spot]), abs=0.8)
    assert (found.scores > 0.85).all()
    assert (found.is_hand, found.is_right) == (None, None)


def hand_at(x, y, score, size=100):
    points = np.random.default_rng(0).uniform(0, size, (21, 2)) + np.array([x, y])
    return Hand(np.array([x, y, size, size]), keypoints=points, keypoint_scores=np.ones(21), score=score)


def test_a_hand_found_twice_is_kept_once():
    best, double, neighbour = hand_at(0, 0, 0.9), hand_at(5, 5, 0.8), hand_at(60, 0, 0.7)
    assert without_doubles([best, double, neighbour]) == [best, neighbour]


def test_a_small_hand_before_a_large_one_is_kept():
    large, small = hand_at(0, 0, 0.9, size=300), hand_at(250, 250, 0.8, size=40)
    assert without_doubles([large, small]) == [large, small]


def test_a_doubtful_hand_within_another_is_a_part_of_it():
    whole, fingers, beside = hand_at(0, 0, 0.95, size=300), hand_at(150, 10, 0.6, size=120), hand_at(260, 10, 0.6)
    assert without_doubles([whole, fingers, beside]) == [whole, beside]
    sure = hand_at(150, 10, 0.8, size=120)
    assert without_doubles([whole, sure]) == [whole, sure]


def test_the_hand_score_grows_with_each_of_its_reasons():
    sure, unsure = np.full(21, 0.9), np.full(21, 0.5)
    score = partial(Calibration({1: (1, 0)}, {1: (0.2, 1.5, 0.1, -1.0)}).hand_score, views=1)
    for is_hand in (0.6, None):
        assert 0 < score(0.3, unsure, is_hand) < score(0.3, sure, is_hand) < score(0.8, sure, is_hand) < 1
    assert score(0.5, unsure, 0.0) < score(0.5, unsure, 0.01) < score(0.5, unsure, None) < score(0.5, unsure, 0.99)


def test_a_sure_no_or_yes_is_still_a_number():
    score = partial(Calibration({1: (1, 0)}, {1: (0.2, 1.5, 0.1, -1.0)}).hand_score, views=1)
    assert score(0.0, np.zeros(21), 0.0) == pytest.approx(0.0, abs=0.01)
    assert score(1.0, np.ones(21), 1.0) == pytest.approx(1.0, abs=0.01)


def test_the_weights_of_the_hand_score_are_those_that_explain_the_answers():
    rng = np.random.default_rng(0)
    terms = np.column_stack([rng.normal(0, 2, (20000, 2)), np.ones(20000)])
    truth = np.array([0.7, -0.3, 0.5])
    answers = rng.random(20000) < 1 / (1 + np.exp(-terms @ truth))
    assert fit(terms, answers) == pytest.approx(truth, abs=0.05)


def test_handedness_is_the_more_probable_one():
    assert [handedness_of(p) for p in (0.2, 0.7, None)] == ["left", "right", None]


def test_a_hand_with_no_hands_proportions_scores_less_the_stranger_they_are():
    hand = open_hand(60, 60, 80).keypoints
    scattered = np.random.default_rng(1).uniform(0, 100, (21, 2))
    between = 0.5 * hand + 0.5 * scattered
    assert max(strangeness(hand)) < 1 < max(strangeness(between)) < max(strangeness(scattered))
    scores = [_less_if_strange(0.7, keypoints) for keypoints in (hand, between, scattered)]
    assert scores[0] == 0.7 > scores[1] > scores[2] > 0
    assert (_less_if_strange(1e-9, scattered), _less_if_strange(0.0, scattered)) == (1e-9, 0.0)
