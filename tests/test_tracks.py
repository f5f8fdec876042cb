"""Which hands of a video are the same one."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.optimize import linear_sum_assignment

from handpose_cli.records import Hand, ImageRecord, box_around
from handpose_cli.tracking.tracks import MAX_GAP, Linker, assign, link, tracked

SHAPE = np.random.default_rng(0).uniform(0, 100, (21, 2)).astype(np.float32)


def hand_at(x, y, score=0.9, side="right", size=1.0):
    points = (SHAPE * size + np.array([x, y])).astype(np.float32)
    return Hand(
        box_around(points), keypoints=points, keypoint_scores=np.full(21, 0.9, np.float32), score=score, handedness=side
    )


def clip(*frames, fps=25.0):
    """Records of a clip from the hands in each of its frames."""
    return [
        ImageRecord("v.mp4", 640, 480, list(hands), frame=i, time=i / fps, fps=fps) for i, hands in enumerate(frames)
    ]


def ids_of(records, threshold=0.0):
    linker = Linker(threshold)
    return [linker.ids_of(record) for record in records]


def test_hands_keep_their_ids_while_they_move():
    frames = [(hand_at(10 + 4 * i, 20, 0.9), hand_at(400 - 6 * i, 200, 0.8)) for i in range(20)]
    assert ids_of(clip(*frames)) == [[1, 2]] * 20


@pytest.mark.parametrize("sides", [("left", "right"), (None, None)])
def test_hands_that_cross_keep_their_ids(sides):
    frames = [(hand_at(12 * i, 100, 0.9, sides[0]), hand_at(480 - 12 * i, 110, 0.8, sides[1])) for i in range(41)]
    assert ids_of(clip(*frames)) == [[1, 2]] * 41


def test_a_hand_hidden_by_another_as_they_cross_is_found_again():
    frames = [
        (hand_at(12 * i, 100),) + (() if 18 <= i <= 22 else (hand_at(480 - 12 * i, 110, 0.8, "left"),))
        for i in range(41)
    ]
    assert ids_of(clip(*frames)) == [[1] if 18 <= i <= 22 else [1, 2] for i in range(41)]


@settings(max_examples=40, deadline=None)
@given(st.lists(st.permutations(range(3)), min_size=5, max_size=12))
def test_ids_do_not_depend_on_the_order_of_the_hands(orders):
    frames = [[hand_at(150 * n + 3 * i, 50 * n, 0.9 - 0.1 * n) for n in range(3)] for i in range(len(orders))]
    shuffled = [[hands[n] for n in order] for hands, order in zip(frames, orders, strict=True)]
    assert ids_of(clip(*shuffled)) == [[n + 1 for n in order] for order in orders]


@pytest.mark.parametrize(("gap", "same"), [(0.9 * MAX_GAP, True), (1.1 * MAX_GAP, False)])
def test_a_lost_hand_is_the_same_one_if_it_comes_back_soon(gap, same):
    before, after = (ImageRecord("v", 9, 9, [hand_at(0, 0)], frame=i, time=i * gap, fps=25.0) for i in (0, 1))
    between = ImageRecord("v", 9, 9, [], frame=7, time=gap / 2, fps=25.0)
    assert ids_of([before, between, after]) == [[1], [], [1 if same else 2]]


def test_frames_far_apart_are_still_followed_from_one_to_the_next():
    assert ids_of(clip(*[[hand_at(5 * i, 0)] for i in range(4)], fps=0.5)) == [[1]] * 4


def test_uneven_frame_times_do_not_matter():
    times = [0, 0.03, 0.3, 0.31, 0.32, 0.6, 0.8]
    records = [
        ImageRecord("v", 9, 9, [hand_at(400 * t, 0, 0.9), hand_at(400 - 400 * t, 30, 0.8)], frame=i, time=t, fps=25.0)
        for i, t in enumerate(times)
    ]
    assert ids_of(records) == [[1, 2]] * 7


def test_hands_keep_their_ids_where_the_size_of_the_pictures_changes():
    """The second hand of the small pictures is nearer to where the first one was in the large ones."""
    whole = clip(*[[hand_at(100 + 4 * i, 20), hand_at(300 + 4 * i, 40, 0.8)] for i in range(3)])
    half = clip(*[[hand_at(56 + 2 * i, 10, size=0.5), hand_at(156 + 2 * i, 20, 0.8, size=0.5)] for i in range(3)])
    half = [replace(record, width=320, height=240, time=record.time + 3 / 25) for record in half]
    assert ids_of([*whole, *half]) == [[1, 2]] * 6


def test_a_far_hand_is_another_one():
    assert ids_of(clip([hand_at(0, 0)], [hand_at(300, 300)])) == [[1], [2]]


def test_a_doubtful_hand_goes_on_with_a_track_but_begins_none():
    frames = [[hand_at(0, 0, score), hand_at(300, 0, 0.3)] for score in (0.9, 0.3, 0.3, 0.9)]
    assert ids_of(clip(*frames), threshold=0.5) == [[1, 0]] * 4


def test_sure_hands_come_before_doubtful_ones():
    """The doubtful hand is nearer to where the track was, but the sure one is near enough."""
    frames = [[hand_at(0, 0)], [hand_at(1, 0, 0.3), hand_at(30, 0, 0.9)]]
    assert ids_of(clip(*frames), threshold=0.5) == [[1], [0, 1]]


def test_boxes_alone_can_be_tracked():
    frames = [[replace(hand_at(3 * i, 0), keypoints=None, keypoint_scores=None, score=None)] for i in range(4)]
    assert ids_of(clip(*frames)) == [[1]] * 4


def test_a_track_has_the_handedness_that_most_of_its_hands_have():
    frames = [[hand_at(i, 0, side="left" if i % 3 else "right")] for i in range(9)]
    records = clip(*frames)
    links = link(iter(records))
    assert (links.handedness, links.frames) == (["left"], [9])
    assert [hand.handedness for record in tracked(records, links) for hand in record.hands] == ["left"] * 9


def test_records_come_out_as_they_are_but_for_ids_and_doubtful_hands():
    frames = [[hand_at(0, 0), hand_at(300, 0, 0.3)], [], [hand_at(2, 0)]]
    records = [*clip(*frames), ImageRecord("v.mp4", None, None, failure="damaged after frame 2")]
    found = list(tracked(iter(records), link(iter(records), threshold=0.5)))
    assert [[hand.track_id for hand in record.hands] for record in found] == [[1], [], [1], []]
    with_no_hands = [[replace(record, hands=[]).to_dict() for record in each] for each in (found, records)]
    assert with_no_hands[0] == with_no_hands[1]
    assert found[0].hands[0].keypoints is records[0].hands[0].keypoints
    assert records[0].hands[0].track_id is None


@pytest.mark.parametrize("other", [clip([hand_at(0, 0)]), clip([], []), clip([hand_at(0, 0)], [], [])])
def test_links_of_other_records_are_told(other):
    with pytest.raises(ValueError, match="linked"):
        list(tracked(other, link(clip([hand_at(0, 0)], []))))


@settings(max_examples=40, deadline=None)
@given(
    st.tuples(st.integers(0, 6), st.integers(0, 6)).flatmap(
        lambda shape: arrays(np.float64, shape, elements=st.sampled_from([0.0, 0.1, 0.3, 0.35, 0.8, 1.0]))
    )
)
def test_the_pairs_are_those_of_the_greatest_value(values):
    pairs = assign(values)
    rows, columns = linear_sum_assignment(values, maximize=True)
    assert sum(values[pair] for pair in pairs) == pytest.approx(values[rows, columns].sum())
    for side in (0, 1):
        taken = [pair[side] for pair in pairs]
        assert len(set(taken)) == len(taken)
    assert all(values[pair] > 0 for pair in pairs)
