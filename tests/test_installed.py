"""Networks of other packages: read where they are installed, by contracts of ours, and never imported."""

import sys

import cv2
import flatbuffers
import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from conftest import SAMPLES, handpose, read_results
from test_contract import export_constants

from handpose_cli import read_labels, weights
from handpose_cli.boxes import iou
from handpose_cli.engine import contract_file
from handpose_cli.engine.contract import Answers, Contract
from handpose_cli.engine.detector import DecodedBoxes
from handpose_cli.engine.keypoint_network import DecodedKeypoints
from handpose_cli.engine.litert import LiteRTNetwork
from handpose_cli.engine.quarters import in_quarters
from handpose_cli.networks.ssd import palms
from handpose_cli.weights import installed

POINTS = np.random.default_rng(0).uniform(5, 50, (21, 3)).astype(np.float32)
OURS = "pip install 'handpose-cli[teacher]'"


def without_signature(path):
    """Take the signatures out of a network's file, as older converters left them out."""
    model = schema.ModelT.InitFromObj(schema.Model.GetRootAsModel(path.read_bytes(), 0))
    model.signatureDefs = None
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    path.write_bytes(builder.Output())


@pytest.fixture
def package(tmp_path, monkeypatch):
    """An installed package `teacher` that must not be imported, with a keypoint network without a signature."""
    file = tmp_path / "site" / "teacher" / "hand.tflite"
    file.parent.mkdir(parents=True)
    (file.parent / "__init__.py").write_text("raise RuntimeError('imported')")
    export_constants(file, 64, where=POINTS.ravel(), presence=np.array([0.8], np.float32))
    without_signature(file)
    names = {LiteRTNetwork(file)(np.zeros((1, 64, 64, 3), np.float32))[name].shape[1]: name
             for name in LiteRTNetwork(file).output_names}  # fmt: skip
    outputs = {"points": names[63], "scores": names[1], "is_hand": names[1]}
    monkeypatch.setattr(installed, "CONTRACTS", tmp_path)
    monkeypatch.setattr(installed, "NETWORKS", {"teacher": {"keypoints": "hand.tflite", "detector": "palm.tflite"}})
    monkeypatch.syspath_prepend(tmp_path / "site")
    contract = Contract("keypoints", 64, "pixels", outputs, crop_scale=2.0, weights={file.name: weights.sha256(file)})
    contract_file.write(contract, tmp_path / "hand.json")
    cv2.imwrite(str(tmp_path / "image.png"), np.full((100, 200, 3), 99, np.uint8))
    return file


def predict(folder, *options):
    return handpose("predict", folder / "image.png", "-o", folder / "out", "--views", 1, *options)


def test_a_network_is_read_from_an_installed_package_that_is_not_imported(package, tmp_path):
    result = predict(tmp_path, "--weights", "teacher", "--detector", "whole-image")
    assert result.exit_code == 0, result.stderr
    assert "teacher" not in sys.modules
    results = read_results(tmp_path / "out")
    assert list(results["info"]["weights"]) == ["hand.tflite"]
    keypoints = np.array(results["files"][0]["hands"][0]["keypoints"])
    # the crop is a square of twice the picture's longer side around its centre, in 64 pixels
    assert keypoints[:, :2] == pytest.approx((POINTS[:, :2] / 64 - 0.5) * 400 + [99.5, 49.5], abs=1)
    assert keypoints[:, 2] == pytest.approx(0.8, abs=1e-3)
    assert results["files"][0]["hands"][0]["score"] == pytest.approx(0.8, abs=1e-3)


def test_what_is_missing_is_said_with_its_command(package, tmp_path):
    result = predict(tmp_path, "--detector", "teacher")
    assert (result.exit_code, result.stderr) == (
        1,
        f"Error: The teacher that is installed has no palm.tflite. Install a version that has it with: {OURS}\n",
    )
    result = predict(tmp_path, "--weights", "teacher", "--engine", "keras")
    assert result.stderr == (
        "Error: The networks of teacher are run by LiteRT alone. Received: keras. Use --engine litert.\n"
    )
    package.write_bytes(package.read_bytes() + b"other")
    result = predict(tmp_path, "--weights", "teacher")
    assert result.stderr == (
        f"Error: {tmp_path}/hand.json is the contract of other weights than hand.tflite: "
        f"install another teacher with: {OURS}\n"
    )
    assert not (tmp_path / "out").exists()


def test_a_package_that_is_not_installed_is_said_with_its_command(tmp_path, monkeypatch):
    monkeypatch.setattr(installed, "NETWORKS", {"no_such_teacher": installed.NETWORKS["mediapipe"]})
    result = handpose("predict", SAMPLES / "no_hand.jpg", "-o", tmp_path / "out", "--weights", "no_such_teacher")
    assert (result.exit_code, result.stderr) == (
        1,
        "Error: The network is read from no_such_teacher, which is not installed. "
        "Install it with: pip install 'handpose-cli[no_such_teacher]'\n",
    )


def test_the_contracts_of_installed_networks_are_whole():
    files = [file for of_package in installed.NETWORKS.values() for file in of_package.values()]
    assert len(files) == len(list(installed.CONTRACTS.glob("*.json"))) == 2
    for of_package in installed.NETWORKS.values():
        for kind, file in of_package.items():
            name = file.rsplit("/")[-1]
            contract = contract_file.read(installed.CONTRACTS / name.replace(".tflite", ".json"))
            assert contract.kind == kind
            assert list(contract.weights) == [name]


def test_probabilities_of_a_hand_and_of_its_side_may_be_outputs_of_their_own():
    outputs = {"a": POINTS.reshape(1, 63), "b": np.array([[0.6]]), "c": np.array([[0.2]])}
    parts = {"points": "a", "is_hand": "b", "is_right": "c"}
    network = DecodedKeypoints(lambda crops: outputs, Contract("keypoints", 64, "pixels", parts))
    answers = network.find(np.zeros((1, 64, 64, 3), np.uint8))
    assert answers.keypoints[0] == pytest.approx(POINTS[:, :2] - 0.5, abs=1e-4)
    assert (answers.is_hand, answers.is_right) == (pytest.approx([0.6]), pytest.approx([0.2]))
    assert answers.scores.tolist() == [[1.0] * 21]


def upright_finder(crops):
    """Find a hand by its red wrist and green fingers; sure of it only where the fingers are above the wrist."""
    points = np.zeros((len(crops), 21, 2), np.float32)
    for crop, its in zip(crops, points, strict=True):
        its[0] = np.argwhere(crop[..., 0])[0][::-1]
        its[1:] = np.argwhere(crop[..., 1])[0][::-1]
    is_up = points[:, 9, 1] < points[:, 0, 1] - 5
    is_hand = np.where(is_up, 0.95, 0.5).astype(np.float32)
    return Answers(points, np.repeat(is_hand[:, None], 21, axis=1), is_hand, np.where(is_up, 0.9, 0.1))


def test_hands_that_point_elsewhere_are_found_in_quarter_turns():
    asked = []

    def ask(crops):
        asked.append(len(crops))
        return upright_finder(crops)

    upright = np.zeros((32, 32, 3), np.uint8)
    upright[25, 12, 0] = upright[6, 14, 1] = 255
    crops = np.stack([np.rot90(upright, turns) for turns in range(4)])
    answers = in_quarters(ask, crops)
    assert asked == [4, 3, 3, 3]  # the one that is upright is not asked again
    places = [[(12, 25), (14, 6)], [(25, 19), (6, 17)], [(19, 6), (17, 25)], [(6, 12), (25, 14)]]
    assert answers.keypoints[:, [0, 9]] == pytest.approx(np.array(places))
    assert answers.is_hand == pytest.approx(0.95)
    assert answers.is_right == pytest.approx(0.9)
    assert answers.scores == pytest.approx(0.95)


@pytest.mark.parametrize(("up", "direction"), [((0, -20), (0, -1)), ((12, 16), (0.6, 0.8))])
def test_a_palm_becomes_the_box_of_its_hand(up, direction):
    centres = palms.anchors(192)
    assert len(centres) == 2016
    row = 24 * 24 * 2 + 6 * (12 * 5 + 7) + 3  # of the coarser grid: row 5, column 7
    assert centres[row].tolist() == [7.5 * 16, 5.5 * 16]
    encodings, logits = np.zeros((1, 2016, 18), np.float32), np.full((1, 2016, 1), -200, np.float32)
    encodings[0, row, :4], logits[0, row] = (3, -2, 30, 28), 2.0
    encodings[0, row, 4:8], encodings[0, row, 8:10] = (5, 5, 0, 0), (5 + up[0], 5 + up[1])
    contract = Contract("detector", 192, "palms", {"logits": "l", "encodings": "e"}, fit="letterbox")
    detector = DecodedBoxes(lambda images: {"l": logits, "e": encodings}, contract)
    boxes, scores, _ = detector.boxes([np.zeros((384, 384, 3), np.uint8)], 0.5)[0]
    middle = np.array([120 + 3, 88 - 2]) + palms.SHIFT * 30 * np.array(direction)
    assert boxes == pytest.approx(2 * np.array([[*(middle - palms.SIDE * 15), *[palms.SIDE * 30] * 2]]), abs=1e-2)
    assert scores == pytest.approx([1 / (1 + np.exp(-2))])


def has_mediapipe():
    try:
        return all(installed.find("mediapipe", "litert", kind) for kind in ("keypoints", "detector"))
    except weights.WeightsError:
        return False


@pytest.mark.skipif(not has_mediapipe(), reason="mediapipe is not installed, or has not these networks")
def test_mediapipe_finds_the_hand_of_a_sample(tmp_path):
    options = ("--weights", "mediapipe", "--detector", "mediapipe")
    was_there = "mediapipe" in sys.modules
    assert handpose("predict", SAMPLES / "horns_forest.jpg", "-o", tmp_path / "out", *options).exit_code == 0
    assert ("mediapipe" in sys.modules) == was_there
    (hand,) = read_results(tmp_path / "out")["files"][0]["hands"]
    (label,) = next(r for r in read_labels(SAMPLES / "labels.json") if r.file == "horns_forest.jpg").hands
    assert hand["handedness"] == "right"
    distance = np.linalg.norm(np.array(hand["keypoints"])[:, :2] - label.keypoints, axis=1).mean()
    assert distance < 0.06 * label.box[2:].max()
    assert iou(np.array([hand["box"]]), label.box[None])[0, 0] > 0.7
