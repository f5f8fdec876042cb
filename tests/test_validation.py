"""What is measured after each epoch of training."""

import keras
import numpy as np
import pytest
from conftest import SAMPLES

from handpose_cli.networks.hourglass.presets import Preset, build
from handpose_cli.training.data.samples import read_samples
from handpose_cli.training.validation import Validate


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
