"""Export a Keras model to LiteRT, TensorFlow's runtime for exported models."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import keras
import numpy as np

from handpose_cli.training.delivery.equalise import equalise

FORMS = ("float32", "float16", "dynamic-int8", "int8")


def export_litert(
    model: keras.Model,
    path: Path,
    form: str = "float32",
    calibration: Callable[[], Iterable[np.ndarray]] | None = None,
) -> None:
    """Write a Keras model as a LiteRT file with a batch of one.

    Args:
        model: Keras model with one input (TensorFlow backend). Outputs keep their names where the model gives a dict.
        path: file to write, ending in ".tflite".
        form: "float32"; "float16" (weights stored in half precision, computed in float32); "dynamic-int8" (weights in 8
            bits, activations quantised as they come); "int8" (weights and activations in 8 bits, the channels of an
            encoder equalised first, see `equalise`; inputs and outputs stay float32).
        calibration: for "int8", gives float32 inputs [1, ...] like those of prediction.

    Raises:
        ValueError: for another form, or "int8" without calibration.
    """
    import tensorflow as tf

    if form not in FORMS or (form == "int8" and calibration is None):
        raise ValueError(f"form must be one of {', '.join(FORMS)}, int8 with calibration inputs. Received: {form!r}")
    settings: dict[str, Any] = {"experimental_enable_resource_variables": False}
    operations = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8 if form == "int8" else tf.lite.OpsSet.TFLITE_BUILTINS]
    settings["target_spec"] = {"supported_ops": operations}
    if form != "float32":
        settings["optimizations"] = [tf.lite.Optimize.DEFAULT]
    if form == "float16":
        settings["target_spec"]["supported_types"] = [tf.float16]
    if form == "int8" and calibration is not None:
        equalised = keras.models.clone_model(model)
        equalised.set_weights(model.get_weights())
        equalise(equalised, calibration())
        model = equalised
        settings["representative_dataset"] = lambda: ([inputs] for inputs in calibration())
    signature = [keras.InputSpec(dtype="float32", shape=(1, *model.input_shape[1:]))]
    model.export(str(path), format="litert", input_signature=signature, verbose=False, **settings)
