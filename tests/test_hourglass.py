"""The hourglass: shapes, presets, blocks, errors, losses, and its export."""

import keras
import numpy as np
import pytest

from handpose_cli import engine
from handpose_cli.networks.hourglass import presets
from handpose_cli.networks.hourglass.heatmaps import encode, heatmap_to_crop
from handpose_cli.networks.hourglass.model import BLOCKS, build_hourglass
from handpose_cli.training.delivery.export import export_litert
from handpose_cli.training.loss import HeatmapCrossEntropy, HeatmapMSE, PointsLoss

SMALL = {"features": 16, "order": 2, "input_size": 32}


@pytest.mark.parametrize("block", BLOCKS)
def test_every_stack_gives_heatmaps_a_quarter_of_the_crop(block):
    model = build_hourglass(stacks=2, block=block, **SMALL)
    outputs = model(np.zeros((2, 32, 32, 3), np.float32))
    assert {name: tuple(output.shape) for name, output in outputs.items()} == {
        f"stack{i}_heatmaps": (2, 8, 8, 21) for i in (1, 2)
    }


def test_the_hand_head_is_an_output_of_its_own():
    model = build_hourglass(stacks=2, hand_head=True, **SMALL)
    assert tuple(model(np.zeros((2, 32, 32, 3), np.float32))["hand"].shape) == (2, 2)


def test_a_fixup_block_begins_as_the_identity():
    inputs = keras.Input((8, 8, 16))
    block = keras.Model(inputs, BLOCKS["fixup"](inputs, 16, "block"))
    x = np.random.default_rng(0).random((2, 8, 8, 16), np.float32)
    assert np.array_equal(block.predict_on_batch(x), x)


@pytest.mark.parametrize(
    ("name", "stacks", "side", "millions"), [("hourglass-8", 8, 64, 25.0), ("hourglass-2", 2, 64, 6.7)]
)
def test_the_presets_of_the_paper_and_the_seed(name, stacks, side, millions):
    model = presets.build(presets.get_preset(name))
    assert [tuple(output.shape) for output in model.outputs] == [(None, side, side, 21)] * stacks
    assert set(model.output) == {f"stack{i + 1}_heatmaps" for i in range(stacks)}
    assert model.count_params() / 1e6 == pytest.approx(millions, rel=0.1)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"stacks": 0}, "stacks must be at least 1. Received: 0"),
        ({"order": 0}, "order must be at least 1. Received: 0"),
        ({"block": "dense"}, "block must be one of preact, bottleneck, plain, fixup, separable. Received: 'dense'"),
        ({"input_size": 100}, "input_size must be a multiple of 16 for order 2. Received: 100"),
        ({"features": (16, 32)}, "features must be one number or 3 numbers, each at least 8. Received: (16, 32)"),
    ],
)
def test_wrong_parameters_are_named(wrong, message):
    with pytest.raises(ValueError) as error:
        build_hourglass(**{**SMALL, **wrong})
    assert str(error.value) == message


def test_unknown_preset():
    with pytest.raises(ValueError, match=r"^preset must be one of hourglass-8, .*\. Received: 'hourglass-3'$"):
        presets.get_preset("hourglass-3")


def test_weights_fit_another_input_size(tmp_path):
    """Training goes from small crops to large ones."""
    small = build_hourglass(block="plain", **SMALL)
    small.save_weights(tmp_path / "w.weights.h5")
    large = build_hourglass(block="plain", **{**SMALL, "input_size": 64})
    large.load_weights(tmp_path / "w.weights.h5")
    for one, other in zip(small.get_weights(), large.get_weights(), strict=True):
        assert np.array_equal(one, other)


def test_litert_equals_keras(tmp_path):
    model = build_hourglass(stacks=1, block="plain", **SMALL)
    model = keras.Model(model.input, {"heatmaps": model.outputs[-1]})
    export_litert(model, tmp_path / "small.tflite")
    crops = np.random.default_rng(0).random((3, 32, 32, 3), np.float32)
    exported = engine.load_keypoint_network("litert", str(tmp_path / "small.tflite")).network(crops)["heatmaps"]
    assert exported == pytest.approx(model.predict_on_batch(crops)["heatmaps"], abs=1e-5)


def test_export_refuses_what_it_does_not_know(tmp_path):
    model = build_hourglass(stacks=1, **SMALL)
    for form in ("int4", "int8"):  # int8 without inputs to calibrate on
        with pytest.raises(ValueError, match="form must be one of"):
            export_litert(model, tmp_path / "x.tflite", form)
    assert not list(tmp_path.iterdir())


def random_targets():
    rng = np.random.default_rng(0)
    return np.concatenate([rng.uniform(-3, 15, (4, 21, 2)), rng.uniform(0, 1, (4, 21, 1))], axis=-1).astype(np.float32)


def test_mse_is_taken_on_the_gaussians_of_heatmaps_py():
    targets = random_targets()
    maps = np.random.default_rng(1).random((4, 12, 12, 21), np.float32)
    error = ((encode(targets[..., :2], 12, 1.5) - maps) ** 2).mean(axis=(1, 2))
    expected = np.mean((error * targets[..., 2]).sum(-1) / targets[..., 2].sum(-1))
    assert float(HeatmapMSE(1.5)(targets, maps)) == pytest.approx(expected, rel=1e-5)


def test_cross_entropy_is_least_for_the_gaussian_itself():
    targets = np.full((1, 21, 3), 1, np.float32)
    targets[..., 0], targets[..., 1] = 4.3, 7.7
    best = np.log(encode(targets[..., :2], 12, 1.5) + 1e-20)
    loss = HeatmapCrossEntropy(1.5)
    least = float(loss(targets, best))
    shifted = np.roll(best, 1, axis=2)
    assert least < float(loss(targets, shifted))
    assert least < float(loss(targets, best * 1.2))
    assert least < float(loss(targets, np.zeros_like(best))) == pytest.approx(np.log(144), rel=1e-5)


def test_joints_outside_the_crop_do_not_count_in_cross_entropy():
    targets = np.full((1, 21, 3), 1, np.float32)
    targets[..., :2] = 5
    maps = np.random.default_rng(1).random((1, 12, 12, 21), np.float32)
    alone = float(HeatmapCrossEntropy(1.5)(targets[:, :1], maps[..., :1]))
    targets[:, 1:, :2] = -40
    assert float(HeatmapCrossEntropy(1.5)(targets, maps)) == pytest.approx(alone, rel=1e-5)


def test_the_loss_of_coordinates_is_their_distance_as_a_share_of_the_crop():
    """Joint 0 is 11.2 pixels of the crop's 224 off in x, joint 1 has no label, all others are right."""
    in_heatmap = np.random.default_rng(0).uniform(0, 56, (2, 21, 2))
    targets = np.concatenate([in_heatmap, np.ones((2, 21, 1))], axis=2).astype(np.float32)
    targets[:, 1, 2] = 0
    points = heatmap_to_crop(in_heatmap) + 0.5  # from the crop's corner
    points[:, 0, 0] += 11.2
    points[:, 1] += 99
    loss = float(PointsLoss(224)(targets, points.reshape(2, 42).astype(np.float32)))
    assert loss == pytest.approx(0.05 / 2 / 20, rel=1e-3)
