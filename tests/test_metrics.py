"""Metrics against values computed with MMPose's `keypoint_eval.py` and FreiHAND's `eval_util.py`."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from handpose_cli.evaluation.calibration import reliability
from handpose_cli.evaluation.intervals import Samples, interval
from handpose_cli.evaluation.metrics import (
    HAND_SIGMAS,
    auc_mmpose,
    auc_trapezoid,
    average,
    by_joint,
    correct,
    oks,
    pck,
)
from handpose_cli.evaluation.norms import NORMS
from handpose_cli.records import Hand

# one hand, joint j off by j pixels; the box is 100 x 80
A, NORM_A = np.arange(21.0)[None], np.array([100.0])
# two hands: one has joint 0 off by 10 px, the other no joint 0 and the rest off by 2 px
B, NORM_B = np.zeros((2, 21)), np.array([100.0, 100.0])
B[0, 0], B[1] = 10, 2
B[1, 0] = np.nan
EXACT = {"abs": 1e-6}


@pytest.mark.parametrize(("threshold", "expected"), [(0.05, 5 / 21), (0.1, 10 / 21), (0.2, 20 / 21)])
def test_pck_of_vector_a(threshold, expected):
    assert pck(A, NORM_A, threshold) == pytest.approx(expected, **EXACT)


def test_both_areas_under_the_curve_of_vector_a():
    assert average(auc_mmpose(A), "macro") == pytest.approx(0.633333, **EXACT)
    assert average(auc_trapezoid(A), "macro") == pytest.approx(0.667148, **EXACT)
    assert average(auc_trapezoid(A, steps=20), "macro") == pytest.approx(0.666667, **EXACT)


def test_a_perfect_prediction_has_095_of_mmposes_area_and_all_of_freihands():
    perfect = np.zeros((1, 21))
    assert average(auc_mmpose(perfect), "macro") == pytest.approx(0.95, **EXACT)
    assert average(auc_trapezoid(perfect), "macro") == pytest.approx(1.0, **EXACT)


def test_errors_of_vector_a():
    assert [average(A, how) for how in ("micro", "macro", "median")] == pytest.approx([10, 10, 10], **EXACT)
    assert average(A**2, "micro") == pytest.approx(136.666667, **EXACT)
    assert average(A**2, "micro") ** 0.5 == pytest.approx(11.690452, **EXACT)
    assert average(A / NORM_A[:, None], "micro") == pytest.approx(0.1, **EXACT)


@pytest.mark.parametrize(
    ("area", "sigmas", "expected"),
    [
        (8000, HAND_SIGMAS, 0.31208),
        (4240, HAND_SIGMAS, 0.25264),
        (50000, HAND_SIGMAS, 0.61312),
        (4240, 1 / 21, 0.39358),
    ],
)
def test_oks_of_vector_a(area, sigmas, expected):
    assert oks(A, np.array([area]), sigmas) == pytest.approx([expected], abs=5e-6)  # the reference has five decimals


def test_averages_of_vector_b():
    assert average(B, "micro") == pytest.approx(1.219512, **EXACT)
    assert average(B, "macro") == pytest.approx(1.428571, **EXACT)
    assert pck(B, NORM_B, 0.05) == pytest.approx(0.952381, **EXACT)
    assert average(correct(B, NORM_B, 0.05), "micro") == pytest.approx(0.975610, **EXACT)


def test_a_hand_that_was_not_found_is_wrong_and_an_unlabelled_joint_does_not_count():
    error = np.array([[0.0] * 21, [np.inf] * 21])
    error[1, 5] = np.nan
    shares = by_joint(correct(error, np.array([100.0, 100.0]), 0.1), "macro")
    assert shares == [0.5] * 5 + [1.0] + [0.5] * 15
    assert by_joint(correct(np.full((1, 21), np.nan), NORM_A, 0.1), "macro") == [None] * 21


def test_norms():
    points = np.zeros((21, 2), np.float32)
    points[9] = 30, 40  # middle MCP; the wrist is at 0, 0
    hand = Hand(np.array([0, 0, 100, 80]), keypoints=points, head_size=60.0)
    assert [NORMS[kind].length(hand) for kind in ("bbox", "palm", "px", "head")] == [100, 50, 1, 60]
    points[9] = 3, 4  # a palm seen edge-on
    assert np.isnan(NORMS["palm"].length(hand))
    assert np.isnan(NORMS["bbox"].length(Hand(np.array([0, 0, 0, 0]))))
    assert np.isnan(NORMS["head"].length(Hand(np.array([0, 0, 9, 9]))))


errors = st.lists(st.floats(0, 200), min_size=42, max_size=42).map(lambda values: np.reshape(values, (2, 21)))


@given(errors, st.floats(0.01, 1), st.floats(0.01, 1))
def test_pck_grows_with_the_threshold_and_stays_in_range(error, one, other):
    norm = np.array([50.0, 120.0])
    low, high = (pck(error, norm, t) for t in sorted((one, other)))
    assert 0 <= low <= high <= 1


@given(errors)
def test_pck_does_not_depend_on_the_pictures_size(error):
    # powers of two, so that float32 divides them exactly alike
    assert pck(error, np.array([64.0, 128.0]), 0.1) == pck(error * 4, np.array([256.0, 512.0]), 0.1)


def test_an_interval_holds_the_figure_and_draws_whole_samples():
    rng = np.random.default_rng(3)
    right = (rng.random((200, 21)) < 0.8).astype(float)
    low, high = interval(right, "macro", Samples.of([f"image {i}" for i in range(200)]))
    expected = 1.96 * right.mean(axis=1).std() / np.sqrt(200)
    assert low < average(right, "macro") < high
    assert (high - low) / 2 == pytest.approx(expected, rel=0.15)
    # the same hands in 10 videos of 20: far fewer independent samples of unlike hands
    alike = np.repeat((rng.random((10, 1)) < 0.8).astype(float), 20, axis=0) * np.ones((1, 21))
    apart = interval(alike, "macro", Samples.of([str(i) for i in range(200)]))
    together = interval(alike, "macro", Samples.of([str(i // 20) for i in range(200)]))
    assert together[1] - together[0] > 2 * (apart[1] - apart[0])


def test_samples_are_drawn_once_for_all_figures_in_a_byte_each():
    samples = Samples.of([str(i) for i in range(300)])
    first = interval(np.ones((300, 21)), "macro", samples)
    drawn = samples.draws
    assert (first, interval(np.ones((300, 21)), "micro", samples)) == ((1, 1), (1, 1))
    assert samples.draws is drawn
    assert (drawn.nbytes, set(drawn.sum(axis=1, dtype=int))) == (300 * 1000, {300})


def test_there_is_no_interval_of_one_sample_or_of_a_median():
    assert interval(A, "micro", Samples.of(["only"])) is None
    assert interval(B, "median", Samples.of(["one", "other"])) is None
    assert interval(B[:0], "micro", Samples.of([])) is None


def test_reliability():
    curve = reliability([0.05, 0.95, 0.95, 0.95, 1.0], [False, True, True, False, True])
    assert [(each.low, each.count, each.right) for each in curve.bins] == [
        (0.0, 1, 0.0),
        (0.9, 4, 0.75),
    ]
    assert curve.ece == pytest.approx((1 * 0.05 + 4 * abs(0.9625 - 0.75)) / 5)
    assert reliability([], []) is None
    assert reliability([3.2, 0.5], [True, True]) is None  # no probabilities
