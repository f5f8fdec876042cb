"""Convert MediaPipe's palm detector to the Keras layers of `palm_encoder.py`; kept as the weights' provenance.

    pip download --no-deps mediapipe==0.10.21 && unzip mediapipe-0.10.21-*.whl
    python -m handpose_cli.tools.convert_palm mediapipe/modules/palm_detection/palm_detection_full.tflite NAME

writes NAME.weights.h5 in half precision, as which the weights were published. Its own heads, which box palms and not
hands, are left out.
"""

from __future__ import annotations

import sys
from pathlib import Path

import keras

from handpose_cli.networks.ssd.palm_encoder import build_palm_encoder
from handpose_cli.tools.tflite_weights import Layer, read_layers


def assign(model: keras.Model, read: list[Layer]) -> None:
    """Put a file's weights into a model whose layers with weights are in the same order, kind by kind.

    Raises:
        ValueError: if a depthwise layer has a bias, which the model's have not, or shapes differ.
    """
    kinds = {
        "CONV_2D": keras.layers.Conv2D,
        "DEPTHWISE_CONV_2D": keras.layers.DepthwiseConv2D,
        "PRELU": keras.layers.PReLU,
    }
    for kind, layer_class in kinds.items():
        own = [layer for layer in model.layers if type(layer) is layer_class]
        theirs = [layer.weights for layer in read if layer.kind == kind]
        for layer, weights in zip(own, theirs[: len(own)], strict=True):
            if kind == "DEPTHWISE_CONV_2D":
                if weights[1].any():
                    raise ValueError(f"{layer.name}: its bias is not zero")
                weights = weights[:1]
            layer.set_weights(weights)


def main(source: Path, destination: str) -> None:
    read = read_layers(source)
    # the published heads hang on the pyramid and come between its layers
    read = [layer for layer in read if not (layer.kind == "CONV_2D" and layer.weights[0].shape[-1] in (2, 6, 36, 108))]
    keras.config.set_dtype_policy("float16")
    model = build_palm_encoder()
    assign(model, read)
    model.save_weights(f"{destination}.weights.h5")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
