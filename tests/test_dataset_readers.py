"""Published hand sets are read from tiny folders of their layout: joint order, projection, visibility, errors."""

import json
import pickle
import sys

import numpy as np
import pytest
from PIL import Image
from scipy.io import savemat
from scipy.spatial.transform import Rotation

from handpose_cli import formats
from handpose_cli.formats import _safe_pickle as safe_pickle
from handpose_cli.formats.errors import FormatError
from handpose_cli.labels.recognise import recognise
from handpose_cli.media.image_head import KINDS
from handpose_cli.records import FINGERS, box_around

RNG = np.random.default_rng(5)
XYZ = np.column_stack([RNG.uniform(-80, 80, (21, 2)), RNG.uniform(400, 600, 21)])  # millimetres, camera frame
SHIFT = np.array([5.0, 10, 20])
POINTS = RNG.uniform(20, 300, (21, 2)).round(2)
K = [[500.0, 0, 310], [0, 510, 245], [0, 0, 1]]
ALL = np.full(21, 2)

# Which FreiHAND joint stands at each place of the source, spelled out by fingers.
THUMB, INDEX, MIDDLE, RING, LITTLE = FINGERS.values()
RHD_ORDER = [0, *(joint for finger in FINGERS.values() for joint in reversed(finger))]
INTERHAND_ORDER = [*RHD_ORDER[1:], 0]
TIPS = [finger[3] for finger in (THUMB, INDEX, MIDDLE, RING, LITTLE)]
HO3D_ORDER = [0, *INDEX[:3], *MIDDLE[:3], *LITTLE[:3], *RING[:3], *THUMB[:3], *TIPS]
STB_ORDER = [0, *LITTLE, *RING, *MIDDLE, *INDEX, *THUMB]


def pixels(xyz, fx, fy, cx, cy):
    x, y, z = np.transpose(xyz)
    return np.column_stack([fx * x / z + cx, fy * y / z + cy])


def seen(points, width, height):
    """Return COCO's v where nothing is known of hidden joints."""
    x, y = np.transpose(points)
    return np.where((x >= -0.5) & (x < width - 0.5) & (y >= -0.5) & (y < height - 0.5), 2, 0)


def check(hand, points, marks=ALL, handedness=None, box=None):
    marks = np.asarray(marks)
    assert hand.handedness == handedness
    assert (ALL if hand.visibility is None else hand.visibility).tolist() == marks.tolist()
    expected = np.where(marks[:, None] > 0, points, np.nan)
    np.testing.assert_allclose(hand.keypoints, expected, rtol=0, atol=1e-3)
    np.testing.assert_allclose(hand.box, box_around(expected) if box is None else box, rtol=0, atol=1e-3)


def put(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif path.suffix in (".pickle", ".pkl"):
        path.write_bytes(pickle.dumps(content))
    else:
        path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def picture(path, size, **kwargs):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size).save(path, **kwargs)


def read(name, path, images=None):
    return list(formats.load(name).read(path, images))


def refuse(name, path, message, tmp_path, images=None):
    with pytest.raises(FormatError) as error:
        read(name, path, images)
    assert str(error.value).replace(str(tmp_path), "TMP") == message


# --- RHD


def rhd_table(left=POINTS, right=POINTS, left_visible=ALL, right_visible=ALL):
    halves = [
        np.column_stack([points, visible > 0])[RHD_ORDER]
        for points, visible in ((left, left_visible), (right, right_visible))
    ]
    return {"uv_vis": np.concatenate(halves), "xyz": np.zeros((42, 3)), "K": np.eye(3, dtype=np.float32)}


def test_rhd(tmp_path):
    outside = POINTS.copy()
    outside[4] = 330, 10
    marks = np.where(np.arange(21) < 10, 2, 1)
    few = np.where(np.arange(21) < 9, 1, 0)
    content = {7: rhd_table(left_visible=marks == 2, right=outside), 8: rhd_table(left_visible=few, right_visible=few)}
    file = put(tmp_path / "training/anno_training.pickle", content)
    for path, prefix in ((tmp_path, "training/color/"), (file.parent, "color/"), (file, "color/")):
        assert recognise(path).name == "rhd"
        first, second = read("rhd", path)
        assert (first.file, first.width, first.height) == (f"{prefix}00007.png", 320, 320)
        assert (second.file, second.hands) == (f"{prefix}00008.png", [])
        left, right = first.hands
        check(left, POINTS, marks, "left")
        check(right, outside, np.where(np.arange(21) == 4, 0, 2), "right")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (pickle.dumps({0: rhd_table()})[:300], "cannot be read as a pickle: pickle data was truncated"),
        (b"", "cannot be read as a pickle: Ran out of input"),
        (pickle.dumps([1]), "expected a dict of images. Received: list"),
        (pickle.dumps({0: {"uv_vis": np.zeros((21, 3))}}),
         "image 0: uv_vis must be 42 x 3 finite numbers. Received: shape (21, 3)"),
        (pickle.dumps({3: {"uv": 1}}), "image 3: no 'uv_vis'"),
        (pickle.dumps({0: json.dumps}),
         "refused to load json.dumps: only arrays and plain values are read"),
        (b"cos\nsystem\n(S'echo broken in'\ntR.", "refused to load os.system: only arrays and plain values are read"),
        (pickle.dumps({0: np.zeros(2, "f4,O")}), "cannot be read as a pickle: an array of type V12"),
    ],
)  # fmt: skip
def test_corrupt_rhd(tmp_path, content, message):
    file = put(tmp_path / "anno_evaluation.pickle", content)
    refuse("rhd", file, f"TMP/anno_evaluation.pickle: {message}", tmp_path)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_pickles_of_every_protocol(tmp_path, protocol):
    arrays = [np.arange(6.0).reshape(2, 3), np.asfortranarray(np.arange(6).reshape(2, 3)), np.array(["a", "bc"]),
              np.arange(3, dtype=">f4"), np.array([True]), np.zeros((0, 3)), np.array([None, "x"], object)]  # fmt: skip
    content = {"arrays": arrays, "plain": ["é", None, {1}, b"\xff", (1.5, 2)], "number": np.float32(0.5)}
    read_back = safe_pickle.load(put(tmp_path / "a.bin", pickle.dumps(content, protocol)))
    assert read_back["plain"] == content["plain"] and read_back["number"] == 0.5
    for array, original in zip(read_back["arrays"], arrays, strict=True):
        assert np.asarray(array).tolist() == original.tolist() and np.asarray(array).dtype == original.dtype


def test_a_pickle_of_python_2(tmp_path):
    # {0: np.array([1, 2], np.int16)} as Python 2.7 with NumPy 1.11 pickles it
    content = (
        b"\x80\x02}q\x00K\x00cnumpy.core.multiarray\n_reconstruct\nq\x01cnumpy\nndarray\nq\x02K\x00\x85q\x03U\x01bq\x04"
        b"\x87q\x05Rq\x06(K\x01K\x02\x85q\x07cnumpy\ndtype\nq\x08U\x02i2q\tK\x00K\x01\x87q\nRq\x0b(K\x03U\x01<q\x0cNNNJ"
        b"\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tq\rb\x89U\x04\x01\x00\x02\x00q\x0etq\x0fbs."
    )
    assert np.asarray(safe_pickle.load(put(tmp_path / "a.bin", content))[0]).tolist() == [1, 2]


# --- InterHand2.6M


def interhand(folder, **changes):
    rotation = Rotation.from_rotvec([0.3, -0.2, 0.5]).as_matrix()
    position = np.array([100.0, -50, 30])
    # the camera sees R (X - position)
    world = np.concatenate([XYZ[INTERHAND_ORDER], (XYZ + SHIFT)[INTERHAND_ORDER]]) @ rotation + position
    valid = np.ones((42, 1), int)
    valid[3] = 0  # the right thumb's base
    no_left = valid.copy()
    no_left[41] = 0
    image = {"width": 640, "height": 480, "capture": 3, "camera": "400026", "seq_name": "a", "frame_idx": 12}
    camera = {"campos": position, "camrot": rotation, "focal": [500.0, 510.0], "princpt": [310.0, 245.0]}
    data = {
        "images": [{**image, "id": 5, "file_name": "Capture3/a.jpg"},
                   {**image, "id": 9, "file_name": "Capture3/b.jpg"}],
        "annotations": [{"id": 1, "image_id": 5, "joint_valid": valid.tolist(), "hand_type": "interacting"},
                        {"id": 2, "image_id": 9, "joint_valid": no_left.tolist(), "hand_type": "right"}],
    }  # fmt: skip
    put(
        folder / "InterHand2.6M_train_camera.json",
        {3: {k: {"400026": np.asarray(v).tolist()} for k, v in camera.items()}},
    )
    put(folder / "InterHand2.6M_train_joint_3d.json", changes.get("joints", {3: {12: {"world_coord": world.tolist()}}}))
    return put(folder / "InterHand2.6M_train_data.json", {**data, **changes.get("data", {})})


def test_interhand(tmp_path):
    file = interhand(tmp_path / "annotations/train")
    for path in (tmp_path / "annotations", file.parent, file):
        assert recognise(path).name == "interhand"
        both, one = read("interhand", path)
        assert (both.file, both.width, both.height) == ("images/train/Capture3/a.jpg", 640, 480)
        assert both.sample == one.sample == "train 3 a"
        right = np.where(np.arange(21) == THUMB[0], 0, 2)
        check(both.hands[0], pixels(XYZ, 500, 510, 310, 245), right, "right")
        check(both.hands[1], pixels(XYZ + SHIFT, 500, 510, 310, 245), ALL, "left")
        assert [hand.handedness for hand in one.hands] == ["right"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"data": {"annotations": []}}, "data.json: entry 0: there must be as many annotations as images"),
        ({"data": {"annotations": [{"image_id": 9}]}}, "data.json: entry 0: image 5 has the annotation of image_id 9"),
        ({"data": {"annotations": [{"image_id": 5, "joint_valid": [1]}]}},
         "data.json: entry 0: joint_valid must be 42 finite numbers. Received: shape (1,)"),
        ({"data": {"images": [{"id": 5, "capture": 3, "camera": "7", "frame_idx": 1}]}},
         "camera.json: capture 3, camera 7: no '7'"),
        ({"joints": {3: {}}}, "data.json: entry 0: InterHand2.6M_train_joint_3d.json has no capture 3, frame 12"),
        ({"joints": {3: {12: {"world_coord": [1]}}}},
         "joint_3d.json: capture 3: world_coord of frame 12 must be 42 x 3 finite numbers. Received: shape (1,)"),
        ({"joints": '{"3": {'}, "joint_3d.json: cannot be read as JSON: parse error: premature EOF"),
    ],
)  # fmt: skip
def test_corrupt_interhand(tmp_path, changes, message):
    interhand(tmp_path, **({"data": {"annotations": [{"image_id": 5}]}} | changes))
    refuse("interhand", tmp_path, f"TMP/InterHand2.6M_train_{message}", tmp_path)


# --- COCO's relatives


def marked(points, marks):
    return np.column_stack([points, marks]).ravel().tolist()


def whole_body(path, **changes):
    marks = np.where(np.arange(21) == 6, 0, 0.5)
    person = {
        "id": 1, "image_id": 4, "iscrowd": 0, "area": 5e4, "bbox": [0, 0, 9, 9], "keypoints": [0] * 51,
        "lefthand_box": [1.0, 2, 3, 4], "lefthand_kpts": marked(POINTS, marks), "lefthand_valid": True,
        "righthand_box": [0.0] * 4, "righthand_kpts": [0.0] * 63, "righthand_valid": False, **changes,
    }  # fmt: skip
    image = {"id": 4, "file_name": "000000000004.jpg", "width": 640, "height": 480, "license": 1}
    # so many images that the first annotation is not in the file's head
    images = [image, *({**image, "id": i} for i in range(5, 1500))]
    return put(path, {"info": {}, "images": images, "annotations": [person], "categories": []})


def test_coco_wholebody(tmp_path):
    path = whole_body(tmp_path / "coco_wholebody_val_v1.0.json")
    assert recognise(path).name == "coco-wholebody"
    record, *others = read("coco-wholebody", path)
    assert record.file == "000000000004.jpg" and not any(other.hands for other in others)
    (hand,) = record.hands
    check(hand, POINTS, np.where(np.arange(21) == 6, 0, 2), "left", [1, 2, 3, 4])
    assert hand.area == 5e4


def test_corrupt_coco_wholebody(tmp_path):
    path = whole_body(tmp_path / "w.json", lefthand_kpts=[1, 2, 3])
    message = "TMP/w.json: annotations[0]: keypoints must be 63 finite numbers. Received: shape (3,)"
    refuse("coco-wholebody", path, message, tmp_path)
    path.write_bytes(path.read_bytes()[:500])
    refuse("coco-wholebody", path, "TMP/w.json: cannot be read as JSON: parse error: premature EOF", tmp_path)


def test_mmpose(tmp_path):
    marks = np.where(np.arange(21) == 6, 0, 1)
    hand = {"id": 1, "image_id": 4, "bbox": [1, 2, 3, 4], "keypoints": marked(POINTS, marks), "head_size": 72.5}
    image = {"id": 4, "file_name": "a/b.jpg", "width": 640, "height": 480}
    path = put(tmp_path / "onehand10k_test.json", {"images": [image], "annotations": [hand]})
    (record,) = read("mmpose", path)
    check(record.hands[0], POINTS, 2 * marks, None, [1, 2, 3, 4])
    assert (record.file, record.hands[0].head_size) == ("a/b.jpg", 72.5)
    put(path, {"images": [image], "annotations": [{**hand, "image_id": 5}]})
    message = "TMP/onehand10k_test.json: annotations[0]: no image has its image_id 5"
    refuse("mmpose", path, message, tmp_path)


# --- Panoptic and HaGRID


def test_panoptic(tmp_path):
    marks = np.where(np.arange(21) == 6, 0, 2)
    table = np.column_stack([POINTS, marks > 0]).tolist()
    train = tmp_path / "hand_labels/manual_train"
    file = put(train / "01_l.json", {"hand_pts": table, "is_left": 1, "hand_box_center": [1, 2]})
    put(train / "02.json", {"hand_pts": table, "is_left": 0})
    picture(train / "01_l.jpg", (64, 48))
    for path, prefix in ((train.parent, "manual_train/"), (train, "")):
        assert recognise(path).name == "panoptic"
        left, right = read("panoptic", path)
        assert (left.file, left.width, left.height) == (f"{prefix}01_l.jpg", 64, 48)
        assert (right.file, right.width, right.height) == (f"{prefix}02.jpg", None, None)
        check(left.hands[0], POINTS, marks, "left")
        check(right.hands[0], POINTS, marks, "right")
    assert recognise(file).name == "panoptic"
    assert [record.file for record in read("panoptic", file)] == ["01_l.jpg"]
    # the set of 14,817 is one list
    entry = {"joint_self": table, "img_paths": "imgs/00000000.jpg", "img_width": 1920, "img_height": 1080}
    file = put(tmp_path / "hands_v143_14817.json", {"root": [entry]})
    assert recognise(file).name == "panoptic"
    (record,) = read("panoptic", file)
    assert (record.file, record.width, record.height) == ("imgs/00000000.jpg", 1920, 1080)
    check(record.hands[0], POINTS, marks)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"hand_pts": [', "cannot be read as JSON: parse error: premature EOF"),
        ({"hand_pts": [[1, 2]]}, "hand_pts must be 21 x 3 finite numbers. Received: shape (1, 2)"),
        ({"root": [{"joint_self": [1]}]}, "root[0]: no 'img_paths'"),
        ({}, "no 'hand_pts'"),
    ],
)
def test_corrupt_panoptic(tmp_path, content, message):
    refuse("panoptic", put(tmp_path / "a.json", content), f"TMP/a.json: {message}", tmp_path)


def test_hagrid(tmp_path):
    size = np.array([300, 400])
    landmarks = (POINTS / size).tolist()
    box = [0.1, 0.2, 0.3, 0.4]
    null = [[None, None], *landmarks[1:]]
    content = {
        "both": {"bboxes": [box, box], "labels": ["call", "no_gesture"], "hand_landmarks": [landmarks, []]},
        "null": {"bboxes": [box], "labels": ["call"], "hand_landmarks": [null]},
        "none": {"bboxes": [box], "labels": ["call"], "hand_landmarks": None},
        "old": {"bboxes": [box], "labels": ["call"], "landmarks": [landmarks], "leading_hand": "right"},
        "sides": {
            "bboxes": [box, box],
            "labels": ["no_gesture", "call"],
            "landmarks": [[], []],
            "leading_hand": "left",
        },
    }
    file = put(tmp_path / "annotations/call.json", content)
    picture(tmp_path / "images/call/both.jpg", (300, 400))
    exif = Image.Exif()
    exif[0x0112] = 6  # stands upright when turned
    picture(tmp_path / "images/null.jpg", (400, 300), exif=exif)
    picture(tmp_path / "images/none.jpg", (300, 400))
    picture(tmp_path / "images/old.jpg", (300, 400))
    picture(tmp_path / "images/sides.jpg", (300, 400))
    for path in (file, file.parent):
        assert recognise(path).name == "hagrid"
        records = read("hagrid", path, tmp_path / "images")
        assert [record.file for record in records] == ["call/both.jpg", "null.jpg", "none.jpg", "old.jpg", "sides.jpg"]
        assert {(record.width, record.height) for record in records} == {(300, 400)}
        (whole, only_box), (partly,), (nothing,), (old,), sides = (record.hands for record in records)
        check(whole, POINTS, ALL, None, [30, 80, 90, 160])
        check(partly, POINTS, np.where(np.arange(21) == 0, 0, 2), None, [30, 80, 90, 160])
        assert [hand.handedness for hand in sides] == ["right", "left"]
        check(old, POINTS, ALL, "right", [30, 80, 90, 160])
        for hand in (only_box, nothing):
            assert hand.keypoints is None and hand.box == pytest.approx([30, 80, 90, 160])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"b": {"bboxes": [], "labels": []}},
         "b: no image TMP/call/b.jpg, and HaGRID's numbers are fractions of its size"),
        ({"a": {"labels": []}}, "a: no 'bboxes'"),
        ({"a": {"bboxes": [[0, 0, 1]]}}, "a: bbox must be 4 finite numbers. Received: shape (3,)"),
        ({"a": {"bboxes": [[0, 0, 1, 1]], "hand_landmarks": [[], []]}},
         "a: hand_landmarks must be as many as bboxes. Received: 2 and 1"),
        ({"a": {"bboxes": [[0, 0, 1, 1]], "hand_landmarks": [[[0, 0]]]}},
         "a: hand_landmarks must be 21 x 2 finite numbers. Received: shape (1, 2)"),
        ("[]", None),
        ('{"a": {', None),
    ],
)  # fmt: skip
def test_corrupt_hagrid(tmp_path, content, message):
    picture(tmp_path / "a.jpg", (30, 40))
    put(tmp_path / "bad.jpg", b"no image")
    messages = {
        "[]": "expected an object with an entry for each image",
        '{"a": {': "cannot be read as JSON: parse error: premature EOF",
    }
    message = messages[content] if message is None else message
    refuse("hagrid", put(tmp_path / "call.json", content), f"TMP/call.json: {message}", tmp_path)


def test_hagrid_with_a_broken_image(tmp_path):
    put(tmp_path / "bad.jpg", b"no image")
    file = put(tmp_path / "call.json", {"bad": {"bboxes": [], "labels": []}})
    with pytest.raises(FormatError) as error:
        read("hagrid", file)
    assert str(error.value) == f"{tmp_path / 'bad.jpg'}: its size cannot be read: not an image ({KINDS})"


# --- HO-3D, DexYCB and STB


def test_ho3d(tmp_path):
    xyz = XYZ.copy()
    xyz[4] = 400, 0, 400  # 810 px: outside
    joints = (xyz * [1, -1, -1] / 1000)[HO3D_ORDER].astype(np.float32)
    meta = tmp_path / "train/MC1/meta"
    put(meta / "0000.pkl", {"handJoints3D": joints, "camMat": np.array(K), "objName": "a"})
    put(meta / "0001.pkl", {"handJoints3D": None, "camMat": np.array(K)})
    put(tmp_path / "train/MC1/rgb/0001.png", b"")
    for path, prefix in ((tmp_path, "train/"), (tmp_path / "train", "")):
        assert recognise(path).name == "ho3d"
        first, second = read("ho3d", path)
        assert (first.file, first.width, first.height) == (f"{prefix}MC1/rgb/0000.jpg", 640, 480)
        assert (second.file, second.hands) == (f"{prefix}MC1/rgb/0001.png", [])
        assert first.sample == second.sample == "MC"
        points = pixels(xyz, 500, 510, 310, 245)
        marks = seen(points, 640, 480)
        assert marks[4] == 0
        check(first.hands[0], points, marks, "right")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\x80\x03}q", "cannot be read as a pickle: pickle data was truncated"),
        ({"handJoints3D": np.zeros(3), "camMat": np.eye(3)},
         "handJoints3D is only the wrist: the evaluation set does not have the other joints"),
        ({"handJoints3D": np.zeros((21, 3)), "camMat": np.eye(3)}, "a keypoint behind the camera (z <= 0)"),
        ({"handJoints3D": np.ones((21, 3))}, "no 'camMat'"),
        ([1], "list indices must be integers or slices, not str"),
    ],
)  # fmt: skip
def test_corrupt_ho3d(tmp_path, content, message):
    put(tmp_path / "evaluation/AP1/meta/0000.pkl", content)
    refuse("ho3d", tmp_path, f"TMP/evaluation/AP1/meta/0000.pkl: {message}", tmp_path)


def dexycb(folder, meta="mano_sides: [left]", **arrays):
    labels = folder / "20200709-subject-01/20200709_141754/836212060125/labels_000003.npz"
    put(labels.parent.parent / "meta.yml", meta)
    labels.parent.mkdir()
    np.savez_compressed(labels, seg=np.zeros((4, 4)), **arrays)
    return labels


def test_dexycb(tmp_path):
    points = POINTS.copy()
    points[7], points[8] = (-1, -1), (700, 3)
    labels = dexycb(tmp_path, joint_2d=points[None].astype(np.float32))
    np.savez(labels.with_name("labels_000004.npz"), joint_2d=np.full((1, 21, 2), -1.0))
    assert recognise(tmp_path).name == "dexycb"
    first, second = read("dexycb", tmp_path)
    sequence = "20200709-subject-01/20200709_141754"
    assert (first.file, first.width, first.height) == (f"{sequence}/836212060125/color_000003.jpg", 640, 480)
    assert (first.sample, second.hands) == (sequence, [])
    check(first.hands[0], points, np.where(np.isin(np.arange(21), (7, 8)), 0, 2), "left")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda labels: put(labels, labels.read_bytes()[:90]), "LABELS: cannot be read: File is not a zip file"),
        (lambda labels: put(labels, b""), "LABELS: cannot be read: No data left in file"),
        (lambda labels: np.savez(labels, joint_3d=1), "LABELS: cannot be read: no joint_2d"),
        (lambda labels: np.savez(labels, joint_2d=np.array([None])),
         "LABELS: cannot be read: Object arrays cannot be loaded when allow_pickle=False"),
        (lambda labels: np.savez(labels, joint_2d=np.zeros((21, 2))),
         "LABELS: joint_2d must be 1 x 21 x 2 finite numbers. Received: shape (21, 2)"),
        (lambda labels: put(labels.parent.parent / "meta.yml", "mano_sides: [up]"),
         "META: mano_sides must be [left] or [right]. Received: ['up']"),
        (lambda labels: put(labels.parent.parent / "meta.yml", "a: [!!python/name:os.system"),
         "META: cannot be read as YAML: could not determine a constructor"),
    ],
)  # fmt: skip
def test_corrupt_dexycb(tmp_path, change, message):
    labels = dexycb(tmp_path, joint_2d=POINTS[None])
    change(labels)
    names = {"LABELS": labels, "META": labels.parent.parent / "meta.yml"}
    with pytest.raises(FormatError) as error:
        read("dexycb", tmp_path)
    name, rest = message.split(":", 1)
    if "YAML" in message:  # PyYAML's words
        assert str(error.value).startswith(f"{names[name]}: cannot be read as YAML: ") and "\n" not in str(error.value)
    else:
        assert str(error.value) == f"{names[name]}:{rest}"


def test_stb(tmp_path):
    frames = np.stack([XYZ, XYZ + SHIFT])
    (tmp_path / "labels").mkdir()
    for rig in ("BB", "SK"):
        savemat(tmp_path / f"labels/B1Counting_{rig}.mat", {"handPara": frames[:, STB_ORDER].transpose(2, 1, 0)})
    assert recognise(tmp_path).name == "stb"
    records = read("stb", tmp_path)
    assert [record.file for record in records] == [
        *(f"images/B1Counting/BB_{side}_{frame}.png" for frame in (0, 1) for side in ("left", "right")),
        *(f"images/B1Counting/SK_color_{frame}.png" for frame in (0, 1)),
    ]
    assert [record.sample for record in records] == 6 * ["B1Counting"]
    # depth = R colour + t
    colour = Rotation.from_rotvec([0.00531, -0.01196, 0.00301]).inv().apply(XYZ - [-24.0381, -0.4563, -1.2326])
    expected = [
        pixels(XYZ, 822.79041, 822.79041, 318.47345, 250.31296),
        pixels(XYZ - [120.054, 0, 0], 822.79041, 822.79041, 318.47345, 250.31296),
        pixels(colour, 607.92271, 607.88192, 314.78337, 236.42484),
    ]
    for record, points in zip((records[0], records[1], records[4]), expected, strict=True):
        marks = seen(points, 640, 480)
        marks[0] = 0
        check(record.hands[0], points, marks, "left")


def test_corrupt_stb(tmp_path, monkeypatch):
    file = put(tmp_path / "labels/B1Counting_SK.mat", b"")
    begin = "TMP/labels/B1Counting_SK.mat: "
    unreadable = begin + "cannot be read as a MATLAB file with handPara: "
    refuse("stb", tmp_path, unreadable + "Mat file appears to be truncated", tmp_path)
    savemat(file, {"other": 1})
    refuse("stb", tmp_path, unreadable + "'handPara'", tmp_path)
    savemat(file, {"handPara": np.zeros((3, 20, 2))})
    refuse("stb", tmp_path, begin + "handPara must be 3 x 21 x frames. Received shape: (3, 20, 2)", tmp_path)
    savemat(file, {"handPara": np.full((3, 21, 2), np.nan)})
    message = "frame 0: handPara must be 3 x 21 finite numbers. Received: a number that is not finite"
    refuse("stb", tmp_path, begin + message, tmp_path)
    put(file, file.read_bytes()[:-100])
    with pytest.raises(FormatError, match="cannot be read as a MATLAB file"):
        read("stb", tmp_path)
    monkeypatch.setitem(sys.modules, "scipy.io", None)
    refuse("stb", tmp_path, "the format stb needs scipy: pip install 'handpose-cli[stb]'", tmp_path)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("rhd", "no anno_training.pickle or anno_evaluation.pickle"),
        ("interhand", "no InterHand2.6M_train_data.json (or ..._val_..., ..._test_...)"),
        ("panoptic", "no JSON files"),
        ("hagrid", "no JSON files"),
        ("ho3d", "no train/<sequence>/meta/*.pkl"),
        ("dexycb", "no <subject>/<sequence>/meta.yml"),
        ("stb", "no labels/*_BB.mat or labels/*_SK.mat"),
    ],
)
def test_an_empty_folder(tmp_path, name, message):
    refuse(name, tmp_path, f"TMP: {message}", tmp_path)
