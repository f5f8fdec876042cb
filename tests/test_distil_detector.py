"""Distilling the detector: what the light network is made of, what it sees and what it learns."""

import keras
import numpy as np
import pytest
from conftest import SAMPLES

from handpose_cli.networks.ssd.model import build_ssd
from handpose_cli.tools.distil_detector import FEATURES, Distillation, Pictures, with_outputs


@pytest.fixture(scope="module")
def published():
    return build_ssd()


@pytest.fixture(scope="module")
def light():
    return build_ssd(light=True)


def test_the_light_network_has_another_stem_and_the_same_rest(published, light):
    shapes = {layer.name: [w.shape for w in layer.weights] for layer in published.layers if layer.weights}
    light_shapes = {layer.name: [w.shape for w in layer.weights] for layer in light.layers if layer.weights}
    new = light_shapes.keys() - shapes.keys()
    assert new == {"stem_patch", "stem_conv1", "stem_conv2", "stem_project"}
    assert all(light_shapes[name] == shapes[name] for name in light_shapes.keys() - new)
    assert {name: out.shape for name, out in light.output.items()} == {
        name: out.shape for name, out in published.output.items()
    }


def test_pictures_are_the_same_each_time_and_all_different():
    pictures = Pictures(sorted(SAMPLES.glob("*.jpg")), 3, seed=1)
    batch, _ = pictures[5]
    assert (batch.shape, batch.dtype) == ((3, 300, 300, 3), np.float32)
    assert batch.min() >= 0 and 200 < batch.max() <= 255
    assert np.array_equal(batch, pictures[5][0])
    assert len({picture.tobytes() for index in range(3) for picture in pictures[index][0]}) == 9


def test_who_answers_as_the_teacher_has_nothing_to_learn(published, light):
    names = [*FEATURES, "logits", "encodings"]
    inputs = np.random.default_rng(0).uniform(0, 255, (2, 300, 300, 3)).astype(np.float32)
    teacher, student = with_outputs(published, names), with_outputs(light, names)
    spread = dict.fromkeys(FEATURES, 1.0)
    for pupil, learns in ((teacher, False), (student, True)):
        model = Distillation(teacher, pupil, spread)
        loss = float(keras.ops.convert_to_numpy(model.compute_loss(x=inputs, y_pred=pupil(inputs))))
        assert (loss > 0.01) is learns
        assert learns or loss == pytest.approx(0, abs=1e-5)
