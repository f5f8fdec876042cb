"""Training: a small run on made-up data learns, resumes, and leaves what prediction needs."""

import csv
import json
import shutil
import warnings
from dataclasses import replace

import numpy as np
import pytest
from conftest import SAMPLES, handpose, read_results
from labelled import blank, image, open_hand, write
from tiny_training import TINY, no_graphs, train

from handpose_cli.boxes import iou
from handpose_cli.cli import cli
from handpose_cli.formats import FormatError, label_list
from handpose_cli.media.image_head import KINDS
from handpose_cli.networks.hourglass import presets
from handpose_cli.records import Hand, to_upright
from handpose_cli.training.data.dataset import RandomCrops, hand_target, target
from handpose_cli.training.data.places import FREE, find_places
from handpose_cli.training.data.read_data import read_data
from handpose_cli.training.data.samples import Sample, read_labelled, read_samples, split
from handpose_cli.training.detection.photos import read_photos
from handpose_cli.training.settings import RECIPES, of_new_run
from handpose_cli.weights import FOLDER


def test_a_run_learns_resumes_and_can_be_predicted_with(folder, tmp_path, tiny_preset):
    run = tmp_path / "run"
    result = train(folder, run, "--epochs", 2, "--export", "none")
    assert result.exit_code == 0, result.stderr
    assert result.stderr.splitlines()[-1] == (
        f"Best weights: {run / 'best.weights.h5'}. Predict with: handpose predict ... --weights {run}"
    )

    refused = train(folder, run, "--epochs", 4)
    assert refused.exit_code == 1
    assert refused.stderr == (
        f"Error: {run} already holds a run. Continue it with --resume or choose another --output.\n"
    )

    assert handpose("train", "-o", run, "--epochs", 4, "--resume", "--export", "litert").exit_code == 0
    with (run / "log.csv").open() as file:
        log = list(csv.DictReader(file))
    assert [row["epoch"] for row in log] == ["1", "2", "3", "4"]
    assert float(log[3]["loss"]) < float(log[0]["loss"])
    assert [stage["epochs"] for stage in json.loads((run / "settings.json").read_text())["stages"]] == [4]

    out = tmp_path / "out"
    result = handpose("predict", folder, "-o", out, "--weights", run, "--detector", "whole-image")
    assert result.exit_code == 0, result.stderr
    assert (run / "card.md").is_file()


NO_HAND_HEAD = (
    "Without --negatives the network will not say whether there is a hand, nor which: labels of whole photographs "
    "teach it, also those of --data"
)


@no_graphs()
def test_several_stacks_and_a_hand_head_are_trained_together(folder, tmp_path, monkeypatch):
    monkeypatch.setitem(presets.PRESETS, "hourglass-lite", replace(TINY, stacks=2))
    headless, run = tmp_path / "headless", tmp_path / "run"
    begun = train(folder, headless, "--epochs", 1, "--steps-per-epoch", 1, "--export", "none")
    assert begun.exit_code == 0 and NO_HAND_HEAD in begun.stderr.splitlines()
    weights = headless / "best.weights.h5"
    options = ("--epochs", 1, "--export", "none", "--negatives", SAMPLES, "--weights", weights, "--ema", 0.9)
    result = train(folder, run, *options)
    assert result.exit_code == 0 and NO_HAND_HEAD not in result.stderr, result.stderr
    with (run / "log.csv").open() as file:
        log = list(csv.DictReader(file))
    assert {"stack1_heatmaps_loss", "stack2_heatmaps_loss", "hand_loss", "val_is_hand"} <= set(log[0])
    predicted = handpose(
        "predict", SAMPLES / "open_palm_sleeve.jpg", "-o", tmp_path / "out", "--detector", "whole-image",
        "--engine", "keras", "--weights", run / "best.weights.h5",
    )  # fmt: skip
    assert predicted.exit_code == 0, predicted.stderr
    (hand,) = read_results(tmp_path / "out")["files"][0]["hands"]
    assert hand["handedness"] in ("left", "right")
    assert 0 < hand["score"] < 1


def test_the_help_names_the_presets_that_begin_with_an_encoder():
    (option,) = (option for option in cli.get_command(None, "train").params if option.name == "weights")
    named = {name for name in RECIPES if name in option.help}
    begins = {name: of_new_run({"preset": name, "data": ("x",)}).weights for name in RECIPES}
    assert named == {name for name, weights in begins.items() if weights != "none"}


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        (("--input-size", 100), 2, "The side of hourglass-lite's crops must be a multiple of 32. Received: 100. "
         "Choose another --input-size"),
        (("--input-size", 96, "--preset", "hourglass-2"), 2, "The side of hourglass-2's crops must be a multiple of "
         "64. Received: 96. Choose another --input-size"),
        (("--input-size", 100, "--preset", "ssd-hand"), 2, "The side of ssd-hand's crops must be a multiple of 32. "
         "Received: 100. Choose another --input-size"),
        (("--seed", 2**32), 2, "Invalid value for '--seed': 4294967296 is not in the range 0<=x<=4294967295."),
        (("--learning-rate", "nan"), 2, "Invalid value for '--learning-rate': 'nan' is no number."),
        (("--learning-rate", "inf"), 2, "Invalid value for '--learning-rate': 'inf' is no number."),
        (("--val-split", "nan"), 2, "Invalid value for '--val-split': 'nan' is no number."),
    ],
)  # fmt: skip
def test_numbers_that_cannot_be_are_told_before_anything_is_done(tmp_path, options, code, message):
    """There were tracebacks after the data had been read, and networks of nan."""
    options = options if "--preset" in options else (*options, "--preset", "hourglass-lite")
    done = handpose("train", "--data", SAMPLES, "-o", tmp_path / "run", *options)
    assert (done.exit_code, done.stderr.splitlines()[-1]) == (code, f"Error: {message}")
    assert not (tmp_path / "run").exists()


def test_wrong_data_is_told_in_a_line(tmp_path, folder, tiny_preset):
    (tmp_path / "labels.json").write_text('[{"image": "a.jpg", "width": 9, "height": 9, "boxes": [[1, 2, 3, 4]]}]')
    result = train(tmp_path, tmp_path / "run")
    assert result.exit_code == 1
    assert result.stderr == f"Error: no hands with keypoints in: {tmp_path}\n"
    assert not (tmp_path / "run").exists()


def test_an_image_that_cannot_be_read_is_named(tmp_path, folder, tiny_preset):
    entries = json.loads((folder / "labels.json").read_text())
    for path in folder.glob("*.png"):
        shutil.copy(path, tmp_path)
    (tmp_path / "labels.json").write_text(json.dumps(entries))
    (tmp_path / "3.png").write_text("hello")
    result = handpose("train", "--data", tmp_path, "--val", folder, "-o", tmp_path / "run",
                      "--preset", "hourglass-lite", "--batch-size", 4)  # fmt: skip
    assert result.exit_code == 1
    assert result.stderr.splitlines()[-1] == f"Error: {tmp_path / '3.png'}: not an image ({KINDS})"
    (tmp_path / "3.png").unlink()
    result = train(tmp_path, tmp_path / "other")
    assert result.stderr.splitlines()[-1] == (
        f"Error: {tmp_path / 'labels.json'}: no such image: {tmp_path / '3.png'}. Put the images beside their labels"
    )


def test_wrong_weights_and_too_few_hands_are_told_before_a_run_is_begun(tmp_path, folder, tiny_preset):
    (tmp_path / "w.weights.h5").write_text("hello")
    result = train(folder, tmp_path / "run", "--weights", tmp_path / "w.weights.h5")
    assert result.exit_code == 1
    assert f"Error: {tmp_path / 'w.weights.h5'}: not weights of this network: " in result.stderr
    result = train(folder, tmp_path / "run", "--weights", tmp_path / "none.weights.h5")
    assert result.exit_code == 2
    assert result.stderr == (
        f"Error: No such weights: {tmp_path / 'none.weights.h5'} "
        "(bundled are hand-landmarks, hourglass-lite, hourglass-wide). "
        "Give --weights a file, a run folder or one of these.\n"
    )
    other = FOLDER / "ssd-palm.weights.h5"
    with warnings.catch_warnings(record=True) as warned:
        result = train(folder, tmp_path / "run", "--weights", other)
    assert not [warning for warning in warned if "keras" in warning.filename]  # there was one for each layer
    assert result.stderr.splitlines()[-1].startswith(f"Error: {other}: not weights of this network: ")
    assert not result.stderr.endswith(":\n")
    hands = len(read_samples([str(folder)]))
    result = train(folder, tmp_path / "run", "--batch-size", 500)
    assert (
        f"Error: {hands} hands to train on are fewer than a batch of 500. Choose a smaller --batch-size\n"
        in result.stderr
    )
    assert not (tmp_path / "run").exists()


def test_batches_depend_on_seed_and_number_alone(folder):
    samples = read_samples([str(folder)])

    def batch(seed, first, number):
        return RandomCrops(samples, 64, 4, seed, first)[number]

    (crops, targets), (again, same_targets) = batch(0, 0, 9), batch(0, 7, 2)
    assert (crops == again).all()
    assert (targets["stack1_heatmaps"] == same_targets["stack1_heatmaps"]).all()
    assert (batch(0, 0, 1)[0] != batch(1, 0, 1)[0]).any()


def test_every_pass_has_every_hand_once_in_another_order(folder):
    samples = read_samples([str(folder)])
    data = RandomCrops(samples, 64, 1, 0)
    assert data.batches_a_pass == len(samples)
    first, second = data._order(0).tolist(), data._order(1).tolist()
    assert sorted(first) == sorted(second) == list(range(len(samples)))
    assert first != second
    assert (data[0][0] != data[len(samples) + second.index(first[0])][0]).any(), "the same crop in both passes"


def test_batches_have_the_shapes_that_the_loss_expects(folder):
    crops, targets = RandomCrops(read_samples([str(folder)]), 64, 4, 0, joints=("a", "b"))[0]
    assert (crops.shape, crops.dtype) == ((4, 64, 64, 3), np.float32)
    assert 0 <= crops.min() <= crops.max() <= 1
    assert set(targets) == {"a", "b"}
    assert (targets["a"].shape, targets["a"][..., 2].min()) == ((4, 21, 3), 1)


def test_hands_stand_upright_if_asked_for(folder):
    picture = read_samples([str(folder)])[0].image
    box = np.array([40, 40, 80, 80], np.float32)
    points_down = 160 - open_hand(40, 40, 80).keypoints

    def joints(keypoints, upright):
        data = RandomCrops([Sample(picture, Hand(box, keypoints=keypoints), box)], 64, 1, 0, upright=upright)
        return np.concatenate([data[i][1]["stack1_heatmaps"] for i in range(60)])

    turned = np.abs(to_upright(joints(points_down, True)[..., :2]))
    assert np.median(turned) < 15
    assert (turned < 50).mean() > 0.8
    assert np.median(np.abs(to_upright(joints(points_down, False)[..., :2]))) > 130

    points_down[0] = np.nan  # its wrist is not labelled, so nothing says how it is turned
    weights = joints(points_down, True)[..., 2]
    assert (weights[:, 0] == 0).all()
    assert (weights[:, 1:] == 1).all()


@pytest.mark.parametrize(
    ("boxed", "free", "taken"),
    [(0, 100, (0, 12)), (100, 100, (6, 6)), (3, 100, (3, 9)), (100, 2, (10, 2)), (1, 1, (1, 1))],
)
def test_a_fifth_as_many_places_come_with_the_hands(folder, boxed, free, taken):
    samples = 5 * read_samples([str(folder)])[:12]
    box = np.array([0, 0, 60, 60])  # large enough to be put behind others, too
    places = [Sample(samples[0].image, None, box)] * free + [Sample(samples[0].image, Hand(box), box)] * boxed
    data = RandomCrops(samples, 64, 5, 0, places=places)
    assert data.batches_a_pass == (len(samples) + sum(taken)) // 5
    order = data._order(0) - len(samples)
    assert ((order >= free).sum(), ((order >= 0) & (order < free)).sum()) == taken
    batches = [data[i][1] for i in range(data.batches_a_pass)]
    hands = np.concatenate([batch["hand"] for batch in batches])
    joints = np.concatenate([batch["stack1_heatmaps"] for batch in batches])
    shown = order[: len(hands)]
    assert (hands[:, 0] == ((shown < 0) | (shown >= free))).all()
    assert (joints[shown >= 0, :, 2] == 0).all()
    assert (joints[shown < 0, :, 2] == 1).all()
    assert (hands[:, 1] == 1).all()


@pytest.mark.parametrize(
    ("handedness", "mirrored", "expected"),
    [("right", False, [1, 1, 1, 1]), ("right", True, [1, 1, 0, 1]), ("left", True, [1, 1, 1, 1]),
     ("left", False, [1, 1, 0, 1]), (None, False, [1, 1, 0, 0])],
)  # fmt: skip
def test_a_mirrored_right_hand_is_a_left_one(handedness, mirrored, expected):
    hand = Hand(np.array([0, 0, 9, 9]), handedness=handedness)
    assert hand_target(hand, mirrored).tolist() == expected
    assert hand_target(None, mirrored).tolist() == [0, 1, 0, 0]


def test_joints_without_a_label_have_no_weight():
    points = np.full((21, 2), 30.0)
    points[4] = np.nan
    weights = target(points, Hand(np.array([0, 0, 9, 9]), keypoints=points))
    assert np.isfinite(weights).all()
    assert weights[:, 2].tolist() == [1] * 4 + [0] + [1] * 16


def test_places_without_a_hand_lie_beside_the_boxes():
    boxes = {record.file: record.hands for record in label_list.read(SAMPLES / "labels.json") if record.frame is None}
    places = list(find_places([str(SAMPLES)], seed=0))
    assert len(places) >= len(boxes)
    for place in places:
        assert place.hand is None  # those of the samples have keypoints
        for hand in boxes[place.image.name]:
            assert iou(place.box[None], hand.box[None])[0, 0] < FREE


def test_what_lies_beside_boxes_is_no_place_where_not_every_hand_has_one(tmp_path):
    """A hand without a box there would teach the network that it is none."""
    shutil.copy(SAMPLES / "no_hand.jpg", tmp_path / "a.jpg")
    shutil.copy(SAMPLES / "no_hand.jpg", tmp_path / "b.jpg")
    size, boxes = {"width": 576, "height": 430}, [[10, 10, 40, 40], [80, 10, 40, 40]]
    some = [{"image": "b.jpg", **size, "boxes": [box], "exhaustive": box == boxes[0]} for box in boxes]
    (tmp_path / "labels.json").write_text(json.dumps([{"image": "a.jpg", **size, "boxes": boxes}, *some]))
    places = list(find_places([f"label-list:{tmp_path / 'labels.json'}"], seed=0))
    assert [(place.image.name, place.box.tolist()) for place in places if place.hand] == [
        *(("a.jpg", box) for box in boxes), *(("b.jpg", box) for box in boxes)
    ]  # fmt: skip
    assert {place.image.name for place in places if place.hand is None} == {"a.jpg"}


def test_places_are_of_images_of_the_size_that_labels_are_for(tmp_path):
    shutil.copy(SAMPLES / "no_hand.jpg", tmp_path / "a.jpg")
    entry = {"image": "a.jpg", "width": 288, "height": 215, "boxes": [[10, 10, 40, 40]]}
    (tmp_path / "labels.json").write_text(json.dumps([entry]))
    message = f"{tmp_path}/a.jpg: its labels are for 288 x 215 pixels, the image is 576 x 430"
    with pytest.raises(FormatError) as error:
        list(find_places([f"label-list:{tmp_path / 'labels.json'}"], seed=0))
    assert str(error.value) == message
    with pytest.raises(FormatError) as error:
        read_photos([f"label-list:{tmp_path / 'labels.json'}"])
    assert str(error.value) == message
    with pytest.raises(FormatError) as error:
        read_labelled(tmp_path / "a.jpg", (288, 215))
    assert str(error.value) == message


def test_label_files_of_the_same_photographs_are_split_alike(tmp_path):
    files = []
    for side in ("left", "right"):
        entries = [{"image": f"{n}.jpg", "width": 9, "height": 9, "keypoints": [[3, 4]] * 21} for n in range(20)]
        for n in range(20):
            blank(tmp_path / f"{n}.jpg", 9, 9)
        (tmp_path / f"{side}.json").write_text(json.dumps(entries))
        files.append(f"label-list:{tmp_path / side}.json")
    kept, held = split(read_samples(files), 0.3, seed=0)
    assert len(held) == 12 and not {sample.image for sample in kept} & {sample.image for sample in held}


def test_frames_of_videos_are_left_out_and_counted(caplog):
    assert len(read_samples([str(SAMPLES)])) == 12
    assert [line.getMessage() for line in caplog.records] == [
        f"{SAMPLES}/labels.json: left out: 72 labelled frames of videos"
    ]


@pytest.mark.parametrize("joints", [True, False])
def test_hands_outside_their_image_are_left_out_and_counted(tmp_path, caplog, joints):
    def hand(x):
        return {"keypoints": [[x + n, 40 + n] for n in range(21)]} if joints else {"boxes": [[x, 40, 21, 21]]}

    for name in ("a.png", "b.png"):
        blank(tmp_path / name, 100, 100)
    entries = [("a.png", 30), ("a.png", 3030), ("b.png", 3030), ("b.png", -60)]
    labels = [{"image": name, "width": 100, "height": 100, **hand(x)} for name, x in entries]
    (tmp_path / "l.json").write_text(json.dumps(labels))
    source = f"label-list:{tmp_path}/l.json"
    read = [lambda: read_photos([source]).hands] if joints else [lambda: read_photos([source]).whole]
    if joints:
        read.append(lambda: read_samples([source]))
    for each in read:
        caplog.clear()
        assert [found.image.name for found in each()] == ["a.png"]
        assert [line.getMessage() for line in caplog.records] == [
            f"{tmp_path}/l.json: left out: 3 hands that lie outside their image"
        ]


def test_hands_with_a_joint_far_from_their_image_are_left_out_and_counted(tmp_path, caplog):
    """In a crop around all its joints such a hand was a spot, and was trained on as one."""
    blank(tmp_path / "a.png", 100, 100)
    blank(tmp_path / "b.png", 100, 100)
    joints = np.array([[30 + n, 40 + n] for n in range(21)])
    beside, far = joints.copy(), joints.copy()
    beside[20], far[20] = (190, 50), (-9000, 50)
    entries = [("a.png", joints), ("a.png", beside), ("a.png", far), ("b.png", far)]
    labels = [{"image": name, "width": 100, "height": 100, "keypoints": hand.tolist()} for name, hand in entries]
    (tmp_path / "l.json").write_text(json.dumps(labels))
    samples = read_samples([f"label-list:{tmp_path}/l.json"])
    assert [(sample.image.name, sample.exhaustive) for sample in samples] == [("a.png", False)] * 2
    assert [line.getMessage() for line in caplog.records] == [
        f"{tmp_path}/l.json: left out: 2 hands with joints farther outside their image than it is large"
    ]


def test_what_to_validate_on_is_not_said_twice(tmp_path):
    result = handpose("train", "--data", SAMPLES, "--val", SAMPLES, "--val-split", 0.2, "-o", tmp_path / "run")
    assert (result.exit_code, result.stderr) == (
        2,
        "Error: No share of the data is held back where there are labels to validate on. Received: 0.2. "
        "Leave out --val-split, or --val\n",
    )


def test_hands_of_which_no_joint_weighs_anything_are_left_out_and_counted(tmp_path, caplog):
    blank(tmp_path / "a.jpg")
    zero, one = np.zeros(21, np.float32), np.eye(1, 21, dtype=np.float32)[0]
    hands = [open_hand(keypoint_scores=scores) for scores in (zero, one, None)]
    path = write(tmp_path / "l.json", "handpose", [image("a.jpg", *hands)])
    samples = read_samples([str(path)])
    assert [(sample.hand.keypoint_scores is None, sample.exhaustive) for sample in samples] == [
        (False, False),
        (True, False),
    ]
    line = f"{path}: left out: 1 hands whose joints all score 0, which is their weight"
    assert [entry.getMessage() for entry in caplog.records] == [line]


def test_entries_of_one_image_are_joined(tmp_path, caplog):
    blank(tmp_path / "a.jpg", 99, 99)
    size = {"width": 99, "height": 99}
    entries = [{"image": name, **size, "keypoints": [[3, 4]] * 21} for name in ("a.jpg", "b.jpg", "a.jpg")]
    entries[2]["exhaustive"] = False
    blank(tmp_path / "b.jpg", 99, 99)
    (tmp_path / "l.json").write_text(json.dumps(entries))
    assert [sample.exhaustive for sample in read_samples([f"label-list:{tmp_path / 'l.json'}"])] == [False, False, True]
    line = "1 images are listed more than once, such as a.jpg: their hands are joined"
    assert [entry.getMessage() for entry in caplog.records] == [line]


def test_images_that_are_validated_and_trained_on_are_counted(folder, tmp_path):
    (tmp_path / "linked").symlink_to(folder)
    settings = of_new_run({"preset": "hourglass-2", "data": (str(folder),), "val": (str(tmp_path / "linked"),),
                           "batch_size": 4})  # fmt: skip
    images = len({sample.image for sample in read_samples([str(folder)])})
    assert read_data(settings).shared == (images, images)
    assert read_data(replace(settings, val=(), val_split=0.5)).shared[0] == 0


def test_other_weights_of_joints_are_other_data(folder, tmp_path):
    data = shutil.copytree(folder, tmp_path / "data")
    labels = json.loads((data / "labels.json").read_text())
    known = []
    for spread in (0.0, 0.2):
        (data / "labels.json").write_text(json.dumps([{**entry, "spread": [spread] * 21} for entry in labels]))
        settings = of_new_run({"preset": "hourglass-2", "data": (str(data),), "batch_size": 4})
        known.append(read_data(settings).known["data"][str(data)])
    assert known[0][0] == known[1][0] and known[0][1] != known[1][1]


def test_data_named_twice_comes_twice_in_a_pass(folder):
    settings = of_new_run({"preset": "hourglass-2", "data": (str(folder), str(folder)), "val": (str(folder),),
                           "batch_size": 4})  # fmt: skip
    data = read_data(settings)
    twice = read_data(replace(settings, val=(str(folder), str(folder))))
    assert len(twice.held_back) == len(data.held_back), "validated on twice"
    assert len(data.samples) == 2 * len(read_samples([str(folder)])) == 2 * data.known["data"][str(folder)][0]


def test_hidden_joints_weigh_less():
    points = np.arange(42, dtype=np.float32).reshape(21, 2)
    hand = Hand(np.array([0, 0, 40, 41], np.float32), keypoints=points, visibility=np.array([2, 1, 0] * 7, np.uint8))
    points[2::3] = np.nan
    assert target(points, hand)[:, 2].tolist() == [1.0, 0.5, 0.0] * 7
