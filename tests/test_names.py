"""Names in files: which classes are hands and which hand, and which joint a keypoint's name means."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from handpose_cli.formats import load
from handpose_cli.formats._hand_names import is_hand, is_wanted, side_in, side_of
from handpose_cli.formats._keypoint_names import OURS, KeypointNames, order_of, understand
from handpose_cli.formats.errors import FormatError, Unclear
from handpose_cli.records import FINGERS, KEYPOINT_NAMES

HANDS = {
    None: "hand|hands|Hand|HANDS|human hand|person's hand|hand pose|handpose|hand_0|hand-21-keypoints|gloved_hand",
    "left": "left_hand|Left-Hand|Hand (left)|lhand|LHand|hand_l|L hand|leftHand|lefthand|left|handL|hand.left|myleft",
    "right": "right_hand|right hand|Hand (right)|rhand|RHand|hand-R|RightHand|righthand|Right|yourright|hand_right_2",
}
NO_HANDS = (
    "handbag|handle|door_handle|handrail|handlebar|secondhand|handgun|beforehand|face|person|palm|palm21|background|"
    "hand bag|hand-rail|hand towel|hand_sanitizer|second hand|clock hand|no_hand|non-hand|without_hand|"
    "person with hand|cup in hand|1|"
)


@pytest.mark.parametrize(("side", "name"), [(side, name) for side in HANDS for name in HANDS[side].split("|")])
def test_names_of_hands(side, name):
    assert is_hand(name)
    assert side_of(name) == side


@pytest.mark.parametrize("name", NO_HANDS.split("|"))
def test_names_of_other_things(name):
    assert not is_hand(name)
    assert is_wanted(name, (name,))  # but a user may say that it is one
    assert not is_wanted("hand", (name,))


@pytest.mark.parametrize(
    ("entry", "side"),
    [({"handedness": "Left"}, "left"), ({"attributes": {"hand_side": "R"}}, "right"), ({"is_left": 0}, "right"),
     ({"attributes": [{"name": "side", "value": "left hand"}]}, "left"), ({"hand_type": "right"}, "right"),
     ({"handedness": "unknown"}, None), ({"handedness": None}, None), ({"side": "front"}, None), ({}, None),
     ({"attributes": {"left": False, "right": False}}, None), ({"attributes": {"left_hand": True}}, "left"),
     ({"left": False, "right": True}, "right"), ({"is_left": False}, "right"),
     ({"left": 0, "top": 5, "right": 9}, None),
     ({"attributes": {"occluded": True}}, None), ({"handSide": "left"}, "left")],
)  # fmt: skip
def test_each_way_to_tell_the_handedness(entry, side):
    assert side_in(entry) == side


def test_contrary_sides_are_an_error():
    with pytest.raises(ValueError, match="the entry names both hands: handedness: left, side: right"):
        side_in({"handedness": "left", "attributes": {"side": "right"}})
    with pytest.raises(ValueError, match=r"handedness must be left, right or null\. Received: 'lfet'"):
        side_in({"handedness": "lfet"})
    with pytest.raises(ValueError, match=r"handedness must be left, right or null\. Received: 0"):
        side_in({"attributes": {"handedness": 0}})


CONTRARY = {
    "cvat": '<annotations><image id="0" name="a.jpg" width="9" height="9"><box label="right_hand" xtl="1" ytl="1" '
    'xbr="5" ybr="5"><attribute name="handedness">left</attribute></box></image></annotations>',
    "label-studio": json.dumps([{"data": {"image": "a.jpg"}, "annotations": [{"result": [
        {"id": "1", "type": "rectanglelabels", "original_width": 9, "original_height": 9,
         "value": {"x": 1, "y": 1, "width": 5, "height": 5, "rectanglelabels": ["right_hand"]}},
        {"id": "1", "type": "choices", "value": {"choices": ["left"]}}]}]}]),
    "mediapipe": "file,handedness,right_WRIST_x,right_WRIST_y\na.jpg,left,3,4\n",
}  # fmt: skip


@pytest.mark.parametrize(
    ("name", "message"),
    [("cvat", ": image a.jpg: {}, with a label of right ones"),
     ("label-studio", ": task 0: {}, with a label of right ones"),
     ("mediapipe", ": line 2: {}, in columns of right ones")],
)  # fmt: skip
def test_a_hand_of_one_side_with_a_label_of_the_other_is_an_error(name, message, tmp_path):
    path = tmp_path / "labels"
    path.write_text(CONTRARY[name])
    with pytest.raises(FormatError) as error:
        list(load(name).read(path, None))
    assert str(error.value) == str(path) + message.format("the entry names both hands: left")


def names(wrist, *patterns):
    """Names of all joints, finger by finger: each pattern has the finger's name for {}."""
    fingers = ("thumb", "index", "middle", "ring", "pinky")
    return [wrist, *(pattern.format(finger) for finger in fingers for pattern in patterns)]


OTHERS = {
    "ours": list(KEYPOINT_NAMES),
    "MediaPipe": ["WRIST", "THUMB_CMC", "THUMB_MCP", "THUMB_IP", "THUMB_TIP"]
    + [f"{finger}_{joint}" for finger in ("INDEX_FINGER", "MIDDLE_FINGER", "RING_FINGER", "PINKY")
       for joint in ("MCP", "PIP", "DIP", "TIP")],
    "MediaPipe in JavaScript": ["wrist", "thumb_cmc", "thumb_mcp", "thumb_ip", "thumb_tip"]
    + [f"{finger}_finger_{joint}" for finger in ("index", "middle", "ring", "pinky")
       for joint in ("mcp", "pip", "dip", "tip")],
    "COCO-WholeBody": ["left_hand_root"]
    + [f"left_{finger}{i}" for finger in ("thumb", "forefinger", "middle_finger", "ring_finger", "pinky_finger")
       for i in (1, 2, 3, 4)],
    "OpenPose": ["RWrist", "RThumb1CMC", "RThumb2Knuckles", "RThumb3IP", "RThumb4FingerTip"]
    + [f"R{finger}{joint}" for finger in ("Index", "Middle", "Ring", "Pinky")
       for joint in ("1Knuckles", "2PIP", "3DIP", "4FingerTip")],
    "SMPL-X": names("left_wrist", "left_{}1", "left_{}2", "left_{}3", "left_{}"),
    "Mixamo": ["LeftHandWrist"]
    + [f"LeftHand{finger}{i}" for finger in ("Thumb", "Index", "Middle", "Ring", "Pinky") for i in (1, 2, 3, 4)],
    "counted from 0": names("wrist", "{}_0", "{}_1", "{}_2", "{}_3"),
    "thumbs like fingers": names("wrist", "{}_mcp", "{}_pip", "{}_dip", "{}_tip"),
    "run together": ["wrist", "thumbcmc", "thumbmcp", "thumbip", "thumbtip"]
    + [f"{finger}{joint}" for finger in ("index", "middle", "ring", "little")
       for joint in ("mcp", "pip", "dip", "tip")],
    "0 to 20": [str(i) for i in range(21)],
    "1 to 21": [str(i + 1) for i in range(21)],
    "kp_1 to kp_21": [f"kp_{i + 1}" for i in range(21)],
}  # fmt: skip


@pytest.mark.parametrize("way", OTHERS)
@given(data=st.data())
def test_names_are_understood_in_any_order(way, data):
    places = data.draw(st.permutations(range(21)))
    order = order_of([OTHERS[way][place] for place in places])
    assert list(order.joints) == places
    assert not order.assumed
    table = np.arange(21) * 10
    assert order.arrange(table[places]).tolist() == table.tolist()
    assert order.restore(table).tolist() == table[places].tolist()


def test_numbering_is_decided_for_the_whole_list():
    assert understand(["5", "21"]) == [4, 20]
    assert understand(["5", "20", "0"]) == [5, 20, 0]
    assert understand(["thumb1", "thumb2", "index4"]) == [1, 2, 8]


def test_what_is_no_joint_stays_apart_and_what_is_missing_stays_missing():
    order = order_of(["elbow", "wrist", "index_tip", "palm_center"])
    assert order.unknown == ("elbow", "palm_center")
    assert np.flatnonzero(order.arrange(np.array([7, 5, 6, 8]))).tolist() == [0, 8]
    assert order.restore(np.arange(21) + 1).tolist() == [0, 1, 9, 0]
    assert understand(["thumb", "index"]) == [-1, -1]  # the tips, the bases?


def test_names_that_are_not_understood():
    strange = [f"a{chr(97 + i)}" for i in range(21)]
    assert order_of(strange).assumed and order_of(strange).joints == OURS.joints
    assert order_of(None).assumed
    with pytest.raises(Unclear) as error:
        order_of(["nose", "eye"])
    assert str(error.value) == "2 keypoints with no names that are understood, where 21 are expected: nose, eye"
    assert error.value.remedy == "keypoint_names"
    with pytest.raises(Unclear, match="keypoints index_tip and FOREFINGER_TIP would both be index_tip"):
        order_of(["index_tip", "FOREFINGER_TIP"])


def test_numbers_that_may_count_from_0_or_1_are_spoken_of(caplog):
    for names in (["1", "5"], ["0", "1"], ["kp_1", "kp_21"], ["thumb 1", "thumb 2"]):
        caplog.clear()
        assert order_of(names).joints[0] == (0 if names[1] != "5" and "thumb" not in names[0] else 1)
        line = "keypoints go by numbers, with neither a 0 nor a 21: counted from 0, the wrist"
        assert [entry.getMessage() for entry in caplog.records] == [line] * (names[1] == "5")
    roboflow = [f"new-point-{number}" for number in (*range(1, 21), 0)]
    assert order_of(roboflow).joints == (*range(1, 21), 0)


def test_a_user_names_keypoints(tmp_path):
    strange = [f"k{chr(97 + i)}z" for i in range(21)]
    given_names = KeypointNames.parse(",".join(strange))
    assert order_of(strange[::-1], given_names).joints == tuple(range(20, -1, -1))
    by_place = KeypointNames.parse("wrist,-,little_tip")
    assert order_of(None, by_place, 3).joints == (0, -1, 20)
    assert order_of(["q", "r", "s"], by_place).joints == (0, -1, 20)
    with pytest.raises(Unclear, match="4 keypoints, but 3 names are given for them"):
        order_of(None, by_place, 4)
    with pytest.raises(Unclear, match="none of the names that are given for keypoints is in the file: it has a, b, c"):
        order_of(["a", "b", "c", "d"], given_names)
    (tmp_path / "names.toml").write_bytes(b'\xef\xbb\xbfroot = "wrist"\nzeige = 8\nelbow = "-"\n')
    (tmp_path / "names.json").write_text(json.dumps({"root": "wrist", "zeige": "index_tip", "elbow": None}))
    for file in ("names.toml", "names.json"):
        mapped = KeypointNames.parse(str(tmp_path / file))
        assert order_of(["zeige", "root", "elbow", "thumb_tip"], mapped).joints == (8, 0, -1, 4)


@pytest.mark.parametrize(
    ("content", "message"),
    [("[]", "expected an object from their names to ours"), ("{", "cannot be read: "),
     ('{"a": "nose"}', "a: one of our names or a number from 0 to 20 expected. Received: nose"),
     ('{"a": 21}', "a: one of our names or a number from 0 to 20 expected. Received: 21")],
)  # fmt: skip
def test_mappings_that_are_none(tmp_path, content, message):
    (tmp_path / "n.json").write_text(content)
    with pytest.raises(FormatError) as error:
        KeypointNames.parse(str(tmp_path / "n.json"))
    assert str(error.value).startswith(f"{tmp_path / 'n.json'}: {message}")


def test_a_list_of_names_that_does_not_fit():
    with pytest.raises(FormatError) as error:
        KeypointNames.parse("wrist,nose")
    assert str(error.value) == (
        "keypoint names: 21 expected, or only names that are understood. Received: 2, of which 'nose' is not"
    )


@given(st.text(max_size=12))
def test_any_name_can_be_asked_about(name):
    assert is_hand(name) in (True, False)
    assert understand([name])[0] in range(-1, 21)
    assert len(FINGERS) == 5
