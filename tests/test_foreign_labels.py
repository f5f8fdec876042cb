"""Label files as other programs write them: names are used, what is no hand is left out and counted, text is text."""

import codecs
import csv
import io
import json
import random

import numpy as np
import pytest
from conftest import SAMPLES, handpose
from faster_coco_eval import COCO, COCOeval_faster
from labelled import blank, image, moved, open_hand, write

from handpose_cli.formats import load
from handpose_cli.formats.errors import FormatError
from handpose_cli.formats.plugin import ReadOptions
from handpose_cli.labels.recognise import recognise
from handpose_cli.labels.source import Source
from handpose_cli.records import KEYPOINT_NAMES

HAND = open_hand()
LITTLE_FIRST = [0, *range(17, 21), *range(13, 17), *range(9, 13), *range(5, 9), *range(1, 5)]


def coco_file(path, annotations=({},), categories=({},), names=("a.jpg",), **more):
    """A COCO file as other programs write it: each annotation and category is an update of a usual one."""
    flat = np.column_stack([HAND.keypoints, np.full(21, 2)]).astype(float)
    usual = {
        "image_id": 1,
        "category_id": 1,
        "iscrowd": 0,
        "bbox": HAND.box.tolist(),
        "keypoints": flat.ravel().tolist(),
    }
    content = {
        "images": [{"id": i + 1, "file_name": name, "width": 400, "height": 300} for i, name in enumerate(names)],
        "annotations": [{**usual, "id": i + 1, **one} for i, one in enumerate(annotations)],
        "categories": [{"id": 1, "name": "hand", "keypoints": list(KEYPOINT_NAMES), **one} for one in categories],
        **more,
    }
    path.write_text(json.dumps(content))
    return path


def read(path, images=None, **options):
    return list(Source(path, options=ReadOptions(**options)).read(images))


def said(caplog):
    return [(entry.getMessage(), entry.remedy) for entry in caplog.records]


def in_order(places):
    return np.column_stack([HAND.keypoints[places], np.full(len(places), 2)]).astype(float).ravel().tolist()


def with_third_numbers(*third):
    return np.column_stack([HAND.keypoints, third]).astype(float).ravel().tolist()


def test_fractions_in_place_of_marks_are_scores_of_visible_joints(tmp_path, caplog):
    path = coco_file(tmp_path / "c.json", [{"keypoints": with_third_numbers(*[0.87] * 20, 1.0)}, {}])
    (record,) = read(path)
    scored, marked = record.hands
    assert scored.visibility is None and scored.keypoint_scores == pytest.approx([0.87] * 20 + [1])
    assert marked.visibility is None and marked.keypoint_scores is None
    sure = {"keypoints": with_third_numbers(0, *[1] * 20)}
    (hand,) = read(coco_file(tmp_path / "s.json", [sure]))[0].hands
    assert hand.visibility.tolist() == [0, *[1] * 20] and hand.keypoint_scores is None
    fraction = {"keypoints": with_third_numbers(*[0.5] * 21)}
    (hand, _) = read(coco_file(tmp_path / "s.json", [sure, fraction]))[0].hands
    assert hand.visibility.tolist() == [0, *[2] * 20] and hand.keypoint_scores.tolist() == [0, *[1] * 20]
    caplog.clear()
    read(path)
    what = "1 annotations have fractions as v: taken for scores of joints, which are all visible"
    assert said(caplog) == [(f"{path}: {what}", "")]
    coco_file(path, [{"keypoints": with_third_numbers(*[87.5] * 21)}])
    with pytest.raises(FormatError) as error:
        read(path)
    assert str(error.value) == f"{path}: annotations[0]: v must be 0, 1 or 2, or a score from 0 to 1. Received: 87.5"


def test_a_list_as_score_is_of_the_joints(tmp_path, caplog):
    """FiftyOne writes it of keypoints with confidences; the file could not be read."""
    one = {"keypoints": with_third_numbers(*[2] * 21), "score": [0.5, *[0.9] * 20]}
    (record,) = read(coco_file(tmp_path / "l.json", [one]))
    (hand,) = record.hands
    assert hand.score is None and hand.keypoint_scores == pytest.approx([0.5, *[0.9] * 20])
    assert not any("fractions" in line.getMessage() for line in caplog.records)


def test_marks_in_place_of_scores_are_marks(tmp_path):
    path = tmp_path / "r.json"
    path.write_text(json.dumps([{"image_id": "a.jpg", "keypoints": with_third_numbers(0, *[1] * 10, *[2] * 10)}]))
    (hand,) = read(path)[0].hands
    assert hand.keypoint_scores is None and hand.visibility.tolist() == [0, *[1] * 10, *[2] * 10]


def test_another_file_is_no_list_of_results(tmp_path):
    path = coco_file(tmp_path / "c.json")
    done = handpose("evaluate", "--labels", path, "--predictions", f"coco-results:{path}")
    assert (done.exit_code, done.stderr) == (1, f"Error: {path}: expected a JSON list of results\n")


def test_scores_of_1_are_known_where_others_of_the_file_are_others(tmp_path):
    path = tmp_path / "r.json"
    sure = {"image_id": "a.jpg", "keypoints": with_third_numbers(*[1] * 21), "score": 1.0}
    path.write_text(json.dumps([sure, {**sure, "keypoints": with_third_numbers(*[0.5] * 21), "score": 0.9}]))
    hands = read(path)[0].hands
    assert [hand.score for hand in hands] == [1, 0.9]
    assert [hand.keypoint_scores.tolist() for hand in hands] == [[1] * 21, [0.5] * 21]
    path.write_text(json.dumps([sure]))
    (hand,) = read(path)[0].hands
    assert hand.score is None and hand.keypoint_scores is None


def test_scores_beyond_1_are_ranks_in_evaluation_and_no_probabilities(tmp_path):
    labels = coco_file(tmp_path / "c.json", [{"image_id": 1}, {"image_id": 2}], names=("a.jpg", "b.jpg"))
    results = tmp_path / "r.json"  # as networks with SimCC give them: the false hand scores least
    far = np.add(HAND.box[:2].tolist() * 21, 900)
    entries = [("a.jpg", HAND.keypoints, 1.2), ("a.jpg", far.reshape(21, 2), 1.1), ("b.jpg", HAND.keypoints, 7.5)]
    results.write_text(
        json.dumps(
            [
                {"image_id": name, "keypoints": np.c_[points, [score] * 21].ravel().tolist(), "score": score}
                for name, points, score in entries
            ]
        )
    )
    done = handpose("evaluate", "--labels", labels, "--predictions", results, "--json", "-q")
    found = json.loads(done.stdout)
    assert found["detection"]["box_ap"]["AP"] == pytest.approx(1) and found["calibration"]["joints"] is None
    done = handpose("convert-labels", results, tmp_path / "o.json", "--to", "handpose")
    line = f"Error: {results}: b.jpg, hand 0: scores must be from 0 to 1. Received: 7.5\n"
    assert done.exit_code == 1 and done.stderr.endswith(line)


def test_heat_maps_peaks_beyond_1_are_scores_of_1(tmp_path):
    path = tmp_path / "r.json"
    entry = {"image_id": "a.jpg", "keypoints": with_third_numbers(*[1.02] * 20, 0.4), "score": 1.01}
    path.write_text(json.dumps([entry]))
    (record,) = Source(path).read_scored()
    (hand,) = record.hands
    assert hand.score == 1 and hand.keypoint_scores == pytest.approx([1] * 20 + [0.4])


# === names of keypoints ===


def test_a_categorys_names_say_which_keypoint_is_which(tmp_path, caplog):
    names = [KEYPOINT_NAMES[joint] for joint in LITTLE_FIRST]
    path = coco_file(tmp_path / "c.json", [{"keypoints": in_order(LITTLE_FIRST)}], [{"keypoints": names}])
    (record,) = read(path)
    assert record.hands[0].keypoints == pytest.approx(HAND.keypoints)
    assert said(caplog) == []


def test_fewer_and_other_keypoints(tmp_path, caplog):
    names = ["elbow", "left_thumb4", "left_hand_root"]
    path = coco_file(tmp_path / "c.json", [{"keypoints": [1, 1, 2, *in_order([4, 0])]}], [{"keypoints": names}])
    (record,) = read(path)
    (hand,) = record.hands
    assert np.flatnonzero(np.isfinite(hand.keypoints[:, 0])).tolist() == [0, 4]
    assert hand.keypoints[[0, 4]] == pytest.approx(HAND.keypoints[[0, 4]])
    assert said(caplog) == [(f"{path}: left out: keypoints that are no joints: elbow", "keypoint_names")]


def test_an_assumed_order_is_stated_and_a_user_can_say_another(tmp_path):
    path = coco_file(tmp_path / "c.json", [{"keypoints": in_order(LITTLE_FIRST)}], [{"keypoints": []}])
    call = ("convert-labels", path, tmp_path / "o.json", "--to", "handpose", "--overwrite")
    assert handpose(*call).stderr.splitlines()[0] == (
        f"{path}: its keypoints have no names that are understood: taken in the order wrist, thumb_cmc ... little_tip. "
        "Name them with --keypoint-names"
    )
    done = handpose(*call, "--keypoint-names", ",".join(KEYPOINT_NAMES[joint] for joint in LITTLE_FIRST))
    assert len(done.stderr.splitlines()) == 1
    assert read(tmp_path / "o.json")[0].hands[0].keypoints == pytest.approx(HAND.keypoints, abs=0.01)


def test_a_result_files_own_names_count(tmp_path):
    path = write(tmp_path / "p.json", "handpose", [image("a.jpg", HAND)])
    content = json.loads(path.read_text())
    content["keypoint_names"] = [KEYPOINT_NAMES[joint] for joint in LITTLE_FIRST]
    for hand in content["files"][0]["hands"]:
        hand["keypoints"] = [hand["keypoints"][joint] for joint in LITTLE_FIRST]
    path.write_text(json.dumps(content))
    assert read(path)[0].hands[0].keypoints == pytest.approx(HAND.keypoints, abs=0.01)
    content["keypoint_names"][3] = "nose"
    path.write_text(json.dumps(content))
    with pytest.raises(FormatError, match="keypoint_names: no joint is named 'nose'"):
        read(path)
    content["info"]["format_version"] = 2
    path.write_text(json.dumps(content))
    with pytest.raises(FormatError, match=r"info\.format_version is 2; known is 1\. Update handpose"):
        read(path)


def test_numbers_of_joints_are_decided_for_the_whole_list(tmp_path):
    size = {"width": 400, "height": 300}
    entries = [{"image": "a.jpg", **size, "keypoints": {"5": [30, 40]}, "box": [1, 2, 50, 60]},
               {"image": "b.jpg", **size, "keypoints": {"21": [50, 60], "1": [3, 4]}}]  # fmt: skip
    path = tmp_path / "l.json"
    path.write_text(json.dumps(entries))
    first, second = (record.hands[0].keypoints for record in read(path))
    assert first[4].tolist() == [30, 40] and second[20].tolist() == [50, 60] and second[0].tolist() == [3, 4]
    entries[1]["keypoints"] = {"wrist": [50, 60], "nose": [3, 4], "thumb_tip": [7, 8]}
    path.write_text(json.dumps(entries[1:]))
    with pytest.raises(FormatError, match="entry 0: no joint is named 'nose'"):
        read(path)


# === which objects are hands, and which hand ===


def test_other_things_are_left_out_and_counted(tmp_path):
    things = [{"id": 2, "name": "handbag"}, {"id": 3, "name": "face"}, {"id": 4, "name": "door_handle"}]
    others = [{"category_id": 2}, {"category_id": 2}, {"category_id": 3}, {"category_id": 4}, {"category_id": 9}]
    odd = [{"iscrowd": 1}, {"keypoints": [], "bbox": [5, 5, 0, 9]}, {"keypoints": [0] * 63, "bbox": None},
           {"keypoints": None, "bbox": None, "segmentation": [[1, 2, 3, 4, 5, 6]]}]  # fmt: skip
    path = coco_file(tmp_path / "c.json", [{}, *others, *odd], [{}, *things])
    done = handpose("convert-labels", path, tmp_path / "o.json", "--to", "handpose")
    assert done.stderr.splitlines() == [
        f"{path}: left out: 5 annotations of other categories (2 handbag, 1 face, 1 door_handle, "
        "1 9, which has no name), 1 crowds, 2 annotations without keypoints or a box with a size, "
        "1 masks without a box. Choose classes with --class",
        f"1 images, 1 hands, from coco to handpose: {tmp_path / 'o.json'}",
    ]
    done = handpose("convert-labels", path, tmp_path / "o.json", "--to", "handpose", "--overwrite", "--class", "face")
    assert "1 images, 1 hands" in done.stderr
    wrong = handpose("convert-labels", path, tmp_path / "p.json", "--to", "handpose", "--class", "Face")
    assert (wrong.exit_code, wrong.stderr) == (
        1, f"Error: {path}: no category is named 'Face'; there are: hand, handbag, face, door_handle\n"
    )  # fmt: skip


def test_ids_as_pandas_writes_them(tmp_path):
    path = coco_file(tmp_path / "c.json", [{"category_id": 2.0, "image_id": 1.0}], [{}, {"id": 2, "name": "left_hand"}])
    (record,) = read(path)
    assert [hand.handedness for hand in record.hands] == ["left"]


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"version https://git-lfs.github.com/spec/v1\n", "only Git LFS's pointer to the file. Fetch it: git lfs pull"),
        (b"\x1f\x8b\x08\x00", "compressed. Unpack it first: gunzip"),
    ],
)  # fmt: skip
def test_what_only_stands_for_a_file_is_told(tmp_path, content, what):
    (tmp_path / "l.json").write_bytes(content)
    with pytest.raises(FormatError) as error:
        read(tmp_path / "l.json")
    assert str(error.value) == f"{tmp_path}/l.json: {what}"


def test_a_person_with_a_hands_keypoints_is_a_hand_and_one_without_is_none(tmp_path):
    path = coco_file(tmp_path / "c.json", categories=[{"name": "person"}])
    assert len(read(path)[0].hands) == 1
    path = coco_file(tmp_path / "d.json", [{"keypoints": []}], [{"name": "person", "keypoints": ["nose", "eye"]}])
    assert read(path)[0].hands == []


def test_a_file_without_categories_is_all_hands_and_says_so(tmp_path, caplog):
    path = coco_file(tmp_path / "c.json", [{"keypoints": []}], ())
    assert len(read(path)[0].hands) == 1
    assert said(caplog) == [(f"{path}: it has no categories: all that it has is taken for hands", "")]


def test_handedness_from_categories_and_attributes(tmp_path):
    categories = [{"id": 1, "name": "left_hand"}, {"id": 2, "name": "Hand (right)"}, {"id": 3, "name": "hand"}]
    of = [
        {},
        {"category_id": 2},
        {"category_id": "2"},
        {"handedness": "left"},
        {"category_id": 3, "handedness": "right"},
        {"category_id": 3, "attributes": {"handedness": "Right", "track_id": 7}},
    ]
    hands = read(coco_file(tmp_path / "c.json", of, categories))[0].hands
    assert [hand.handedness for hand in hands] == ["left", "right", "right", "left", "right", "right"]
    assert [hand.track_id for hand in hands] == [None, None, None, None, None, 7]
    path = coco_file(tmp_path / "c.json", [{"handedness": "Right"}], categories)
    with pytest.raises(FormatError) as error:
        read(path)
    assert str(error.value) == (
        f"{path}: annotations[0]: the entry names both hands: right, in a category of left ones"
    )


def test_flags_as_text_and_null_for_what_is_not_there(tmp_path, caplog):
    null = [None, None, 0, None, None, None, *with_third_numbers(*[2] * 21)[6:]]
    texts = {"iscrowd": "0", "ignore": "false", "bbox": [], "keypoints": null}
    (hand,) = read(coco_file(tmp_path / "c.json", [texts]))[0].hands
    assert np.isnan(hand.keypoints[:2]).all() and hand.keypoints[2:] == pytest.approx(HAND.keypoints[2:])
    assert said(caplog) == []
    path = coco_file(tmp_path / "c.json", [{"keypoints": [None, 5, 2, *null[3:]]}])
    with pytest.raises(FormatError, match=r"must be 63 finite numbers\. Received: a number that is not finite"):
        read(path)
    (tmp_path / "r.json").write_text(json.dumps([{"image_id": "a.jpg", "keypoints": null, "score": 0.5}]))
    assert np.isnan(read(tmp_path / "r.json")[0].hands[0].keypoints[:2]).all()


def test_ids_that_count_in_each_image_anew_are_read_and_said(tmp_path, caplog):
    images = [{"id": n, "file_name": f"{n}.jpg", "width": 400, "height": 300} for n in (1, 2)]
    path = coco_file(tmp_path / "c.json", [{"id": 1}, {"id": 2}, {"id": 1, "image_id": 2}], images=images)
    assert [len(record.hands) for record in read(path)] == [2, 1]
    assert said(caplog) == [(f"{path}: 1 annotations have ids that some of other images have", "")]


def test_tracks_with_names_are_numbered(tmp_path):
    named = [{"track_id": name} for name in ("7", "a", "b", "")] + [{"attributes": {"track_id": "a"}}]
    hands = read(coco_file(tmp_path / "c.json", named))[0].hands
    assert [hand.track_id for hand in hands] == [7, 0, 1, None, 0]


def test_a_track_s_number_is_no_other_s_name(tmp_path):
    hands = read(coco_file(tmp_path / "c.json", [{"track_id": name} for name in (0, "a")]))[0].hands
    assert [hand.track_id for hand in hands] == [0, 1]
    path = coco_file(tmp_path / "c.json", [{"track_id": name} for name in ("a", "0")])
    with pytest.raises(FormatError) as error:
        read(path)
    what = "tracks have names and numbers: 'a' was numbered 0, which is another's"
    assert str(error.value) == f"{path}: annotations[1]: {what}"


def test_evaluate_and_train_read_the_chosen_class(tmp_path):
    path = coco_file(tmp_path / "c.json", categories=[{"name": "palm"}, {"id": 2, "name": "hand"}])
    predictions = write(tmp_path / "p.json", "handpose", [image("a.jpg", HAND)])
    call = ("evaluate", "--labels", path, "--predictions", predictions, "--json")
    assert f"{path}: no image has a hand: only false hands are counted" in handpose(*call).stderr.splitlines()
    assert json.loads(handpose(*call, "--class", "palm").stdout)["end_to_end"]["found"] == 1
    from handpose_cli.training.data.samples import read_samples

    blank(tmp_path / "a.jpg")
    assert len(read_samples([str(path)], ReadOptions(classes=("palm",)))) == 1
    with pytest.raises(FormatError, match="no hands with keypoints in"):
        read_samples([str(path)])


def test_openpose_of_version_1_and_people_without_hands(tmp_path, caplog):
    flat = np.column_stack([HAND.keypoints, np.full(21, 0.9)]).ravel().tolist()
    people = [{"hand_left_keypoints": flat, "hand_right_keypoints": [0] * 63}, {"pose_keypoints": [0] * 54}]
    (tmp_path / "a_keypoints.json").write_text(json.dumps({"version": 1.0, "people": people}))
    (record,) = read(tmp_path)
    assert [hand.handedness for hand in record.hands] == ["left"]
    assert record.hands[0].keypoints == pytest.approx(HAND.keypoints)
    assert said(caplog) == [(f"{tmp_path}: left out: 1 people without hands", "")]


# === results of COCO's kind ===


def results(path, *entries):
    flat = np.column_stack([HAND.keypoints, np.full(21, 0.5)]).astype(float).ravel().tolist()
    path.write_text(
        json.dumps([{"image_id": 1, "category_id": 1, "keypoints": flat, "score": 0.9, **e} for e in entries])
    )
    return path


def test_results_are_of_the_labels_images(tmp_path, caplog):
    labels = coco_file(tmp_path / "c.json", names=("images/a.jpg", "images/b.jpg"))
    found = results(tmp_path / "r.json", {}, {"image_id": "2"}, {"image_id": "b", "file_name": "b.jpg"},
                    {"category_id": 7}, {"id": 0, "center": [1, 2], "scale": [1, 2]})  # fmt: skip
    counts = {record.file: len(record.hands) for record in read(found, labels)}
    assert counts == {"images/a.jpg": 3, "images/b.jpg": 1, "b.jpg": 1}  # evaluate brings the two names together
    assert said(caplog) == [(f"{found}: its category 7 is none of {labels}: taken for hands", "")]
    with pytest.raises(FormatError, match=f"entry 0: no image of {labels} has its image_id 3"):
        read(results(tmp_path / "r.json", {"image_id": 3}), labels)


def test_results_follow_the_order_of_the_labels_category(tmp_path):
    names = [KEYPOINT_NAMES[joint] for joint in LITTLE_FIRST]
    labels = coco_file(tmp_path / "c.json", [{"keypoints": in_order(LITTLE_FIRST)}], [{"keypoints": names}])
    records = read(labels)
    with load("coco-results").open_writer(tmp_path / "r.json", labels) as writer:
        for record in records:
            writer.write(record)
    (entry,) = json.loads((tmp_path / "r.json").read_text())
    assert np.reshape(entry["keypoints"], (21, 3))[:, :2] == pytest.approx(HAND.keypoints[LITTLE_FIRST], abs=0.01)
    done = handpose("evaluate", "--labels", labels, "--predictions", tmp_path / "r.json", "--json")
    assert json.loads(done.stdout)["pose"]["metrics"]["epe_px"]["value"] == pytest.approx(0, abs=0.01)
    assert f"its keypoints are taken in the order that {labels} gives" in done.stderr


def test_detections_and_whole_bodies(tmp_path, caplog):
    flat = np.column_stack([HAND.keypoints, np.full(21, 0.5)]).astype(float).ravel().tolist()
    path = results(
        tmp_path / "r.json",
        {"image_id": "a.jpg", "keypoints": None, "bbox": [1, 2, 30, 40]},
        {"image_id": "a.jpg", "keypoints": None, "bbox": [1, 2, 0, 40]},
        {"image_id": "a.jpg", "keypoints": None, "segmentation": {}},
        {"image_id": "a.jpg", "keypoints": [1.0] * 51, "lefthand_kpts": flat, "righthand_kpts": [0.0] * 63},
    )
    (record,) = read(path)
    box, left = record.hands
    assert (box.keypoints, box.box.tolist(), box.score) == (None, [1, 2, 30, 40], 0.9)
    assert left.handedness == "left" and left.keypoints == pytest.approx(HAND.keypoints)
    assert said(caplog) == [
        (f"{path}: left out: 1 boxes without a size, 1 masks without a box, 1 hands of persons without keypoints", "")
    ]


@pytest.fixture(scope="module")
def predicted(tmp_path_factory):
    """What predict writes as COCO's pair, of photos, a video and a file that cannot be read."""
    inputs, out = tmp_path_factory.mktemp("in"), tmp_path_factory.mktemp("out")
    for name in ("no_hand.jpg", "two_hands.jpg", "moving_hand.mp4"):
        (inputs / name).write_bytes((SAMPLES / name).read_bytes())
    (inputs / "a.jpg").write_bytes(b"")
    formats = ("--format", "coco", "--format", "coco-results", "--every", 20, "--views", 1)
    assert handpose("predict", inputs, "-o", out, *formats).exit_code == 3
    return inputs, out


def test_what_predict_writes_is_a_pair_for_us_and_for_cocos_tools(predicted, capsys):
    _, out = predicted
    labels, found = out / "predictions.coco.json", out / "predictions.coco-results.json"
    done = handpose("evaluate", "--labels", labels, "--predictions", found, "--json")
    figures = json.loads(done.stdout)
    assert figures["end_to_end"]["found"] == figures["end_to_end"]["hands"] == 6
    assert figures["pose"]["metrics"]["epe_px"]["value"] == pytest.approx(0, abs=0.01)
    truth = COCO(str(labels))
    evaluation = COCOeval_faster(truth, truth.loadRes(str(found)), "bbox")
    evaluation.evaluate()
    evaluation.accumulate()
    evaluation.summarize()
    assert evaluation.stats[0] == pytest.approx(1)


def test_results_without_their_labels_name_their_images(predicted):
    _, out = predicted
    counts = {record.file: len(record.hands) for record in read(out / "predictions.coco-results.json")}
    assert counts["two_hands.jpg"] == 2
    assert counts["moving_hand.mp4/000020.jpg"] == 1


def test_detections_are_boxes_for_predict(tmp_path, predicted):
    inputs, out = predicted
    entries = json.loads((out / "predictions.coco-results.json").read_text())
    boxes = [{"image_id": e["file_name"], "category_id": 1, "bbox": e["bbox"], "score": e["score"]} for e in entries]
    boxes.append({**boxes[0], "image_id": "elsewhere.jpg"})
    (tmp_path / "boxes.json").write_text(json.dumps(boxes))
    done = handpose("predict", inputs, "-o", tmp_path / "o", "--boxes", tmp_path / "boxes.json", "--every", 20)
    assert f"{tmp_path / 'boxes.json'}: 1 images with boxes are none of the inputs" in done.stderr
    assert "4 inputs, 6 images, 6 hands, 1 failures" in done.stderr


# === MMPose's inferencer ===


def instance(points, **more):
    return {"keypoints": points.tolist(), "keypoint_scores": [0.5] * len(points), **more}


def test_mmposes_predictions(tmp_path, caplog):
    folder = tmp_path / "predictions"
    folder.mkdir()
    x, y, w, h = HAND.box.tolist()
    hand = instance(HAND.keypoints, bbox=[[x, y, x + w, y + h]], bbox_score=0.8)
    (folder / "a.json").write_text(json.dumps([hand]))
    (folder / "b.json").write_text("[]")
    (folder / "clip.json").write_text(
        json.dumps([{"frame_id": 0, "instances": []}, {"frame_id": 1, "instances": [hand]}])
    )
    for name in ("a.jpg", "clip.mp4"):
        (tmp_path / name).touch()
    records = list(load("mmpose-results").read(folder, tmp_path))
    assert recognise(folder).name == recognise(folder / "a.json").name == recognise(folder / "clip.json").name
    assert recognise(folder).name == "mmpose-results"
    assert [(record.file, record.frame, len(record.hands)) for record in records] == [
        ("a.jpg", None, 1), ("b", None, 0), ("clip.mp4", 0, 0), ("clip.mp4", 1, 1)
    ]  # fmt: skip
    (found,) = records[0].hands
    assert found.box == pytest.approx(HAND.box) and found.score == 0.8
    assert found.keypoints == pytest.approx(HAND.keypoints)
    assert list(dict.fromkeys(line for line, _ in said(caplog))) == [
        f"{folder}: its keypoints have no names that are understood: taken in the order wrist, thumb_cmc ... little_tip"
    ]


def test_scores_of_simcc_networks_are_taken_for_1_and_that_is_said(tmp_path, caplog):
    found = [{**instance(HAND.keypoints), "keypoint_scores": [score] * 21} for score in (7.5, 9, 1.2)]
    (tmp_path / "a.json").write_text(json.dumps(found))
    (record,) = load("mmpose-results").read(tmp_path / "a.json")
    assert all(hand.keypoint_scores.tolist() == [1] * 21 for hand in record.hands)
    line = f"{tmp_path / 'a.json'}: scores of joints far above 1, as SimCC networks give them, are taken for 1"
    assert [each for each, _ in said(caplog)].count(line) == 1


def test_mmposes_demos(tmp_path):
    names = {str(place): KEYPOINT_NAMES[joint] for place, joint in enumerate(LITTLE_FIRST)}
    hand = instance(HAND.keypoints[LITTLE_FIRST])
    whole = np.zeros((133, 2))
    whole[91:112], whole[112:133] = HAND.keypoints, moved(HAND, (100, 0)).keypoints
    demo = {"meta_info": {"keypoint_id2name": names}, "instance_info": [{"frame_id": 1, "instances": [hand]}]}
    (tmp_path / "results_a.json").write_text(json.dumps(demo))
    (record,) = read(tmp_path / "results_a.json")
    assert (record.file, record.frame) == ("a", 0)  # demos count from 1
    assert record.hands[0].keypoints == pytest.approx(HAND.keypoints)
    body = {"meta_info": {"keypoint_id2name": {}}, "instance_info": [instance(whole)]}
    (tmp_path / "results_b.json").write_text(json.dumps(body))
    (record,) = read(tmp_path / "results_b.json")
    assert [hand.handedness for hand in record.hands] == ["left", "right"]
    assert record.hands[1].keypoints == pytest.approx(moved(HAND, (100, 0)).keypoints)


@pytest.mark.parametrize(
    ("content", "message"),
    [('[{"keypoints": [[1, 2]], "keypoint_scores": [1]}]',
      "entry 0: 1 keypoints with no names that are understood, where 21 are expected"),
     ('[{"keypoints": [1, 2], "keypoint_scores": [1, 1]}]', "entry 0: keypoints must be pairs. Received shape: (2,)"),
     ('[{"keypoints": [[1, 2]]}]', "entry 0: no 'keypoint_scores'"),
     ('[{"keypoint_scores": [', "cannot be read as JSON: parse error: premature EOF"),
     ("3", "expected a list of instances"), ("{}", "expected a list of instances, or one as `instance_info`")],
)  # fmt: skip
def test_corrupt_mmpose_results(tmp_path, content, message):
    path = tmp_path / "a.json"
    path.write_text(content)
    with pytest.raises(FormatError) as error:
        list(load("mmpose-results").read(path))
    assert str(error.value) == f"{path}: {message}"


# === text ===


@pytest.mark.parametrize(
    "encode",
    [lambda text: codecs.BOM_UTF8 + text.encode(), lambda text: text.encode("utf-16")],
    ids=["utf-8", "utf-16"],
)
@pytest.mark.parametrize("name", ["handpose", "coco", "coco-results", "csv", "openpose", "label-list"])
def test_byte_order_marks(tmp_path, name, encode):
    path = tmp_path / "labels.json"
    if name == "label-list":
        entry = {"image": "ä.jpg", "width": 400, "height": 300, "keypoints": HAND.keypoints.tolist()}
        path.write_text(json.dumps([entry], ensure_ascii=False), encoding="utf-8")
    else:
        write(path, name, [image("ä.jpg", HAND)])
    for file in (path,) if path.is_file() else path.iterdir():
        file.write_bytes(encode(file.read_text(encoding="utf-8")))
    assert recognise(path).name == name
    (record,) = read(path)
    assert record.file == "ä" + ("" if name == "openpose" else ".jpg")
    assert record.hands[0].keypoints == pytest.approx(HAND.keypoints, abs=0.01)


def test_byte_order_marks_in_lists_and_configurations(tmp_path):
    (tmp_path / "list.txt").write_bytes(codecs.BOM_UTF8 + f"{SAMPLES / 'no_hand.jpg'}\r\n".encode())
    (tmp_path / "c.toml").write_bytes(codecs.BOM_UTF8 + b"views = 1\n")
    done = handpose("predict", tmp_path / "list.txt", "-o", tmp_path / "o", "--config", tmp_path / "c.toml")
    assert done.exit_code == 0, done.stderr


@pytest.mark.parametrize(
    ("text", "place"),
    [('{"annotations": [{"id": 1, "area": 3}, {"bbox": [1, NaN, 3, 4]}], "images": []}', "annotations[1].bbox[1]: NaN"),
     ('{"images": [{"id": 1, "width": -Infinity}]}', "images[0].width: -Infinity"),
     ('{"images": [{"id": "NaN", "file_name": "a\\"NaN"}], "x": {"y": [[0, {}], nan]}}', "x.y[1]: nan")],
)  # fmt: skip
def test_numbers_that_json_does_not_have_are_told_with_their_place(tmp_path, text, place):
    path = tmp_path / "c.json"
    path.write_bytes(codecs.BOM_UTF8 + text.encode())
    with pytest.raises(FormatError) as error:
        list(load("coco").read(path))
    assert str(error.value) == (
        f"{path}: cannot be read as JSON: {place} is no number in JSON; null stands for one that is not known"
    )


def test_a_small_files_numbers_too(tmp_path):
    (tmp_path / "a_keypoints.json").write_text('{"people": [{"hand_left_keypoints_2d": [1, 2, Infinity]}]}')
    with pytest.raises(FormatError, match=r"people\[0\]\.hand_left_keypoints_2d\[2\]: Infinity is no number"):
        read(tmp_path)


def table(path, edit=lambda rows: rows, **dialect):
    write(path, "csv", [image("a.jpg", HAND, moved(HAND, (200, 0))), image("b.jpg", HAND)])
    rows = edit(list(csv.DictReader(io.StringIO(path.read_text()))))
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), **dialect)
        writer.writeheader()
        writer.writerows(rows)
    return path


def with_commas(rows):
    return [{name: cell.replace(".", ",") if name in "xy" else cell for name, cell in row.items()} for row in rows]


def as_r_writes(rows):
    return [{"": i, **{name: cell or "NA" for name, cell in row.items()}} for i, row in enumerate(rows, 1)]


def as_pandas_writes(rows):
    floats = ("frame", "hand", "track_id")
    return [{"Unnamed: 0": i, **{k: f"{v}.0" if v and k in floats else v for k, v in row.items()}}
            for i, row in enumerate(rows)]  # fmt: skip


def shuffled(rows):
    random.Random(0).shuffle(rows)
    return [dict(reversed(row.items())) for row in rows]


@pytest.mark.parametrize(
    ("edit", "dialect"),
    [(with_commas, {"delimiter": ";"}), (with_commas, {"delimiter": "\t"}), (as_pandas_writes, {}), (shuffled, {}),
     (as_r_writes, {"quoting": csv.QUOTE_ALL}), (with_commas, {"quoting": csv.QUOTE_ALL, "lineterminator": "\r\n"})],
)  # fmt: skip
def test_tables_of_other_programs(tmp_path, edit, dialect):
    path = table(tmp_path / "t.csv", edit, **dialect)
    assert recognise(path).name == "csv"
    records = sorted(read(path), key=lambda record: record.file)
    assert [(record.file, record.frame, len(record.hands)) for record in records] == [
        ("a.jpg", None, 2),
        ("b.jpg", None, 1),
    ]
    assert records[0].hands[0].keypoints == pytest.approx(HAND.keypoints, abs=0.01)
    assert records[0].hands[1].keypoints == pytest.approx(moved(HAND, (200, 0)).keypoints, abs=0.01)


def test_rows_that_are_left_out_are_joints_that_are_not_labelled(tmp_path, caplog):
    path = table(tmp_path / "t.csv", lambda rows: [row for row in rows if "ring" not in row["joint"]])
    rows = path.read_text() + "a.jpg,,0,elbow,1,2,,,,\nc.jpg,,0,wrist,,,,,,\n"
    path.write_text(rows)
    *records, last = read(path)
    for record in records:
        for hand in record.hands:
            assert np.flatnonzero(~np.isfinite(hand.keypoints[:, 0])).tolist() == [13, 14, 15, 16]
    assert last.hands == []
    assert said(caplog) == [
        (f"{path}: left out: 1 rows of other keypoints (1 elbow), 1 hands without a labelled joint", "")
    ]


def test_a_users_names_in_a_table(tmp_path):
    path = table(tmp_path / "t.csv", lambda rows: [{**row, "joint": f"q{row['joint'][::-1]}"} for row in rows])
    with pytest.raises(FormatError, match="column joint: no joint is named 'qtsirw'") as error:
        read(path)
    names = tmp_path / "names.json"
    names.write_text(json.dumps({f"q{name[::-1]}": name for name in KEYPOINT_NAMES}))
    done = handpose("convert-labels", path, tmp_path / "o.json", "--to", "handpose", "--keypoint-names", names)
    assert (done.exit_code, error.value.remedy) == (0, "keypoint_names")
    assert read(tmp_path / "o.json")[0].hands[0].keypoints == pytest.approx(HAND.keypoints, abs=0.01)


# === units ===


def test_shares_of_the_image_are_refused_where_pixels_are_expected(tmp_path):
    small = moved(HAND, 0)
    small.keypoints /= 400
    write(tmp_path / "t.csv", "csv", [image("a.jpg", small)])
    labels = write(tmp_path / "l.json", "handpose", [image("a.jpg", HAND)])
    line = f"{tmp_path / 't.csv'}: 1 of 1 hands have coordinates from 0 to 1, where pixels are expected: a.jpg, hand 0"
    line += ". Results of MediaPipe are read as they are if named mediapipe:PATH"
    for call in (
        ("evaluate", "--labels", labels, "--predictions", tmp_path / "t.csv"),
        ("evaluate", "--labels", tmp_path / "t.csv", "--predictions", labels),
        ("convert-labels", tmp_path / "t.csv", tmp_path / "o.json", "--to", "handpose"),
        ("predict", SAMPLES / "no_hand.jpg", "-o", tmp_path / "o", "--boxes", tmp_path / "t.csv"),
    ):
        done = handpose(*call)
        assert (done.exit_code, done.stderr) == (1, f"Error: {line}\n")
    assert not (tmp_path / "o.json").exists()
    checked = handpose("convert-labels", "--check", tmp_path / "t.csv")
    assert checked.exit_code == 1
    assert "unit mistake suspected: coordinates from 0 to 1, not pixels" in checked.stdout


def test_one_collapsed_hand_among_others_is_spoken_of(tmp_path, caplog):
    small = moved(HAND, 0)
    small.keypoints /= 400
    path = write(tmp_path / "t.csv", "csv", [image("a.jpg", HAND, HAND, small)])
    assert len(read(path)[0].hands) == 3
    assert said(caplog) == [
        (f"{path}: 1 of 3 hands have coordinates from 0 to 1, where pixels are expected: a.jpg, hand 2", "")
    ]


@pytest.mark.parametrize(
    ("name", "lacks"),
    [
        ("deeplabcut", "no table that begins with scorer in it"),
        ("mediapipe", "no JSON files in it"),
        ("openpose", "no folder with files named *_keypoints.json"),
    ],
)
def test_a_folder_of_other_files_is_an_error_and_not_no_images(tmp_path, name, lacks):
    (tmp_path / "a.txt").write_text("")
    done = handpose("convert-labels", f"{name}:{tmp_path}", tmp_path / "o.json", "--to", "handpose")
    assert (done.exit_code, done.stderr) == (1, f"Error: {tmp_path}: {lacks}\n")
