"""Label Studio's files as it and its users make them: JSON-MIN, single tasks, names of labels, URLs of images."""

import json
import logging
from xml.etree import ElementTree
from zipfile import ZipFile

import cv2
import numpy as np
import pytest
from conftest import SAMPLES, handpose

from handpose_cli.formats import FORMATS, FormatError, ReadOptions
from handpose_cli.formats.plugin import WriteOptions
from handpose_cli.labels.recognise import recognise
from handpose_cli.records import KEYPOINT_NAMES, Hand, ImageRecord

SIZE = {"original_width": 200, "original_height": 100}


@pytest.fixture(autouse=True)
def notes(caplog):
    caplog.set_level(logging.WARNING, "handpose_cli")
    return lambda folder: [r.getMessage().replace(f"{folder}/", "") for r in caplog.records]


def rectangle(label="hand", x=10, y=20, width=30, height=40, rotation=0):
    value = {"x": x, "y": y, "width": width, "height": height, "rotation": rotation, "rectanglelabels": [label]}
    return {"id": f"{label}{x}", "type": "rectanglelabels", "value": value, **SIZE}


def joint(label, x=15, y=30, parent=None):
    return {"id": f"{label}-{x}", "type": "keypointlabels", "parentID": parent, **SIZE,
            "value": {"x": x, "y": y, "width": 0.5, "keypointlabels": [label]}}  # fmt: skip


def task(*results, image="/data/upload/1/0a1b2c3d-a.jpg"):
    return {"id": 1, "data": {"image": image}, "annotations": [{"result": list(results)}]}


def minimal(*results, image="a.jpg", **more):
    flat = [{**result["value"], **SIZE} for result in results]
    boxes = [value for value in flat if "rectanglelabels" in value]
    joints = [value for value in flat if "keypointlabels" in value]
    return {"image": image, "id": 1, "label": boxes, "kp-1": joints, "annotator": 1, **more}


def save(path, content):
    path.write_text(json.dumps(content))
    return path


def read(path, **options):
    return list(FORMATS["label-studio"].read(path, None, ReadOptions(**options)))


def test_a_single_task_is_read(tmp_path):
    path = save(tmp_path / "task.json", task(rectangle(), joint("wrist", parent="hand10")))
    assert recognise(path).name == "label-studio"
    ((hand,),) = (record.hands for record in read(path))
    assert hand.box.tolist() == [20, 20, 60, 40] and hand.keypoints[0].tolist() == [30, 30]


def test_json_min_of_old_has_no_parents_so_joints_go_to_the_rectangle_around_them(tmp_path):
    path = save(tmp_path / "min.json", [
        minimal(rectangle(), joint("wrist"), handedness="left"),
        minimal(rectangle(), rectangle(x=60), joint("wrist"), joint("wrist", x=70), handedness="left", id=2),
    ])  # fmt: skip
    assert recognise(path).name == "label-studio"
    one, two = read(path)
    assert (one.file, one.width, one.hands[0].handedness) == ("a.jpg", 200, "left")
    assert [hand.keypoints[0].tolist() for hand in two.hands] == [[30, 30], [140, 30]]
    assert [hand.handedness for hand in two.hands] == [None, None]
    save(path, [minimal(rectangle(), rectangle(x=12), joint("wrist"))])
    with pytest.raises(FormatError) as error:
        read(path)
    assert str(error.value) == (
        f"{path}: task 0: result 2: a keypoint without a parent among several hands, inside 2 rectangles"
    )


def test_joints_of_json_min_go_to_their_parents_where_these_are_said(tmp_path):
    results = rectangle(), rectangle(x=20), joint("wrist", x=25, parent="hand10"), joint("wrist", x=22, parent="hand20")
    entry = minimal()
    for tag, result in zip(("label", "label", "kp-1", "kp-1"), results, strict=True):
        entry[tag].append({**result["value"], **SIZE, "id": result["id"], "parentID": result.get("parentID")})
    (record,) = read(save(tmp_path / "min.json", [entry]))
    assert [(hand.box[0], hand.keypoints[0, 0]) for hand in record.hands] == [(20, 50), (40, 44)]


def test_of_json_min_s_entries_for_the_annotations_of_a_task_the_first_is_read(tmp_path, notes):
    entries = [minimal(rectangle(x=x), image=image, annotation_id=x) for x in (10, 20) for image in ("a.jpg", "b.jpg")]
    records = read(save(tmp_path / "min.json", entries))
    assert [(record.file, record.hands[0].box[0]) for record in records] == [("a.jpg", 20), ("b.jpg", 20)]
    assert notes(tmp_path) == ["min.json: left out: 2 annotations of tasks that have one before"]


@pytest.mark.parametrize(
    ("data", "file"),
    [
        ({"img": "/data/upload/1/0a1b2c3d-a.jpg", "text": "a hand"}, "a.jpg"),
        ({"image": None, "url": "s3://b/c/d.PNG"}, "c/d.PNG"),
        ({"image": "https://h.org/photo"}, "photo"),
    ],
)
def test_the_image_may_have_any_key(tmp_path, data, file):
    assert read(save(tmp_path / "a.json", [{**task(rectangle()), "data": data}]))[0].file == file
    one = minimal(rectangle())
    del one["image"]
    assert read(save(tmp_path / "min.json", [one | data]))[0].file == file


@pytest.mark.parametrize(("data", "message"), [
    ({"image": None, "text": "a", "page": 1}, "none of its data is the name of an image. Received: image (null), text "
     "(a text), page (a number)"),
    ({"image": ["a.jpg", "b.jpg"]}, "none of its data is the name of an image. Received: image (a list)"),
    ({"left": "a.jpg", "right": "b.jpg"}, "it is open which of its data is its image: left, right"),
    ({}, "none of its data is the name of an image. Received: nothing"),
])  # fmt: skip
def test_a_task_without_an_image_is_said_with_what_it_has(tmp_path, data, message):
    path = save(tmp_path / "a.json", [{**task(), "data": data}])
    with pytest.raises(FormatError) as error:
        read(path)
    assert str(error.value) == f"{path}: task 0: {message}"


def test_a_zip_of_its_coco_or_yolo_export_is_to_be_unpacked(tmp_path):
    with ZipFile(tmp_path / "export.zip", "w") as file:
        file.writestr("result.json", "{}")
    with pytest.raises(FormatError) as error:
        recognise(tmp_path / "export.zip")
    assert str(error.value) == f"{tmp_path}/export.zip: a ZIP file that is not CVAT's. Unpack it and name what is in it"


def test_untouched_tasks_of_json_min_are_no_images_without_hands(tmp_path, notes):
    untouched = {"image": "b.jpg", "id": 2, "annotator": None, "annotation_id": None}  # "export all tasks"
    nobody_there = {"image": "c.jpg", "id": 3, "annotator": 1, "annotation_id": 7, "width": 200, "height": 100}
    path = save(tmp_path / "min.json", [minimal(rectangle(), annotation_id=6), untouched, nobody_there])
    assert [(record.file, len(record.hands)) for record in read(path)] == [("a.jpg", 1), ("c.jpg", 0)]
    assert notes(tmp_path) == ["min.json: left out: 1 tasks without an annotation or a prediction"]


@pytest.mark.parametrize(
    ("labels", "joints"),
    [(["1", "21"], [0, 20]), (["0", "20"], [0, 20]), (["INDEX_FINGER_TIP", "left_hand_root"], [8, 0])],
)
def test_joints_have_names_or_numbers_that_are_decided_for_the_file(tmp_path, labels, joints):
    tasks = [task(rectangle(), joint(label, parent="hand10")) for label in labels]
    records = read(save(tmp_path / "a.json", tasks))
    assert [int(np.flatnonzero(record.hands[0].visibility)[0]) for record in records] == joints


@pytest.mark.parametrize(("choice", "side"), [("Left", "left"), ("right hand", "right"), ("held in left", None)])
def test_handedness_is_a_choice_in_any_spelling(tmp_path, choice, side):
    chosen = {"id": "hand10", "type": "choices", "value": {"choices": [choice]}, **SIZE}
    ((hand,),) = (record.hands for record in read(save(tmp_path / "a.json", [task(rectangle(), chosen)])))
    assert hand.handedness == side


def test_a_choice_for_the_whole_image_is_of_its_only_hand(tmp_path, notes):
    def sides(*results, choice="Left"):
        of_image = {"id": "whole", "type": "choices", "value": {"choices": [choice]}}
        return [hand.handedness for hand in read(save(tmp_path / "a.json", [task(*results, of_image)]))[0].hands]

    assert sides(rectangle(), joint("wrist", parent="hand10")) == sides(joint("wrist")) == ["left"]
    assert sides(rectangle(), choice="a hand at work") == [None] and sides(rectangle("left_hand")) == ["left"]
    assert not notes(tmp_path)
    assert sides(rectangle(), rectangle(x=60)) == [None, None] and sides(rectangle("right_hand")) == ["right"]
    entry = minimal(rectangle(), rectangle(x=60), handedness=["Left", "Right"])  # JSON-MIN does not say which is whose
    assert [hand.handedness for hand in read(save(tmp_path / "a.json", [entry]))[0].hands] == [None, None]
    assert notes(tmp_path) == [
        f"a.json: left out: {count} choices of left or right that are of no single hand" for count in (1, 1, 2)
    ]


def test_all_labels_and_choices_of_a_region_count(tmp_path, notes):
    def chosen(*choices):
        return {"id": "hand10", "type": "choices", "value": {"choices": list(choices)}}

    both = rectangle()
    both["value"]["rectanglelabels"] = ["hand", "Left"]
    path = save(tmp_path / "t.json", [
        task(rectangle(), chosen("Occluded", "Right")), task(both), task(rectangle(), chosen()),
        task(rectangle(), chosen("Left", "Right"))])  # fmt: skip
    assert [record.hands[0].handedness for record in read(path)] == ["right", "left", None, None]
    assert notes(tmp_path) == ["t.json: left out: 1 choices of both left and right"]
    both["value"]["rectanglelabels"] = ["left_hand", "right_hand"]
    for shapes, message in (
        ([both], "task 0: the labels name both hands: left_hand, right_hand"),
        ([rectangle(), rectangle()], "task 0: result 1: a second rectangle has the id hand10"),
    ):
        with pytest.raises(FormatError) as error:
            read(save(path, [task(*shapes)]))
        assert str(error.value) == f"{path}: {message}"


@pytest.mark.parametrize("ids", [True, False])
def test_choices_of_json_min_are_of_the_region_in_their_place(tmp_path, ids):
    two = minimal(rectangle(), rectangle(x=60))
    for number, box in enumerate(two["label"]):
        box.update({"id": f"r{number}"} if ids else {})
    sides = [{**box, "choices": [side, "Occluded"]} for box, side in zip(two["label"], ("Left", "Right"), strict=True)]
    for side in sides:
        side.pop("rectanglelabels")
    one = {**minimal(rectangle(), id=2), "side": {"choices": ["Left", "Occluded"]}}
    path = save(tmp_path / "min.json", [{"side": sides, **two}, one])
    assert [[hand.handedness for hand in record.hands] for record in read(path)] == [["left", "right"], ["left"]]


def test_regions_and_labels_may_be_apart(tmp_path, notes):
    shapes = []
    for kind, shape in (("rectangle", rectangle()), ("keypoint", joint("wrist", parent="hand10"))):
        value = shape["value"]
        labels = value.pop(shape["type"])
        shapes += [{**shape, "type": kind}, {**shape, "type": "labels", "value": {**value, "labels": labels}}]
    ((hand,),) = (record.hands for record in read(save(tmp_path / "t.json", [task(*shapes)])))
    assert hand.box.tolist() == [20, 20, 60, 40] and hand.keypoints[0].tolist() == [30, 30] and not notes(tmp_path)


def test_of_several_annotations_the_truth_is_taken_else_the_first(tmp_path):
    several = [{"result": [rectangle(x=x)], "ground_truth": x == 20} for x in (10, 20)]
    for annotations, left in ((several, 40), (several[:1], 20)):
        path = save(tmp_path / "a.json", [{**task(), "annotations": annotations}])
        assert read(path)[0].hands[0].box[0] == left


def test_the_size_is_that_of_a_result_that_has_one(tmp_path):
    relation = {"type": "relation", "from_id": "hand10", "to_id": "hand60"}
    sized = task(relation, rectangle(), rectangle(x=60))
    unsized = {**task(relation), "data": {"image": "b.jpg", "width": 30, "height": 20}}
    records = read(save(tmp_path / "a.json", [sized, unsized]))
    assert [(record.width, record.height) for record in records] == [(200, 100), (30, 20)]


def test_what_is_no_hand_is_left_out_and_counted(tmp_path, notes):
    tasks = [
        task(rectangle("handbag"), joint("wrist", parent="handbag10"), rectangle(width=0, x=1), rectangle("right_hand"),
             {"id": "p", "type": "polygonlabels", "value": {"points": []}}),
        {**task(), "annotations": []},
        task({**rectangle(), "image_rotation": 90}),
    ]  # fmt: skip
    path = save(tmp_path / "a.json", tasks)
    ((hand,),) = (record.hands for record in read(path))
    assert hand.handedness == "right"
    assert notes(tmp_path) == [
        "a.json: left out: 1 rectangles of other labels (1 handbag), 1 rectangles without a size, 1 regions that are "
        "neither rectangles nor keypoints (1 polygonlabels), 1 keypoints of other labels, 1 tasks without an "
        "annotation or a prediction, 1 tasks with rotated images"
    ]
    record = read(path, classes=("handbag",))
    assert len(record[0].hands) == 1


def test_a_rotated_rectangle_becomes_the_upright_one_around_it(tmp_path):
    path = save(tmp_path / "a.json", [task(rectangle(x=50, y=20, width=30, height=40, rotation=90))])
    assert read(path)[0].hands[0].box.tolist() == pytest.approx([60, 20, 40, 60], abs=1e-4)


@pytest.mark.parametrize(("prefix", "url"), [
    ("", "/data/local-files/?d=b/c%20d%23.jpg"),
    ("/data/local-files/?d=photos/x", "/data/local-files/?d=photos/x/b/c%20d%23.jpg"),
    ("https://h.org/i", "https://h.org/i/b/c%20d%23.jpg"),
    ("s3://bucket/in/", "s3://bucket/in/b/c d#.jpg"),
])  # fmt: skip
def test_urls_of_images_begin_as_wanted_and_names_come_back(tmp_path, prefix, url):
    path, record = tmp_path / "a.json", ImageRecord("b/c d#.jpg", 200, 100, [Hand(np.array([1, 2, 3, 4], np.float32))])
    with FORMATS["label-studio"].open_writer(path, None, WriteOptions(image_prefix=prefix)) as writer:
        writer.write(record)
    assert json.loads(path.read_text())[0]["data"]["image"] == url
    assert [found.file for found in read(path)] == ["b/c d#.jpg"]


@pytest.mark.parametrize(
    ("url", "file"),
    [
        ("photos/a#1.jpg", "photos/a#1.jpg"),
        ("/photos/a?1.jpg", "photos/a?1.jpg"),
        ("photos/a%20b.jpg", "photos/a b.jpg"),
        ("C:\\photos\\a#1.jpg", "C:\\photos\\a#1.jpg"),
        ("https://h.org/photos/a.jpg?v=1#x", "photos/a.jpg"),
        ("/tool/data/upload/1/0a1b2c3d-a%231.jpg?v=1", "a#1.jpg"),
    ],
)
def test_only_in_a_url_have_signs_of_names_a_meaning(tmp_path, url, file):
    assert read(save(tmp_path / "a.json", [task(rectangle(), image=url)]))[0].file == file


def test_people_are_shown_the_reasons_for_doubt_and_joints_in_their_finger_s_colour(tmp_path):
    hand = Hand(np.array([10, 10, 50, 50]), keypoints=np.full((21, 2), 30), flags=("low_scores", "mine"))
    with FORMATS["label-studio"].open_writer(tmp_path / "a.json") as writer:
        writer.write(ImageRecord("a.jpg", 100, 100, [hand]))
    (written,) = json.loads((tmp_path / "a.json").read_text())
    *_, box = written["predictions"][0]["result"]
    assert box["meta"] == {"flags": ["low_scores", "mine"], "text": ["low scores; mine"]}
    assert read(tmp_path / "a.json")[0].hands[0].flags == ("low_scores", "mine")
    labels = ElementTree.parse(tmp_path / "a.config.xml").findall(".//KeyPointLabels/Label")
    colours = [label.get("background") for label in labels]
    assert colours[:1] + colours[4::4] == [None, "#ff5a5a", "#ffc828", "#50dc50", "#3cb4ff", "#c86eff"]


def test_other_formats_have_no_urls(tmp_path):
    with pytest.raises(FormatError, match=r"a.csv: files of the format csv have no URLs of images$"):
        FORMATS["csv"].open_writer(tmp_path / "a.csv", None, WriteOptions(image_prefix="s3://b/"))
    assert not list(tmp_path.iterdir())


def coco_export(path, *boxes):
    """As label_studio_sdk.converter writes it: keypoints apart from the boxes, all of an image in one annotation."""
    joints = [number for index in range(21) for number in (index + 1, 2 * index + 1, 2)]
    annotations = [{"id": n, "image_id": 0, "category_id": 0, "segmentation": [], "bbox": box, "ignore": 0,
                    "iscrowd": 0, "area": box[2] * box[3]} for n, box in enumerate(boxes)]  # fmt: skip
    annotations.append({"id": 9, "image_id": 0, "category_id": 1, "keypoints": joints, "num_keypoints": 21,
                        "bbox": [1, 1, 20, 40], "iscrowd": 0, "area": 800})  # fmt: skip
    categories = [{"id": 0, "name": "hand"},
                  {"id": 1, "name": "default", "supercategory": "default", "keypoints": list(KEYPOINT_NAMES),
                   "skeleton": []}]  # fmt: skip
    images = [{"id": 0, "file_name": "images/a.jpg", "width": 200, "height": 100}]
    return save(path, {"images": images, "categories": categories, "annotations": annotations})


def test_its_coco_export_comes_back_with_keypoints_and_boxes(tmp_path, notes):
    ((hand,),) = (record.hands for record in FORMATS["coco"].read(coco_export(tmp_path / "c.json", [0, 0, 60, 60])))
    assert hand.box.tolist() == [0, 0, 60, 60] and hand.keypoints[20].tolist() == [21, 41] and not notes(tmp_path)
    two = coco_export(tmp_path / "c.json", [0, 0, 60, 60], [80, 0, 60, 60])
    assert [hand.keypoints for record in FORMATS["coco"].read(two) for hand in record.hands] == [None, None]
    assert notes(tmp_path) == [
        "c.json: left out: keypoints in 1 images, where those of several hands are mixed in one annotation. "
        "Export Label Studio's JSON instead"
    ]


def test_its_yolo_export_comes_back_with_keypoints(tmp_path, notes):
    (tmp_path / "labels").mkdir()
    (tmp_path / "images").mkdir()
    cv2.imencode(".png", np.zeros((100, 200), np.uint8))[1].tofile(tmp_path / "images/a.png")
    joints = " ".join(f"{0.01 * n} 0.5 2" for n in range(1, 22))
    (tmp_path / "labels/a.txt").write_text(f"1 0.5 0.5 0.25 0.5 {joints}\n0 0.5 0.5 0.25 0.5 {'0.0 0.0 0 ' * 21}")
    names = list(reversed(KEYPOINT_NAMES))
    categories = [{"id": n, "name": name, "keypoints": names} for n, name in enumerate(["face", "right_hand"])]
    save(tmp_path / "notes.json", {"categories": categories, "info": {"contributor": "Label Studio"}})
    (tmp_path / "classes.txt").write_text("face\nright_hand\n")
    assert recognise(tmp_path).name == "yolo-pose"
    (record,) = FORMATS["yolo-pose"].read(tmp_path)
    (hand,) = record.hands
    assert (record.file, hand.handedness) == ("a.png", "right") and hand.keypoints[20] == pytest.approx([2, 50])
    assert notes(tmp_path) == [f"{tmp_path}: left out: 1 objects of other classes (1 face)"]


def test_predict_writes_urls_that_load(tmp_path):
    picture = next(SAMPLES.glob("ok_*.jpg"))
    done = handpose("predict", picture, "-o", tmp_path, "--format", "label-studio", "--image-prefix", "s3://b/in")
    assert done.exit_code == 0, done.stderr
    (task,) = json.loads((tmp_path / "predictions.label-studio.json").read_text())
    assert task["data"]["image"] == f"s3://b/in/{picture.name}" and task["predictions"][0]["result"]
    assert handpose("predict", picture, "-o", tmp_path, "--resume").exit_code == 0
    assert json.loads((tmp_path / "predictions.label-studio.json").read_text()) == [task]


def test_joined_shards_write_the_same_urls(tmp_path):
    options = ("--format", "label-studio", "--image-prefix", "s3://b/in", "--views", 1)
    for part in (1, 2):
        done = handpose(
            "predict", SAMPLES / "two_hands.jpg", SAMPLES / "thumb_plaza.jpg", "-o", tmp_path / f"{part}",
            "--shard", f"{part}/2", *options,
        )  # fmt: skip
        assert done.exit_code == 0, done.output
    assert handpose("merge", tmp_path / "1", tmp_path / "2", "-o", tmp_path / "all").exit_code == 0
    tasks = json.loads((tmp_path / "all" / "predictions.label-studio.json").read_text())
    assert [task["data"]["image"] for task in tasks] == ["s3://b/in/thumb_plaza.jpg", "s3://b/in/two_hands.jpg"]
