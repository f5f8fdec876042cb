"""Heatmaps: a Gaussian comes back from where it was placed, with a score that means something."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from handpose_cli.networks.hourglass import heatmaps

SIZES = st.sampled_from([32, 48, 64])


@st.composite
def placed(draw):
    """A heatmap's size, a sigma and a point anywhere on the map, its outermost pixels included."""
    size = draw(SIZES)
    inside = st.floats(-0.49, size - 0.51)
    return size, draw(st.floats(1.0, 3.0)), np.array([draw(inside), draw(inside)])


@given(placed())
def test_a_gaussian_comes_back_within_a_twentieth_of_a_pixel(case):
    size, sigma, point = case
    found, score = heatmaps.decode(heatmaps.encode(point[None, None], size, sigma))
    assert np.abs(found[0, 0] - point).max() < 0.05
    assert score[0, 0] > 0.75  # a peak between four pixels is lower than 1


def logits_of(point, size, sigma):
    return np.log(np.maximum(heatmaps.encode(np.reshape(point, (1, 1, 2)), size, sigma), 1e-30))


@given(placed(), st.floats(-30, 30))
def test_a_gaussian_in_logits_comes_back_whatever_is_added(case, constant):
    size, sigma, point = case
    found, score = heatmaps.decode_logits(logits_of(point, size, sigma) + np.float32(constant))
    from_edge = min((point + 0.5).min(), (size - 0.5 - point).min())
    assert np.abs(found[0, 0] - point).max() < (0.05 if from_edge > 4 * sigma else 2)
    assert 0 <= score[0, 0] <= 1


@given(placed())
def test_logits_in_8_bits_move_a_joint_by_little(case):
    size, sigma, point = case
    point = point.clip(4 * sigma, size - 1 - 4 * sigma)
    in_steps = np.round(logits_of(point, size, sigma).clip(-150, 0) / 0.75) * 0.75
    assert np.abs(heatmaps.decode_logits(in_steps)[0][0, 0] - point).max() < 0.3


def test_a_joint_is_where_most_of_the_probability_is_near_not_at_the_highest_pixel():
    spread = heatmaps.encode(np.array([[[30.0, 20.0]]]), 48, 3.0)
    chances = 0.9 * spread / spread.sum()
    chances[0, 40, 8] = 0.1
    assert chances[0, 40, 8] == chances.max()
    found, score = heatmaps.decode_logits(np.log(np.maximum(chances, 1e-30)).astype(np.float32))
    assert found[0, 0] == pytest.approx([30, 20], abs=0.05)
    assert score[0, 0] == pytest.approx(0.9 * 0.757**2, abs=0.01)  # within 3.5 of a deviation of 3, in x and in y


@given(placed())
def test_noise_of_8_bits_moves_a_peak_by_little(case):
    size, sigma, point = case
    maps = np.round(heatmaps.encode(point[None, None], size, sigma) * 255) / 255
    assert np.abs(heatmaps.decode(maps)[0][0, 0] - point).max() < 0.15


def test_joints_and_hands_are_kept_apart():
    points = np.random.default_rng(0).uniform(2, 45, (3, 21, 2))
    found, _ = heatmaps.decode(heatmaps.encode(points, 48, 1.5))
    assert found == pytest.approx(points, abs=0.05)


def test_the_score_of_logits_is_the_probability_near_the_peak():
    logits = np.full((1, 32, 32, 1), -50.0, np.float32)
    logits[0, 10, 10] = np.log(0.6)
    logits[0, 12, 13] = np.log(0.1)  # within the radius of 3 pixels
    logits[0, 25, 25] = np.log(0.3)
    assert heatmaps.decode_logits(logits)[1][0, 0] == pytest.approx(0.7, abs=1e-5)


def test_an_empty_map_gives_score_0_and_finite_keypoints():
    found, score = heatmaps.decode(np.zeros((1, 32, 32, 21), np.float32))
    assert np.isfinite(found).all()
    assert (score == 0).all()


@given(st.floats(-100, 1000))
def test_crop_and_heatmap_coordinates_are_inverse(value):
    assert heatmaps.heatmap_to_crop(heatmaps.crop_to_heatmap(value)) == pytest.approx(value, abs=1e-9)


def test_the_two_grids_have_the_same_edges():
    assert heatmaps.heatmap_to_crop(-0.5) == -0.5
    assert heatmaps.heatmap_to_crop(47.5) == 191.5
