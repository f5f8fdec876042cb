"""Convert MediaPipe's hand landmark network to the Keras layers of `encoder.py`; kept as the weights' provenance.

    pip download --no-deps mediapipe==0.10.21 && unzip mediapipe-0.10.21-*.whl
    python -m handpose_cli.tools.convert_landmarks mediapipe/modules/hand_landmark/hand_landmark_full.tflite LABELS...
        handpose_cli/weights/hand-landmarks

writes NAME.weights.h5 in half precision, as which the weights were published: all of it but the depths of the joints
and their places in space; NAME.tflite in 8 bits (channels equalised), calibrated on upright hands of the labels; and
NAME.json, their contract (`fit_scores` adds what the scores are worth).
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np

from handpose_cli.annotator.tta import upright
from handpose_cli.engine import contract as contracts
from handpose_cli.engine import contract_file
from handpose_cli.networks.hourglass.encoder import PREFIX, PUBLISHED_SIZE, build_encoder, for_prediction
from handpose_cli.networks.hourglass.outputs import HAND_OUTPUT
from handpose_cli.networks.hourglass.outputs import POINTS_OUTPUT as POINTS
from handpose_cli.records import NUM_JOINTS
from handpose_cli.tools.tflite_weights import layers_of_outputs, read_layers
from handpose_cli.training.data.samples import Sample, read_sample, read_samples
from handpose_cli.training.delivery.deliver import CALIBRATION_CROPS, in_precision
from handpose_cli.training.delivery.export import export_litert
from handpose_cli.weights import sha256

COORDINATES, PRESENCE, HANDEDNESS = "Identity", "Identity_1", "Identity_2"  # its outputs
LEAST_SCALE, MOST_SCALE = 1.25, 1.7  # of the calibration's crops, over the hands
CONTRACT = contracts.Contract(
    "keypoints",
    PUBLISHED_SIZE,
    "pixels",
    {"points": POINTS, "scores": "is_hand", "is_hand": "is_hand", "is_right": "is_right"},
    data="MediaPipe's own, not published; see hand-landmarks.md",
    licence="Apache-2.0",
)


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


def upright_crops(samples: Sequence[Sample]) -> Callable[[], Iterator[np.ndarray]]:
    """Return what gives crops of some of the hands for calibration, float32 [1, size, size, 3], upright."""
    hands = [(sample, hand.keypoints) for sample in samples if (hand := sample.hand) and hand.keypoints is not None]
    whole = [(sample, keypoints) for sample, keypoints in hands if np.isfinite(keypoints).all()]

    def crops() -> Iterator[np.ndarray]:
        rng = np.random.default_rng(0)
        for place in rng.permutation(len(whole))[:CALIBRATION_CROPS]:
            sample, keypoints = whole[place]
            crop = upright(keypoints, PUBLISHED_SIZE, float(rng.uniform(LEAST_SCALE, MOST_SCALE)))
            yield crop.cut(read_sample(sample))[None].astype(np.float32) / 255

    return crops


def main(source: str, *rest: str) -> None:
    *labels, destination = rest
    crops = upright_crops(read_samples(labels))
    half_precision, exported = Path(f"{destination}.weights.h5"), Path(f"{destination}.tflite")
    with in_precision("float16"):
        half = build_encoder()
    fill(half, Path(source))
    half.save_weights(str(half_precision))
    model = build_encoder()
    fill(model, Path(source))
    export_litert(for_prediction(model), exported, "int8", crops)
    digests = {path.name: sha256(path) for path in (half_precision, exported)}
    contract_file.write(replace(CONTRACT, weights=digests), Path(f"{destination}.json"))


if __name__ == "__main__":
    main(*sys.argv[1:])
