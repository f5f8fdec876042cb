"""What is measured after each epoch of training."""

import keras
import numpy as np
import pytest
from conftest import SAMPLES
from labelled import open_hand

from handpose_cli.engine.contract import Answers
from handpose_cli.networks.hourglass.presets import Preset, build
from handpose_cli.records import to_upright
from handpose_cli.training.data.samples import read_samples
from handpose_cli.training.validation import Validate, predict


def test_hands_without_a_size_do_not_count():
    """All joints labelled in one place, or one joint alone: there is nothing to measure errors by."""
    samples = read_samples([str(SAMPLES)])[:2]
    for hand in (sample.hand for sample in samples[1:]):
        hand.keypoints[:] = hand.keypoints[0]
    validate = Validate(samples, Preset(1, 8, 1, 64, "plain", 1.0, "mse"), 2)
    validate.set_model(build(validate.preset))
    logs: dict[str, float] = {}
    validate.on_epoch_end(0, logs)
    alone = Validate(samples[:1], validate.preset, 2)
    alone.set_model(validate.model)
    logs_alone: dict[str, float] = {}
    alone.on_epoch_end(0, logs_alone)
    assert np.isfinite(logs["val_nme/keypoints"])
    assert logs == pytest.approx(logs_alone)
    keras.backend.clear_session()


def test_hands_are_turned_upright_by_their_labels_if_asked_for():
    class SaysUp:
        """Finds a hand that points straight up in every crop."""

        input_size, crop_scale = 192, 1.3

        def find(self, crops):
            keypoints = open_hand(40, 40, 110).keypoints
            return Answers(np.stack([keypoints] * len(crops)), np.ones((len(crops), 21), np.float32), None, None)

    samples = read_samples([str(SAMPLES)])
    labelled = np.stack([sample.hand.keypoints for sample in samples])

    def off(stand_upright):
        found = predict(SaysUp(), samples, 2, stand_upright).keypoints
        return np.abs((to_upright(found) - to_upright(labelled) + 180) % 360 - 180)

    up = float(to_upright(open_hand().keypoints))
    assert np.abs(off(True) - abs(up)).max() < 0.1
    assert off(False).max() > 20
