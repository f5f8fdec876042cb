"""Victor Dibia's hand detector as a Keras model: SSDLite on MobileNetV2, trained on EgoHands.

Architecture: Sandler et al., "MobileNetV2: Inverted Residuals and Linear Bottlenecks" (CVPR 2018), as in the TensorFlow
Object Detection API's `ssd_mobilenet_v2`. Batch norms are folded into the convolutions, as in the published weights
(https://github.com/victordibia/handtrack.js, MIT).

The bundled detector is a light form of it, distilled by `tools.distil_detector`.
"""

from __future__ import annotations

import keras
from keras import layers

from handpose_cli.networks.ssd.anchors import INPUT_SIZE, anchors_per_cell
from handpose_cli.networks.tensors import Tensor

# Inverted residuals: expansion, output channels, stride
BLOCKS = (
    (1, 16, 1),
    *((6, 24, 2), (6, 24, 1)),
    *((6, 32, 2), (6, 32, 1), (6, 32, 1)),
    *((6, 64, 2), (6, 64, 1), (6, 64, 1), (6, 64, 1)),
    *((6, 96, 1), (6, 96, 1), (6, 96, 1)),
    *((6, 160, 2), (6, 160, 1), (6, 160, 1)),
    (6, 320, 1),
)
# The finest feature map is the expansion inside this block.
FINEST_BLOCK = 13
# The four coarser feature maps behind MobileNetV2: channels of the 1x1 and of the strided 3x3 convolution
EXTRA = ((256, 512), (128, 256), (128, 256), (64, 128))
# The light form has dense convolutions in place of the first convolution and the blocks before this one, on which the
# published network spends two thirds of its time (in 8 bits, on a processor) for a fifth of its multiply-adds.
FIRST_KEPT_BLOCK = 3
LIGHT_WIDTH = 48


def build_ssd(light: bool = False) -> keras.Model:
    """Build the detector, without weights.

    Args:
        light: in its light form; its layers behind the first blocks have the published ones' names and shapes.

    Returns:
        A model from float32 [N, 300, 300, 3] (RGB, 0 to 255, the whole image squeezed into the square) to a dict:
        `scores` float32 [N, 1917], each anchor's score as a hand, 0 to 1, and `encodings` float32 [N, 1917, 4], to be
        turned into boxes by `anchors.decode_boxes`.
    """
    # === MobileNetV2 ===
    inputs = keras.Input((INPUT_SIZE, INPUT_SIZE, 3), name="image")
    x = _light_stem(inputs) if light else _published_stem(inputs)
    features = []
    for index, (expansion, channels, strides) in enumerate(BLOCKS):
        if light and index < FIRST_KEPT_BLOCK:
            continue
        x, expanded = _inverted_residual(x, expansion, channels, strides, f"block{index}")
        if index == FINEST_BLOCK:
            features.append(expanded)
    x = _conv(x, 1280, 1, "conv_last")
    features.append(x)

    # === Coarser feature maps ===
    for index, (narrow, wide) in enumerate(EXTRA):
        x = _conv(x, narrow, 1, f"extra{index}_narrow")
        x = _conv(x, wide, 3, f"extra{index}_wide", strides=2)
        features.append(x)

    # === Heads ===
    scores, encodings = [], []
    for level, feature in enumerate(features):
        anchors = anchors_per_cell(level)
        logits = layers.Conv2D(2 * anchors, 1, name=f"head{level}_classes")(feature)
        boxes = layers.Conv2D(4 * anchors, 1, name=f"head{level}_boxes")(feature)
        scores.append(layers.Reshape((-1, 2), name=f"head{level}_classes_flat")(logits)[..., 1])  # 0 is background
        encodings.append(layers.Reshape((-1, 4), name=f"head{level}_boxes_flat")(boxes))
    outputs = {
        "scores": layers.Activation("sigmoid", name="scores")(layers.Concatenate(name="logits")(scores)),
        "encodings": layers.Concatenate(axis=1, name="encodings")(encodings),
    }
    return keras.Model(inputs, outputs, name="ssd_egohands")


def _published_stem(x: Tensor) -> Tensor:
    x = layers.Rescaling(2 / 255, offset=-1.0, name="to_minus1_1")(x)
    return _conv(x, 32, 3, "conv", strides=2)


def _light_stem(x: Tensor) -> Tensor:
    """Return what the published network has before `FIRST_KEPT_BLOCK`: [N, 75, 75, 24]."""
    x = layers.Rescaling(1 / 255, name="to_0_1")(x)
    x = layers.Conv2D(LIGHT_WIDTH, 6, 4, padding="same", activation="relu", name="stem_patch")(x)
    y = layers.Conv2D(LIGHT_WIDTH, 3, padding="same", activation="relu", name="stem_conv1")(x)
    y = layers.Conv2D(LIGHT_WIDTH, 3, padding="same", name="stem_conv2")(y)
    x = layers.ReLU(name="stem_relu")(layers.Add(name="stem_add")([x, y]))
    return layers.Conv2D(BLOCKS[FIRST_KEPT_BLOCK - 1][1], 1, name="stem_project")(x)


def _conv(x: Tensor, channels: int, kernel: int, name: str, strides: int = 1, relu: bool = True) -> Tensor:
    x = layers.Conv2D(channels, kernel, strides=strides, padding="same", name=name)(x)
    return layers.ReLU(6.0, name=f"{name}_relu")(x) if relu else x


def _inverted_residual(x: Tensor, expansion: int, channels: int, strides: int, name: str) -> tuple[Tensor, Tensor]:
    """Return the block's output and its expansion."""
    expanded = _conv(x, expansion * x.shape[-1], 1, f"{name}_expand") if expansion > 1 else x
    y = layers.DepthwiseConv2D(3, strides=strides, padding="same", name=f"{name}_depthwise")(expanded)
    y = layers.ReLU(6.0, name=f"{name}_depthwise_relu")(y)
    y = _conv(y, channels, 1, f"{name}_project", relu=False)
    if strides == 1 and x.shape[-1] == channels:
        y = layers.Add(name=f"{name}_add")([x, y])
    return y, expanded
