"""What labels say of their completeness reaches whoever counts on it: what was left out may be at any place."""

import json

import numpy as np
import pytest
from conftest import handpose
from labelled import image, moved, open_hand, write
from test_dataset_readers import interhand, put, rhd_table, whole_body

from handpose_cli.formats import FORMATS, FormatError
from handpose_cli.labels.file_matching import by_image
from handpose_cli.labels.update import Changes, update
from handpose_cli.records import ImageRecord

HAND = open_hand()
NINE, NONE = np.where(np.arange(21) < 9, 1, 0), np.zeros(21)
SIZE = {"width": 640, "height": 480}


def read(name, path):
    return list(FORMATS[name].read(path))


def coco(path, *annotations, **image):
    one = {"id": 1, "image_id": 1, "category_id": 1, "bbox": [10, 10, 50, 50]}
    annotations = [one, *({**one, "id": 2 + number, **other} for number, other in enumerate(annotations))]
    images = [{"id": 1, "file_name": "a.jpg", **SIZE, **image}]
    names = ({"id": 1, "name": "hand"}, {"id": 2, "name": "face"})
    return put(path, {"images": images, "annotations": annotations, "categories": names})


@pytest.mark.parametrize(
    ("other", "exhaustive", "said"),
    [
        ({"iscrowd": 1}, False, "1 crowds"),
        ({"ignore": 1}, False, "1 annotations to be ignored"),
        ({"bbox": None, "segmentation": [[1, 2, 3, 4, 5, 6]]}, False, "1 masks without a box"),
        ({"category_id": 2, "iscrowd": 1}, True, "1 annotations of other categories (1 face)"),
        ({"bbox": [0, 0, 0, 0]}, True, "1 annotations without keypoints or a box with a size"),
    ],
)
def test_an_image_of_which_coco_leaves_a_hand_out_is_not_exhaustive(tmp_path, caplog, other, exhaustive, said):
    path = coco(tmp_path / "l.json", other)
    (record,) = read("coco", path)
    assert (len(record.hands), record.exhaustive) == (1, exhaustive)
    assert [line.getMessage() for line in caplog.records] == [f"{path}: left out: {said}"]


def test_what_is_found_in_a_crowd_is_not_counted_as_wrong(tmp_path):
    labels = coco(tmp_path / "l.json", {"iscrowd": 1, "bbox": [200, 100, 200, 200]})
    found = ImageRecord("a.jpg", 640, 480, [moved(HAND, 150.0, score=0.9)])
    predictions = write(tmp_path / "p.json", "handpose", [found])
    result = handpose("evaluate", "--predictions", predictions, "--labels", labels, "--json")
    assert result.exit_code == 0, result.stderr
    detection = json.loads(result.stdout)["detection"]
    assert (detection["not_exhaustive"], detection["recall@iou0.5"]) == (1, 0.0)
    assert detection["precision@iou0.5"] is None


@pytest.mark.parametrize(
    ("changes", "exhaustive"),
    [
        ({}, True),
        ({"righthand_box": [5.0, 5, 9, 9]}, False),
        ({"righthand_box": None}, True),
        ({"iscrowd": 1, "lefthand_valid": False, "lefthand_box": [0] * 4}, False),
    ],
)
def test_hands_that_whole_bodies_do_not_label(tmp_path, changes, exhaustive):
    assert read("coco-wholebody", whole_body(tmp_path / "w.json", **changes))[0].exhaustive == exhaustive


def test_hands_that_are_hardly_visible_or_lack_a_wrist(tmp_path):
    tables = {1: rhd_table(left_visible=NINE), 2: rhd_table(left_visible=NONE), 3: rhd_table()}
    put(tmp_path / "rhd/training/anno_training.pickle", tables)
    assert [record.exhaustive for record in read("rhd", tmp_path / "rhd")] == [False, True, True]
    assert [record.exhaustive for record in read("interhand", interhand(tmp_path / "i"))] == [True, False]


def test_outlines_and_brushes_are_hands_too(tmp_path):
    box = '<box label="hand" occluded="0" xtl="10" ytl="20" xbr="40" ybr="60"></box>'
    outlines = {"a.jpg": box, "b.jpg": f'{box}<polygon label="hand" points="1,2;3,4;5,6"></polygon>', "c.jpg": box,
                "d.jpg": f'{box}<polygon label="face" points="1,2;3,4;5,6"></polygon>',
                "e.jpg": f'{box}<polygon label="hand" points="1,2;3,4;5,6" group_id="3"></polygon>'}  # fmt: skip
    images = "".join(
        f'<image id="{i}" name="{name}" width="640" height="480">{shapes}</image>'
        for i, (name, shapes) in enumerate(outlines.items())
    )
    (tmp_path / "a.xml").write_text(f"<annotations><version>1.1</version><meta></meta>{images}</annotations>")
    assert [record.exhaustive for record in read("cvat", tmp_path / "a.xml")] == [True, False, True, True, True]

    box, polygon = 'box xtl="1" ytl="2" xbr="9" ybr="9"', 'polygon points="1,2;3,4;5,6"'
    tracks = "".join(
        f'<track id="{i}" label="hand"><{shape} frame="{frame}" outside="0" occluded="0" keyframe="1"/></track>'
        for i, (shape, frame) in enumerate([(box, 3), (polygon, 4), (box, 4), (box, 5)])
    )
    about = "<meta><task><id>1</id><size>9</size><source>v.mp4</source></task></meta>"
    (tmp_path / "v.xml").write_text(f"<annotations><version>1.1</version>{about}{tracks}</annotations>")
    assert [(record.frame, record.exhaustive) for record in read("cvat", tmp_path / "v.xml")] == [
        (3, True), (4, False), (5, True)
    ]  # fmt: skip

    brush = {"id": "b", "type": "brushlabels", "value": {"brushlabels": ["Left hand"], "rle": [1]}}
    others = [
        [brush],
        [{**brush, "value": {"brushlabels": ["sky"]}}, {"id": "r", "type": "rating"}],
        [{**brush, "parentID": "hand"}, {"id": "t", "type": "taxonomy", "value": {"taxonomy": [["Hand"]]}}],
    ]
    tasks = [{"data": {"image": f"{n}.jpg"}, "annotations": [{"result": each}]} for n, each in enumerate(others)]
    (tmp_path / "l.json").write_text(json.dumps(tasks))
    assert [record.exhaustive for record in read("label-studio", tmp_path / "l.json")] == [False, True, True]


def test_a_label_list_says_it_of_images_videos_and_frames(tmp_path):
    frames = [{"frame": 0, "hands": []}, {"frame": 1, "hands": [], "exhaustive": False}]
    entries = [
        {"image": "a.jpg", **SIZE, "boxes": []},
        {"image": "b.jpg", **SIZE, "boxes": [], "exhaustive": 0},
        {"file": "v.mp4", **SIZE, "fps": 10, "frames": frames},
        {"file": "w.mp4", **SIZE, "fps": 10, "frames": frames, "exhaustive": False},
    ]
    (tmp_path / "l.json").write_text(json.dumps(entries))
    assert [record.exhaustive for record in read("label-list", tmp_path / "l.json")] == [
        True, False, True, False, False, False
    ]  # fmt: skip


@pytest.mark.parametrize("said", ["false", 2])
def test_what_is_neither_true_nor_false_is_refused(tmp_path, said):
    (tmp_path / "l.json").write_text(json.dumps([{"image": "a.jpg", **SIZE, "boxes": [], "exhaustive": said}]))
    for name, path, place in (
        ("label-list", tmp_path / "l.json", "entry 0"),
        ("coco", coco(tmp_path / "c.json", exhaustive=said), "images[0]"),
    ):
        with pytest.raises(FormatError) as error:
            read(name, path)
        assert str(error.value) == f"{path}: {place}: exhaustive must be true or false. Received: {said!r}"


@pytest.mark.parametrize("first", [True, False])
def test_an_image_with_several_entries_is_exhaustive_if_all_say_so(first):
    one, other = image("a.jpg", HAND), image("a.jpg", moved(HAND, 90))
    one.exhaustive, other.exhaustive = first, not first
    (joined,) = by_image([one, other]).values()
    assert (len(joined.hands), joined.exhaustive) == (2, False)
    assert (len(one.hands), one.exhaustive) == (1, first)


def test_a_correction_that_lacks_hands_is_not_exhaustive():
    correction = image("a.jpg", HAND)
    correction.exhaustive = False
    (merged,) = update([image("a.jpg", HAND)], {("a.jpg", None): correction}, Changes())
    assert merged.corrected and not merged.exhaustive


def test_old_predictions_among_corrections_are_not_taken_for_some(tmp_path):
    """A result that was corrected in part, over a newer one: what has no mark is left if it is the same, else asked."""
    done, untouched = image("a.jpg", moved(HAND, 5)), image("b.jpg", HAND)
    done.corrected = True
    message = (
        "b.jpg: it differs from its prediction, but 1 others are marked as corrected and it is not. "
        "Take these alone with: handpose convert-labels ... --where 'corrected = true'"
    )
    for newer, same in (([HAND], True), ([HAND, moved(HAND, 150)], False)):
        predictions = write(tmp_path / "new.json", "handpose", [image("a.jpg", HAND), image("b.jpg", *newer)])
        corrections = write(tmp_path / "old.json", "handpose", [done, untouched])
        target = tmp_path / f"{len(newer)}.json"
        result = handpose("convert-labels", predictions, target, "--to", "handpose", "--update", corrections)
        if same:
            assert result.exit_code == 0, result.stderr
            merged = {record.file: record for record in read("handpose", target)}
            assert [merged[name].corrected for name in ("a.jpg", "b.jpg")] == [True, False]
        else:
            assert (result.exit_code, result.stderr) == (1, f"Error: {message}\n")
            assert not target.exists()


def test_corrections_without_any_mark_are_all_corrections():
    changes = Changes()
    new = {("a.jpg", None): image("a.jpg", moved(HAND, 5)), ("b.jpg", None): image("b.jpg", HAND)}
    merged = list(update([image("a.jpg", HAND), image("b.jpg", HAND)], new, changes))
    assert [record.corrected for record in merged] == [True, True]
    assert changes == Changes(images=2, moved=1, same=1)
