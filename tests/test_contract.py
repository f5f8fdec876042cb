"""Networks of other kinds, made here, annotate by their contracts alone; and what is wrong with a contract is said."""

import json
from dataclasses import replace

import cv2
import keras
import numpy as np
import pytest
from conftest import SAMPLES, handpose, read_results

from handpose_cli import weights
from handpose_cli.crop import CROP_SCALE
from handpose_cli.engine import contract_file
from handpose_cli.engine.contract import Calibration, Contract
from handpose_cli.training import fit_scores
from handpose_cli.training.delivery.export import export_litert

IMAGE = (200, 100)  # width, height
BOXES = np.array([[0.1, 0.2, 0.4, 0.6], [0.6, 0.2, 0.3, 0.6], [0.12, 0.22, 0.4, 0.6]], np.float32)
BOX_SCORES = np.array([0.9, 0.6, 0.8], np.float32)  # the last is the first again
POINTS = np.stack([0.5 + 0.3 * np.sin(np.arange(21)), 0.5 - 0.3 * np.cos(np.arange(21))], axis=1).astype(np.float32)
OF_POINTS = Contract("keypoints", 64, "coordinates", {"points": "where", "scores": "sure"})
OF_BOXES = Contract("detector", 96, "boxes", {"boxes": "places", "scores": "sure"}, highest=255)


def export_constants(path, size, **constants):
    """Export a network that answers the same whatever it sees."""
    inputs = keras.Input((size, size, 3))
    pooled = keras.layers.GlobalAveragePooling2D()(inputs)
    outputs = {}
    for name, values in constants.items():
        flat = keras.layers.Dense(values.size, kernel_initializer="zeros", name=f"{name}_flat")
        outputs[name] = keras.layers.Reshape(values.shape, name=name)(flat(pooled))
        flat.bias.assign(values.ravel())
    export_litert(keras.Model(inputs, outputs), path)


@pytest.fixture(scope="module")
def networks(tmp_path_factory):
    folder = tmp_path_factory.mktemp("networks")
    export_constants(folder / "regressor.tflite", 64, where=POINTS, sure=np.full(21, 0.7, np.float32))
    export_constants(folder / "boxer.tflite", 96, places=BOXES, sure=BOX_SCORES)
    return folder


@pytest.fixture
def folder(networks, tmp_path):
    """The two networks with their contracts, and an image."""
    for name in ("regressor", "boxer"):
        (tmp_path / f"{name}.tflite").write_bytes((networks / f"{name}.tflite").read_bytes())
    contract_file.write(OF_POINTS, tmp_path / "regressor.json")
    contract_file.write(OF_BOXES, tmp_path / "boxer.json")
    cv2.imwrite(str(tmp_path / "image.png"), np.full((IMAGE[1], IMAGE[0], 3), 99, np.uint8))
    return tmp_path


def predict(folder, *options):
    networks = ("--weights", folder / "regressor.tflite", "--detector", folder / "boxer.tflite", "--views", 1)
    return handpose("predict", folder / "image.png", "-o", folder / "out", "--overwrite", *networks, *options)


def test_made_up_networks_annotate_by_their_contracts_alone(folder):
    result = predict(folder)
    assert result.exit_code == 0, result.stderr
    results = read_results(folder / "out")
    assert results["info"]["scores"] == "the networks' own: nothing is known of what they are worth"
    assert set(results["info"]["weights"]) == {"regressor.tflite", "boxer.tflite"}
    hands = results["files"][0]["hands"]
    assert [hand["score"] for hand in hands] == pytest.approx([0.9, 0.6], abs=1e-3)
    assert [hand["handedness"] for hand in hands] == [None, None]
    for hand, (x, y, width, height) in zip(hands, BOXES * np.tile(IMAGE, 2), strict=False):
        keypoints = np.array(hand["keypoints"])
        side = CROP_SCALE * max(width, height)
        expected = np.array([x + width / 2, y + height / 2]) + (POINTS - 0.5) * side
        assert keypoints[:, :2] == pytest.approx(expected, abs=side / 64)
        assert keypoints[:, 2] == pytest.approx(0.7, abs=1e-3)


def test_scores_are_what_the_contract_says_they_are_worth(folder):
    calibration = Calibration({1: (2.0, 0.5)}, {1: (1.0, 0.5, 0.0, -1.0)})
    contract_file.write(replace(OF_POINTS, calibration=calibration), folder / "regressor.json")
    assert predict(folder).exit_code == 0
    results = read_results(folder / "out")
    assert results["info"]["scores"].startswith(
        "hand: probability that it is one; joint: probability that it is within"
    )
    hand = results["files"][0]["hands"][0]
    joint = 1 / (1 + np.exp(-(2 * np.log(0.7 / 0.3) + 0.5)))
    assert np.array(hand["keypoints"])[:, 2] == pytest.approx(joint, abs=1e-3)
    assert hand["score"] == pytest.approx(
        1 / (1 + np.exp(-(np.log(9) + 0.5 * np.log(joint / (1 - joint)) - 1))), abs=1e-3
    )


def test_a_second_network_is_named_in_the_results_and_without_it_it_is_another_run(folder):
    contract_file.write(replace(OF_POINTS, second="hourglass-wide"), folder / "regressor.json")
    assert predict(folder, "--views", 2).exit_code == 0
    assert set(read_results(folder / "out")["info"]["weights"]) == {
        "regressor.tflite",
        "boxer.tflite",
        "hourglass-wide.tflite",
    }
    contract_file.write(OF_POINTS, folder / "regressor.json")
    networks = ("--weights", folder / "regressor.tflite", "--detector", folder / "boxer.tflite", "--views", 2)
    result = handpose("predict", folder / "image.png", "-o", folder / "out", "--resume", *networks)
    assert "weights" in result.stderr
    assert set(read_results(folder / "out")["info"]["weights"]) == {"regressor.tflite", "boxer.tflite"}


def test_another_calibration_is_another_run(folder):
    assert predict(folder).exit_code == 0
    contract_file.write(
        replace(OF_POINTS, calibration=Calibration({1: (2.0, 0.5)}, {1: (1, 1, 0, 0)})), folder / "regressor.json"
    )
    options = (
        "--weights",
        folder / "regressor.tflite",
        "--detector",
        folder / "boxer.tflite",
        "--views",
        1,
        "--resume",
    )
    result = handpose("predict", folder / "image.png", "-o", folder / "out", *options)
    assert "weights" in result.stderr
    assert read_results(folder / "out")["info"]["scores"].startswith("hand: probability")


@pytest.mark.parametrize(
    ("name", "changes", "message"),
    [
        ("regressor", {"weights": {"regressor.tflite": "0" * 64}},
         "{folder}/regressor.json is the contract of other weights than regressor.tflite: put theirs there"),
        ("regressor", {"outputs": {"points": "there"}},
         "{folder}/regressor.tflite: it has no output named 'there', which its contract names"),
        ("regressor", {"input_size": 128},
         "{folder}/regressor.tflite: its input is 64 pixels large, its contract says 128"),
        ("regressor", {"decoding": "ssd"},
         "{folder}/regressor.tflite: its contract's decoding must be one of "
         "heatmaps, logits, coordinates, pixels: 'ssd'"),
        ("regressor", {"outputs": {"scores": "sure"}},
         "{folder}/regressor.tflite: its contract must say in outputs which one is its points"),
        ("regressor", {"in_quarters": True},
         "{folder}/regressor.tflite: its contract must say in outputs which one is its is_hand, for in_quarters"),
        ("regressor", {"crop_scale": 0},
         "{folder}/regressor.json: not a network's contract: crop_scale must be above 0, most_tilt from 0"),
        ("regressor", {"second": "hourglass"},
         "{folder}/regressor.json: its second network: No such weights: hourglass "
         "(bundled are hand-landmarks, hourglass-lite, hourglass-wide)"),
        ("boxer", {"outputs": {"boxes": 3}},
         "{folder}/boxer.json: not a network's contract: outputs must name an output for each part"),
        ("boxer", {"kind": "keypoints"},
         "{folder}/boxer.tflite: its contract says that it is for: keypoints. Needed: detector"),
        ("boxer", {"kind": "mask"},
         "{folder}/boxer.json: not a network's contract: "
         "kind must be one of keypoints, detector, input_size at least 1"),
    ],
)  # fmt: skip
def test_a_contract_that_does_not_fit_is_refused(folder, name, changes, message):
    path = folder / f"{name}.json"
    contract_file.write(replace(contract_file.read(path), **changes), path)
    result = predict(folder)
    assert (result.exit_code, result.stderr) == (1, f"Error: {message.format(folder=folder)}\n")
    assert not (folder / "out").exists()


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"kind": 3}', '{"kind": "detector", "colour": 1}', "\xff"])
def test_a_damaged_contract_is_refused(folder, text):
    (folder / "boxer.json").write_text(text, encoding="latin-1")
    result = predict(folder)
    assert result.exit_code == 1
    assert result.stderr.startswith(f"Error: {folder}/boxer.json: not a network's contract: ")
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize("companion", ["", "hand-landmarks"])
def test_a_contract_of_an_earlier_version_may_name_a_companion(folder, companion):
    content = json.loads((folder / "regressor.json").read_text())
    (folder / "regressor.json").write_text(json.dumps(content | {"companion": companion}))
    assert contract_file.read(folder / "regressor.json") == OF_POINTS


def test_a_contract_of_an_earlier_version_has_one_calibration_of_hands_for_all_views(folder):
    calibration = Calibration({1: (2.0, 0.5)}, {1: (1.0, 0.5, 0.0, -1.0)})
    contract_file.write(replace(OF_POINTS, calibration=calibration), folder / "regressor.json")
    content = json.loads((folder / "regressor.json").read_text())
    content["calibration"]["hand"] = content["calibration"]["hand"]["1"]
    (folder / "regressor.json").write_text(json.dumps(content))
    assert contract_file.read(folder / "regressor.json").calibration == calibration


def test_a_detector_without_a_contract_is_refused(folder):
    (folder / "boxer.json").unlink()
    result = predict(folder)
    assert result.exit_code == 1
    assert result.stderr == (
        f"Error: {folder}/boxer.tflite: no contract beside it (boxer.json), and not an hourglass exported by handpose "
        "(outputs: places, sure)\n"
    )


def test_a_detector_that_is_not_there_is_named_with_those_that_are(folder):
    result = handpose("predict", folder / "image.png", "-o", folder / "out", "--detector", "palm")
    assert result.exit_code == 2
    assert result.stderr == (
        "Error: No such weights: palm (bundled are ssd, ssd-egohands-lite, ssd-hand, ssd-palm). "
        "Give --detector a file, a run folder or one of these.\n"
    )
    result = handpose("predict", folder / "image.png", "-o", folder / "out", "--weights", "hourglass")
    assert result.stderr == (
        "Error: No such weights: hourglass (bundled are hand-landmarks, hourglass-lite, hourglass-wide). "
        "Give --weights a file, a run folder or one of these.\n"
    )


def test_the_bundled_contracts_are_those_of_the_bundled_weights():
    for path in sorted(weights.FOLDER.glob("*.json")):
        contract = contract_file.read(path)
        assert contract.weights == {
            file.name: weights.sha256(file)
            for file in sorted(path.parent.iterdir())
            if file.name in (f"{path.stem}.tflite", f"{path.stem}.weights.h5")
        }
        assert contract.licence and contract.data


def test_scores_are_fitted_to_any_network_and_written_into_its_contract(tmp_path):
    weights_file = tmp_path / "mine.tflite"
    weights_file.write_bytes((weights.FOLDER / "hourglass-lite.tflite").read_bytes())
    fit_scores.main([str(weights_file), "--keypoints", str(SAMPLES), "--boxes", str(SAMPLES)])
    fitted = contract_file.read(tmp_path / "mine.json").calibration
    assert list(fitted.joints) == [1, 2, 3, 4]
    assert all(factor > 0 for factor, _ in fitted.joints.values())
    assert list(fitted.hand) == [1, 2, 3, 4]
    assert all(box + mean > 0 for box, mean, _, _ in fitted.hand.values())  # what says "hand" makes one more probable
    assert list(contract_file.read(tmp_path / "mine.json").weights) == ["mine.tflite"]
    options = ("--weights", weights_file, "--views", 2)
    assert handpose("predict", SAMPLES / "two_hands.jpg", "-o", tmp_path / "out", *options).exit_code == 0
    assert read_results(tmp_path / "out")["info"]["scores"].startswith("hand: probability")


def test_what_fits_scores_explains_itself_and_its_errors(tmp_path, capsys):
    with pytest.raises(SystemExit) as ended:
        fit_scores.main(["--help"])
    shown = " ".join(capsys.readouterr().out.split())
    assert ended.value.code == 0 and "See the module" not in shown
    assert "labels with keypoints, which teach what a joint's score is worth" in shown
    with pytest.raises(SystemExit) as ended:
        fit_scores.main(["nowhere", "--keypoints", str(SAMPLES), "--boxes", str(SAMPLES)])
    assert str(ended.value).startswith("No such weights: nowhere (bundled are ")
