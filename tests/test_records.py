"""The vocabulary: what a hand may be, and what it says of itself."""

import json
from pathlib import Path

import numpy as np
import pytest

from handpose_cli.records import Hand, ImageRecord, box_around

POINTS = np.stack([np.arange(21.0), 2 * np.arange(21.0)], axis=1)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"box": [1, 2, 3]}, "box must be of shape [4]. Received: [3]"),
        ({"keypoints": POINTS[:20]}, "keypoints must be of shape [21, 2]. Received: [20, 2]"),
        ({"keypoint_scores": np.ones((21, 1))}, "keypoint_scores must be of shape [21]. Received: [21, 1]"),
        ({"visibility": [2] * 20}, "visibility must be of shape [21]. Received: [20]"),
        ({"box": None}, "box must be of shape [4]. Received: None"),
        (
            {"box": [1, 2, np.nan, 4]},
            "box must be four finite numbers: x, y, width, height. Received: [1.0, 2.0, nan, 4.0]",
        ),
        ({"score": float("inf")}, "score must be a finite number or None. Received: inf"),
        ({"track_id": "3"}, "track_id must be a whole number or None. Received: '3'"),
        (
            {"visibility": [7] * 21},
            f"visibility must be 0 (not labelled), 1 (hidden) or 2 (visible). Received: {[7] * 21}",
        ),
        (
            {"visibility": np.ones(21, bool)},
            f"visibility must be 0 (not labelled), 1 (hidden) or 2 (visible). Received: {[True] * 21}",
        ),
        ({"handedness": "Left"}, "handedness must be left, right or None. Received: 'Left'"),
        ({"flags": ("jump", "a b")}, "a flag must be a name of letters, digits and _. Received: 'a b'"),
    ],
)
def test_a_hand_of_another_shape_is_an_error(fields, message):
    with pytest.raises(ValueError) as error:
        Hand(**{"box": [1, 2, 3, 4], **fields})
    assert str(error.value) == message


def test_arrays_have_their_dtypes():
    hand = Hand([1, 2, 3, 4], keypoints=POINTS.tolist(), visibility=[2] * 21)
    assert (hand.box.dtype, hand.keypoints.dtype, hand.visibility.dtype) == (np.float32, np.float32, np.uint8)
    assert hand.size == 4


def test_a_joint_that_is_not_labelled_is_nan_and_its_visibility_0():
    as_coco = Hand(
        [1, 2, 3, 4], keypoints=np.where(np.arange(21)[:, None] < 11, POINTS, 0), visibility=[2] * 11 + [0] * 10
    )
    scores = np.where(np.arange(21) < 11, 0.5, np.nan)
    as_nan = Hand([1, 2, 3, 4], keypoints=np.where(np.arange(21)[:, None] < 11, POINTS, np.nan), keypoint_scores=scores)
    for hand in (as_coco, as_nan):
        assert np.isnan(hand.keypoints[11:]).all() and (hand.keypoints[:11] == POINTS[:11]).all()
        assert hand.visibility.tolist() == [2] * 11 + [0] * 10
    assert as_nan.keypoint_scores.tolist() == [0.5] * 11 + [0] * 10
    none = Hand([1, 2, 3, 4], keypoints=np.full((21, 2), np.nan), keypoint_scores=np.zeros(21))
    assert none.keypoints is none.keypoint_scores is none.visibility is None


def test_what_a_caller_gave_is_not_written_to():
    points = POINTS.astype(np.float32)
    Hand([1, 2, 3, 4], keypoints=points, visibility=np.arange(21, dtype=np.uint8) % 3)
    assert (points == POINTS).all()


def test_numbers_of_numpy_and_pandas_are_numbers_of_json():
    hand = Hand([1, 2, 3, 4], track_id=np.int64(3))
    record = ImageRecord(Path("a") / "b.jpg", np.int64(20), 10.0, (hand,), frame=np.int32(4), time=np.float32(0.5))
    assert json.loads(json.dumps(record.to_dict())) == {
        "file": "a/b.jpg", "width": 20, "height": 10, "frame": 4, "time": 0.5,
        "hands": [{"box": [1, 2, 3, 4], "track_id": 3, "interpolated": False}],
    }  # fmt: skip
    for wrong in ({"file": b"a.jpg"}, {"width": 10.5}, {"frame": "1"}):
        with pytest.raises(ValueError, match=f"^{next(iter(wrong))} must be a "):
            ImageRecord(**{"file": "a.jpg", "width": 20, "height": 10, **wrong})


def test_a_hand_is_itself_and_compared_by_its_fields():
    hand, same = Hand([1, 2, 3, 4], keypoints=POINTS), Hand([1, 2, 3, 4], keypoints=POINTS)
    assert (hand == hand, hand == same, hand.to_dict() == same.to_dict()) == (True, False, True)
    assert ImageRecord("a.jpg", 9, 9, [hand]).to_dict() == ImageRecord("a.jpg", 9, 9, [same]).to_dict()


def test_a_box_of_its_own_is_more_than_the_one_around_the_keypoints():
    tight = box_around(POINTS)
    assert not Hand(tight, keypoints=POINTS).has_own_box
    assert not Hand(tight + np.float32([0.01, 0, 0, -0.01]), keypoints=POINTS).has_own_box  # rounded
    assert Hand(tight + np.float32([0, 0, 1, 0]), keypoints=POINTS).has_own_box
    assert Hand(tight).has_own_box
    assert Hand(tight, keypoints=np.full((21, 2), np.nan)).has_own_box


def test_a_hand_is_shown_in_a_line():
    points = np.zeros((21, 2))
    points[3] = np.nan
    hand = Hand([1, 2, 30.26, 40], keypoints=points, score=0.87654, handedness="left", flags=("small",))
    assert repr(hand) == "Hand([1.0, 2.0, 30.3, 40.0], 20 keypoints, score=0.877, handedness='left', flags=('small',))"
    assert repr(Hand([1, 2, 3, 4])) == "Hand([1.0, 2.0, 3.0, 4.0])"
