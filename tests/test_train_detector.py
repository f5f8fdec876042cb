"""`handpose train --preset ssd-hand`: cells, targets, loss, pictures; a run is trained, resumed and predicts."""

import json
import shutil
from dataclasses import replace

import cv2
import numpy as np
import pytest
from conftest import SAMPLES, handpose, read_results
from hypothesis import given
from hypothesis import strategies as st
from tiny_training import no_graphs

from handpose_cli import weights
from handpose_cli.engine.detector import letterbox
from handpose_cli.formats import label_list
from handpose_cli.networks.hourglass.encoder import build_encoder
from handpose_cli.networks.ssd import palm_encoder
from handpose_cli.networks.ssd.cells import cells, decode_boxes, encode_boxes
from handpose_cli.networks.ssd.hand_model import BLOCKS
from handpose_cli.networks.ssd.palm_model import build_palm_ssd
from handpose_cli.training.detection import pictures, task
from handpose_cli.training.detection.data import read_data
from handpose_cli.training.detection.hands import Hands
from handpose_cli.training.detection.loss import DIRECTION_WEIGHT, DetectionLoss
from handpose_cli.training.detection.photos import Photos, read_photos
from handpose_cli.training.detection.pictures import Pictures
from handpose_cli.training.detection.targets import HAND, NONE, UNASKED, cell_targets
from handpose_cli.training.settings import of_new_run

SIZE = 96
# What LiteRT gives for noise with MediaPipe's own palm_detection_full.tflite (the wheel mediapipe 0.10.21): of each
# feature the spread, the mean, and values by their place in the flattened map.
PUBLISHED = {
    "stride8": (16.823, 1.235059, {2569: 2.3949, 34885: -0.0068, 37734: 0.0059, 55675: 0.2743, 70074: 2.8497}),
    "stride16": (13.0679, 1.150582, {10069: 0.4258, 11494: 1.1071, 15604: 0.3267, 30512: 0.2188, 32033: -0.0488}),
    "stride32": (47.6498, 4.945487, {253: 3.7979, 789: 0.0524, 6943: 19.0654, 7721: 1.8790, 7975: 2.3790}),
}


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """The samples as photographs with boxes, one of them not exhaustive, and a picture without hands."""
    folder = tmp_path_factory.mktemp("photos")
    entries = []
    for number, record in enumerate(label_list.read(SAMPLES / "labels.json")):
        if record.frame is not None:
            continue
        image = cv2.imread(str(SAMPLES / record.file))
        cv2.imwrite(str(folder / f"{number}.jpg"), image)
        boxes = [hand.box.tolist() for hand in record.hands]
        size = {"width": image.shape[1], "height": image.shape[0]}
        entries.append({"image": f"{number}.jpg", **size, "boxes": boxes, "exhaustive": number != 0})
    cv2.imwrite(str(folder / "none.png"), np.full((80, 120, 3), 90, np.uint8))
    entries.append({"image": "none.png", "width": 120, "height": 80, "boxes": []})
    (folder / "boxes.json").write_text(json.dumps(entries))
    return folder


def test_the_encoder_is_the_published_one():
    model = palm_encoder.build_palm_encoder()
    model.load_weights(weights.FOLDER / "palm-encoder.weights.h5")
    noise = np.random.default_rng(0).random((1, 192, 192, 3), np.float32)
    for name, feature in model.predict_on_batch(noise).items():
        spread, mean, values = PUBLISHED[name]
        assert np.ptp(feature) == pytest.approx(spread, rel=1e-3)
        assert feature.mean() == pytest.approx(mean, abs=1e-4 * spread)
        assert feature.ravel()[list(values)] == pytest.approx(list(values.values()), abs=1e-3 * spread)


boxes_of_pictures = st.tuples(st.floats(0, 200), st.floats(0, 200), st.floats(8, 250), st.floats(8, 250)).map(
    lambda box: np.array(box, np.float32)
)


@given(boxes_of_pictures, st.integers(0, 1343))
def test_encodings_are_decoded_to_their_boxes(box, cell):
    centres, strides = cells(256)
    encoded = encode_boxes(box[None], centres[[cell]], strides[[cell]])
    assert decode_boxes(encoded, centres[[cell]], strides[[cell]])[0] == pytest.approx(box, rel=1e-3, abs=0.02)


@given(boxes_of_pictures)
def test_some_cell_answers_for_every_hand_and_gives_its_box(box):
    centres, strides = cells(256)
    if (box[:2] + box[2:] / 2 > 256).any():  # its middle is not in the picture
        return
    target = cell_targets(box[None], np.zeros((1, 2), np.float32), np.zeros((0, 4), np.float32), True, 256)
    own = target[:, 0] == HAND
    assert own.any()
    found = decode_boxes(target[own, 1:5], centres[own], strides[own])
    assert found == pytest.approx(np.broadcast_to(box, found.shape), rel=1e-3, abs=0.05)
    assert (target[:, 0] == NONE).any()


def test_what_is_not_exhaustive_is_never_taken_for_background():
    box, nothing = np.array([[20, 20, 40, 40]], np.float32), np.zeros((0, 4), np.float32)
    target = cell_targets(box, np.zeros((1, 2), np.float32), nothing, False, SIZE)
    centres, _ = cells(SIZE)
    inside = ((centres >= box[0, :2]) & (centres <= box[0, :2] + box[0, 2:])).all(axis=1)
    assert set(target[~inside, 0]) == {UNASKED}
    assert HAND in target[inside, 0]
    unclear = cell_targets(nothing, nothing[:, :2], box, True, SIZE)
    assert set(unclear[:, 0]) == {NONE, UNASKED}


def test_the_loss_is_of_cells_that_are_asked():
    target = np.zeros((1, 4, 5), np.float32)
    target[0, :, 0] = [HAND, NONE, UNASKED, NONE]
    sure = np.zeros((1, 4, 5), np.float32)
    sure[0, :, 0] = [9, -9, 9, -9]
    loss = DetectionLoss()
    right = float(loss(target, sure))
    assert right < 1e-3
    wrong = sure.copy()
    wrong[0, 1, 0] = 9
    assert float(loss(target, wrong)) > 1
    unasked = sure.copy()
    unasked[0, 2] = -5
    assert float(loss(target, unasked)) == pytest.approx(right)
    off = sure.copy()
    off[0, 0, 1:] = 1  # each of four encodings is off by 1: 1 - half of where the loss becomes linear
    assert float(loss(target, off)) - right == pytest.approx(4 * 0.95)


def test_a_hand_that_a_mosaic_cuts_off_is_unclear(photos):
    """Here in each photograph's corner, which an enlarged one loses more or less of."""
    data = read_photos([f"label-list:{photos}/boxes.json"])
    whole = [replace(photo, boxes=_at_corners(photo.read())) for photo in data.whole[:4]]
    all_cut = 0
    for seed in range(20):
        _, hands, unclear = Pictures(data, SIZE, 1, seed=seed)._mosaic(whole, np.random.default_rng(seed))
        assert 4 <= len(hands.boxes) + len(unclear) <= 16
        assert (unclear[:, :2] >= 0).all() and (unclear[:, :2] + unclear[:, 2:] <= SIZE + 1).all()
        all_cut += len(unclear)
    assert all_cut > 5


def test_what_is_pasted_with_a_hand_beside_it_is_unclear(photos, monkeypatch):
    """A part of the one beside it comes along, of which nobody has said that it is a hand."""
    monkeypatch.setattr(pictures, "CONTEXT", (1.8, 2.0))
    (photo,) = (p for p in read_photos([str(SAMPLES / "labels.json")]).hands if p.image.name == "two_hands.jpg")
    hand = photo.keypoints[0]
    beside = np.stack([hand, hand + np.float32([np.ptp(hand[:, 0]), 0])])
    nothing = Hands(np.zeros((0, 4), np.float32), np.zeros((0, 2), np.float32))
    for keypoints, some in ((beside, True), (beside[:1], False)):
        data = Pictures(Photos([], [replace(photo, keypoints=keypoints)]), SIZE, 1, seed=0)
        found = 0
        for seed in range(20):
            canvas = np.zeros((SIZE, SIZE, 3), np.uint8)
            hands, unclear = data._pasted(canvas, nothing, nothing.boxes, np.random.default_rng(seed))
            assert len(unclear) <= len(hands.boxes)
            found += len(unclear)
        assert (found > 0) == some


def _at_corners(image):
    height, width = image.shape[:2]
    side = min(height, width) / 2
    corners = [[x, y, side, side] for x in (0, width - side) for y in (0, height - side)]
    return np.array(corners, np.float32)


def test_frames_of_a_clip_are_on_one_side_of_a_split(tmp_path):
    entries = []
    for clip in range(4):
        for frame in range(10):
            name = f"walk{clip}_frame_{frame:04}.png"
            cv2.imwrite(str(tmp_path / name), np.zeros((20, 20, 3), np.uint8))
            entries.append({"image": name, "width": 20, "height": 20, "boxes": [[5, 5, 9, 9]]})
    (tmp_path / "boxes.json").write_text(json.dumps(entries))
    settings = of_new_run({"preset": "ssd-hand", "data": (f"label-list:{tmp_path}/boxes.json",), "val_split": 0.25})
    data = read_data(settings)
    assert len(data.held_back) == 10 and data.shared == (0, 10)
    assert read_data(replace(settings, val=settings.data)).shared == (40, 40)
    assert {photo.sample for photo in data.held_back}.isdisjoint(photo.sample for photo in data.photos)


def test_files_that_know_different_hands_of_one_photograph_are_spoken_of(tmp_path, caplog):
    size = {"width": 20, "height": 20}
    for n in range(4):
        cv2.imwrite(str(tmp_path / f"{n}.png"), np.zeros((20, 20, 3), np.uint8))
    for side, x in (("left", 2), ("right", 11)):
        entries = [{"image": f"{n}.png", **size, "boxes": [[x, 5, 7, 9]], "exhaustive": n > 0} for n in range(4)]
        (tmp_path / f"{side}.json").write_text(json.dumps(entries))
    left, right = (f"label-list:{tmp_path}/{side}.json" for side in ("left", "right"))
    read_data(of_new_run({"preset": "ssd-hand", "data": (left, left), "val": (right,)}))
    assert [line.getMessage() for line in caplog.records] == []  # one file twice is a greater weight
    read_data(of_new_run({"preset": "ssd-hand", "data": (left, right), "val": (left,)}))
    assert [line.getMessage() for line in caplog.records] == [
        "3 photographs, such as 1.png, have other boxes in each of several files, which all say that there are no "
        'other hands. Join these files, or mark the photographs "exhaustive": false'
    ]


def test_photographs_that_say_nothing_of_precision_cannot_choose_the_best_epoch(tmp_path):
    shutil.copy(SAMPLES / "no_hand.jpg", tmp_path / "a.jpg")
    entry = {"image": "a.jpg", "width": 576, "height": 430, "boxes": [[10, 10, 40, 40]]}
    for name, exhaustive in (("all", True), ("some", False)):
        (tmp_path / f"{name}.json").write_text(json.dumps([{**entry, "exhaustive": exhaustive}]))
    data, val = (f"label-list:{tmp_path}/{name}.json" for name in ("all", "some"))
    result = handpose("train", "--preset", "ssd-hand", "--data", data, "--val", val, "-o", tmp_path / "run")
    assert (result.exit_code, result.stderr) == (
        1, "Error: no photograph to validate on has hands and is known to show no others. Name others with --val\n"
    )  # fmt: skip
    assert not (tmp_path / "run").exists()


def test_pictures_depend_on_their_number_alone_and_have_the_hands_where_they_are(photos):
    data = read_photos([f"label-list:{photos}/boxes.json", str(SAMPLES / "labels.json")])
    assert len(data.whole) > 5 and len(data.hands) > 5
    pictures = Pictures(data, SIZE, 8, seed=3)
    images, targets = pictures[5]
    again, same = Pictures(data, SIZE, 8, seed=3, first_batch=5)[0]
    assert (images == again).all() and (targets["cells"] == same["cells"]).all()
    parts = [Pictures(data, SIZE, 8, seed=3, part=(i, 2))[5][0] for i in (0, 1)]
    assert (np.concatenate(parts) == images).all()
    assert (images.shape, images.dtype) == ((8, SIZE, SIZE, 3), np.float32)
    assert 0 <= images.min() < 0.2 and 0.5 < images.max() <= 1
    assert any((targets["cells"][i, :, 0] == HAND).any() for i in range(8))


def test_hands_point_where_their_targets_say(tmp_path, monkeypatch):
    """Hands whose wrist is a red spot and whose middle MCP joint is a green one, as photographs and pasted."""
    monkeypatch.setattr(pictures, "in_other_light", lambda image, rng: image)
    keypoints = np.float32([[60, 85], *[[40 + 2 * i, 30 + 3 * (i % 5)] for i in range(20)]])
    keypoints[9] = (45, 45)
    image = np.full((120, 120, 3), 60, np.uint8)
    cv2.circle(image, (60, 85), 7, (0, 0, 255), -1)
    cv2.circle(image, (45, 45), 7, (0, 255, 0), -1)
    cv2.imwrite(str(tmp_path / "hand.png"), image)
    cv2.imwrite(str(tmp_path / "none.png"), np.full((90, 120, 3), 60, np.uint8))
    size = {"width": 120, "height": 120}
    (tmp_path / "hands.json").write_text(json.dumps([{"image": "hand.png", **size, "keypoints": keypoints.tolist()}]))
    (tmp_path / "none.json").write_text(json.dumps([{"image": "none.png", "width": 120, "height": 90, "boxes": []}]))
    photos = read_photos([f"label-list:{tmp_path}/{name}.json" for name in ("hands", "none")])
    centres, strides = cells(256)
    turns = []
    for number in range(12):
        images, targets = Pictures(photos, 256, 1, seed=number)[0]
        target = targets["cells"][0]
        for row in np.flatnonzero((target[:, 0] == HAND) & (target[:, 5:] != 0).any(axis=1)):
            x, y, w, h = decode_boxes(target[[row], 1:5], centres[[row]], strides[[row]])[0].round().astype(int)
            inside = images[0, max(y, 0) : y + h, max(x, 0) : x + w]
            spots = [np.argwhere(inside[..., colour] > 0.6) for colour in (0, 1)]
            if min(w, h) < 30 or min(map(len, spots)) < 8:  # cut off by the picture's edge, or too small to say
                continue
            across = spots[1].mean(axis=0) - spots[0].mean(axis=0)
            assert target[row, 5:] == pytest.approx(across[::-1] / np.linalg.norm(across), abs=0.1)
            turns.append(np.degrees(np.arctan2(*target[row, 5:])))
    assert len({round(turn / 45) for turn in turns}) >= 4


def test_a_teacher_is_asked_of_every_cell_and_where_boxes_lie_that_the_truth_does_not_say():
    target = np.zeros((1, 3, 12), np.float32)
    target[0, :, 0] = [HAND, NONE, UNASKED]
    target[0, :, 7] = [1, 0, 1]  # the teacher sees a hand where nobody was asked
    target[0, 2, 8:] = 2
    answer = np.zeros((1, 3, 7), np.float32)
    answer[0, :, 0] = [9, -9, 9]
    answer[0, 2, 1:5] = 2
    loss = DetectionLoss()
    right = float(loss(target, answer))
    assert right < 1e-3
    unseen, elsewhere = answer.copy(), answer.copy()
    unseen[0, 2, 0] = -9
    assert float(loss(target, unseen)) > 5
    elsewhere[0, 2, 1:5] = 3  # each of four encodings is off by 1
    assert float(loss(target, elsewhere)) - right == pytest.approx(4 * 0.95, rel=1e-3)


def test_a_direction_counts_where_it_is_known():
    target = np.zeros((1, 2, 7), np.float32)
    target[0, :, 0] = HAND
    target[0, 0, 5:] = (0, -1)
    answer = np.zeros((1, 2, 7), np.float32)
    answer[0, :, 0] = 9
    answer[0, :, 5:] = (0, -1)
    loss = DetectionLoss()
    right = float(loss(target, answer))
    assert right < 1e-3
    answer[0, 0, 5:] = (0, 1)  # off by 2, of two hands' cells
    assert float(loss(target, answer)) - right == pytest.approx(DIRECTION_WEIGHT * 1.95 / 2)
    answer[0, 0, 5:], answer[0, 1, 5:] = (0, -1), (1, 0)
    assert float(loss(target, answer)) == pytest.approx(right)


@pytest.mark.parametrize(("width", "height"), [(640, 480), (480, 640), (97, 300), (50, 50)])
def test_a_letterboxed_place_is_where_it_was(width, height):
    image = np.zeros((height, width, 3), np.uint8)
    x, y = int(width * 0.7), int(height * 0.6)
    cv2.circle(image, (x, y), max(width, height) // 30, (255, 255, 255), -1)
    pixels, sides = letterbox(image, 256)
    at = np.argwhere(pixels[..., 0] > 128).mean(axis=0)[::-1] + 0.5
    assert at / 256 * sides == pytest.approx([x + 0.5, y + 0.5], abs=max(width, height) / 200)


@pytest.fixture(scope="module")
def small():
    """An encoder with a block a stage."""
    patch = pytest.MonkeyPatch()
    patch.setattr(palm_encoder, "STAGES", ((32, 1), (64, 1), (128, 1), (256, 1), (256, 1)))
    yield
    patch.undo()


def test_what_does_not_learn_is_frozen(small):
    model = build_palm_ssd(SIZE)
    learning = {}
    for learns in ("decoder", "stride16", "all"):
        palm_encoder.freeze(model, learns)
        learning[learns] = {layer.name for layer in model.layers if layer.trainable_weights}
    assert all(name.startswith("head") for name in learning["decoder"])
    added = learning["stride16"] - learning["decoder"]
    assert "palm_pyramid8_project" in added and "palm_stage3_block0_project" in added
    assert not any(name.startswith(("palm_stem", "palm_stage0", "palm_stage2")) for name in learning["stride16"])
    assert learning["all"] == {layer.name for layer in model.layers if layer.weights} > learning["stride16"]


@pytest.fixture(scope="module")
def run(photos, tmp_path_factory):
    """A short run, and its call."""
    out = tmp_path_factory.mktemp("run") / "out"
    data = f"label-list:{photos}/boxes.json"
    call = (
        "train", "--preset", "ssd-hand", "--data", data, "--data", SAMPLES / "labels.json", "--val", data,
        "--input-size", SIZE, "--batch-size", 4, "--steps-per-epoch", 1, "--ema", 0.5, "--schedule", "constant",
        "--stage", "stride16:2:0.001",
    )  # fmt: skip
    with no_graphs():
        trained = handpose(*call, "-o", out, "--data-licence", "CC0", "--export", "none")
    assert trained.exit_code == 0, trained.output
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(task, "CALIBRATION_CROPS", 24)
        result = handpose("train", "-o", out, "--resume", "--export", "litert")
    assert result.exit_code == 0, result.output
    return out, call, result


def test_a_run_leaves_weights_networks_contract_and_card(run):
    out, _, result = run
    assert result.stderr.splitlines()[-1] == (
        f"Best weights: {out}/best.weights.h5. Predict with: handpose predict ... --detector {out}"
    )
    contract = json.loads((out / "network.json").read_text())
    described = [contract[name] for name in ("kind", "input_size", "decoding", "fit")]
    assert described == ["detector", SIZE, "cells", "letterbox"]
    models = json.loads((out / "models.json").read_text())
    assert list(models["files"]) == ["model.keras", "model.tflite", "model-int8.tflite"]
    assert "val_ap@iou0.5" in models["files"]["model.tflite"]
    assert "checked_photographs" in models and "validation_photographs" in models and "checked_crops" not in models
    card = (out / "card.md").read_text()
    assert "# ssd-hand: boxes of hands" in card and "`directions`: float32" in card and "no form in 8 bits" not in card
    assert "hand landmark network" in card and "val_ap@iou0.5" in card and "Licence of the data: CC0" in card
    assert json.loads((out / "settings.json").read_text())["network"] == {
        "input_size": SIZE,
        "encoder": "hand-landmarks",
    }


@pytest.mark.parametrize("engine", ["litert", "keras"])
def test_a_run_is_a_detector(run, tmp_path, engine):
    result = handpose(
        "predict", SAMPLES / "two_hands.jpg", "-o", tmp_path / "out", "--detector", run[0], "--engine", engine,
        "--views", 1, "--score-threshold", 0,
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    assert read_results(tmp_path / "out")["info"]["arguments"]["detector"] == str(run[0])


def test_a_resumed_run_is_the_undisturbed_one(run, tmp_path):
    out, call, _ = run
    with no_graphs():
        first = handpose(*call, "-o", tmp_path / "run", "--export", "none", "--epochs", 1)
        assert first.exit_code == 0, first.output
        resumed = handpose("train", "-o", tmp_path / "run", "--resume", "--epochs", 2, "--export", "none")
    assert resumed.exit_code == 0, resumed.output
    assert (tmp_path / "run" / "log.csv").read_text() == (out / "log.csv").read_text()


def test_a_run_learns_from_a_teacher_and_the_same_on_any_number_of_threads(run, tmp_path):
    """And does not go on with another one of that name."""
    out, call, _ = run
    teacher = shutil.copytree(out, tmp_path / "teacher")
    logs = [(out / "log.csv").read_text().splitlines()[1]]
    for workers in (1, 3):
        options = ("--teacher", teacher, "--epochs", 1, "--export", "none", "--workers", workers)
        with no_graphs():
            taught = handpose(*call, "-o", tmp_path / str(workers), *options)
        assert taught.exit_code == 0, taught.output
        logs.append((tmp_path / str(workers) / "log.csv").read_text().splitlines()[1])
    assert logs[1] == logs[2] != logs[0]
    models, contract = (json.loads((teacher / name).read_text()) for name in ("models.json", "network.json"))
    other = {"model.tflite": "model-int8.tflite", "model-int8.tflite": "model.tflite"}[models["litert"]]
    (teacher / "models.json").write_text(json.dumps({**models, "litert": other}))
    (teacher / "network.json").write_text(json.dumps({**contract, "weights": {}}))
    resumed = handpose("train", "-o", tmp_path / "1", "--resume", "--epochs", 2)
    assert resumed.exit_code == 1
    assert resumed.stderr.splitlines()[-1] == (
        f"Error: {teacher} is not the teacher that {tmp_path / '1'} had. "
        f"Go on with that one, or begin another run with --weights {tmp_path / '1'}."
    )


@pytest.mark.parametrize(
    ("preset", "teacher", "message"),
    [
        ("ssd-hand", "nowhere",
         "No such weights: nowhere (bundled are ssd-egohands-lite, ssd-hand, ssd-palm). "
         "Give --teacher another, or leave it out."),
        ("ssd-hand", "ssd-palm",
         "ssd-palm cannot teach it: its cells are not those of 96 pixels. Give --teacher another, or leave it out."),
        ("hourglass-lite", "ssd-palm",
         "Only detectors learn from a teacher, and hourglass-lite is none. Received: ssd-palm"),
    ],
)  # fmt: skip
def test_a_teacher_that_cannot_teach_is_refused_before_anything_is_written(photos, tmp_path, preset, teacher, message):
    call = ("train", "--preset", preset, "--input-size", SIZE, "--data", f"label-list:{photos}/boxes.json")
    result = handpose(*call, "--teacher", teacher, "-o", tmp_path / "run")
    code = 1 if "its cells" in message else 2
    assert (result.exit_code, result.stderr) == (code, f"Error: {message}\n")
    assert not (tmp_path / "run").exists()


def test_a_detector_has_no_use_for_upright_hands(photos, tmp_path):
    call = ("train", "--preset", "ssd-hand", "--data", f"label-list:{photos}/boxes.json", "--upright")
    result = handpose(*call, "-o", tmp_path / "run")
    message = "Only hourglasses learn from upright hands, and ssd-hand is none. Leave out --upright."
    assert (result.exit_code, result.stderr) == (2, f"Error: {message}\n")


def test_a_detector_starts_from_the_landmark_networks_encoder():
    settings = of_new_run({"preset": "ssd-hand", "data": ("x",), "input_size": SIZE})
    model = task.DetectionTask().build(settings)
    published = build_encoder()
    published.load_weights(weights.FOLDER / "hand-landmarks.weights.h5")
    names = [layer.name for layer in model.layers if layer.weights and layer.name.startswith("encoder_")]
    assert len(names) == 1 + 3 * BLOCKS - 1  # stem; expansion, depthwise and projection, of the first block two
    for name in names:
        for own, theirs in zip(
            model.get_layer(name).get_weights(), published.get_layer(name).get_weights(), strict=True
        ):
            assert (own == theirs).all()


def test_wrong_data_get_one_line(tmp_path, photos):
    empty = tmp_path / "labels.json"
    cv2.imwrite(str(tmp_path / "a.png"), np.zeros((9, 9, 3), np.uint8))
    empty.write_text(json.dumps([{"image": "a.png", "width": 9, "height": 9, "boxes": []}]))
    call = ("train", "--preset", "ssd-palm", "-o", tmp_path / "run", "--val", f"label-list:{photos}/boxes.json")
    result = handpose(*call, "--data", f"label-list:{empty}")
    assert (result.exit_code, result.stderr) == (1, "Error: there is no hand with a box to train on\n")
    missing = handpose(*call, "--data", f"label-list:{photos}/boxes.json", "--weights", "nowhere")
    assert missing.exit_code == 2
    assert missing.stderr == (
        "Error: No such weights: nowhere (bundled are ssd-egohands, ssd-egohands-lite, ssd-hand, ssd-palm). "
        "Give --weights a file, a run folder or one of these.\n"
    )
