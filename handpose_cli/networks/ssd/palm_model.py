"""A hand detector on the palm detector's encoder: a small head at each stride, one box a cell."""

from __future__ import annotations

import math

import keras
from keras import layers

from handpose_cli.networks.ssd.cells import STRIDES
from handpose_cli.networks.ssd.palm_encoder import encode

WIDTHS = {8: 64, 16: 96, 32: 128}  # channels of each stride's head
CELLS = "cells"  # the output that is trained: float32 [n, cells, 5], the score's logit and the encoding
PRIOR = 0.01  # score of every cell at first (Lin et al., "Focal Loss for Dense Object Detection", ICCV 2017)


def build_palm_ssd(input_size: int = 192) -> keras.Model:
    """Build the detector.

    Returns:
        A model from float32 [n, input_size, input_size, 3] (RGB, 0 to 1, the image fitted into the square's top left
        corner, the rest black) to a dict: `CELLS`, see there, with cells as in `cells.cells`.
    """
    images = keras.Input((input_size, input_size, 3), name="image")
    features = encode(images)
    found = []
    for stride in STRIDES:
        x = features[stride]
        for number in (1, 2):
            x = layers.Conv2D(
                WIDTHS[stride], 3, padding="same", activation="relu", kernel_initializer="he_normal",
                name=f"head{stride}_conv{number}",
            )(x)  # fmt: skip
        scores = layers.Conv2D(
            1,
            1,
            bias_initializer=keras.initializers.Constant(-math.log(1 / PRIOR - 1)),
            kernel_initializer=keras.initializers.RandomNormal(stddev=0.01),
            dtype="float32",
            name=f"head{stride}_scores",
        )(x)
        boxes = layers.Conv2D(4, 1, dtype="float32", name=f"head{stride}_boxes")(x)
        both = layers.Concatenate(dtype="float32", name=f"head{stride}_both")([scores, boxes])
        found.append(layers.Reshape((-1, 5), dtype="float32", name=f"head{stride}_flat")(both))
    return keras.Model(images, {CELLS: layers.Concatenate(axis=1, dtype="float32", name=CELLS)(found)}, name="palm_ssd")


def for_prediction(model: keras.Model) -> keras.Model:
    """Return the model as prediction takes it: `scores` [n, cells], 0 to 1, and `encodings` [n, cells, 4]."""
    found = model.output[CELLS]
    return keras.Model(model.input, {"scores": keras.ops.sigmoid(found[..., 0]), "encodings": found[..., 1:]})
