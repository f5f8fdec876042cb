"""A detector's heads: at each stride a few convolutions, and for each cell a score, a box and perhaps a direction."""

from __future__ import annotations

import math
from collections.abc import Mapping

import keras
from keras import layers

from handpose_cli.networks.ssd.cells import STRIDES
from handpose_cli.networks.tensors import Tensor

CELLS = "cells"  # the output that is trained: float32 [n, cells, 5 or 7], the score's logit, encoding and direction
WIDTHS = {8: 64, 16: 96, 32: 128}  # channels of each stride's head
PRIOR = 0.01  # score of every cell at first (Lin et al., "Focal Loss for Dense Object Detection", ICCV 2017)
PARTS = {"scores": 1, "boxes": 4, "directions": 2}  # of `CELLS`, in order, and how many numbers each has


def with_heads(images: Tensor, features: Mapping[int, Tensor], directions: bool, name: str) -> keras.Model:
    """Return a detector: features of images with a head each.

    Args:
        images: the model's input.
        features: by their stride, see `cells.STRIDES`; [n, size / stride, size / stride, channels].
        directions: also answer where a hand points, see `contract.Contract.outputs`.
    """
    found = []
    for stride in STRIDES:
        x = features[stride]
        for number in (1, 2):
            x = layers.Conv2D(
                WIDTHS[stride], 3, padding="same", activation="relu", kernel_initializer="he_normal",
                name=f"head{stride}_conv{number}",
            )(x)  # fmt: skip
        answers = [_answer(x, part, stride) for part in PARTS if directions or part != "directions"]
        both = layers.Concatenate(dtype="float32", name=f"head{stride}_both")(answers)
        found.append(layers.Reshape((-1, both.shape[-1]), dtype="float32", name=f"head{stride}_flat")(both))
    return keras.Model(images, {CELLS: layers.Concatenate(axis=1, dtype="float32", name=CELLS)(found)}, name=name)


def _answer(x: Tensor, part: str, stride: int) -> Tensor:
    begin = {}
    if part == "scores":
        begin = {
            "bias_initializer": keras.initializers.Constant(-math.log(1 / PRIOR - 1)),
            "kernel_initializer": keras.initializers.RandomNormal(stddev=0.01),
        }
    return layers.Conv2D(PARTS[part], 1, dtype="float32", name=f"head{stride}_{part}", **begin)(x)


def for_prediction(model: keras.Model) -> keras.Model:
    """Return the model as prediction takes it.

    Its outputs are `scores` [n, cells], 0 to 1, `encodings` [n, cells, 4] and, if it has them, `directions` [n, cells,
    2]; of a detector with directions `logits` instead of `scores`, since a sigmoid in 8 bits has 256 values. Each is
    joined over the strides apart from the others, since in 8 bits what is joined has one range.
    """
    names = {layer.name for layer in model.layers}
    parts = {}
    for part, numbers in PARTS.items():
        if f"head{STRIDES[0]}_{part}" in names:
            maps = [model.get_layer(f"head{stride}_{part}").output for stride in STRIDES]
            flat = [layers.Reshape((-1, numbers), dtype="float32")(each) for each in maps]
            parts[part] = layers.Concatenate(axis=1, dtype="float32")(flat)
    logits = parts["scores"][..., 0]
    if "directions" not in parts:
        return keras.Model(model.input, {"scores": keras.ops.sigmoid(logits), "encodings": parts["boxes"]})
    outputs = {"logits": logits, "encodings": parts["boxes"], "directions": parts["directions"]}
    return keras.Model(model.input, outputs)
