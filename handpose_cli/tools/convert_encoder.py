"""Convert MediaPipe's hand landmark network to the Keras layers of `encoder.py`; kept as the weights' provenance.

    pip download --no-deps mediapipe==0.10.21 && unzip mediapipe-0.10.21-*.whl
    python -m handpose_cli.tools.convert_encoder mediapipe/modules/hand_landmark/hand_landmark_full.tflite NAME

writes NAME.weights.h5 in half precision, as which the weights were published: the convolutions up to the 7x7x1152
features, and the two layers behind their mean that answer whether there is a hand and which. The layers for coordinates
are left out.
"""

from __future__ import annotations

import sys
from pathlib import Path

import keras
import numpy as np

from handpose_cli.networks.hourglass.encoder import PREFIX, build_encoder
from handpose_cli.networks.hourglass.outputs import HAND_OUTPUT
from handpose_cli.tools.tflite_weights import layers_of_outputs, read_layers

PRESENCE, HANDEDNESS = "Identity_1", "Identity_2"  # its outputs


def main(source: Path, destination: str) -> None:
    read = read_layers(source)
    convolutions = [layer.weights for layer in read if layer.kind in ("CONV_2D", "DEPTHWISE_CONV_2D")]
    dense = {name: layer.weights for name, layer in layers_of_outputs(source, read).items()}
    keras.config.set_dtype_policy("float16")
    model = build_encoder()
    layers = [layer for layer in model.layers if layer.name.startswith(PREFIX) and layer.weights]
    for layer, weights in zip(layers, convolutions, strict=True):
        layer.set_weights(weights)
    both = dense[PRESENCE], dense[HANDEDNESS]
    model.get_layer(HAND_OUTPUT).set_weights([np.concatenate(each, axis=-1) for each in zip(*both, strict=True)])
    model.save_weights(f"{destination}.weights.h5")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
