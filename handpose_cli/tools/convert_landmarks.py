"""Convert MediaPipe's hand landmark network to the Keras layers of `encoder.py`; kept as the weights' provenance.

    pip download --no-deps mediapipe==0.10.21 && unzip mediapipe-0.10.21-*.whl
    python -m handpose_cli.tools.convert_landmarks mediapipe/modules/hand_landmark/hand_landmark_full.tflite
        handpose_cli/weights/hand-landmarks.weights.h5

writes it in half precision, as which the weights were published: all of it but the depths of the joints and their
places in space.
"""

from __future__ import annotations

import sys
from pathlib import Path

import keras
import numpy as np

from handpose_cli.networks.hourglass.encoder import PREFIX, build_encoder
from handpose_cli.networks.hourglass.outputs import HAND_OUTPUT
from handpose_cli.networks.hourglass.outputs import POINTS_OUTPUT as POINTS
from handpose_cli.records import NUM_JOINTS
from handpose_cli.tools.tflite_weights import layers_of_outputs, read_layers
from handpose_cli.training.delivery.deliver import in_precision

COORDINATES, PRESENCE, HANDEDNESS = "Identity", "Identity_1", "Identity_2"  # its outputs


def fill(model: keras.Model, source: Path) -> None:
    """Put the published weights into a model of `build_encoder`."""
    read = read_layers(source)
    convolutions = [layer.weights for layer in read if layer.kind in ("CONV_2D", "DEPTHWISE_CONV_2D")]
    dense = {name: layer.weights for name, layer in layers_of_outputs(source, read).items()}
    layers = [layer for layer in model.layers if layer.name.startswith(PREFIX) and layer.weights]
    for layer, weights in zip(layers, convolutions, strict=True):
        layer.set_weights(weights)
    both = dense[PRESENCE], dense[HANDEDNESS]
    model.get_layer(HAND_OUTPUT).set_weights([np.concatenate(each, axis=-1) for each in zip(*both, strict=True)])
    of_plane = [each.reshape(*each.shape[:-1], NUM_JOINTS, 3)[..., :2] for each in dense[COORDINATES]]  # not depth
    model.get_layer(POINTS).set_weights([each.reshape(*each.shape[:-2], -1) for each in of_plane])


def main(source: str, destination: str) -> None:
    with in_precision("float16"):
        half = build_encoder()
    fill(half, Path(source))
    half.save_weights(destination)


if __name__ == "__main__":
    main(*sys.argv[1:])
