"""Export a Keras model to ONNX, by Keras and tf2onnx."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np

PACKAGES = ("onnx", "tf2onnx", "onnxruntime")  # of the extra `onnx`


def export_onnx(model: keras.Model, path: Path) -> None:
    """Write a Keras model with one input as an ONNX file; the batch may have any size, names are the model's.

    Args:
        model: Keras model (TensorFlow backend, float32) whose outputs are a dict.
    """
    import onnx

    signature = keras.InputSpec(dtype="float32", shape=(None, *model.input_shape[1:]), name=model.input.name)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # of Keras's patch of tf2onnx for NumPy 2
        model.export(str(path), format="onnx", input_signature=[signature], verbose=False)
    exported = onnx.load(str(path))
    for value in (*exported.graph.input, *exported.graph.output):
        value.type.tensor_type.shape.dim[0].dim_param = "batch"  # not one name for each, as if they were independent
    onnx.checker.check_model(exported)
    onnx.save(exported, str(path))


def load_onnx(path: Path) -> Callable[[np.ndarray], dict[str, np.ndarray]]:
    """Load an ONNX file to run on the processor; call it with a batch, as `engine.litert.LiteRTNetwork`."""
    import onnxruntime

    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    (name,) = (entry.name for entry in session.get_inputs())
    names = [entry.name for entry in session.get_outputs()]
    return lambda inputs: dict(zip(names, session.run(names, {name: inputs}), strict=True))
