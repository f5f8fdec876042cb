"""Drawing: each finger in its colour, joints where they are, nothing on the original."""

from dataclasses import replace

import numpy as np

from handpose_cli.colours import JOINT_COLOURS
from handpose_cli.drawing import (
    BOX_COLOUR,
    HAND_COLOURS,
    SCORE_COLOURS,
    DrawStyle,
    draw_hands,
    joint_colours,
)
from handpose_cli.records import FINGERS, SKELETON, Hand


def spread_hand(size: int) -> Hand:
    angles = np.linspace(-0.8, 0.8, 5)
    points = [[size * 0.5, size * 0.85]]
    for angle in angles:
        points += [
            [size * (0.5 + r * np.sin(angle)), size * (0.85 - r * np.cos(angle))] for r in (0.2, 0.35, 0.5, 0.65)
        ]
    return Hand(
        np.array([size * 0.05, size * 0.1, size * 0.9, size * 0.85]),
        keypoints=np.array(points),
        keypoint_scores=np.ones(21),
        score=0.9,
    )


def test_joints_have_their_fingers_colour():
    size = 600
    hand = spread_hand(size)
    drawn = draw_hands(np.full((size, size, 3), 60, np.uint8), [hand])
    for (x, y), colour in zip(hand.keypoints, JOINT_COLOURS, strict=True):
        assert np.abs(drawn[round(y), round(x)].astype(int) - colour).max() < 30


def test_the_original_is_untouched_and_the_box_is_drawn():
    image = np.full((600, 600, 3), 60, np.uint8)
    drawn = draw_hands(image, [spread_hand(600)])
    assert (image == 60).all()
    assert (drawn[300, 30] == BOX_COLOUR).all()


def test_hands_outside_and_tiny_images_do_no_harm():
    hand = spread_hand(600)
    for shape in ((1, 1, 3), (20, 2000, 3)):
        assert draw_hands(np.zeros(shape, np.uint8), [hand, Hand(np.array([-50, -50, 9, 9]))]).shape == shape


def test_unsure_joints_are_hollow():
    hand = spread_hand(600)
    hand.keypoint_scores = np.zeros(21)
    drawn = draw_hands(np.full((600, 600, 3), 60, np.uint8), [hand])
    x, y = hand.keypoints[8].round().astype(int)
    assert (drawn[y, x] != JOINT_COLOURS[8]).any()


def test_the_skeleton_has_four_bones_a_finger():
    assert len(SKELETON) == 20
    assert [bone[1] for bone in SKELETON] == list(range(1, 21))
    assert all(bone[0] == (0 if bone[1] in {j[0] for j in FINGERS.values()} else bone[1] - 1) for bone in SKELETON)


def test_hands_have_colours_of_their_own_by_track():
    first, second = spread_hand(600), spread_hand(600)
    second.track_id = 3
    for hand, colour in ((first, HAND_COLOURS[0]), (second, HAND_COLOURS[2])):
        drawn = draw_hands(np.full((600, 600, 3), 60, np.uint8), [hand], DrawStyle("hand"))
        for x, y in hand.keypoints:
            assert np.abs(drawn[round(y), round(x)].astype(int) - colour).max() < 30
        assert (drawn[300, 30] == colour).all()  # the box
    assert joint_colours(spread_hand(600), "hand", 1)[0] == HAND_COLOURS[1]


def test_colours_tell_the_joints_scores():
    hand = spread_hand(600)
    hand.keypoint_scores = np.linspace(0.5, 1, 21)
    colours = joint_colours(hand, "score")
    assert colours[0] == tuple(SCORE_COLOURS[1]) and colours[20] == tuple(SCORE_COLOURS[2])
    assert [colour[0] for colour in colours] == sorted((colour[0] for colour in colours), reverse=True)
    hand.keypoint_scores = None  # labels
    assert set(joint_colours(hand, "score")) == {tuple(SCORE_COLOURS[2])}


def test_box_and_score_can_be_hidden():
    image, hand = np.full((600, 600, 3), 60, np.uint8), replace(spread_hand(600), keypoints=None)
    assert (draw_hands(image, [hand], DrawStyle(box=False, score=False)) == image).all()
    only_score = draw_hands(image, [hand], DrawStyle(box=False)) != image
    assert only_score[:60].any() and not only_score[61:].any()
    assert (draw_hands(image, [hand], DrawStyle(score=False))[300, 30] == BOX_COLOUR).all()
    assert not (draw_hands(image, [hand], DrawStyle(score=False))[:59] != image[:59]).any()
