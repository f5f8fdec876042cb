"""Smoothed tracks: what must not change, what becomes calmer, and how gaps are filled."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from handpose_cli.records import Hand, ImageRecord, box_around
from handpose_cli.tracking.smoothing import METHODS, MOST_NEIGHBOURS, WINDOWS, OneEuro, _with_neighbours, smooth
from handpose_cli.tracking.tracks import MAX_GAP

SHAPE = np.random.default_rng(0).uniform(0, 200, (21, 2))
UNEVEN = st.lists(st.floats(0.01, 0.2), min_size=4, max_size=30).map(np.cumsum)
EACH_METHOD = pytest.mark.parametrize("method", METHODS)


def records_of(times, keypoints, track_id=1, score=0.9):
    """Records of one hand; None in place of keypoints: not found."""
    records = []
    for i, (time, points) in enumerate(zip(times, keypoints, strict=True)):
        hands = []
        if points is not None:
            points = np.asarray(points, np.float32)
            scores = np.linspace(0.5, 0.9, 21, dtype=np.float32)
            hands = [
                Hand(
                    box_around(points),
                    keypoints=points,
                    keypoint_scores=scores,
                    score=score,
                    handedness="left",
                    track_id=track_id,
                )
            ]
        records.append(ImageRecord("v.mp4", 640, 480, hands, frame=i, time=float(time), fps=25.0))
    return records


def places(records):
    return np.stack([record.hands[0].keypoints for record in records])


def noisy(times, seed=0, size=1.0):
    rng = np.random.default_rng(seed)
    slow = 60 * np.sin(2 * np.asarray(times))[:, None, None]
    return size * (SHAPE + slow + rng.normal(0, 2, (len(times), 21, 2)))


def jitter(keypoints):
    return np.abs(np.diff(keypoints, 2, axis=0)).mean()


@settings(max_examples=40, deadline=None)
@given(UNEVEN, st.floats(-2000, 2000), st.floats(-2000, 2000))
def test_zero_lag_leaves_even_motion_as_it_is(times, across, down):
    truth = SHAPE + times[:, None, None] * np.array([across, down])
    assert places(smooth(records_of(times, truth), "zero-lag")) == pytest.approx(truth, abs=0.05)


@EACH_METHOD
@settings(max_examples=40, deadline=None)
@given(times=UNEVEN)
def test_a_still_hand_stays_where_it_is(method, times):
    assert places(smooth(records_of(times, [SHAPE] * len(times)), method)) == pytest.approx(
        np.stack([SHAPE] * len(times)), abs=0.01
    )


@EACH_METHOD
def test_noise_is_taken_away_and_the_raw_keypoints_are_kept(method):
    times = np.arange(60) / 30
    records = records_of(times, noisy(times))
    found = list(smooth(iter(records), method))
    assert jitter(places(found)) < 0.6 * jitter(places(records))
    for smoothed, raw in zip(found, records, strict=True):
        assert smoothed.hands[0].raw_keypoints is raw.hands[0].keypoints
        assert raw.hands[0].raw_keypoints is None
        same = replace(smoothed.hands[0], keypoints=raw.hands[0].keypoints, raw_keypoints=None)
        assert same.to_dict() == raw.hands[0].to_dict()


def test_zero_lag_comes_nearer_to_the_truth():
    times = np.arange(60) / 30
    truth = SHAPE + 60 * np.sin(2 * times)[:, None, None]
    raw = noisy(times)
    found = places(smooth(records_of(times, raw), "zero-lag"))
    assert np.abs(found - truth).mean() < 0.6 * np.abs(raw - truth).mean()


def test_zero_lag_leaves_a_fast_joint_its_corners():
    """A finger that taps twice a second: a window that suits a still hand would flatten it."""
    times = np.arange(60) / 30
    truth = np.stack([SHAPE] * 60)
    truth[:, 8, 1] += 20 * np.sin(4 * np.pi * times)
    found = places(smooth(records_of(times, truth), "zero-lag"))
    assert np.abs(found - truth)[2:-2, 8].max() < 5  # of 20
    assert np.abs(found - truth)[:, 12].max() < 0.01


@EACH_METHOD
@settings(max_examples=40, deadline=None)
@given(times=UNEVEN, seed=st.integers(0, 99), shift=st.floats(-500, 500), scale=st.floats(0.1, 10))
def test_place_and_resolution_do_not_matter(method, times, seed, shift, scale):
    raw = noisy(times, seed)
    found = places(smooth(records_of(times, raw), method))
    other = places(smooth(records_of(times, raw * scale + shift), method))
    assert (other - shift) / scale == pytest.approx(found, abs=0.05)


def test_one_euro_does_not_look_ahead():
    times = np.arange(30) / 30
    raw = noisy(times)
    changed = raw.copy()
    changed[20:] += 50
    before, after = (places(smooth(records_of(times, k), "one-euro"))[:20] for k in (raw, changed))
    assert np.array_equal(before, after)


def test_one_euro_follows_a_fast_hand_closely():
    """Smoothed, but not left behind: the cutoff rises with the speed."""
    smoother, speed = OneEuro(), 400.0
    lags = [
        (speed * i / 30 + SHAPE[0, 0] - smoother(i / 30, SHAPE + np.array([speed * i / 30, 0]))[0, 0]) / speed
        for i in range(30)
    ]
    assert 0 < lags[-1] < 0.02  # seconds


def test_a_joint_follows_a_place_it_is_less_sure_of_less():
    scores = np.array([1.0] * 20 + [0.1])
    smoother = OneEuro()
    smoother(0.0, SHAPE, scores)
    moved = np.linalg.norm(smoother(0.04, SHAPE + 10, scores) - SHAPE, axis=1)
    assert 0 < moved[20] < moved[0] / 2


def test_one_euro_starts_anew_after_a_gap():
    smoother = OneEuro()
    smoother(0.0, SHAPE)
    assert np.array_equal(smoother(2 * MAX_GAP, SHAPE + 100), SHAPE + 100)


@EACH_METHOD
def test_a_gap_is_bridged_and_flagged(method):
    times = np.arange(20) / 25
    keypoints = [None if 8 <= i <= 11 else SHAPE for i in range(20)]
    records = records_of(times, keypoints)
    records[7].hands[0].score = 0.6
    found = list(smooth(iter(records), method))
    assert [record.hands[0].interpolated for record in found] == [8 <= i <= 11 for i in range(20)]
    for record in found[8:12]:
        (hand,) = record.hands
        assert hand.keypoints == pytest.approx(SHAPE, abs=0.01)
        assert hand.box == pytest.approx(records[0].hands[0].box, abs=0.01)
        assert (hand.track_id, hand.handedness, hand.score, hand.raw_keypoints) == (1, "left", 0.6, None)
        assert (hand.keypoint_scores <= records[0].hands[0].keypoint_scores).all()


def test_a_hand_is_put_where_it_would_be_at_that_time():
    times = np.array([0, 0.1, 0.15, 0.3, 0.4])
    keypoints = [SHAPE + 100 * t if i in (0, 1, 3, 4) else None for i, t in enumerate(times)]
    found = list(smooth(records_of(times, keypoints), "zero-lag"))
    assert found[2].hands[0].keypoints == pytest.approx(SHAPE + 15, abs=0.05)


@EACH_METHOD
def test_a_long_gap_is_left_open(method):
    times = np.arange(60) / 25
    keypoints = [None if 10 <= i <= 40 else SHAPE for i in range(60)]
    found = list(smooth(records_of(times, keypoints), method))
    assert [len(record.hands) for record in found] == [0 if 10 <= i <= 40 else 1 for i in range(60)]
    assert not any(hand.interpolated for record in found for hand in record.hands)


def test_no_hand_is_put_onto_one_that_was_found():
    """The track was lost because the same hand went on under another number."""
    times = np.arange(10) / 25
    records = records_of(times, [None if i == 5 else SHAPE for i in range(10)])
    records[5] = replace(records_of(times, [SHAPE] * 10, track_id=2)[5])
    assert [len(record.hands) for record in smooth(records, "zero-lag")] == [1] * 10


@EACH_METHOD
def test_tracks_do_not_change_each_other(method):
    times = np.arange(30) / 25
    one, two = records_of(times, noisy(times)), records_of(times, noisy(times, 1) + 300, track_id=2)
    both = [replace(a, hands=[*b.hands, *a.hands]) for a, b in zip(one, two, strict=True)]
    found = list(smooth(both, method))
    assert [[hand.track_id for hand in record.hands] for record in found] == [[2, 1]] * 30
    alone = places(smooth(one, method))
    assert np.array_equal(np.stack([record.hands[1].keypoints for record in found]), alone)


@EACH_METHOD
def test_records_come_in_order_and_soon(method):
    """What is read ahead is a second's frames, not the clip."""
    fps, read = 25, 0

    def source():
        nonlocal read
        for record in records_of(np.arange(1000) / fps, [SHAPE] * 1000):
            read += 1
            yield record

    ahead = []
    for i, record in enumerate(smooth(source(), method)):
        assert record.frame == i
        ahead.append(read - i)
    assert max(ahead) <= (WINDOWS[-1] + MAX_GAP) * fps + 4


@EACH_METHOD
def test_failures_and_hands_without_track_pass_through(method):
    records = records_of(np.arange(3) / 25, [SHAPE] * 3, track_id=None)
    records.append(ImageRecord("v.mp4", None, None, failure="damaged after frame 2"))
    smoothed = list(smooth(records, method))
    assert [record.to_dict() for record in smoothed] == [record.to_dict() for record in records]


@EACH_METHOD
def test_times_that_jump_back_do_no_harm(method):
    """As in joined files."""
    times = np.concatenate([np.arange(20), np.arange(20)]) / 25
    found = list(smooth(records_of(times, [SHAPE] * 40), method))
    assert [record.frame for record in found] == list(range(40))
    assert places(found) == pytest.approx(np.stack([SHAPE] * 40), abs=0.01)


@pytest.mark.parametrize("step", [1 / 25, 0, -0.1, -0.5])
@EACH_METHOD
def test_nothing_is_smoothed_across_a_change_of_size_or_a_clock_that_does_not_advance(method, step):
    """Both sides come out as each does alone."""
    times = np.arange(20) / 25
    one, two = records_of(times, noisy(times)), records_of(times[-1] + step + times, noisy(times, 1) / 2)
    if step > 0:
        two = [replace(record, width=320, height=240) for record in two]
    alone = np.concatenate([places(smooth(part, method)) for part in (one, two)])
    assert np.array_equal(places(smooth([*one, *two], method)), alone)


@EACH_METHOD
@pytest.mark.parametrize("fields", [{"width": 320, "height": 240}, {"time": 0.1}])
def test_no_gap_is_filled_across_a_change_of_size_or_a_jump_back(method, fields):
    one, lost, two = records_of([0.2, 0.24, 0.28], [SHAPE, None, SHAPE])
    two = replace(two, **fields)
    assert [len(record.hands) for record in smooth([one, lost, two], method)] == [1, 0, 1]
    assert [len(record.hands) for record in smooth([one, replace(lost, **fields), two], method)] == [1, 0, 1]


def test_of_a_stream_whose_clock_hardly_advances_not_all_is_held():
    found = list(_with_neighbours(records_of(1 + 1e-6 * np.arange(2000), [SHAPE] * 2000), 0.5))
    assert [record.frame for record, _ in found] == list(range(2000))
    assert max(len(beside) for _, beside in found) <= 2 * MOST_NEIGHBOURS + 2
