"""What the annotation tools' formats hold, line by line, and what is read of the tools' own exports."""

import json
import re

import cv2
import numpy as np
import pytest
import yaml

from handpose_cli.formats import cvat, deeplabcut, label_studio, openpose, yolo_pose
from handpose_cli.formats.errors import FormatError
from handpose_cli.formats.plugin import ReadOptions
from handpose_cli.labels.recognise import recognise
from handpose_cli.media.image_head import KINDS
from handpose_cli.records import KEYPOINT_NAMES, Hand, ImageRecord

POINTS = np.array([[i, 2 * i] for i in range(21)], np.float32)
MARKS = np.full(21, 2, np.uint8)
MARKS[:2] = 0, 1
NO_WRIST = np.where(MARKS[:, None] > 0, POINTS, np.nan).astype(np.float32)
BOX = np.array([1, 2, 40, 40], np.float32)
SCORES = np.where(MARKS > 0, 0.5, 0).astype(np.float32)
LEFT = Hand(BOX, keypoints=NO_WRIST, keypoint_scores=SCORES, score=0.9, handedness="left", visibility=MARKS)
STILL = ImageRecord("b/c d.png", 100, 50, [LEFT])
EMPTY = ImageRecord("e.png", 100, 50)


def write(module, path, *records):
    with module.open_writer(path) as writer:
        for record in records:
            writer.write(record)
    return path


def frame(number, *hands):
    return ImageRecord("v.mp4", 100, 50, list(hands), frame=number, time=number / 25, fps=25.0)


def tracked(track_id):
    return Hand(BOX, keypoints=POINTS, track_id=track_id)


def image(path, width=100, height=50):
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imencode(".png", np.zeros((height, width), np.uint8))[1].tofile(path)


def file(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text if isinstance(text, str) else json.dumps(text), encoding="utf-8")
    return path


def error_of(tmp_path, call, *arguments):
    with pytest.raises(FormatError) as error:
        list(call(*arguments))
    return str(error.value).replace(f"{tmp_path}/", "")


def yolo_folder(tmp_path, description, **labels):
    file(tmp_path / "data.yaml", yaml.safe_dump(description))
    for stem, text in labels.items():
        file(tmp_path / f"labels/train/{stem}.txt", text)
    return tmp_path


def test_yolo_writes_shares_of_the_image(tmp_path):
    only_box = Hand(np.array([-10, 20, 30, 50], np.float32))
    outside = Hand(BOX, keypoints=POINTS + [[90, 0]] * np.ones((21, 1)), visibility=None)
    away = Hand(np.array([200, 0, 5, 5], np.float32))
    folder = write(yolo_pose, tmp_path / "out", STILL, EMPTY, ImageRecord("f.png", 100, 50, [only_box, outside, away]))
    description = yaml.safe_load((folder / "data.yaml").read_text())
    assert description.pop("kpt_names") == {0: list(KEYPOINT_NAMES)}
    assert description == {"train": "images", "val": "images", "kpt_shape": [21, 3], "flip_idx": list(range(21)),
                           "names": {0: "hand"}}  # fmt: skip
    line = (folder / "labels/b/c d.txt").read_text()
    start = "0 0.21000000 0.44000000 0.40000000 0.80000000 0 0 0 0.01000000 0.04000000 1 0.02000000 0.08000000 2 "
    assert line.startswith(start) and len(line.split()) == 68 and line.count("\n") == 1
    assert (folder / "labels/e.txt").read_bytes() == b""
    boxed, part = (folder / "labels/f.txt").read_text().splitlines()
    assert boxed == "0 0.10000000 0.70000000 0.20000000 0.60000000" + " 0 0 0" * 21
    assert part.split()[5:8] == ["0.90000000", "0.00000000", "2"] and part.endswith(" 0 0 0" * 11)
    assert not list(tmp_path.glob("**/*.part"))


def test_yolo_reads_subsets_sides_and_two_numbers_a_joint(tmp_path):
    joints = " ".join(["0 0", *["0.5 0.25"] * 20])
    names = ["left_hand", "Right"]
    folder = yolo_folder(tmp_path, {"kpt_shape": [21, 2], "names": names}, a=f"1 .5 .5 .2 .4 {joints}\n\n", b="")
    image(tmp_path / "images/train/a.JPG")
    image(tmp_path / "images/train/b.webp", 30, 40)
    assert recognise(folder).name == recognise(folder / "data.yaml").name == "yolo-pose"
    for source in (folder, folder / "data.yaml"):
        one, none = yolo_pose.read(source)
        assert (one.file, one.width, one.height, none.file, none.height) == ("train/a.JPG", 100, 50, "train/b.webp", 40)
        (hand,) = one.hands
        assert hand.handedness == "right" and hand.box == pytest.approx([40, 15, 20, 20])
        assert hand.visibility.tolist() == [0] + [2] * 20 and hand.keypoints[1] == pytest.approx([50, 12.5])


def test_yolo_errors(tmp_path):
    folder = yolo_folder(tmp_path, {"kpt_shape": [21, 3]}, a="\n0 1 2 3")
    assert error_of(tmp_path, yolo_pose.read, folder) == (
        "labels/train/a.txt: no image train/a.jpg or the like in images"
    )
    image(tmp_path / "images/train/a.png")
    assert error_of(tmp_path, yolo_pose.read, folder) == (
        "labels/train/a.txt: line 2: expected 68 numbers: class, box and 21 keypoints. Received: 4"
    )
    file(tmp_path / "images/train/a.png", "no image")
    assert error_of(tmp_path, yolo_pose.read, folder) == (
        f"images/train/a.png: its size cannot be read: not an image ({KINDS})"
    )
    assert error_of(tmp_path, yolo_pose.read, yolo_folder(tmp_path, {"kpt_shape": [17, 3]})) == (
        "data.yaml: 17 keypoints with no names that are understood, where 21 are expected"
    )
    file(tmp_path / "data.yaml", "kpt_shape: [21, 3")
    assert error_of(tmp_path, yolo_pose.read, folder).startswith("data.yaml: cannot be read as YAML: while parsing a")


@pytest.mark.parametrize(
    ("records", "message"),
    [
        ([ImageRecord("a.png", None, None, [LEFT])],
         "a.png: its size is not known"),
        ([ImageRecord("a.png", 9, 9), ImageRecord("a.jpg", 9, 9)],
         "a.txt: two images would share this file. Rename one of them"),
        ([ImageRecord("../../a.png", 9, 9)], "../../a.txt: a name that leads out of the folder to write"),
    ],
)  # fmt: skip
def test_yolo_refuses_to_write(tmp_path, records, message):
    assert error_of(tmp_path, lambda: write(yolo_pose, tmp_path / "out", *records)) == message
    assert not list(tmp_path.glob("out/*")) and not list(tmp_path.glob("*.txt"))


def test_a_folder_with_other_files_is_not_replaced(tmp_path):
    folder = write(openpose, tmp_path / "out", EMPTY)
    write(openpose, folder, STILL)  # only files of the format
    assert [path.name for path in folder.rglob("*.json")] == ["c d_keypoints.json"]
    file(folder / "notes.txt", "")
    message = "out: not replaced, since it also holds notes.txt. Choose another folder"
    assert error_of(tmp_path, lambda: write(openpose, folder, EMPTY)) == message


def test_cvat_writes_skeletons_and_labels(tmp_path):
    text = write(cvat, tmp_path / "a.xml", STILL, EMPTY, ImageRecord("f.png", 9, 9, [Hand(BOX)])).read_text()
    meta, images = text.split("</meta>\n")
    names = re.findall("<label><name>(.*?)</name>.*?<type>(.*?)</type>", meta, re.DOTALL)
    assert names == [("hand", "skeleton"), *((name, "points") for name in KEYPOINT_NAMES), ("hand_box", "rectangle")]
    assert re.findall('data-label-name="(.*?)"', meta) == list(KEYPOINT_NAMES)
    assert meta.count("&lt;line ") == 20 and meta.count("<parent>hand</parent>") == 21 and "<source>" not in meta
    lines = images.splitlines()
    assert lines[:4] == [
        '<image id="0" name="b/c d.png" width="100" height="50">',
        '<skeleton label="hand" source="auto" z_order="0" group_id="1">',
        '<points label="wrist" source="auto" outside="1" occluded="0" points="21.00,22.00"></points>',
        '<points label="thumb_cmc" source="auto" outside="0" occluded="1" points="1.00,2.00"></points>',
    ]
    assert lines[23:] == [
        '<attribute name="score">0.9000</attribute>',
        '<attribute name="handedness">left</attribute>',
        "</skeleton>",
        '<box label="hand_box" source="auto" outside="0" occluded="0" xtl="1.00" ytl="2.00" xbr="41.00" ybr="42.00" '
        'z_order="0" group_id="1">',
        '<attribute name="score">0.9000</attribute>',
        '<attribute name="handedness">left</attribute>',
        "</box>",
        "</image>",
        '<image id="1" name="e.png" width="100" height="50">',
        "</image>",
        '<image id="2" name="f.png" width="9" height="9">',
        '<box label="hand_box" source="manual" outside="0" occluded="0" xtl="1.00" ytl="2.00" xbr="41.00" ybr="42.00" '
        'z_order="0">',
        "</box>",
        "</image>",
        "</annotations>",
    ]


def test_cvat_closes_tracks_in_the_next_annotated_frame(tmp_path):
    records = [frame(0, tracked(7), tracked(8)), frame(5, tracked(8)), frame(10), frame(15, tracked(8))]
    path = write(cvat, tmp_path / "a.xml", *records)
    text = path.read_text()
    assert "<original_size><width>100</width><height>50</height></original_size>\n<source>v.mp4</source>" in text
    assert re.findall("<(?:track|image) id=.*>", text) == [
        '<image id="10" name="frame_000010" width="100" height="50">',
        '<track id="7" label="hand" source="auto" group_id="1">',
        '<track id="7" label="hand_box" source="auto" group_id="1">',
        '<track id="8" label="hand" source="auto" group_id="2">',
        '<track id="8" label="hand_box" source="auto" group_id="2">',
    ]
    shapes = re.findall(r'<skeleton frame="(\d+)" keyframe="1" z_order="0">\n<points label="wrist" keyframe="1" '
                        r'outside="(.)"', text)  # fmt: skip
    assert shapes == [("0", "0"), ("5", "1"), ("0", "0"), ("5", "0"), ("10", "1"), ("15", "0")]
    assert [(r.frame, [h.track_id for h in r.hands]) for r in cvat.read(path)] == [
        (0, [7, 8]), (5, [8]), (10, []), (15, [8]),
    ]  # fmt: skip
    assert [hand.box.tolist() for record in cvat.read(path) for hand in record.hands] == [BOX.tolist()] * 4


def cvat_points(labels, extra=""):
    return "".join(f'<points label="{n}" outside="{i % 2}" occluded="0" points="{i}.00,9.00"{extra}></points>'
                   for i, n in enumerate(labels))  # fmt: skip


def test_cvat_reads_exports(tmp_path):
    still = file(
        tmp_path / "images.xml",
        '<?xml version="1.0" encoding="utf-8"?>\n<annotations><version>1.1</version><meta><job><id>1</id></job></meta>'
        '<image id="0" name="a.jpg" width="64" height="48"><tag label="good" source="manual"></tag>'
        '<skeleton label="Right hand" source="manual" z_order="0">'
        f'{cvat_points(range(1, 22))}<attribute name="score"></attribute></skeleton>'
        '<box label="face" source="manual" occluded="0" xtl="1.00" ytl="2.00" xbr="3.00" ybr="4.00" z_order="0"></box>'
        f'<skeleton label="hand">{cvat_points(KEYPOINT_NAMES)}</skeleton></image></annotations>',
    )
    assert recognise(still).name == "cvat"
    (record,) = cvat.read(still)
    assert [hand.handedness for hand in record.hands] == ["right", None]
    for hand in record.hands:
        assert hand.keypoints[::2, 0].tolist() == list(range(0, 21, 2)) and np.isnan(hand.keypoints[1::2]).all()
    points = cvat_points(range(21), ' keyframe="0"')
    gone = points.replace('outside="0"', 'outside="1"')
    video = file(
        tmp_path / "video.xml",
        "<annotations><meta><task><original_size><width>64</width><height>48</height></original_size>"
        "<source>v.mp4</source></task></meta><track id='0' label='hand' source='manual'>"
        f"<skeleton frame='3' keyframe='1' z_order='0'>{points}</skeleton>"
        f"<skeleton frame='4' keyframe='0' z_order='0'>{points}</skeleton>"
        f"<skeleton frame='5' keyframe='1' z_order='0'>{gone}</skeleton></track></annotations>",
    )
    found = [(r.file, r.width, r.frame, [h.track_id for h in r.hands]) for r in cvat.read(video)]
    assert found == [("v.mp4", 64, 3, [0]), ("v.mp4", 64, 4, [0])]
    file(video, video.read_text().replace("<source>v.mp4</source>", ""))
    assert error_of(tmp_path, cvat.read, video) == (
        'video.xml: its tracks are in frames without names: <meta> has no <source>. Export photos as "CVAT for images"'
    )


IN_IMAGE = (
    '<annotations><image id="0" name="a.jpg" width="6" height="4"><skeleton label="hand">{}</skeleton></image>'
    "</annotations>"
)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("<annotations><image>", "cannot be read as XML: no element found: line 1, column 20"),
        ("<html></html>", "expected <annotations>. Received: <html>"),
        ('<!DOCTYPE a [<!ENTITY b "c">]><annotations>&b;</annotations>',
         "not read, since it defines entities, which CVAT never does"),
        ('<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><annotations>&b;</annotations>',
         "not read, since it defines entities, which CVAT never does"),
        (IN_IMAGE.format(cvat_points(["nose"])),
         "image a.jpg: 1 keypoints with no names that are understood, where 21 are expected: nose"),
        (IN_IMAGE.format('<points label="0" points="1,x"></points>'),
         "image a.jpg: points of 0 must be 2 finite numbers. Received: shape (0,)"),
    ],
)  # fmt: skip
def test_cvat_errors(tmp_path, text, message):
    assert error_of(tmp_path, cvat.read, file(tmp_path / "a.xml", text)) == f"a.xml: {message}"


def test_label_studio_writes_predictions_and_the_interface(tmp_path):
    path = write(label_studio, tmp_path / "a.label-studio.json", STILL, EMPTY)
    task, empty = json.loads(path.read_text())
    assert task["data"] == {"image": "/data/local-files/?d=b/c%20d.png", "width": 100, "height": 50}
    (guess,) = task["predictions"]
    assert (guess["model_version"], guess["score"]) == ("handpose", 0.9)
    common = {"to_name": "image", "original_width": 100, "original_height": 50, "image_rotation": 0}
    box = {"x": 1, "y": 4, "width": 40, "height": 80, "rotation": 0}
    assert guess["result"][0] == {
        "id": "1-0-thumb_cmc", "type": "keypointlabels", "from_name": "joint", **common, "parentID": "1-0",
        "value": {"x": 1, "y": 4, "width": 0.5, "keypointlabels": ["thumb_cmc"]}, "score": 0.5,
        "meta": {"hidden": True},
    }  # fmt: skip
    assert guess["result"][-2:] == [  # behind the joints, or these could not be dragged
        {"id": "1-0", "type": "rectanglelabels", "from_name": "hand", **common,
         "value": {**box, "rectanglelabels": ["hand"]}, "score": 0.9},
        {"id": "1-0", "type": "choices", "from_name": "handedness", **common, "value": {**box, "choices": ["left"]}},
    ]  # fmt: skip
    assert len(guess["result"]) == 22
    assert empty["predictions"] == [{"model_version": "handpose", "result": []}]
    config = (tmp_path / "a.label-studio.config.xml").read_text()
    labels = re.findall('<Label value="(.*?)" model_index="(.*?)"', config)
    assert labels == [("hand", "0"), *((name, str(i)) for i, name in enumerate(KEYPOINT_NAMES))]


def mark(kind, x, y, parent=None, **value):
    tag = {"from_name": kind, "to_name": "image", "type": kind, "original_width": 200, "original_height": 100}
    return {"id": f"r{x}", **tag, "image_rotation": 0, "parentID": parent, "value": {"x": x, "y": y, **value}}


def test_label_studio_reads_annotations_before_predictions(tmp_path):
    rectangle = mark("rectanglelabels", 10, 20, width=30, height=40, rotation=0, rectanglelabels=["right hand"])
    wrist = mark("keypointlabels", 15, 30, "r10", width=0.3, keypointlabels=["wrist"])
    tip = mark("keypointlabels", 25, 50, None, width=0.3, keypointlabels=["20"])
    tasks = [
        {"id": 1, "annotations": [{"was_cancelled": True, "result": []}, {"result": [rectangle, wrist, tip]}],
         "predictions": [{"result": [tip]}], "data": {"image": "/data/upload/3/0a1b2c3d-a%20b.jpg"}},
        {"id": 2, "annotations": [], "predictions": [7], "data": {"image": "/data/upload/never-labelled.jpg"}},
        {"id": 3, "annotations": [{"result": []}], "predictions": [], "data": {"image": "s3://bucket/c/d.png"}},
    ]  # fmt: skip
    path = file(tmp_path / "export.json", tasks)
    assert recognise(path).name == "label-studio"
    record, none = label_studio.read(path)
    assert (record.file, record.width, record.height, none.file, none.hands) == ("a b.jpg", 200, 100, "c/d.png", [])
    (hand,) = record.hands
    assert hand.handedness == "right" and hand.box.tolist() == [20, 20, 60, 40]
    assert hand.keypoints[[0, 20]].tolist() == [[30, 30], [50, 50]] and hand.visibility.tolist() == [2] + [0] * 19 + [2]
    second = {**rectangle, "id": "other"}
    file(path, [tasks[2], {**tasks[0], "annotations": [{"result": [rectangle, second, tip]}]}])
    assert error_of(tmp_path, label_studio.read, path) == (
        "export.json: task 1: result 2: a keypoint without a parent among several hands, inside 2 rectangles"
    )
    file(path, [{**tasks[0], "annotations": [{"result": [rectangle, wrist, wrist]}]}])
    assert error_of(tmp_path, label_studio.read, path) == (
        "export.json: task 0: result 2: a second wrist of one hand. Each keypoint needs its hand's rectangle as parent"
    )
    del wrist["original_width"]
    file(path, [{**tasks[0], "annotations": [{"result": [rectangle, wrist]}]}])
    assert error_of(tmp_path, label_studio.read, path) == "export.json: task 0: no 'original_width'"
    assert error_of(tmp_path, label_studio.read, file(path, {})) == "export.json: task 0: no 'data'"


def test_deeplabcut_writes_only_the_header_rows_it_needs(tmp_path):
    path = write(
        deeplabcut,
        tmp_path / "a.csv",
        ImageRecord("labeled-data/v/img1.png", 9, 9, [Hand(BOX, keypoints=NO_WRIST)]),
        EMPTY,
    )
    rows = [line.split(",") for line in path.read_text().splitlines()]
    assert [row[:4] for row in rows] == [
        ["scorer", "handpose", "handpose", "handpose"],
        ["bodyparts", "wrist", "wrist", "thumb_cmc"],
        ["coords", "x", "y", "x"],
        ["labeled-data/v/img1.png", "", "", "1.0"],
        ["e.png", "", "", ""],
    ]
    assert {len(row) for row in rows} == {43}
    path = write(deeplabcut, tmp_path / "a.csv", ImageRecord("a.png", 9, 9, [tracked(10), LEFT, tracked(9)]))
    rows = [line.split(",") for line in path.read_text().splitlines()]
    assert rows[1][:1] + rows[1][1::63] == ["individuals", "hand0", "track9", "track10"]
    assert rows[3][1:4] == ["x", "y", "likelihood"] and rows[4][4:7] == ["1.0", "2.0", "0.5"]


HEADER = "scorer,,,me,me,me,me\nbodyparts,,,wrist,wrist,little_tip,little_tip\ncoords,,,x,y,x,y\n"


def test_deeplabcut_reads_three_index_columns_and_few_joints(tmp_path):
    path = file(
        tmp_path / "CollectedData_me.csv", f"{HEADER}labeled-data,v,img1.png,1.5,2,,\nlabeled-data,v,img2.png,,,,\n"
    )
    assert recognise(path).name == "deeplabcut"
    record, none = deeplabcut.read(path)
    assert (record.file, none.file, none.hands) == ("labeled-data/v/img1.png", "labeled-data/v/img2.png", [])
    assert record.hands[0].keypoints[0].tolist() == [1.5, 2] and record.hands[0].visibility.tolist() == [2] + [0] * 20


def test_deeplabcut_reads_a_videos_numbered_rows(tmp_path):
    path = file(tmp_path / "clip.csv", "scorer,m,m\nbodyparts,wrist,wrist\ncoords,x,y\n0,1,2\n7,,\n")
    first, none = deeplabcut.read(path, options=ReadOptions(video="v/clip.mp4"))
    assert (first.file, first.frame, none.file, none.frame) == ("v/clip.mp4", 0, "v/clip.mp4", 7)
    assert first.hands[0].keypoints[0].tolist() == [1, 2] and none.hands == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (f"{HEADER}a,b,c,1,2,3\n", "line 4: expected 7 cells. Received: 6"),
        (f"{HEADER}a,b,c,1,,3,4\n", "line 4: hand0: a joint with only one of x and y"),
        (f"{HEADER}a,b,c,1,z,3,4\n", "line 4: could not convert string to float: 'z'"),
        (HEADER.replace("little_tip", "wrist"), "header: two columns hand0 wrist x"),
        ("scorer,me,me\n", "header: rows scorer, bodyparts and coords expected. Received: None"),
        ("scorer,m,m\nbodyparts,wrist,wrist\ncoords,x,y\n0,1,2\n",
         "line 4: the video is not named whose frame this row is. Received: 0"),
    ],
)  # fmt: skip
def test_deeplabcut_errors(tmp_path, text, message):
    assert error_of(tmp_path, deeplabcut.read, file(tmp_path / "a.csv", text)) == f"a.csv: {message}"


def test_openpose_writes_a_person_for_each_hand(tmp_path):
    folder = write(openpose, tmp_path / "out", STILL, EMPTY, frame(12, tracked(3)))
    content = json.loads((folder / "b/c d_keypoints.json").read_text())
    (person,) = content["people"]
    assert content["version"] == 1.3 and person["person_id"] == [-1] and person["hand_right_keypoints_2d"] == []
    assert person["hand_left_keypoints_2d"][:9] == [0, 0, 0, 1, 2, 0.5, 2, 4, 0.5] and "handedness" not in person
    assert json.loads((folder / "e_keypoints.json").read_text()) == {"version": 1.3, "people": []}
    (person,) = json.loads((folder / "v_000000000012_keypoints.json").read_text())["people"]
    assert person["hand_right_keypoints_2d"][:6] == [0, 0, 1, 1, 2, 1] and person["handedness"] is None


def person(left, right, **more):
    return {"person_id": [-1], "pose_keypoints_2d": [1.0] * 75, "face_keypoints_2d": [], "pose_keypoints_3d": [],
            "hand_left_keypoints_2d": left, "hand_right_keypoints_2d": right, **more}  # fmt: skip


def test_openpose_reads_its_output(tmp_path):
    found = [value for i in range(21) for value in (100 + i, 200 + i, 0 if i == 3 else 0.7)]
    out = {"version": 1.3, "people": [person(found, found), person([0] * 63, found), person([], [])]}
    for stem in ("a_rendered", "clip_000000000007", "x_000000000042"):
        file(tmp_path / f"{stem}_keypoints.json", out)
    image(tmp_path / "images/x_000000000042.jpg")
    image(tmp_path / "images/clip.MOV")
    assert recognise(tmp_path).name == "openpose"
    records = list(openpose.read(tmp_path, tmp_path / "images"))
    assert [(r.file, r.frame) for r in records] == [
        ("a_rendered", None), ("clip.MOV", 7), ("x_000000000042.jpg", None),
    ]  # fmt: skip
    for record in records:
        assert [hand.handedness for hand in record.hands] == ["left", "right", "right"]
        hand = record.hands[0]
        assert hand.visibility.tolist() == [2] * 3 + [0] + [2] * 17 and hand.keypoint_scores[4] == pytest.approx(0.7)
        assert hand.box.tolist() == [100, 200, 20, 20]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", ": cannot be read as JSON: Expecting property name enclosed in double quotes: line 1 column 2 (char 1)"),
        ({}, ": no 'people'"),
        ({"people": [person([], [1.0] * 60)]},
         ": people[0]: hand_right_keypoints_2d must be 63 finite numbers. Received: shape (60,)"),
        ({"people": [person([], [0.5, -0.25, 0.9] * 21)]},
         ": all coordinates are between -1 and 1: normalised ones (--keypoint_scale 3 or 4) cannot be distinguished "
         "from pixels. Run OpenPose with --keypoint_scale 0"),
    ],
)  # fmt: skip
def test_openpose_errors(tmp_path, content, message):
    file(tmp_path / "a_keypoints.json", content)
    assert error_of(tmp_path, openpose.read, tmp_path) == f"a_keypoints.json{message}"
