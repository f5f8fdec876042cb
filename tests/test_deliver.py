"""The end of a training run: exported networks that are what was trained, the card, and prediction with the folder."""

import json
import re
import shutil
import sys
import zipfile
from dataclasses import asdict

import keras
import numpy as np
import pytest
from conftest import SAMPLES, handpose, read_results

from handpose_cli import engine
from handpose_cli.annotator.tta import upright
from handpose_cli.crop import crop_around
from handpose_cli.engine.contract import of_maps
from handpose_cli.engine.keypoint_network import DecodedKeypoints
from handpose_cli.networks.hourglass import presets
from handpose_cli.networks.hourglass.heatmaps import crop_to_heatmap, encode
from handpose_cli.training.data.samples import Sample, read_samples
from handpose_cli.training.delivery import deliver
from handpose_cli.training.delivery.card import _outputs, _preprocessing, write_card, write_data
from handpose_cli.training.delivery.curves import draw_curves, read_columns
from handpose_cli.training.delivery.deliver import FLOAT32, INT8, KERAS, ONNX, PCK, DeliveryError

TINY = presets.Preset(1, 16, 1, 32, "fixup", 1.5, "cross-entropy", hand_head=True)
LOG = """epoch,loss,hand_loss,val_pck@0.1/keypoints,val_nme/keypoints
1,5.5,0.7,0.25,0.5
2,4.25,0.6,0.75,0.125
3,4.125,,0.5,0.25
"""
PICTURE, LABELS = SAMPLES / "open_palm_sleeve.jpg", SAMPLES / "labels.json"


@pytest.fixture(scope="module")
def held_back():
    return read_samples([str(SAMPLES)])


def crops():
    rng = np.random.default_rng(0)
    return (rng.random((1, 32, 32, 3), np.float32) for _ in range(8))


def save_random_weights(run, seed):
    rng = np.random.default_rng(seed)
    model = presets.build(TINY)
    model.set_weights([weights + rng.normal(0, 0.05, weights.shape) for weights in model.get_weights()])
    model.save_weights(run / "best.weights.h5")


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A run folder as it is when the last epoch is done; the weights are random."""
    run = tmp_path_factory.mktemp("runs") / "run"
    run.mkdir()
    save_random_weights(run, seed=0)
    settings = {"preset": "hourglass-lite", "data": [str(SAMPLES)], "val": [], "val_split": 0.1, "weights": None,
                "data_licence": []}  # fmt: skip
    (run / "settings.json").write_text(json.dumps({**settings, **asdict(TINY)}))
    (run / "log.csv").write_text(LOG)
    return run


@pytest.fixture(scope="module")
def delivery(trained, held_back, tmp_path_factory):
    """A copy of that folder, delivered while Keras's precision is another one; the figures; the lines reported."""
    run = tmp_path_factory.mktemp("delivered") / "run"
    shutil.copytree(trained, run)
    lines = []
    with deliver.in_precision("mixed_bfloat16"):
        figures = deliver.deliver(run, crops, held_back, report=lines.append)
        assert keras.config.dtype_policy().name == "mixed_bfloat16"
    return run, figures, lines


@pytest.fixture
def unfinished(trained, tmp_path):
    return shutil.copytree(trained, tmp_path / "run")


def test_the_files_are_the_network_that_was_trained(delivery, held_back):
    run, figures, lines = delivery
    assert {path.name for path in run.iterdir()} == {
        "best.weights.h5", "settings.json", "log.csv", KERAS, FLOAT32, INT8, "models.json", "network.json"
    }  # fmt: skip
    assert json.loads((run / "models.json").read_text()) == figures
    assert figures["validation_hands"] == len(held_back)
    assert [line.partition(":")[0] for line in lines] == list(figures["files"]) == [KERAS, FLOAT32, INT8]

    images = np.random.default_rng(1).random((3, 32, 32, 3), np.float32)
    expected = engine.load_keypoint_network("keras", str(run)).network(images)
    exported = keras.models.load_model(run / KERAS)
    assert {layer.compute_dtype for layer in exported.layers} == {"float32"}
    litert = engine.load_keypoint_network("litert", str(run / FLOAT32)).network
    for outputs in (exported.predict_on_batch(images), litert(images)):
        assert outputs.keys() == expected.keys() == {"logits", "hand"}
        for name, values in outputs.items():
            assert values == pytest.approx(expected[name], abs=1e-4 * float(np.ptp(expected["logits"])))
    for name, measured in figures["files"].items():
        assert measured["bytes"] == (run / name).stat().st_size
        assert (max(measured["largest_difference"].values()) < 1e-4) == (name != INT8)
        assert (PCK in measured) == name.endswith(".tflite")


def test_keras_loads_the_model_without_our_code(delivery):
    with zipfile.ZipFile(delivery[0] / KERAS) as file:
        config = json.loads(file.read("config.json"))

    def modules(node):
        for value in node.values() if isinstance(node, dict) else node:
            if isinstance(value, dict | list):
                yield from modules(value)
        if isinstance(node, dict) and "module" in node:
            yield node["module"] or node.get("registered_name")

    found = set(modules(config))
    assert len(found) > 3
    assert all(module.partition(".")[0] == "keras" for module in found), found


@pytest.mark.parametrize("name", ["litert", "keras"])
def test_prediction_takes_the_folder_as_it_is(delivery, tmp_path, name):
    run, figures, _ = delivery
    options = ("--weights", run, "--engine", name, "--detector", "whole-image", "--views", 1)
    result = handpose("predict", PICTURE, "-o", tmp_path / "out", *options)
    assert result.exit_code == 0, result.stderr
    used = {"litert": figures["litert"], "keras": "best.weights.h5"}
    assert list(read_results(tmp_path / "out")["info"]["weights"]) == [used[name]]


@pytest.mark.parametrize(
    ("int8", "chosen"), [(0.9, INT8), (0.896, INT8), (0.894, FLOAT32), (0.95, INT8), (float("nan"), FLOAT32)]
)
def test_int8_is_run_unless_it_is_less_accurate(int8, chosen):
    assert deliver.choose({FLOAT32: {PCK: 0.9}, INT8: {PCK: int8}}) == chosen


def test_the_file_that_models_json_names_is_the_one_run(delivery, tmp_path):
    run = shutil.copytree(delivery[0], tmp_path / "run")
    for name in (FLOAT32, INT8):
        (run / "models.json").write_text(json.dumps({"litert": name}))
        assert engine.weights.find(str(run), "litert") == run / name


def error_of(run, name="litert"):
    result = handpose("predict", PICTURE, "-o", run.parent / "out", "--weights", run, "--engine", name)
    assert result.exit_code == 1
    return result.stderr


def test_an_unfinished_run_says_how_to_go_on(unfinished):
    run = unfinished
    assert error_of(run) == (
        f"Error: {run} has no exported network: its training is not finished, or did not export. "
        f"Use --engine keras, or go on with: handpose train -o {run} --resume --export litert\n"
    )
    (run / "models.json").write_text("{")
    assert error_of(run) == (
        f"Error: {run}/models.json is damaged. "
        f"Use --engine keras, or have it written again: handpose train -o {run} --resume\n"
    )
    (run / "models.json").write_text('{"litert": "model.tflite"}')
    result = handpose("evaluate", "--labels", SAMPLES, "--weights", run)
    missing = f"Error: {run}/model.tflite is missing, though models.json names it. Use --engine keras.\n"
    assert (result.exit_code, result.stderr) == (1, missing)
    deliver.withdraw(run)
    (run / "best.weights.h5").unlink()
    for name in ("litert", "keras"):
        assert error_of(run, name) == (
            f"Error: {run} has no weights yet: its first epoch is not done. "
            f"Go on with: handpose train -o {run} --resume\n"
        )
    (run / "settings.json").unlink()
    assert error_of(run) == (
        f"Error: {run} is no run folder of handpose train: it has no settings.json. Give --weights one.\n"
    )


def test_forms_are_checked_before_a_run(monkeypatch):
    deliver.check_forms(("litert",))
    with pytest.raises(DeliveryError) as error:
        deliver.check_forms(("coreml",))
    assert str(error.value) == "no such export: coreml. There are: litert, onnx, none"
    monkeypatch.setitem(sys.modules, "tf2onnx", None)
    monkeypatch.setitem(sys.modules, "onnx", sys)
    with pytest.raises(DeliveryError) as error:
        deliver.check_forms(("onnx",))
    assert str(error.value) == "An ONNX file needs tf2onnx. Install it with: pip install 'handpose-cli[onnx]'"


def test_a_file_that_is_not_the_network_is_not_delivered(unfinished, delivery, held_back, monkeypatch):
    (unfinished / "models.json").write_text("{}")
    save_random_weights(unfinished, seed=1)
    monkeypatch.setattr(deliver, "export_litert", lambda model, path: shutil.copy(delivery[0] / FLOAT32, path))
    before = {*(path.name for path in unfinished.iterdir())} - {"models.json"}
    with pytest.raises(DeliveryError) as error:
        deliver.deliver(unfinished, crops, held_back[:2])
    assert re.fullmatch(
        rf"{re.escape(str(unfinished))}/model.tflite was not written: it differs from the Keras model by [\d.]+ "
        r"\(at most 0.0001\)$",
        str(error.value),
    )
    assert {path.name for path in unfinished.iterdir()} == before | {KERAS}

    def cannot(*arguments):
        raise RuntimeError("no such operation\nat all")

    monkeypatch.setattr(deliver, "export_litert", cannot)
    with pytest.raises(DeliveryError) as error:
        deliver.deliver(unfinished, crops, held_back[:2])
    assert str(error.value) == "model.tflite cannot be exported: no such operation"


def test_onnx_on_request(unfinished, held_back):
    for package in deliver.PACKAGES:
        pytest.importorskip(package)
    figures = deliver.deliver(unfinished, crops, held_back[:2], ["onnx"])
    assert max(figures["files"][ONNX]["largest_difference"].values()) < 1e-4
    assert json.loads((unfinished / "models.json").read_text()) == figures
    import onnx

    graph = onnx.load(unfinished / ONNX).graph
    dims = {value.name: value.type.tensor_type.shape.dim for value in (*graph.input, *graph.output)}
    shapes = {name: [size.dim_param or size.dim_value for size in sizes] for name, sizes in dims.items()}
    assert shapes == {"crop": ["batch", 32, 32, 3], "logits": ["batch", 8, 8, 21], "hand": ["batch", 2]}


def test_accuracy_is_that_of_prediction(held_back):
    """A network that answers with the labels is right; one that misses a joint of 21 by a third of the hand is not."""

    def answers(shift):
        for sample in held_back:
            points = crop_around(sample.box, 256).to_crop(sample.hand.keypoints)
            points[8] += shift
            maps = np.log(encode(crop_to_heatmap(points), 64, 1.5) + 1e-9)
            yield {"logits": maps[None].astype(np.float32)}

    for shift, expected in ((0, 1.0), (80, 20 / 21)):
        given = answers(shift)
        network = DecodedKeypoints(lambda inputs, given=given: next(given), of_maps(256, "logits", hand_head=False))
        assert deliver.accuracy(network, held_back) == pytest.approx(expected)


def test_what_learned_upright_hands_is_measured_on_such(held_back):
    """Its int8 form was chosen by hands as they stand, which it never saw."""

    def answers():
        for sample in held_back:
            crop = upright(sample.hand.keypoints, 256, 1.3)
            maps = np.log(encode(crop_to_heatmap(crop.to_crop(sample.hand.keypoints)), 64, 1.5) + 1e-9)
            yield {"logits": maps[None].astype(np.float32)}

    given = answers()
    network = DecodedKeypoints(lambda inputs: next(given), of_maps(256, "logits", hand_head=False))
    assert deliver.accuracy(network, held_back, upright=True) == 1.0


def test_calibration_sees_places_without_a_hand_too(held_back, monkeypatch):
    monkeypatch.setattr(deliver, "CALIBRATION_CROPS", 40)
    black = [Sample(SAMPLES / "no_hand.jpg", None, np.array([-999, -999, 20, 20], np.float32))] * 50
    assert [crop.shape for crop in deliver.calibration_crops(held_back, 32, black)()] == [(1, 32, 32, 3)] * 40
    seen = []
    monkeypatch.setattr(deliver, "RandomCrops", lambda *arguments, **options: seen.append(options) or {})
    deliver.calibration_crops(held_back, 32, black, upright=True)
    assert seen[0]["places"] is black
    assert seen[0]["upright"] is True


def test_curves(tmp_path):
    (tmp_path / "log.csv").write_text(LOG)
    epochs, columns = read_columns(tmp_path / "log.csv")
    assert (epochs, columns["loss"]) == ([1, 2, 3], [5.5, 4.25, 4.125])
    assert np.isnan(columns["hand_loss"][2])
    draw_curves(tmp_path / "log.csv", tmp_path / "curves.png")
    whole = (tmp_path / "curves.png").read_bytes()
    assert whole.startswith(b"\x89PNG")
    (tmp_path / "log.csv").write_text(LOG.replace("0.75", "0.25"))
    draw_curves(tmp_path / "log.csv", tmp_path / "curves.png")
    assert (tmp_path / "curves.png").read_bytes() != whole
    (tmp_path / "log.csv").write_text("epoch,loss\n")
    with pytest.raises(ValueError) as error:
        draw_curves(tmp_path / "log.csv", tmp_path / "none.png")
    assert str(error.value) == f"{tmp_path}/log.csv: no epochs"
    assert not (tmp_path / "none.png").exists()


def test_the_card_says_what_the_folder_holds(delivery, tmp_path):
    run = shutil.copytree(delivery[0], tmp_path / "run")
    known = {"data": {f"label-list:{LABELS}": (13, "")}, "val": {}, "negatives": {str(SAMPLES): (40, "")}}
    write_data(run, known, 12, 1)
    text = write_card(run).read_text()
    for line in (
        "# hourglass-lite: 21 hand keypoints",
        "`crop`: float32 [n, 32, 32, 3], RGB, 0 to 1; one hand in each crop.",
        f"| training | `label-list:{LABELS}` | label-list | 13 hands |",
        f"| the hand score | `{SAMPLES}` | label-list | 40 places |",
        "Trained on 12 hands, of which each was seen 3.0 times on average, validated on 1; 10% of the training data's "
        "images were held back for it.",
        "Licence of the data: not stated.",
        "| block | fixup |",
        "|  | best epoch (2) | last epoch (3) |",
        "| val_pck@0.1/keypoints | 0.75 | 0.5 |",
        "![learning curves](curves.png)",
        "- `hand` was learnt from the hands and the places above; what is unlike them may pass for a hand.",
    ):
        assert line in text.splitlines(), line
    for name, measured in delivery[1]["files"].items():
        assert f"| `{name}` | " in text
        assert f" | {measured['bytes'] / 1e6:.1f} MB | logits {measured['largest_difference']['logits']:.1g}" in text
    assert (run / "curves.png").exists()
    assert write_card(run).read_text() == text

    settings = json.loads((run / "settings.json").read_text())
    settings |= {"data_licence": ["a: CC BY 4.0", "b: research only"], "loss": "mse", "hand_head": False}
    settings |= {"steps_per_epoch": 4, "batch_size": 11}  # 132 crops, of 12 hands and 2.4 places
    (run / "settings.json").write_text(json.dumps(settings))
    other = write_card(run).read_text()
    assert "\nLicence of the data: a: CC BY 4.0; b: research only.\n" in other
    assert "`heatmaps`: float32 [n, 8, 8, 21], a map for each joint, a Gaussian (sigma 1.5 map pixels" in other
    assert "each was seen 9.2 times" in other
    assert "does not say which hand it is" in other
    write_data(run, known, 12, 3, (1, 2))
    assert "; 1 of the 2 images to validate on are also trained on.\n" in write_card(run).read_text()


def test_the_card_says_what_the_encoders_own_answer_is():
    preset = presets.get_preset("hourglass-lite")
    assert "a side s of 1.35 times the box's longer side." in _preprocessing(preset)
    assert "`points`: float32 [n, 42], the encoder's own answer: x and y of each joint" in _outputs(preset)
    assert "`points`" not in _outputs(presets.get_preset("hourglass-wide"))
