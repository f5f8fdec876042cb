"""Hands followed from frame to frame: found as well as frame by frame, with the detector running seldom."""

import json
from dataclasses import replace
from itertools import islice

import numpy as np
import pytest
from conftest import SAMPLES

from handpose_cli import Annotator, engine
from handpose_cli.annotator.pipeline import annotate, box_of
from handpose_cli.annotator.settings import AnnotateSettings
from handpose_cli.annotator.tta import around
from handpose_cli.media.errors import UnreadableError
from handpose_cli.media.frames import Frame
from handpose_cli.media.picture import Picture
from handpose_cli.media.videos import read_video
from handpose_cli.records import MIDDLE_MCP, WRIST, Hand
from handpose_cli.tracking.follow import DETECT_EVERY, LiveFollower, follow

CLIP = SAMPLES / "moving_hand.mp4"
SETTINGS = AnnotateSettings(0.5, views=2)


class Counted:
    """The bundled detector, and how often it ran."""

    def __init__(self):
        self.detector, self.runs = engine.load_detector("litert"), 0
        self.input_size, self.least_score = self.detector.input_size, self.detector.least_score

    def boxes(self, images, threshold):
        self.runs += 1
        return self.detector.boxes(images, threshold)


@pytest.fixture(scope="module")
def networks():
    return Annotator.load().networks._replace(detector=Counted())


@pytest.fixture
def runs(networks):
    """Tells how often the detector ran in this test."""
    before = networks.detector.runs
    return lambda: networks.detector.runs - before


@pytest.fixture(scope="module")
def clip():
    """The first frames of the sample clip, decoded once."""
    decoded = islice(read_video(CLIP), 2 * DETECT_EVERY)
    return [Frame(CLIP.name, lambda p=each.pixels: Picture(p), each.index, each.time, 24.0) for each in decoded]


def without_hand(frame: Frame) -> Frame:
    return replace(frame, read=lambda: Picture(np.full_like(frame.read().pixels, 90)))


def counts(results):
    return [len(result.record.hands) for result in results]


def same(one, other):
    assert [r.record.file for r in one] == [r.record.file for r in other]
    for a, b in zip(one, other, strict=True):
        assert len(a.record.hands) == len(b.record.hands)
        for hand, twin in zip(a.record.hands, b.record.hands, strict=True):
            assert np.array_equal(hand.keypoints, twin.keypoints) and np.array_equal(hand.box, twin.box)
            assert (hand.score, hand.handedness) == (twin.score, twin.handedness)


def test_hands_are_found_as_well_as_frame_by_frame(networks, runs, clip):
    labels = next(entry for entry in json.loads((SAMPLES / "labels.json").read_text()) if entry["file"] == CLIP.name)
    truth = np.array([labels["frames"][frame.index]["hands"][0]["keypoints"] for frame in clip])
    followed = [result for i in (0, DETECT_EVERY) for result in follow(clip[i : i + DETECT_EVERY], networks, SETTINGS)]
    assert counts(followed) == [1] * len(clip)
    assert runs() == 2
    by_frame = annotate(clip, networks, SETTINGS)
    errors = [
        np.linalg.norm(np.stack([r.record.hands[0].keypoints for r in results]) - truth, axis=2).mean()
        for results in (followed, by_frame)
    ]
    assert errors[0] < 1.1 * errors[1] + 1
    for frame, result in zip(clip, followed, strict=True):
        record, hand = result.record, result.record.hands[0]
        assert (record.file, record.frame, record.time, record.fps) == (CLIP.name, frame.index, frame.time, frame.fps)
        assert 0.5 <= hand.score <= 1 and hand.keypoint_scores.shape == (21,)
        assert np.array_equal(hand.box, box_of(hand.keypoints, record.width, record.height))
        assert result.picture.pixels is frame.read().pixels


def test_a_chunk_knows_nothing_of_others(networks, clip):
    chunk = clip[:DETECT_EVERY]
    alone = follow(chunk, networks, SETTINGS)
    follow(clip[DETECT_EVERY:], networks, SETTINGS)
    same(follow(chunk, networks, SETTINGS), alone)


def test_a_hand_that_goes_and_comes_back_is_found_again(networks, runs, clip):
    chunk = [without_hand(frame) if i in (5, 6) else frame for i, frame in enumerate(clip[:DETECT_EVERY])]
    assert counts(follow(chunk, networks, SETTINGS)) == [1, 1, 1, 1, 1, 0, 0, 1]
    assert runs() == 4  # in the middle, in the frames without it, and where it is back


@pytest.mark.parametrize("seen", [(0,), (7,), (0, 1, 2), (5, 6, 7)])
def test_a_hand_that_the_middle_frame_does_not_show_is_found(networks, clip, seen):
    chunk = [frame if i in seen else without_hand(frame) for i, frame in enumerate(clip[:DETECT_EVERY])]
    assert counts(follow(chunk, networks, SETTINGS)) == [int(i in seen) for i in range(DETECT_EVERY)]


def test_a_hand_is_followed_where_the_pictures_change_their_size(networks, runs, clip):
    """As in a browser's recordings; the detector is not asked again."""

    def larger(frame):
        return replace(frame, read=lambda: Picture(np.kron(frame.read().pixels, np.ones((3, 3, 1), np.uint8))))

    chunk = [larger(frame) if i >= 6 else frame for i, frame in enumerate(clip[:DETECT_EVERY])]
    results = follow(chunk, networks, SETTINGS)
    assert (counts(results), runs()) == ([1] * DETECT_EVERY, 1)
    (small,), (large,) = results[5].record.hands, results[6].record.hands
    assert large.keypoints / 3 == pytest.approx(small.keypoints, abs=0.2 * small.size)


def test_the_detector_seldom_runs_where_there_is_no_hand(networks, runs, clip):
    results = follow([without_hand(frame) for frame in clip[:DETECT_EVERY]], networks, SETTINGS)
    assert counts(results) == [0] * DETECT_EVERY
    assert runs() == 3


def test_frames_that_cannot_be_read_are_told(networks, clip):
    def fail():
        raise UnreadableError("damaged")

    chunk = [*clip[:3], Frame(CLIP.name, fail), clip[3], Frame(CLIP.name, fail)]
    results = follow(chunk, networks, SETTINGS)
    assert [result.record.failure for result in results] == [None, None, None, "damaged", None, "damaged"]
    assert counts(results) == [1, 1, 1, 0, 1, 0]
    assert follow([], networks, SETTINGS) == []
    assert [result.record.failure for result in follow(chunk[-1:], networks, SETTINGS)] == ["damaged"]


def test_a_short_chunk_is_followed_too(networks, clip):
    for length in (1, 2, 3):
        assert counts(follow(clip[:length], networks, SETTINGS)) == [1] * length


def test_the_most_hands_and_the_least_score_are_kept_to(networks, clip):
    assert counts(follow(clip[:4], networks, replace(SETTINGS, max_hands=1))) == [1] * 4
    assert counts(follow(clip[:4], networks, replace(SETTINGS, score_threshold=1.0))) == [0] * 4


def test_without_a_detector_there_is_nothing_to_follow(networks, clip):
    chunk = clip[:3]
    whole = networks._replace(detector=None)
    same(follow(chunk, whole, SETTINGS), annotate(chunk, whole, SETTINGS))
    boxes = {(CLIP.name, frame.index): [Hand(np.array([100, 60, 300, 330], np.float32))] for frame in chunk}
    given = replace(SETTINGS, boxes=boxes)
    same(follow(chunk, networks, given), annotate(chunk, networks, given))


def test_without_a_detector_a_camera_s_pictures_are_looked_at_whole_too(networks, clip):
    whole = networks._replace(detector=None)
    live = LiveFollower(whole, SETTINGS)
    same([live.annotate(frame) for frame in clip[:3]], annotate(clip[:3], whole, SETTINGS))


def test_a_box_has_a_margin_and_ends_at_the_image():
    keypoints = np.array([[100, 50], [300, 150]] + [[200, 100]] * 19, np.float32)
    assert box_of(keypoints, 640, 480).tolist() == [90, 40, 220, 120]
    assert box_of(keypoints, 305, 480).tolist() == [90, 40, 215, 120]


@pytest.mark.parametrize(("tilt", "turned"), [(0, 0), (15, 0), (-15, 0), (40, 40), (-90, -90), (170, 170)])
def test_the_next_crop_holds_the_hand_and_is_turned_if_the_hand_is_far_from_upright(networks, tilt, turned):
    angle = np.radians(tilt)  # clockwise, y down
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    hand = np.random.default_rng(0).uniform(-50, 50, (21, 2))
    hand[[WRIST, MIDDLE_MCP]] = (0, 50), (0, 0)
    keypoints = hand @ turn.T + 200
    inside = around(keypoints, networks.pose).to_crop(keypoints)
    assert (inside > 15).all() and (inside < networks.pose.input_size - 16).all()
    x, y = inside[MIDDLE_MCP] - inside[WRIST]
    assert np.degrees(np.arctan2(x, -y)) == pytest.approx(tilt - turned, abs=1e-6)
