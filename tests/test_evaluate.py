"""`handpose evaluate`: labels and predictions in, honest numbers out."""

import json
import re
from dataclasses import replace
from pathlib import Path

import fastjsonschema
import numpy as np
import pytest
from conftest import SAMPLES, handpose
from labelled import image, make_freihand, moved, open_hand, placed, write

from handpose_cli.evaluation import figures as figures_of
from handpose_cli.evaluation.detection import average_precision, recall_and_precision
from handpose_cli.evaluation.evaluate import evaluate
from handpose_cli.evaluation.matching import match, with_all_boxes
from handpose_cli.evaluation.run import read_truth, score_predictions
from handpose_cli.evaluation.settings import EvaluateSettings
from handpose_cli.formats.errors import FormatError
from handpose_cli.labels.file_matching import by_image, rename
from handpose_cli.records import Hand, ImageRecord

SIDE = float(max(open_hand().box[2:]))  # the norm of these hands


def figures(labels, predictions, **settings):
    return evaluate(by_image(labels), by_image(predictions), EvaluateSettings(**settings)).figures.to_json()


def test_perfect_predictions():
    labels = [image("a.jpg", open_hand(), open_hand(250)), image("b.jpg")]
    found = figures(labels, [image("a.jpg", open_hand(250, score=0.8), open_hand(score=0.7)), image("b.jpg")])
    for block in ("pose", "end_to_end"):
        metrics = found[block]["metrics"]
        assert [metrics[f"pck@{t}/bbox"]["value"] for t in (0.05, 0.1, 0.2)] == [1, 1, 1]
        assert (metrics["epe_px"]["value"], metrics["mse_px2"]["value"]) == (0, 0)
        assert metrics["auc/mmpose30px"]["value"] == pytest.approx(0.95)
    assert (found["end_to_end"]["missed"], found["end_to_end"]["extra"]) == (0, 0)
    assert found["detection"]["box_ap"] == pytest.approx({"AP": 1, "AP50": 1, "AP75": 1})
    assert found["detection"]["oks_ap/box"] == pytest.approx({"AP": 1, "AP50": 1, "AP75": 1})


@pytest.mark.parametrize(("area", "expected"), [(0.0, 1), (-1.0, 1), (1e12, None)])
def test_areas_that_are_none(area, expected):
    found = average_precision([(image("a.jpg", open_hand(area=area)), [moved(open_hand(), 1.0)])], "keypoints", "field")
    assert found.at50 == expected


def test_missed_hands_count_as_wrong_in_pck_and_not_in_errors():
    labels = [image("a.jpg", open_hand()), image("b.jpg", open_hand())]
    found = figures(labels, [image("a.jpg", moved(open_hand(), (3, 4)))])  # nothing at all for b.jpg
    assert found["end_to_end"] | {"metrics": 0} == {
        "hands": 2, "found": 1, "missed": 1, "extra": 0, "score_threshold": None, "metrics": 0
    }  # fmt: skip
    metrics = found["end_to_end"]["metrics"]
    assert metrics["pck@0.1/bbox"]["value"] == 0.5
    assert (metrics["epe_px"]["value"], metrics["epe_px"]["hands"]) == (pytest.approx(5, abs=1e-4), 1)
    assert metrics["mse_px2"]["value"] == pytest.approx(25, abs=1e-3)
    assert metrics["rmse_px"]["value"] == pytest.approx(5, abs=1e-4)
    assert metrics["nme/bbox"]["value"] == pytest.approx(5 / SIDE, rel=1e-4)
    assert found["pose"]["boxes"] == "predicted"
    assert (found["pose"]["hands"], found["pose"]["metrics"]["pck@0.1/bbox"]["value"]) == (1, 1)


def test_the_error_is_split_into_hand_box_and_joint():
    hand = open_hand()
    one_joint_off = moved(hand, np.eye(21, 2, -8) * SIDE / 2)  # the index tip and its neighbour
    shifted = moved(hand, (SIDE * 0.45, 0))  # overlaps by less than half
    shifted.box += np.float32([0, 0, 1, 0])  # a box of its own, not the keypoints'
    labels = [image(name, hand) for name in ("right.jpg", "joints.jpg", "box.jpg", "missed.jpg")]
    predictions = [image("right.jpg", hand), image("joints.jpg", one_joint_off), image("box.jpg", shifted)]
    predictions[0].hands.append(open_hand(280, score=0.1))
    split = figures(labels, predictions)["error_split"]
    assert split == {
        "threshold": "pck@0.1/bbox",
        "joints": 84,
        "right": pytest.approx((21 + 19) / 84),
        "missed_hands": 0.25,
        "bad_boxes": 0.25,
        "wrong_joints": pytest.approx(2 / 84),
        "bad_boxes_are": "IoU < 0.5",
        "extra_hands_per_labelled_hand": 0.25,
    }


def test_a_joint_that_is_right_in_the_labelled_box_is_the_boxes_fault():
    hand, truth = open_hand(), by_image([image("a.jpg", open_hand())])
    (label,) = truth["a.jpg", None].hands
    wrong = moved(hand, np.eye(21, 2, -8) * SIDE / 2)
    pairs, _ = match(("a.jpg", None), truth["a.jpg", None], [hand])
    split = evaluate(
        truth, by_image([image("a.jpg", wrong)]), EvaluateSettings(), on_given_boxes=pairs
    ).figures.error_split
    assert (split.bad_boxes, split.wrong_joints) == (pytest.approx(2 / 21), 0)
    assert pairs[0].label is label


def test_hands_under_the_threshold_count_only_in_the_average_precision():
    labels = by_image([image("a.jpg", open_hand())])
    unsure = by_image([image("a.jpg", open_hand(score=0.2))])
    found = evaluate(labels, unsure, EvaluateSettings(score_threshold=0.25)).figures.to_json()
    assert (found["end_to_end"]["missed"], found["detection"]["recall@iou0.5"]) == (1, 0)
    assert found["detection"]["box_ap"]["AP"] == pytest.approx(1)


def test_all_hands_of_an_image_count_in_average_precision():
    """COCO's best 20 of an image, or 100 boxes: of a choir whose hands were all found, a third counted as missed."""
    hands = [open_hand(x, score=1 - x / 1e4) for x in range(0, 3300, 110)]
    found = figures([image("a.jpg", *hands)], [image("a.jpg", *hands)])["detection"]
    assert (found["oks_ap/box"]["AP"], found["box_ap"]["AP"]) == (pytest.approx(1), pytest.approx(1))
    few = [image("a.jpg", *hands[:2])], [image("a.jpg", *hands[2:], *(moved(hand, 1, score=0.1) for hand in hands[:2]))]
    assert figures(*few)["detection"]["oks_ap/box"]["AP"] == 0  # not among the best 20: as COCO has it
    many = [open_hand(x, score=1 - x / 1e5) for x in range(0, 14300, 110)]
    assert figures([image("a.jpg", *many)], [image("a.jpg", *many)])["detection"]["box_ap"]["AP"] == pytest.approx(1)


def test_the_best_scored_prediction_chooses_first():
    label = image("a.jpg", open_hand())
    near, far = open_hand(101, score=0.5), open_hand(120, score=0.9)
    (pair,), extra = match(("a.jpg", None), label, [near, far])
    assert (pair.prediction, extra) == (far, [near])


def test_no_figure_depends_on_the_order_of_a_file_where_scores_are_equal_or_not_known():
    rng = np.random.default_rng(3)
    labels = [image(f"{name}.jpg", *(open_hand(x) for x in (20, 150, 280))) for name in "abcdef"]
    found = [moved(hand, rng.normal(0, 20, 2)) for label in labels for hand in label.hands for _ in range(2)]
    predictions = [image(label.file, *found[6 * i : 6 * i + 6]) for i, label in enumerate(labels)]
    expected = figures(labels, predictions)
    for _ in range(3):
        shuffled = [
            [image(each[i].file, *rng.permutation(each[i].hands)) for i in rng.permutation(len(each))]
            for each in (labels, predictions)
        ]
        assert flat(figures(*shuffled)) == pytest.approx(flat(expected))


def flat(value):
    """The numbers in what JSON holds, in its order."""
    if isinstance(value, dict | list):
        return [number for part in (value.values() if isinstance(value, dict) else value) for number in flat(part)]
    return [value] if isinstance(value, int | float) else []


def test_of_equally_scored_predictions_the_nearest_chooses_first():
    label = image("a.jpg", open_hand())
    near, far = open_hand(101), open_hand(120)
    for predicted in ([near, far], [far, near]):
        (pair,), extra = match(("a.jpg", None), label, predicted)
        assert (pair.prediction, extra) == (near, [far])


def test_an_overlap_on_a_threshold_is_not_rounded_over_it():
    label = Hand(np.array([10, 10, 2.0, 2.0]))
    shorter = Hand(np.array([10, 10, 1.499999, 2.0]), score=0.9)  # IoU .7499995
    found = average_precision([(image("a.jpg", label), [shorter])], "bbox")
    assert (found.all, found.at75) == (pytest.approx(0.5), 0)


def test_hidden_joints_can_be_left_out():
    hand = open_hand(visibility=np.array([2] * 20 + [1], np.uint8))
    wrong = moved(hand, np.eye(21, 2, -20) * SIDE)  # the hidden joint
    for visible_only, expected in ((False, 20 / 21), (True, 1)):
        found = figures([image("a.jpg", hand)], [image("a.jpg", wrong)], visible_only=visible_only)
        assert found["end_to_end"]["metrics"]["pck@0.2/bbox"]["value"] == pytest.approx(expected)


def test_boxes_of_all_hands_say_which_extra_hands_are_right():
    labels = by_image([image("a.jpg", open_hand())])
    both = image("a.jpg", open_hand(score=0.9), open_hand(260, score=0.8))
    every = by_image([image("a.jpg", *(Hand(hand.box) for hand in both.hands))])
    alone = evaluate(labels, by_image([both]), EvaluateSettings()).figures.to_json()
    told = evaluate(with_all_boxes(labels, every), by_image([both]), EvaluateSettings()).figures.to_json()
    assert (alone["end_to_end"]["extra"], told["end_to_end"]["extra"]) == (1, 0)
    assert (alone["detection"]["precision@iou0.5"], told["detection"]["precision@iou0.5"]) == (0.5, 1)


def test_recall_precision_and_average_precision_of_boxes():
    label = image("a.jpg", open_hand(), open_hand(250))
    predicted = [open_hand(score=0.9), open_hand(101, score=0.8), open_hand(250, 200, score=0.7)]
    assert recall_and_precision([(label, predicted)], 0.5) == (0.5, pytest.approx(1 / 3))
    # one of two labels found by the best prediction: precision 1 up to a recall of one half (51 of COCO's 101 points)
    assert average_precision([(label, predicted)], "bbox").at50 == pytest.approx(51 / 101)


def test_files_are_the_same_under_other_folders_and_without_a_suffix():
    labels = by_image([image("set/images/a.jpg", open_hand()), image("set/images/b.jpg"), image("c/b.jpg")])
    found = by_image([image("images/a.jpg", open_hand()), image("other.jpg"), image("c/b")])
    renamed = rename(found, labels, "prediction")
    assert {file for file, _ in renamed} == {"set/images/a.jpg", "c/b.jpg", "other.jpg"}
    with pytest.raises(FormatError) as error:
        rename(by_image([image("x.jpg")]), labels, "prediction")
    assert str(error.value) == (
        "no prediction is of a labelled image: predictions are of files such as x.jpg, labels of files such as c/b.jpg"
    )


def test_an_exact_name_comes_first_and_two_likely_ones_are_an_error():
    labels = by_image([image("a.jpg", open_hand())])
    exact, other = image("a.jpg", open_hand(score=0.5)), image("z/a.jpg")
    assert rename(by_image([other, exact]), labels, "prediction")["a.jpg", None] is exact
    with pytest.raises(FormatError) as error:
        rename(by_image([other, image("y/a.jpg")]), labels, "prediction")
    assert str(error.value) == "y/a.jpg and z/a.jpg could both be the prediction for a.jpg; rename one of them"


def test_a_frame_goes_by_its_images_name_too():
    labels = by_image([ImageRecord("v.mp4", 400, 300, [open_hand()], frame=12)])
    assert set(rename(by_image([image("v.mp4/000012.jpg")]), labels, "prediction")) == {("v.mp4", 12)}
    assert set(rename(by_image([image("IMG.001")]), by_image([image("x/IMG.001.jpg")]), "prediction")) == {
        ("x/IMG.001.jpg", None)
    }


def test_a_double_does_not_take_the_neighbours_label():
    """Boxes of neighbours overlap a little; the one that a prediction really is of comes first."""
    side = int(SIDE)
    first, second = open_hand(100), open_hand(100 + int(0.7 * side))
    predicted = [open_hand(100, score=0.9), open_hand(101, score=0.8), open_hand(100 + int(0.7 * side), score=0.7)]
    pairs, extra = match(("a.jpg", None), image("a.jpg", first, second), predicted)
    assert [pair.prediction for pair in pairs] == [predicted[0], predicted[2]]
    assert extra == [predicted[1]]


def test_predictions_without_boxes_have_no_bad_ones():
    hand = open_hand()
    shrunk = placed(hand.keypoints.mean(axis=0) + (hand.keypoints - hand.keypoints.mean(axis=0)) * 0.5)
    found = figures([image("a.jpg", hand)], [image("a.jpg", shrunk)])
    split = found["error_split"]
    assert (split["bad_boxes"], split["bad_boxes_are"]) == (0, "not known: predictions without boxes")
    assert split["wrong_joints"] > 0.5
    assert found["detection"]["boxes"] == "around the keypoints"


def test_images_without_a_prediction_or_a_label_are_counted():
    found = figures([image("a.jpg", open_hand()), image("b.jpg")], [image("a.jpg", open_hand()), image("c.jpg")])
    assert (found["images_without_predictions"], found["images_without_labels"]) == (1, 1)


def test_the_figures_follow_their_schema():
    schema = json.loads((Path(figures_of.__file__).with_name("figures.schema.json")).read_text())
    check = fastjsonschema.compile(schema)
    labels = [
        image("a.jpg", open_hand(handedness="left", head_size=50.0)),
        image("b.jpg", open_hand(250), Hand(np.ones(4))),
    ]
    scored = open_hand(score=0.8, keypoint_scores=np.full(21, 0.7, np.float32), handedness="left")
    for predictions in ([], [image("a.jpg", scored)], [image("a.jpg", open_hand())]):
        for norms in (("bbox",), ("px", "palm"), ("head",)):
            settings = EvaluateSettings(norms=norms, oks_area="field")
            found = score_predictions(read_truth(labels, settings), predictions, settings).figures.to_json()
            check(json.loads(json.dumps(found, allow_nan=False)))
    broken = json.loads(json.dumps(found))
    broken["pose"]["metrics"]["pck"] = broken["pose"]["metrics"].pop("epe_px")
    with pytest.raises(fastjsonschema.JsonSchemaException):
        check(broken)


def test_a_figure_is_found_by_its_name():
    labels = by_image([image("a.jpg", open_hand())])
    found = evaluate(labels, labels, EvaluateSettings()).figures
    assert found["pck@0.1/bbox"].value == 1
    with pytest.raises(KeyError, match=r"'pck@0.3/bbox' was not measured. There are: pck@0.05/bbox, "):
        found["pck@0.3/bbox"]


# === The command ===


def test_freihand_to_coco_to_figures(tmp_path):
    cameras, xyz = make_freihand(tmp_path / "FreiHAND")
    assert handpose("convert-labels", tmp_path / "FreiHAND", tmp_path / "l.json", "--to", "coco").exit_code == 0
    coco = json.loads((tmp_path / "l.json").read_text())
    assert len(coco["images"]) == len(coco["annotations"]) == 4 * len(xyz)
    for annotation in coco["annotations"]:
        pose = (annotation["image_id"] - 1) % len(xyz)  # the four versions come one after the other
        x, y, z = xyz[pose].T
        points = np.array(annotation["keypoints"]).reshape(21, 3)
        assert points[:, 0] == pytest.approx(cameras[pose, 0, 0] * x / z + 112, abs=1e-4)
        assert points[:, 1] == pytest.approx(cameras[pose, 1, 1] * y / z + 112, abs=1e-4)
    results = [
        {
            "image_id": a["image_id"],
            "category_id": 1,
            "keypoints": [v + 3 if i % 3 == 0 else v for i, v in enumerate(a["keypoints"])],
            "score": 0.9,
        }
        for a in coco["annotations"]
    ]
    (tmp_path / "results.json").write_text(json.dumps(results))
    done = handpose("evaluate", "--labels", tmp_path / "l.json", "--predictions", tmp_path / "results.json", "--json")
    assert done.exit_code == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["labels"] == {"source": str(tmp_path / "l.json"), "format": "coco", "images": 24, "hands": 24}
    assert found["end_to_end"]["metrics"]["epe_px"]["value"] == pytest.approx(3, abs=1e-3)
    assert found["end_to_end"]["missed"] == 0


def test_a_results_list_as_mmpose_writes_it_is_scored_without_our_network(tmp_path):
    """MMPose's `CocoMetric` writes no bbox, and numbers images by the annotation file's ids, here not from 1."""
    labels = write(tmp_path / "labels.coco.json", "coco", [image("a.jpg", open_hand()), image("b.jpg", open_hand())])
    coco = json.loads(labels.read_text())
    for entry in coco["images"]:
        entry["id"] += 4000
    for entry in coco["annotations"]:
        entry["image_id"] += 4000
    labels.write_text(json.dumps(coco))
    flat = [float(v) for x, y in open_hand().keypoints for v in (x, y, 0.75)]
    results = [{"image_id": 4001, "category_id": 1, "keypoints": flat, "score": 0.8}]
    (tmp_path / "results.json").write_text(json.dumps(results))
    done = handpose("evaluate", "--labels", labels, "--predictions", tmp_path / "results.json", "--json")
    found = json.loads(done.stdout)
    assert found["end_to_end"]["metrics"]["pck@0.05/bbox"]["value"] == 0.5
    assert found["predictions"]["format"] == "coco-results"
    assert found["calibration"]["joints"]["bins"][0] == {
        "low": 0.7, "high": 0.8, "count": 21, "score": pytest.approx(0.75), "right": 1.0
    }  # fmt: skip


@pytest.mark.parametrize("name", ["csv", "handpose", "coco", "deeplabcut"])
def test_predictions_in_any_format(tmp_path, name):
    labels = write(tmp_path / "labels.json", "coco", [image("a.jpg", open_hand()), image("b.jpg", open_hand())])
    predictions = write(tmp_path / "p", name, [image("a.jpg", moved(open_hand(), (6, 8))), image("b.jpg")])
    done = handpose("evaluate", "--labels", labels, "--predictions", f"{name}:{predictions}", "--json", "--norm", "px")
    found = json.loads(done.stdout)
    assert found["end_to_end"]["metrics"]["epe_px"]["value"] == pytest.approx(10, abs=0.01)
    assert found["end_to_end"]["metrics"]["pck@20px"]["value"] == 0.5
    assert found["end_to_end"]["metrics"]["pck@5px"]["value"] == 0


def test_the_bundled_network_on_the_samples_with_a_report(tmp_path):
    report = tmp_path / "report.html"
    options = ("--labels", SAMPLES, "--weights", "hourglass-lite", "--norm", "bbox", "--norm", "palm", "-q")
    done = handpose("evaluate", *options, "--report", report)
    assert done.exit_code == 0, done.stderr
    assert done.stderr == ""
    for line in ("Pose alone: the labelled boxes", "pck@0.2/palm", "wrong: hand missed", "oks_ap/box AP50"):
        assert line in done.stdout
    page = report.read_text()
    assert page.count("<svg") == 5
    assert "<h2>Worst hands, pose alone</h2>" in page
    assert page.count('src="data:image/jpeg;base64,') >= 24
    assert "moving_hand.mp4, frame" in page
    assert 'src="http' not in page  # self-contained
    assert re.search(r"\$[a-z]", page) is None  # every place filled
    again = handpose("evaluate", *options, "--report", report)
    assert (again.exit_code, again.stderr) == (
        1, f"Error: {report} exists. Replace it with --overwrite or choose another --report.\n"
    )  # fmt: skip


def test_the_two_blocks_agree_with_predict_on_the_samples(tmp_path, samples_run):
    """End to end by --weights is what `predict` writes, scored."""
    options = ("--json", "-q", "--labels", SAMPLES)
    by_weights = json.loads(handpose("evaluate", *options, "--weights", "hourglass-lite").stdout)
    by_file = json.loads(handpose("evaluate", *options, "--predictions", samples_run[0] / "predictions.json").stdout)
    one, other = (found["end_to_end"] for found in (by_weights, by_file))
    assert (one["missed"], one["extra"]) == (other["missed"], other["extra"])
    for name, figure in one["metrics"].items():
        assert figure["value"] == pytest.approx(other["metrics"][name]["value"], abs=2e-3, rel=2e-3), name
    assert by_weights["pose"]["metrics"]["pck@0.2/bbox"]["value"] > 0.8


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("--labels", "l.json"), 2, "Give either --predictions or --weights."),
        (("--labels", "l.json", "--predictions", "p.json", "--norm", "px", "--norm", "bbox", "--pck", "0.1"), 2,
         "--pck goes with one --norm; each of several has thresholds of its own."),
        (("--labels", "none.json", "--predictions", "p.json"), 2,
         "Invalid value for '--labels': 'none.json' does not exist."),
        (("--labels", "coc:l.json", "--predictions", "p.json"), 2,
         "Invalid value for '--labels': 'coc:l.json' does not exist, and 'coc' is no format (there are: "),
        (("--labels", "none_here.json", "--predictions", "p.json"), 1,
         "none_here.json: no hand to score against"),
        (("--labels", "l.json", "--predictions", "other.json"), 1,
         "no prediction is of a labelled image: predictions are of files such as z.jpg, labels of files such as a.jpg"),
        (("--labels", "l.json", "--weights", "hourglass-lite"), 1,
         "no such image: a.jpg. Say where the images are with --images"),
        (("--labels", "l.json", "--weights", "hourglass-big"), 2, "hourglass-big"),
        (("--labels", "text.txt", "--predictions", "p.json"), 1, "text.txt: of no known label format. Name it; "),
        (("--labels", "l.json", "--predictions", "p.json", "--pck", "nan"), 2, "--pck must be a finite number."),
        (("--labels", "l.json", "--predictions", "p.json", "--norm", "head"), 1,
         "l.json: no head sizes, which the norm head needs (Panoptic's labels have them, in the formats panoptic and "
         "mmpose). Choose another --norm"),
        (("--labels", "l.json", "--predictions", "p.json", "--views", "2"), 2,
         "--views is for --weights; --predictions are scored as they are."),
        (("--labels", "l.json", "--predictions", "p.json", "--detector", "ssd"), 2,
         "--detector is for --weights; --predictions are scored as they are."),
        (("--labels", "l.json", "--predictions", "p.json", "--engine", "litert"), 2,
         "--engine is for --weights; --predictions are scored as they are."),
        (("--labels", "l.json", "--predictions", "p.json", "--overwrite"), 2, "--overwrite is for --report."),
        (("--labels", "l.json", "--weights", "hourglass-lite", "--engine", "keras", "--threads", "2"), 2,
         "--threads is for --engine litert; keras takes the processors that it needs."),
        (("--labels", "l.json", "--predictions", "p.json", "--seed", "-1"), 2, "Invalid value for '--seed': -1"),
        (("--labels", "l.json", "--predictions", "bad.json"), 1,
         "bad.json: entry 0: score must be a finite number. Received: 'high'"),
        (("--labels", "frame.json", "--weights", "hourglass-lite", "--images", SAMPLES), 1,
         "moving_hand.mp4: labelled, but it has no frame 500"),
    ],
)  # fmt: skip
def test_wrong_input_gets_one_line(tmp_path, monkeypatch, arguments, code, message):
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "l.json", "coco", [image("a.jpg", open_hand())])
    write(tmp_path / "p.json", "coco", [image("a.jpg", open_hand())])
    write(tmp_path / "other.json", "coco", [image("z.jpg", open_hand())])
    write(tmp_path / "none_here.json", "coco", [ImageRecord("a.jpg", 400, 300, exhaustive=False)])
    (tmp_path / "text.txt").write_text("hello")
    flat = [1.0] * 63
    (tmp_path / "bad.json").write_text(json.dumps([{"image_id": 1, "keypoints": flat, "score": "high"}]))
    write(tmp_path / "frame.json", "coco", [ImageRecord("moving_hand.mp4", 480, 480, [open_hand()], frame=500)])
    done = handpose("evaluate", *arguments)
    last = done.stderr.strip().splitlines()[-1]
    assert (done.exit_code, done.stdout) == (code, "")
    assert last.startswith("Error: ") and message in last


def test_hands_without_the_length_of_a_norm_are_counted(tmp_path):
    """They did not count, and nothing said so."""
    other = open_hand(250)
    without_wrist = replace(other, keypoints=np.where(np.arange(21)[:, None] == 0, np.nan, other.keypoints))
    path = write(tmp_path / "l.json", "coco", [image("a.jpg", open_hand(), without_wrist), image("b.jpg")])
    call = ("evaluate", "--labels", path, "--predictions", path)
    for norm, said in [
        ("palm", "1 of 2 hands do not count in figures by the norm palm (wrist to middle MCP joint): "
         "their labels lack it, or it is too short\n"),
        ("bbox", ""), ("px", ""),
    ]:  # fmt: skip
        done = handpose(*call, "--norm", norm)
        assert (done.exit_code, done.stderr) == (0, said)
    assert handpose(*call, "--norm", "palm", "-q").stderr == ""
