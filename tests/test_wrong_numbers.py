"""Numbers that are not what they are read as, in files of other programs: said, never scored without a word."""

import json

import cv2
import numpy as np
import pytest
from conftest import handpose
from labelled import image, open_hand, write

from handpose_cli.labels.lint import lint
from handpose_cli.labels.units import is_normalised, is_of_corners
from handpose_cli.records import Hand, ImageRecord

HANDS = [open_hand(20.0 * number + 10, 60.0 + 5 * number, 70.0) for number in range(6)]


def images(hands):
    return [ImageRecord(f"{number}.jpg", 640, 480, [hand]) for number, hand in enumerate(hands)]


def with_box(hand, box):
    return Hand(np.asarray(box, np.float32), keypoints=hand.keypoints)


def corners(hand):
    return with_box(hand, [*hand.box[:2], *(hand.box[:2] + hand.box[2:])])


def scaled(hand, x, y):
    return Hand(hand.box * [x, y, x, y], keypoints=hand.keypoints * np.float32([x, y]))


def kinds(records):
    return [finding.what for finding in lint(records)[2]]


def test_boxes_of_two_corners_are_spoken_of(tmp_path):
    path = write(tmp_path / "p.json", "coco", images(map(corners, HANDS)))
    labels = write(tmp_path / "l.json", "coco", images(HANDS))
    line = f"{path}: boxes are read as x, y, width, height, but most fit their keypoints as x1, y1, x2, y2"
    assert line in handpose("evaluate", "--labels", labels, "--predictions", path).stderr.splitlines()
    assert kinds(images(map(corners, HANDS))) == [
        "box fits the keypoints as x1, y1, x2, y2, not as x, y, width, height"
    ]
    assert not any(map(is_of_corners, HANDS)) and kinds(images(HANDS)) == []


def test_boxes_of_shares_beside_keypoints_in_pixels_are_an_error(tmp_path):
    boxes = [with_box(hand, hand.box / [640, 480, 640, 480]) for hand in HANDS]
    path = write(tmp_path / "p.json", "coco", images(boxes))
    labels = write(tmp_path / "l.json", "coco", images(HANDS))
    done = handpose("evaluate", "--labels", labels, "--predictions", path)
    assert done.exit_code == 1
    assert f"{path}: 6 of 6 hands have coordinates from 0 to 1, where pixels are expected: 0.jpg, hand 0" in done.stderr
    assert not is_normalised(with_box(HANDS[0], [300, 200, 1, 1]))


def test_predictions_that_are_nowhere_near_are_said_to_be(tmp_path):
    percent = [scaled(hand, 100 / 640, 100 / 480) for hand in HANDS]
    path = write(tmp_path / "p.json", "coco", images(percent))
    labels = write(tmp_path / "l.json", "coco", images(HANDS))
    done = handpose("evaluate", "--labels", labels, "--predictions", path, "--json")
    assert json.loads(done.stdout)["end_to_end"]["found"] == 0
    assert done.stderr.splitlines() == [
        "None of 6 predicted hands is where a labelled one is: are units, image sizes and order of x and y as in "
        "the labels?"
    ]
    assert kinds(images(percent)) == ["unit mistake suspected: coordinates from 0 to 100, not pixels"]


@pytest.mark.parametrize(("right", "is_said"), [(1, True), (3, False)])
def test_sides_that_are_exchanged_are_said_to_be(tmp_path, right, is_said):
    def of_sides(*sides):
        return [image(f"{n}.jpg", open_hand(handedness=side)) for n, side in enumerate(sides)]

    labels = write(tmp_path / "l.json", "handpose", of_sides(*["left"] * 10))
    path = write(tmp_path / "p.json", "handpose", of_sides(*["left"] * right, *["right"] * (10 - right)))
    line = (
        "Left and right are exchanged in 90% of 10 hands: does one of both name them as a mirror shows them, as "
        "MediaPipe does of images that are not mirrored?"
    )
    done = handpose("evaluate", "--labels", labels, "--predictions", path)
    assert done.stderr.splitlines() == [line] * is_said


def test_hands_that_only_begin_within_100_pixels_are_in_pixels():
    assert kinds(images([Hand(np.array([95, 95, 80, 60 + n], np.float32)) for n in range(6)])) == []


@pytest.mark.parametrize("score", [{"score": 7.5}, {"score": -0.1}, {"keypoint_scores": np.full(21, 12, np.float32)}])
def test_scores_that_are_none_are_found_by_the_check(score):
    assert kinds([image("a.jpg", open_hand(**score))]) == ["a score that is not from 0 to 1"]


@pytest.mark.parametrize("what", [slice(1, 5), slice(5, None)])
def test_pixels_in_yolos_labels_are_an_error(tmp_path, what):
    (tmp_path / "images").mkdir()
    cv2.imwrite(str(tmp_path / "images" / "0.png"), np.zeros((480, 640, 3), np.uint8))
    write(tmp_path, "yolo-pose", [ImageRecord("0.png", 640, 480, [HANDS[0]])])
    label = tmp_path / "labels" / "0.txt"
    numbers = label.read_text().split()
    moved = [n if at >= 5 and (at - 5) % 3 == 2 else f"{640 * float(n):.3f}" for at, n in enumerate(numbers)]
    numbers[what] = moved[what]
    done = handpose("convert-labels", tmp_path, tmp_path / "o.csv", "--to", "csv")
    assert done.exit_code == 0  # as it was written
    label.write_text(" ".join(numbers))
    done = handpose("convert-labels", tmp_path, tmp_path / "o.csv", "--to", "csv", "--overwrite")
    assert done.stderr.startswith(
        f"Error: {label}: line 1: coordinates are shares of the image's size, from 0 to 1. Received: "
    )
