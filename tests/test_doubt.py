"""Reasons to doubt a hand: each flag where it should be, and where not; and the order of doubt."""

from dataclasses import replace

import numpy as np
import pytest
from conftest import SAMPLES, handpose, read_results
from hypothesis import given
from hypothesis import strategies as st
from labelled import image, moved, open_hand

from handpose_cli import read_labels
from handpose_cli.doubt.flags import FLAGS, MISTAKES
from handpose_cli.doubt.order import doubt
from handpose_cli.doubt.shape import strangeness
from handpose_cli.doubt.video import flagged
from handpose_cli.labels.lint import OF_FLAGS, lint
from handpose_cli.records import Hand, ImageRecord

SURE = np.full(21, 0.98, np.float32)
MIDDLE_TIP = 12


def flags(*hands: Hand, **fields) -> list[tuple[str, ...]]:
    (record,) = flagged([replace(image("a.jpg", *hands), **fields)])
    return [hand.flags for hand in record.hands]


def bent(changes: dict[int, tuple[float, float]], **fields) -> Hand:
    """An open hand some of whose joints are moved by so many of its sizes."""
    hand = open_hand()
    by = np.zeros((21, 2))
    for joint, step in changes.items():
        by[joint] = np.array(step) * 80
    return moved(hand, by, **fields)


def clip(hands, **fields) -> list[ImageRecord]:
    return [
        ImageRecord("v.mp4", 400, 300, [] if hand is None else [hand], frame=i, time=i / 10, fps=10.0, **fields)
        for i, hand in enumerate(hands)
    ]


def test_a_plain_hand_has_none():
    assert flags(open_hand(), moved(open_hand(), [100, 0], keypoint_scores=SURE, score=0.9)) == [(), ()]


@pytest.mark.parametrize(
    ("hand", "expected"),
    [
        (bent({MIDDLE_TIP: (0, 1.7)}), ("bone_lengths", "angles")),  # back over the palm, far below the wrist
        (bent({10: (-0.15, 0), 11: (0.2, 0)}), ("angles",)),  # a zigzag
        (open_hand(keypoint_scores=np.full(21, 0.85)), ("low_scores",)),
        (open_hand(score=0.4), ("low_scores",)),
        (open_hand(x=-20), ("cut_by_edge",)),
        (open_hand(size=20), ("small",)),
        (replace(open_hand(), box=[300, 200, 90, 90]), ("box_disagrees",)),
        (replace(open_hand(), box=[0, 0, 400, 300]), ("box_disagrees",)),
        (Hand([0, 10, 50, 60]), ()),
        (Hand([-10, 10, 50, 60]), ("cut_by_edge",)),
    ],
)
def test_each_reason_of_one_hand(hand, expected):
    assert flags(hand) == [expected]


def test_unlabelled_joints_are_no_reason():
    hand = bent({MIDDLE_TIP: (0, 1.7)})
    hand.keypoints[[0, 12]] = np.nan
    assert flags(replace(hand, box=open_hand().box)) == [()]
    assert strangeness(np.full((21, 2), np.nan)) == strangeness(np.zeros((21, 2))) == (0, 0)


def test_two_hands_in_one_place():
    hand = open_hand()
    near, beside = moved(hand, [5, 5]), moved(hand, [20, 0])
    assert flags(hand, near, beside) == [("duplicate",), ("duplicate",), ()]
    assert flags(Hand([10, 10, 50, 50]), Hand([11, 10, 50, 50])) == [("duplicate",), ("duplicate",)]


@given(angle=st.floats(0, 6.3), scale=st.floats(0.3, 30), mirrored=st.booleans())
def test_strangeness_does_not_depend_on_how_a_hand_lies(angle, scale, mirrored):
    points = bent({MIDDLE_TIP: (0.1, 0.3)}).keypoints.astype(float)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    upright, other = strangeness(points), strangeness(points @ turn.T * [-scale if mirrored else scale, scale] + 7)
    # the size is that of the upright box, which turning changes by a third at most
    np.testing.assert_allclose(other, upright, rtol=0.5)


def test_people_s_labels_of_the_samples_have_none():
    for record in flagged(read_labels(SAMPLES / "labels.json")):
        assert [hand.flags for hand in record.hands] == [()] * len(record.hands)


def test_a_joint_that_jumps_for_one_frame():
    still, jumps = open_hand(), bent({8: (-0.45, 0.1)})
    found = [record.hands[0].flags for record in flagged(clip([still, still, jumps, still, still]))]
    assert found == [(), (), ("jump",), (), ()]


def test_no_jumps_where_a_hand_moves_or_a_joint_stays_where_it_went():
    still, bends = open_hand(), bent({8: (-0.45, 0.1)})
    assert not any(r.hands[0].flags for r in flagged(clip([still, still, bends, bends])))
    shakes = [moved(still, [60 * (i % 2), 0]) for i in range(5)]
    assert not any(r.hands[0].flags for r in flagged(clip([replace(hand, track_id=1) for hand in shakes])))
    gap = clip([still, still, bends, still])
    for record in gap:
        record.time *= 10  # a frame a second
    assert not any(r.hands[0].flags for r in flagged(gap))
    assert not any(r.hands[0].flags for r in flagged([replace(r, file=f"{r.frame}.jpg") for r in gap]))


def test_no_jumps_where_the_size_of_the_pictures_changes():
    """As in a browser's recordings: a small one for a frame, whose pixels are others."""
    records = clip([open_hand(), bent({8: (0.5, 0.1)}), open_hand()])
    assert "jump" in [record.hands[0].flags for record in flagged(records)][1]
    records[1] = replace(records[1], width=320, height=240)
    assert not any("jump" in record.hands[0].flags for record in flagged(records))


def test_the_side_flips_in_a_track():
    sides = ["left", "left", None, "right", "left"]
    hands = [open_hand(track_id=3, handedness=side) for side in sides]
    found = [record.hands[0].flags for record in flagged(clip(hands))]
    assert found == [(), (), (), ("flipped_side",), ()]
    assert not any(r.hands[0].flags for r in flagged(clip([replace(h, track_id=None) for h in hands])))


def test_the_check_finds_the_mistakes_and_not_what_is_only_doubtful():
    hands = [bent({8: (-0.45, 0.1)}) if i == 2 else open_hand(keypoint_scores=SURE - 0.5) for i in range(4)]
    hands.append(bent({10: (-0.15, 0), 11: (0.2, 0)}))
    assert {finding.what: finding.examples for finding in lint(clip(hands))[2]} == {
        "a joint jumps away and back in a video": ["v.mp4/000002.jpg, hand 0"],
        "implausible bend of a finger": ["v.mp4/000004.jpg, hand 0"],
    }
    sides = [open_hand(track_id=3, handedness=side) for side in ("left", "left", "right")]
    assert [finding.what for finding in lint(clip(sides))[2]] == ["left and right change within a track"]


@pytest.mark.parametrize(
    ("sides", "wrong"),
    [("R" + 71 * "L", [0]), ("RRLLLLL", [0, 1]), ("LLRR", [2, 3]), ("LLLL", []), (20 * "LLR", [2, 5, 8])],
)
def test_the_check_counts_the_sides_of_the_whole_track(sides, wrong):
    names = {"L": "left", "R": "right"}
    hands = [open_hand(track_id=3, handedness=names[side]) for side in sides]
    other = [replace(record, file="w.mp4") for record in clip([replace(hands[-1], track_id=3)])]
    found = lint([*clip(hands), *other])[2]
    assert [(each.what, each.count) for each in found] == (
        [("left and right change within a track", min(sides.count("L"), sides.count("R")))] if wrong else []
    )
    assert [each.examples for each in found] == [[f"v.mp4/{i:06}.jpg, hand 0" for i in wrong]] * bool(wrong)


def test_the_check_tells_the_hands_whose_side_predict_found_flipped():
    flipped = open_hand(track_id=3, handedness="left", flags=("flipped_side",))
    hands = [flipped, *[open_hand(track_id=3, handedness="left")] * 2]
    (finding,) = lint(clip(hands))[2]
    assert (finding.count, finding.examples) == (1, ["v.mp4/000000.jpg, hand 0"])


def test_flags_stay_and_nothing_is_flagged_twice():
    hand = open_hand(score=0.1, flags=("seen_by_me", "flipped_side"))
    (once,) = flagged([image("a.jpg", hand)])
    assert once.hands[0].flags == ("flipped_side", "low_scores", "seen_by_me")
    (again,) = flagged([once])
    assert again.hands[0].flags == once.hands[0].flags
    assert hand.flags == ("seen_by_me", "flipped_side")  # records are not changed


def test_records_come_one_later_and_none_is_lost():
    taken = []

    def records():
        for record in clip([open_hand()] * 4):
            taken.append(record.frame)
            yield record

    stream = flagged(records())
    assert (next(stream).frame, taken) == (0, [0, 1])
    assert [record.frame for record in stream] == [1, 2, 3]
    failure = ImageRecord("b.jpg", None, None, failure="empty file (0 bytes)")
    assert list(flagged([failure])) == [failure]


def test_the_order_of_doubt():
    sure = open_hand(keypoint_scores=SURE, score=0.9)
    unsure = open_hand(keypoint_scores=SURE - 0.4, score=0.95)
    strange = replace(bent({10: (-0.15, 0), 11: (0.2, 0)}), keypoint_scores=SURE, score=0.9, flags=("angles",))
    box = Hand([0, 0, 9, 9], score=0.99)
    label = open_hand()
    assert sorted([unsure, box, sure, strange, label], key=doubt) == [box, label, sure, strange, unsure]


def test_every_mistake_has_its_words_in_the_check_and_every_flag_stands_on_the_page():
    assert set(OF_FLAGS) == set(MISTAKES) < set(FLAGS)
    page = (SAMPLES.parent / "handpose_cli" / "formats" / "README.md").read_text(encoding="utf-8")
    assert [name for name in FLAGS if f"| `{name}`" not in page] == []


def test_results_have_flags_only_where_there_are_some_and_shards_the_same(tmp_path):
    inputs, options = (SAMPLES / "moving_hand.mp4", SAMPLES / "two_hands.jpg"), ("--views", 1, "--every", 2, "--track")
    assert handpose("predict", *inputs, "-o", tmp_path / "one", *options, "--format", "coco").exit_code == 0
    for number in (1, 2):
        assert handpose("predict", *inputs, "-o", tmp_path / f"s{number}", *options, "--shard", f"{number}/2",
                        "--format", "coco").exit_code == 0  # fmt: skip
    assert handpose("merge", tmp_path / "s1", tmp_path / "s2", "-o", tmp_path / "joined").exit_code == 0
    one, joined = read_results(tmp_path / "one")["files"], read_results(tmp_path / "joined")["files"]
    assert joined == one
    hands = [hand for entry in one for hand in entry["hands"]]
    assert {bool(hand.get("flags", "none")) for hand in hands} == {True}  # never an empty list
    assert any("low_scores" in hand.get("flags", ()) for hand in hands) and any("flags" not in hand for hand in hands)
    from_coco = [h.flags for record in read_labels(tmp_path / "one/predictions.coco.json") for h in record.hands]
    assert from_coco == [tuple(hand.get("flags", ())) for hand in hands]
