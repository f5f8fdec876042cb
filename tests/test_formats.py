"""Label lists are read with errors that name the place; result files hold what the records hold."""

import csv
import json
from dataclasses import replace

import numpy as np
import pytest
from conftest import SAMPLES
from hypothesis import given
from hypothesis import strategies as st
from labelled import image, open_hand, write

from handpose_cli.files import atomic
from handpose_cli.formats import coco, coco_results, csv_table, handpose_json, label_list, load
from handpose_cli.formats.errors import FormatError
from handpose_cli.records import KEYPOINT_NAMES, SKELETON, Hand, ImageRecord
from handpose_cli.run_facts import RunFacts

POINTS = [[float(i), float(2 * i)] for i in range(21)]
IMAGE = {"image": "a.jpg", "width": 64, "height": 48}


def read_list(tmp_path, entries):
    path = tmp_path / "labels.json"
    path.write_text(entries if isinstance(entries, str) else json.dumps(entries))
    return list(label_list.read(path))


def test_one_hand_an_entry(tmp_path):
    spread = [0.0] * 20 + [label_list.HALF_TRUST_SPREAD]
    (record,) = read_list(tmp_path, [{**IMAGE, "keypoints": POINTS, "spread": spread}])
    assert (record.file, record.width, record.height, record.frame) == ("a.jpg", 64, 48, None)
    (hand,) = record.hands
    assert hand.keypoints == pytest.approx(np.array(POINTS))
    assert hand.box == pytest.approx([0, 0, 20, 40])
    assert hand.keypoint_scores == pytest.approx([1] * 20 + [0.5])


@pytest.mark.parametrize(
    ("told", "handedness"),
    [({"hand": "left"}, "left"), ({"handedness": "right"}, "right"), ({"right_score": 0.98}, "right"),
     ({"right_score": 0.02}, "left"), ({"right_score": 0.5}, None), ({}, None)],
)  # fmt: skip
def test_each_way_to_tell_the_handedness(tmp_path, told, handedness):
    (record,) = read_list(tmp_path, [{**IMAGE, "keypoints": POINTS, **told}])
    assert record.hands[0].handedness == handedness


def test_many_hands_and_only_boxes(tmp_path):
    hands = [{"keypoints": POINTS, "box": [1, 2, 3, 4], "handedness": "left"}, {"keypoints": POINTS}]
    others = [{**IMAGE, "image": "b.jpg", "boxes": [[1, 2, 3, 4]]}, {**IMAGE, "image": "c.jpg", "hands": []}]
    both = read_list(tmp_path, [{**IMAGE, "hands": hands}, *others])
    assert [len(record.hands) for record in both] == [2, 1, 0]
    assert (both[0].hands[0].handedness, both[0].hands[0].box.tolist()) == ("left", [1, 2, 3, 4])
    assert both[1].hands[0].keypoints is None


def test_entries_in_a_row_are_hands_of_one_image_and_joints_may_be_missing(tmp_path):
    tips = {"4": [3, 4], "8": [5, 6]}
    entries = [{**IMAGE, "keypoints": POINTS}, {**IMAGE, "keypoints": tips, "box": [1, 2, 3, 4]}]
    (record,) = read_list(tmp_path, entries)
    whole, partial = record.hands
    assert whole.visibility is None
    assert partial.keypoints[[4, 8]].tolist() == [[3, 4], [5, 6]]
    assert np.isnan(np.delete(partial.keypoints, [4, 8], axis=0)).all()


def test_the_samples_labels():
    records = list(label_list.read(SAMPLES / "labels.json"))
    stills = [record for record in records if record.frame is None]
    clip = [record for record in records if record.file == "moving_hand.mp4"]
    assert {record.file for record in stills} == {path.name for path in SAMPLES.glob("*.jpg")}
    assert [record.frame for record in clip] == list(range(72))
    assert clip[24].time == 1.0


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ("[{", "cannot be read as JSON: parse error: premature EOF"),
        ({"images": []}, "expected a JSON list of images"),
        ([{**IMAGE, "keypoints": POINTS}, {"image": "b.jpg", "width": 3}], "entry 1: no 'height'"),
        ([{**IMAGE, "keypoints": POINTS[:20]}],
         "entry 0: keypoints must be 21 x 2 finite numbers. Received: shape (20, 2)"),
        ([{**IMAGE, "keypoints": [[None, 0]] * 21}],
         "entry 0: keypoints must be 21 x 2 finite numbers. Received: a number that is not finite"),
        ([{**IMAGE, "keypoints": POINTS, "spread": [1]}],
         "entry 0: spread must be 21 finite numbers. Received: shape (1,)"),
        ([{**IMAGE, "boxes": [[1, 2, 3]]}],
         "entry 0: box must be four finite numbers: x, y, width, height. Received: [1, 2, 3]"),
    ],
)  # fmt: skip
def test_corrupt_label_lists(tmp_path, entries, message):
    with pytest.raises(FormatError) as error:
        read_list(tmp_path, entries)
    assert str(error.value) == f"{tmp_path / 'labels.json'}: {message}"


numbers = st.floats(-10_000, 10_000, width=32)
scores = st.floats(0, 1, width=32)


@st.composite
def hands(draw):
    points = draw(st.lists(st.tuples(numbers, numbers), min_size=21, max_size=21))
    joint_scores = draw(st.lists(scores, min_size=21, max_size=21))
    return Hand(
        np.array(draw(st.tuples(numbers, numbers, numbers, numbers)), np.float32),
        keypoints=np.array(points, np.float32),
        keypoint_scores=np.array(joint_scores, np.float32),
        score=draw(scores),
        handedness=draw(st.sampled_from([None, "left", "right"])),
        track_id=draw(st.none() | st.integers(0, 1000)),
    )


@given(found=st.lists(hands(), max_size=3), name=st.text(min_size=1, max_size=20).filter(str.isprintable))
def test_the_result_file_holds_what_the_records_hold(tmp_path_factory, found, name):
    path = tmp_path_factory.mktemp("json") / "predictions.json"
    with handpose_json.open_writer(path, run=RunFacts(info={"made": "by a test"})) as writer:
        writer.write(ImageRecord(name, 640, 480, found))
    (record,) = handpose_json.read(path)
    assert (record.file, record.width, record.height, len(record.hands)) == (name, 640, 480, len(found))
    for read, hand in zip(record.hands, found, strict=True):
        assert read.keypoints == pytest.approx(hand.keypoints, abs=0.0051)
        assert (read.handedness, read.track_id) == (hand.handedness, hand.track_id)
    results = json.loads(path.read_text(encoding="utf-8"))
    assert results["info"] == {"format_version": 1, "made": "by a test"}
    assert results["keypoint_names"] == list(KEYPOINT_NAMES)
    assert results["skeleton"] == [list(bone) for bone in SKELETON]
    (entry,) = results["files"]
    assert (entry["file"], entry["width"], entry["height"]) == (name, 640, 480)
    assert len(entry["hands"]) == len(found)
    for written, hand in zip(entry["hands"], found, strict=True):
        assert written["box"] == pytest.approx(hand.box.tolist(), abs=0.0051)
        keypoints = np.array(written["keypoints"])
        assert keypoints[:, :2] == pytest.approx(hand.keypoints, abs=0.0051)
        assert keypoints[:, 2] == pytest.approx(hand.keypoint_scores, abs=0.000051)
        assert written["score"] == pytest.approx(hand.score, abs=0.000051)
        assert (written["handedness"], written["track_id"]) == (hand.handedness, hand.track_id)
        assert (written["frame"], written["time"]) == (None, None)


def a_hand():
    return Hand(np.array([1, 2, 3, 4]), keypoints=np.array(POINTS), keypoint_scores=np.ones(21), score=0.5)


def test_every_kind_of_entry(tmp_path):
    path = tmp_path / "predictions.json"
    with handpose_json.open_writer(path, run=RunFacts()) as writer:
        writer.write(ImageRecord("bad.jpg", None, None, failure="empty file (0 bytes)"))
        writer.write(ImageRecord("clip.mp4", 64, 48, [a_hand()], frame=0, time=0.0, fps=25.0))
        writer.write(ImageRecord("clip.mp4", 64, 48, [], frame=1, time=0.04, fps=25.0))
        writer.write(ImageRecord("clip.mp4", 64, 48, [a_hand()], frame=2, time=0.08, fps=25.0))
        writer.write(ImageRecord("clip.mp4", None, None, failure="damaged after frame 2"))
        writer.write(ImageRecord("none.jpg", 64, 48))
    assert [(r.file, r.frame, len(r.hands), r.failure) for r in handpose_json.read(path)] == [
        ("bad.jpg", None, 0, "empty file (0 bytes)"),
        ("clip.mp4", 0, 1, None),
        ("clip.mp4", 1, 0, None),
        ("clip.mp4", 2, 1, None),
        ("clip.mp4", None, 0, "damaged after frame 2"),
        ("none.jpg", None, 0, None),
    ]
    bad, clip, none = json.loads(path.read_text())["files"]
    assert bad == {"file": "bad.jpg", "width": None, "height": None, "hands": [], "failure": "empty file (0 bytes)"}
    assert (clip["fps"], clip["frames"], clip["failure"]) == (25.0, 3, "damaged after frame 2")
    assert clip["frame_times"] == [[0, 0.0], [1, 0.04], [2, 0.08]]
    assert [(hand["frame"], hand["time"]) for hand in clip["hands"]] == [(0, 0.0), (2, 0.08)]
    assert none == {"file": "none.jpg", "width": 64, "height": 48, "hands": []}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("[]", "expected an object with a list `files`, as `handpose predict` writes it"),
        ('{"files": [{"file": "a.jpg", "width": 1, "height": 1}]}', "files[0]: no 'hands'"),
        ('{"files": [{"file": "a", "width": 1, "height": 1, "hands": [{"box": [0, 0, 1, 1], "keypoints": [[1, 2]]}]}]}',
         "files[0]: keypoints must be 21 triples. Received shape: (1, 2)"),
    ],
)  # fmt: skip
def test_corrupt_result_files(tmp_path, content, message):
    (tmp_path / "r.json").write_text(content)
    with pytest.raises(FormatError) as error:
        list(handpose_json.read(tmp_path / "r.json"))
    assert str(error.value) == f"{tmp_path / 'r.json'}: {message}"


def test_the_table_has_a_row_for_each_joint(tmp_path):
    with csv_table.open_writer(tmp_path / "t.csv") as writer:
        writer.write(ImageRecord("a, b.jpg", 64, 48, [a_hand(), a_hand()]))
        writer.write(ImageRecord("none.jpg", 64, 48))
        writer.write(ImageRecord("c.mp4", 64, 48, [a_hand()], frame=7, time=0.28, fps=25))
    with (tmp_path / "t.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 3 * 21
    assert rows[22] == {
        "file": "a, b.jpg", "frame": "", "hand": "1", "joint": "thumb_cmc", "x": "1.0", "y": "2.0", "score": "1.0",
        "hand_score": "0.5", "handedness": "", "track_id": "", "flags": "",
    }  # fmt: skip
    assert (rows[-1]["file"], rows[-1]["frame"], rows[-1]["joint"]) == ("c.mp4", "7", "little_tip")


def coco_file(images=(), annotations=(), **more):
    return {"images": list(images), "annotations": list(annotations), **more}


FLAT = [1.0, 2.0, 2] * 21


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"annotations": []}, "expected an object with a list `images`"),
        (coco_file([{"id": 1}]), "images[0]: no 'file_name'"),
        (coco_file([{"id": 1, "file_name": 3}]), "images[0]: file_name must be a text. Received: 3"),
        (coco_file([{"id": 1, "file_name": "a"}, {"id": 1, "file_name": "b"}]), "images[1]: id 1 occurs twice"),
        (coco_file([{"id": 1, "file_name": "a"}], [{"image_id": 2}]), "annotations[0]: no image has its image_id 2"),
        (coco_file([{"id": 1, "file_name": "a"}], [{"id": 5, "image_id": 1, "keypoints": FLAT}] * 2),
         "annotations[1]: id 5 occurs twice"),
        (coco_file([{"id": 1, "file_name": "a"}], [{"image_id": 1, "keypoints": FLAT[:60]}]),
         "annotations[0]: 20 keypoints with no names that are understood, where 21 are expected"),
        (coco_file([{"id": 1, "file_name": "a"}], [{"image_id": 1, "keypoints": [1e39, *FLAT[1:]]}]),
         "annotations[0]: keypoints must be 63 finite numbers. Received: a number that is not finite"),
        (coco_file([{"id": 1, "file_name": "a"}], [{"image_id": 1, "keypoints": FLAT, "handedness": "both"}]),
         "annotations[0]: handedness must be left, right or null. Received: 'both'"),
    ],
)  # fmt: skip
def test_corrupt_coco_files(tmp_path, content, message):
    (tmp_path / "c.json").write_text(json.dumps(content))
    with pytest.raises(FormatError) as error:
        list(coco.read(tmp_path / "c.json"))
    assert str(error.value) == f"{tmp_path / 'c.json'}: {message}"


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"image_id": 1, "keypoints": FLAT},
         "image_id is a number: 1. A COCO file says which image that is"),
        ({"image_id": "a.jpg", "keypoints": FLAT[:3]},
         "1 keypoints with no names that are understood, where 21 are expected"),
        ({"category_id": 1, "keypoints": FLAT}, "no 'image_id'"),
        ({"image_id": "a.jpg", "keypoints": FLAT, "bbox": [1, 2]},
         "box must be four finite numbers: x, y, width, height. Received: [1, 2]"),
    ],
)  # fmt: skip
def test_corrupt_coco_results(tmp_path, entry, message):
    (tmp_path / "r.json").write_text(json.dumps([entry]))
    with pytest.raises(FormatError) as error:
        list(coco_results.read(tmp_path / "r.json"))
    assert str(error.value) == f"{tmp_path / 'r.json'}: entry 0: {message}"


def test_results_of_sided_categories_have_their_sides_and_orders(tmp_path):
    names = list(KEYPOINT_NAMES)
    categories = [{"id": 1, "name": "left_hand", "keypoints": names},
                  {"id": 2, "name": "right_hand", "keypoints": names[::-1]}]  # fmt: skip
    images = [{"id": 1, "file_name": "a.jpg", "width": 640, "height": 480}]
    (tmp_path / "c.json").write_text(json.dumps({"images": images, "annotations": [], "categories": categories}))
    table = np.column_stack([np.arange(21), np.arange(21) + 100, np.full(21, 0.5)])
    entries = [{"image_id": 1, "category_id": id, "keypoints": table.ravel().tolist(), "score": 0.9} for id in (1, 2)]
    (tmp_path / "r.json").write_text(json.dumps([*entries, {"image_id": 1, "category_id": 2, "bbox": [1, 2, 3, 4]}]))
    (record,) = coco_results.read(tmp_path / "r.json", tmp_path / "c.json")
    assert [hand.handedness for hand in record.hands] == ["left", "right", "right"]
    assert [hand.keypoints[0].tolist() for hand in record.hands[:2]] == [[0, 100], [20, 120]]
    with coco_results.open_writer(tmp_path / "again.json", tmp_path / "c.json") as writer:
        writer.write(record)
    written = json.loads((tmp_path / "again.json").read_text())
    assert [(entry["category_id"], entry["keypoints"]) for entry in written] == [
        (entry["category_id"], entry["keypoints"]) for entry in entries
    ]


@pytest.mark.parametrize(
    ("categories", "side", "expected"),
    [(["left_hand", "hand"], "right", "hand"), (["hand", "left_hand"], "left", "left_hand"),
     (["left_hand", "right_hand"], None, "left_hand"), (["right_hand"], "left", "right_hand")],
)  # fmt: skip
def test_a_hand_is_written_as_the_category_that_fits_best(tmp_path, caplog, categories, side, expected):
    listed = [{"id": id, "name": name} for id, name in enumerate(categories)]
    images = [{"id": 1, "file_name": "a.jpg", "width": 640, "height": 480}]
    (tmp_path / "c.json").write_text(json.dumps({"images": images, "annotations": [], "categories": listed}))
    hand = replace(open_hand(), handedness=side)
    with coco_results.open_writer(tmp_path / "r.json", tmp_path / "c.json") as writer:
        writer.write(ImageRecord("a.jpg", 640, 480, [hand]))
    assert categories[json.loads((tmp_path / "r.json").read_text())[0]["category_id"]] == expected
    said = [f"there is no category for hands of {side or 'no'} side: they are written as {expected}"]
    fits = expected == "hand" or expected == f"{side}_hand"
    assert [line.getMessage() for line in caplog.records] == ([] if fits else said)


def test_joints_by_name_are_as_visible_as_they_are_said_to_be(tmp_path):
    by_name = {name: [index, 100] for index, name in enumerate(KEYPOINT_NAMES[:20])}
    entry = {"image": "a.jpg", "width": 640, "height": 480, "keypoints": by_name, "visible": [1, 0] * 10 + [1]}
    (tmp_path / "l.json").write_text(json.dumps([entry]))
    (record,) = label_list.read(tmp_path / "l.json")
    assert record.hands[0].visibility.tolist() == [2, 1] * 10 + [0]


HEADER = "file,hand,joint,x,y,score\n"
ROWS = [f"a.jpg,0,{name},1,2,0.5\n" for name in KEYPOINT_NAMES]


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["file,x,y\n"], "no column joint. Received: ['file', 'x', 'y']"),
        ([HEADER, *ROWS, ROWS[3]], "line 23: a second thumb_ip of one hand"),
        ([HEADER, "a.jpg,0,elbow,1,2,1\n"],
         "1 keypoints with no names that are understood, where 21 are expected: elbow"),
        ([HEADER, *ROWS[:-1], "a.jpg,0,little_tip,one,2,1\n"], "line 22: a finite number expected. Received: 'one'"),
        ([HEADER, *ROWS[:-1], "a.jpg,0,little_tip,1,2,inf\n"], "line 22: a finite number expected. Received: 'inf'"),
        ([HEADER, *ROWS[:-1], "a.jpg,0,little_tip,1,,1\n"], "line 22: only one of x and y"),
        ([HEADER, *ROWS, ",0,wrist,1,2,1\n"], "line 23: no file"),
        ([HEADER, "a.jpg,0,wrist,102,5,230,1,,\n"],
         "line 2: 9 cells for 6 columns. With decimal commas, ; or tabs must be between cells"),
        ([HEADER, *ROWS, "b.jpg,0,wrist,102.25,23"], "line 23: 5 cells for 6 columns: the file ends within a line"),
    ],
)  # fmt: skip
def test_corrupt_tables(tmp_path, lines, message):
    (tmp_path / "t.csv").write_text("".join(lines))
    with pytest.raises(FormatError) as error:
        list(csv_table.read(tmp_path / "t.csv"))
    assert str(error.value) == f"{tmp_path / 't.csv'}: {message}"


def test_rows_may_lack_or_have_empty_cells_at_their_end(tmp_path):
    (tmp_path / "t.csv").write_text(HEADER + "a.jpg,0,wrist,1,2\nb.jpg,0,wrist,1,2,0.5,, \nc.jpg,0,wrist,1,2\n")
    assert [record.file for record in csv_table.read(tmp_path / "t.csv")] == ["a.jpg", "b.jpg", "c.jpg"]


def test_a_tables_hands_may_be_called_left_and_right(tmp_path):
    (tmp_path / "t.csv").write_text(HEADER + "a.jpg,left,wrist,1,2,1\na.jpg,Right,wrist,3,4,1\na.jpg,2,wrist,5,6,1\n")
    (record,) = csv_table.read(tmp_path / "t.csv")
    assert {hand.handedness: hand.keypoints[0].tolist() for hand in record.hands} == {
        "left": [1, 2], "right": [3, 4], None: [5, 6]
    }  # fmt: skip


@pytest.mark.parametrize("name", ["csv", "deeplabcut"])
def test_names_with_line_ends_come_back_whole(tmp_path, name):
    names = ["\ra.jpg", "a\rb.jpg", "a\r\nb.jpg", "a\nb.jpg", "c.jpg\r"]
    path = write(tmp_path / f"t.{name}.csv", name, [image(each, open_hand()) for each in names])
    assert [record.file for record in load(name).read(path)] == names


def test_tracks_of_a_table_may_have_names(tmp_path):
    rows = [f"a.jpg,{hand},wrist,{hand},2,1,{track}\n" for hand, track in enumerate(("mouse 1", "7", "NA", "mouse 1"))]
    (tmp_path / "t.csv").write_text(HEADER.replace("\n", ",track_id\n") + "".join(rows))
    (record,) = csv_table.read(tmp_path / "t.csv")
    assert [hand.track_id for hand in record.hands] == [0, 7, None, 0]


def test_an_interrupted_file_does_not_appear(tmp_path):
    (tmp_path / "x.json").write_text("before")
    with pytest.raises(KeyboardInterrupt), atomic(tmp_path / "x.json") as file:
        file.write("half")
        raise KeyboardInterrupt
    assert [path.name for path in tmp_path.iterdir()] == ["x.json"]
    assert (tmp_path / "x.json").read_text() == "before"


def test_coco_results_say_of_how_many_images_they_have_no_entry(tmp_path, caplog):
    records = [image("a.jpg", open_hand()), image("b.jpg"), image("c.jpg", Hand(np.array([1, 2, 30, 40])))]
    path, labels = tmp_path / "r.json", write(tmp_path / "l.json", "coco", records)
    for images, said in [
        (None, ["coco-results names no images without keypoints (2 of 3): the coco file of the same labels has them"]),
        (labels, []),
    ]:
        caplog.clear()
        with coco_results.open_writer(path, images) as writer:
            for record in records:
                writer.write(record)
        assert [line.getMessage() for line in caplog.records] == said


@pytest.mark.parametrize("name", ["annotations", "images", "files"])
def test_a_member_that_is_an_object_where_a_list_is_expected_is_an_error(tmp_path, name):
    """It was taken for an empty list, and all its hands were lost."""
    path = write(tmp_path / "l.json", "handpose" if name == "files" else "coco", [image("a.jpg", open_hand())])
    content = json.loads(path.read_text())
    path.write_text(json.dumps({**content, name: dict(enumerate(content[name]))}))
    with pytest.raises(FormatError) as error:
        list(load("handpose" if name == "files" else "coco").read(path))
    assert str(error.value) == f"{path}: {name} must be a list"


def test_a_list_that_is_null_is_empty(tmp_path):
    path = write(tmp_path / "l.json", "coco", [image("a.jpg")])
    path.write_text(json.dumps({**json.loads(path.read_text()), "annotations": None}))
    assert [record.hands for record in coco.read(path)] == [[]]


@pytest.mark.filterwarnings("error")
def test_a_joint_beyond_all_bounds_gives_no_warning():
    assert Hand(np.array([0, 0, 1e20, 1]), keypoints=np.full((21, 2), 1e20)).box[2] == np.float32(1e20)
