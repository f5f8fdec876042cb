"""The crop transform: points come back, pixels go where the points go."""

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from handpose_cli.crop import crop_around, crop_around_turned

boxes = st.tuples(st.floats(-500, 5000), st.floats(-500, 5000), st.floats(0, 3000), st.floats(0, 3000))


@given(
    box=boxes,
    size=st.sampled_from([64, 128, 192, 256]),
    scale=st.floats(0.5, 4),
    rotation=st.floats(-360, 360),
    mirror=st.booleans(),
    shift=st.tuples(st.floats(-0.5, 0.5), st.floats(-0.5, 0.5)),
    point=st.tuples(st.floats(-1000, 9000), st.floats(-1000, 9000)),
)
def test_points_come_back(box, size, scale, rotation, mirror, shift, point):
    crop = crop_around(np.array(box), size, scale, rotation, mirror, shift)
    there_and_back = crop.to_image(crop.to_crop(np.array([point])))
    assert np.abs(there_and_back - point).max() < 1e-3


@given(box=boxes, scale=st.floats(0.5, 4))
def test_the_box_is_centred_and_fills_its_share(box, scale):
    crop = crop_around(np.array(box), 128, scale)
    x, y, width, height = box
    centre = crop.to_crop(np.array([x + width / 2, y + height / 2]))
    assert centre == pytest.approx([63.5, 63.5], abs=1e-6)
    corners = crop.to_crop(np.array([[x, y], [x + width, y + height]]))
    assert np.ptp(corners, axis=0).max() * scale == pytest.approx(
        128 * max(width, height) / max(width, height, 1), abs=1e-5
    )


@given(
    seed=st.integers(0, 2**32 - 1),
    scale=st.floats(1, 3),
    rotation=st.floats(-360, 360),
    mirror=st.booleans(),
    labelled=st.integers(2, 21),
)
def test_a_turned_hand_is_centred_and_fills_its_share(seed, scale, rotation, mirror, labelled):
    keypoints = np.random.default_rng(seed).uniform(0, 900, (21, 2))
    keypoints[labelled:] = np.nan
    crop = crop_around_turned(keypoints, 192, scale, rotation, mirror)
    inside = crop.to_crop(keypoints[:labelled])
    low, high = inside.min(axis=0), inside.max(axis=0)
    assert (low + high) / 2 == pytest.approx([95.5, 95.5], abs=1e-6)
    assert (high - low).max() * scale == pytest.approx(192)
    assert crop.mirrored == mirror


@pytest.mark.parametrize("mirror", [False, True])
@pytest.mark.parametrize("box", [(20, 30, 60, 80), (200, 150, 900, 700)])  # enlarged, and shrunk more than twice
def test_pixels_go_where_the_points_go(box, mirror):
    image = np.zeros((1000, 1200, 3), np.uint8)
    dot = (int(box[0] + box[2] * 0.3), int(box[1] + box[3] * 0.6))
    cv2.circle(image, dot, max(box[2] // 20, 2), (255, 255, 255), -1)
    crop = crop_around(np.array(box), 128, rotation=25, mirror=mirror)
    rows, columns = np.nonzero(crop.cut(image)[..., 0] > 100)
    assert crop.to_crop(np.array(dot)) == pytest.approx([columns.mean(), rows.mean()], abs=0.7)


def test_a_hand_at_the_edge_is_kept_and_padded_with_black():
    image = np.full((100, 100, 3), 200, np.uint8)
    crop = crop_around(np.array([80, 40, 40, 40]), 64, scale=1.0).cut(image)
    assert (crop[:, :30] == 200).all()
    assert (crop[:, 34:] == 0).all()


def test_a_crop_beside_the_image_is_all_border():
    image = np.full((100, 100, 3), 200, np.uint8)
    assert not crop_around(np.array([500, 500, 4000, 4000]), 64, scale=1.0).cut(image).any()


def test_shrinking_averages_all_pixels():
    checkerboard = np.indices((1024, 1024)).sum(axis=0) % 2 * 255
    crop = crop_around(np.array([0, 0, 1024, 1024]), 128, scale=1.0)
    shrunk = crop.cut(np.repeat(checkerboard[..., None], 3, axis=2).astype(np.uint8))
    assert np.abs(shrunk[4:-4, 4:-4].astype(int) - 127).max() <= 3


@given(box=boxes, factor=st.sampled_from([2, 4, 8]), point=st.tuples(st.floats(-1000, 9000), st.floats(-1000, 9000)))
def test_points_of_a_reduced_image_go_where_the_image_s_go(box, factor, point):
    crop, point = crop_around(np.array(box), 192, rotation=20), np.array(point)
    reduced = (point + 0.5) / factor - 0.5  # the same place in pixels that are means of factor x factor
    assert crop.of_reduced(factor).to_crop(reduced) == pytest.approx(crop.to_crop(point), rel=1e-6, abs=1e-4)
