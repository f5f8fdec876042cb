"""The vocabulary: what a hand may be, and what it says of itself."""

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
