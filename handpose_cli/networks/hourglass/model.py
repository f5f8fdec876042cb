"""The stacked hourglass network for hand keypoints, as a functional Keras model.

Newell, Yang and Deng, "Stacked Hourglass Networks for Human Pose Estimation" (ECCV 2016). The network looks at a square
crop of one hand and answers, for each of the 21 joints, with a heatmap a quarter of the crop's size. Every stack gives
its own heatmaps, so that each one is supervised in training; the last ones are the prediction.

Only Keras layers are used, so the model runs on any Keras backend.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import keras
from keras import layers

from handpose_cli.networks.hourglass.blocks import BLOCKS, conv_norm_relu, conv_relu
from handpose_cli.networks.hourglass.heatmaps import STRIDE
from handpose_cli.networks.hourglass.outputs import HAND_OUTPUT, heatmaps_name
from handpose_cli.networks.tensors import Tensor
from handpose_cli.records import NUM_JOINTS


def build_hourglass(
    stacks: int = 2,
    features: int | Sequence[int] = 256,
    order: int = 4,
    input_size: int = 256,
    block: str = "preact",
    joints: int = NUM_JOINTS,
    hand_head: bool = False,
    name: str = "hourglass",
) -> keras.Model:
    """Build a stacked hourglass.

    Args:
        stacks: number of hourglasses one after the other.
        features: channels; one number for every resolution (as in the paper), or `order + 1` numbers, from the
            heatmaps' resolution down to the smallest.
        order: how often the hourglass halves its resolution.
        input_size: side of the square crop in pixels, a multiple of `4 * 2**order`.
        block: "preact" (the paper's pre-activation bottleneck), "bottleneck" (the same with the batch norm behind each
            convolution, where an exporter can fold it away), "plain" (two 3x3 convolutions), "fixup" (the same without
            batch norms, the second convolution beginning at zero) or "separable" (two depthwise-separable
            convolutions).
        joints: number of heatmaps.
        hand_head: also answer whether there is a hand in the crop, and which: see `HAND_OUTPUT`.

    Returns:
        A model from float32 [N, input_size, input_size, 3] (RGB, 0 to 1) to a dict of float32 outputs:
        `stack1_heatmaps`, `stack2_heatmaps`, ... [N, input_size / 4, input_size / 4, joints], and `hand` [N, 2].

    Raises:
        ValueError: if a parameter is out of range; the message names it and gives the value received.
    """
    widths = _widths(features, order)
    if stacks < 1:
        raise ValueError(f"stacks must be at least 1. Received: {stacks}")
    if block not in BLOCKS:
        raise ValueError(f"block must be one of {', '.join(BLOCKS)}. Received: {block!r}")
    if input_size % (STRIDE * 2**order):
        raise ValueError(
            f"input_size must be a multiple of {STRIDE * 2**order} for order {order}. Received: {input_size}"
        )
    residual = BLOCKS[block]
    conv = conv_relu if block == "fixup" else conv_norm_relu

    # === Stem: to a quarter of the crop's size ===
    inputs = keras.Input((input_size, input_size, 3), name="crop")
    x = layers.Rescaling(2.0, offset=-1.0, name="to_minus1_1")(inputs)
    if block == "preact":  # as in the paper
        x = conv_norm_relu(x, max(widths[0] // 4, 16), 7, "stem_conv", strides=2)
        x = residual(x, widths[0] // 2, "stem_block1")
        x = layers.MaxPooling2D(2, name="stem_pool")(x)
        x = residual(x, widths[0] // 2, "stem_block2")
    else:  # two strided convolutions: the paper's stem costs more than the rest of a light network
        x = conv(x, max(widths[0] // 3, 16), 3, "stem_conv1", strides=2)
        x = conv(x, widths[0], 3, "stem_conv2", strides=2)
    x = residual(x, widths[0], "stem_block3")

    # === Stacks ===
    outputs = {}
    for index in range(1, stacks + 1):
        prefix = f"stack{index}"
        y, bottom = _hourglass(x, widths, residual, f"{prefix}_hg")
        y = residual(y, widths[0], f"{prefix}_out_block")
        y = conv(y, widths[0], 1, f"{prefix}_out_conv")
        # float32 also under mixed precision: the loss is taken on these
        heatmaps = layers.Conv2D(joints, 1, name=heatmaps_name(index), dtype="float32")(y)
        outputs[heatmaps_name(index)] = heatmaps
        if index < stacks:
            y = layers.Conv2D(widths[0], 1, name=f"{prefix}_back_features")(y)
            h = layers.Conv2D(widths[0], 1, name=f"{prefix}_back_heatmaps")(heatmaps)
            x = layers.Add(name=f"{prefix}_merge")([x, y, h])

    # === Hand head: the last stack has seen most ===
    if hand_head:
        y = layers.GlobalAveragePooling2D(name="hand_pool")(bottom)
        y = layers.Dense(64, activation="relu", name="hand_dense")(y)
        outputs[HAND_OUTPUT] = layers.Dense(2, name=HAND_OUTPUT, dtype="float32")(y)

    # === Model ===
    return keras.Model(inputs, outputs, name=name)


def _widths(features: int | Sequence[int], order: int) -> list[int]:
    if order < 1:
        raise ValueError(f"order must be at least 1. Received: {order}")
    widths = [features] * (order + 1) if isinstance(features, int) else [int(f) for f in features]
    if len(widths) != order + 1 or min(widths) < 8:
        raise ValueError(f"features must be one number or {order + 1} numbers, each at least 8. Received: {features}")
    return widths


def _hourglass(x: Tensor, widths: Sequence[int], residual: Callable[[Tensor, int, str], Tensor], name: str) -> Tensor:
    """One hourglass: halve the resolution `len(widths) - 1` times, then add each level back on the way up.

    Returns its output and what is at its bottom, the smallest resolution.
    """
    level = len(widths) - 1
    skip = residual(x, widths[0], f"{name}{level}_skip")
    y = layers.MaxPooling2D(2, name=f"{name}{level}_pool")(x)
    y = residual(y, widths[1], f"{name}{level}_down")
    if level > 1:
        y, bottom = _hourglass(y, widths[1:], residual, name)
    else:
        y = bottom = residual(y, widths[1], f"{name}{level}_bottom")
    y = residual(y, widths[0], f"{name}{level}_up")
    y = layers.UpSampling2D(2, name=f"{name}{level}_upsample")(y)
    return layers.Add(name=f"{name}{level}_add")([skip, y]), bottom
