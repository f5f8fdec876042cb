"""The pretrained encoder: it is the published one, it begins the bundled hourglass, it can be frozen and equalised."""

from dataclasses import replace

import keras
import numpy as np
import pytest
from conftest import SAMPLES

from handpose_cli import engine, read_labels, weights
from handpose_cli.annotator.tta import upright
from handpose_cli.media.images import read_image
from handpose_cli.networks.hourglass import presets
from handpose_cli.networks.hourglass.encoded import build_encoded_hourglass
from handpose_cli.networks.hourglass.encoder import FROZEN_BLOCKS, build_encoder, freeze
from handpose_cli.training.delivery.equalise import equalise
from handpose_cli.training.settings import LEARNS
from handpose_cli.training.start import start

# What LiteRT gives for `noise()` with MediaPipe's own hand_landmark_full.tflite (the wheel mediapipe 0.10.21): of each
# feature the range, the mean, and values by their place in the flattened map.
PUBLISHED = {
    "stride4": (22.9874, 0.456052, {2623: 3.2361, 10849: 0.1306, 35610: 0.182, 38518: -2.2123, 71399: 1.2275}),
    "stride8": (18.7414, 0.225175, {864: 3.2343, 2688: 3.3017, 17232: 0.4917, 20186: 0.5771, 27143: 1.2201}),
    "stride16": (55.7941, -0.014068, {2730: 2.023, 2941: -0.9034, 4466: -2.7762, 8413: 1.0039, 21440: -1.5426}),
    "stride32": (6.0, 0.563098, {8527: 6.0, 16314: 3.3648, 22518: 2.3957, 24923: 5.3247, 32307: 1.0377}),
}
PUBLISHED_HAND = (-4.866436, -0.027488)  # logits of presence and handedness
PUBLISHED_POINTS = {0: (98.443, 182.494), 1: (107.341, 157.276), 4: (124.847, 89.416), 12: (123.224, 46.274)}
SMALL = presets.Preset(1, (8, 8, 8, 8), 3, 64, "fixup", 1.5, "cross-entropy", True, "hand-landmarks", points=True)


def noise():
    return np.random.default_rng(0).random((1, 224, 224, 3), np.float32)


@pytest.fixture(scope="module")
def encoder():
    model = build_encoder()
    model.load_weights(weights.FOLDER / "hand-landmarks.weights.h5")
    return model


def test_the_encoder_gives_what_the_published_network_gives(encoder):
    outputs = {name: output[0] for name, output in encoder.predict_on_batch(noise()).items()}
    for name, (spread, mean, values) in PUBLISHED.items():
        feature = outputs[name]
        assert np.ptp(feature) == pytest.approx(spread, rel=1e-3)
        assert feature.mean() == pytest.approx(mean, abs=1e-4 * spread)
        assert feature.ravel()[list(values)] == pytest.approx(list(values.values()), abs=1e-3 * spread)
    assert outputs["hand"] == pytest.approx(PUBLISHED_HAND, abs=1e-3)
    points = outputs["points"].reshape(21, 2)
    assert points[list(PUBLISHED_POINTS)] == pytest.approx(np.array(list(PUBLISHED_POINTS.values())), abs=0.05)


@pytest.mark.parametrize("name", [weights.KEYPOINT_NETWORK, weights.LANDMARKS])
def test_in_8_bits_the_bundled_networks_find_the_joints_where_they_did(name):
    """On the samples' hands, most within a pixel and a half of the crop's 224, and about as sure."""
    records = [record for record in read_labels(SAMPLES / "labels.json") if record.frame is None and record.hands]
    crops = np.stack([upright(r.hands[0].keypoints, 224, 1.4).cut(read_image(SAMPLES / r.file)) for r in records])
    exact, rounded = (engine.load_keypoint_network(form, name).find(crops) for form in engine.ENGINES[::-1])
    away = np.linalg.norm(rounded.keypoints - exact.keypoints, axis=-1)
    assert np.median(away) < 1.5
    assert np.quantile(away, 0.8) < 4.0
    assert rounded.is_hand == pytest.approx(exact.is_hand, abs=0.1)
    assert rounded.is_right == pytest.approx(exact.is_right, abs=0.1)


@pytest.fixture(scope="module")
def hourglass():
    """A small decoder on the published encoder."""
    keras.utils.set_random_seed(0)
    model = presets.build(SMALL)
    start(model, SMALL, "hand-landmarks")
    return model


def test_an_hourglass_starts_from_the_encoder(encoder, hourglass):
    crops = noise()[:, :64, :64]
    expected = build_encoder(64)
    expected.set_weights(encoder.get_weights())
    answers, published = hourglass.predict_on_batch(crops), expected.predict_on_batch(crops)
    assert answers["hand"] == pytest.approx(published["hand"], abs=1e-4)
    assert answers["points"] == pytest.approx(published["points"], abs=1e-3)
    assert answers["stack1_heatmaps"].shape == (1, 16, 16, 21)


def test_an_hourglass_can_start_from_random_numbers():
    model = presets.build(SMALL)
    before = model.get_weights()
    start(model, SMALL, "none")
    assert all(np.array_equal(one, other) for one, other in zip(before, model.get_weights(), strict=True))


def test_the_bundled_network_has_the_published_answers(encoder):
    """Its encoder is the published one to the bit, so that they are right as they are."""
    preset = presets.get_preset("hourglass-lite")
    model = presets.build(preset)
    model.load_weights(weights.find("hourglass-lite", "keras"))
    for layer in encoder.layers:
        own = model.get_layer(layer.name).get_weights()
        assert all(np.array_equal(*both) for both in zip(own, layer.get_weights(), strict=True)), layer.name


NONE, HAND, POINTS, BOTH = ({"hand_head": i in (1, 3), "points": i in (2, 3)} for i in range(4))


@pytest.mark.parametrize(
    ("there", "wanted"),
    [(BOTH, NONE), (BOTH, POINTS), (BOTH, HAND), (POINTS, BOTH), (NONE, HAND), (HAND, BOTH), (NONE, POINTS)],
)
def test_weights_may_have_other_heads_but_coordinates_must_be_there(tmp_path, hourglass, there, wanted):
    """What the file has is taken, whatever the order of its layers; a hand head that it lacks stays the encoder's."""
    keras.utils.set_random_seed(1)
    saved, model = (presets.build(replace(SMALL, **heads)) for heads in (there, wanted))
    saved.save_weights(tmp_path / "w.weights.h5")
    if wanted["points"] and not there["points"]:
        with pytest.raises(weights.WeightsError, match="it has no coordinates of the joints"):
            start(model, replace(SMALL, **wanted), str(tmp_path / "w.weights.h5"))
        return
    start(model, replace(SMALL, **wanted), str(tmp_path / "w.weights.h5"))
    for layer in model.layers:
        source = saved if layer.name in {each.name for each in saved.layers} else hourglass
        expected = source.get_layer(layer.name).get_weights()
        assert all(np.array_equal(*both) for both in zip(layer.get_weights(), expected, strict=True)), layer.name


@pytest.mark.parametrize(
    ("learns", "frozen"),
    [
        (
            "decoder",
            {"encoder_stem", "encoder_block0_depthwise", "encoder_block4_project", "encoder_block15_depthwise"},
        ),
        ("stride16", {"encoder_stem", "encoder_block0_depthwise", "encoder_block4_project"}),
        ("all", set()),
    ],
)
def test_a_stage_freezes_the_layers_before_it(hourglass, learns, frozen):
    watched = ["encoder_stem", "encoder_block0_depthwise", "encoder_block4_project", "encoder_block5_expand",
               "encoder_block15_depthwise", "decoder_out_conv", "stack1_heatmaps", "hand", "points"]  # fmt: skip
    freeze(hourglass, learns)
    still = {name for name in watched if not hourglass.get_layer(name).trainable_variables}
    assert still == (frozen if learns != "decoder" else frozen | {"encoder_block5_expand", "points", "hand"})


def test_every_stage_that_can_be_asked_for_is_known():
    assert tuple(FROZEN_BLOCKS) == LEARNS


def test_equalised_channels_fill_their_range_and_change_nothing(hourglass):
    crops = np.random.default_rng(1).random((4, 64, 64, 3), np.float32)
    model = keras.models.clone_model(hourglass)
    model.set_weights(hourglass.get_weights())
    maps = keras.Model(model.input, model.get_layer("encoder_block1_expand_relu").output)
    assert (before := maps.predict_on_batch(crops).max(axis=(0, 1, 2))).min() < 0.5 < before.max()
    expected = hourglass.predict_on_batch(crops)
    equalise(model, [crops[:2], crops[2:]])
    after = maps.predict_on_batch(crops).max(axis=(0, 1, 2))
    assert np.median(after) == pytest.approx(6 / 1.1, rel=0.01)
    assert (after >= before - 1e-4).all()
    for name, output in model.predict_on_batch(crops).items():
        assert output == pytest.approx(expected[name], abs=1e-3 * float(np.ptp(expected[name])))


def test_equalising_leaves_other_networks_alone():
    model = presets.build(presets.Preset(1, 8, 1, 32, "fixup", 1.5, "cross-entropy"))
    before = model.get_weights()
    equalise(model, [np.zeros((1, 32, 32, 3), np.float32)])
    assert all(np.array_equal(one, other) for one, other in zip(before, model.get_weights(), strict=True))


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"features": (8, 8, 8)}, "features must be 4 numbers, each at least 8. Received: (8, 8, 8)"),
        ({"features": 8}, "features must be 4 numbers, each at least 8. Received: 8"),
        ({"input_size": 100}, "input_size must be a multiple of 32. Received: 100"),
        ({"block": "dense"}, "block must be one of preact, bottleneck, plain, fixup, separable. Received: 'dense'"),
    ],
)
def test_wrong_parameters_are_named(wrong, message):
    with pytest.raises(ValueError) as error:
        build_encoded_hourglass(**wrong)
    assert str(error.value) == message
