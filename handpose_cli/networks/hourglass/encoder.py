"""The encoder of MediaPipe's hand landmark network as Keras layers: a MobileNetV2-like network, batch norms folded in.

Zhang et al., "MediaPipe Hands: On-device Real-time Hand Tracking" (2020); its blocks are those of Sandler et al.,
"MobileNetV2: Inverted Residuals and Linear Bottlenecks" (CVPR 2018). `convert_landmarks` reads the published weights.

It is fully convolutional, so that any crop whose side is a multiple of 32 will do. The published network was trained on
224 pixels, and its own answers (`coordinates`, `hand_logits`) are right for these alone.
"""

from __future__ import annotations

from typing import NamedTuple

import keras
from keras import layers

from handpose_cli.networks.hourglass.outputs import HAND_OUTPUT, POINTS_OUTPUT
from handpose_cli.networks.tensors import Tensor
from handpose_cli.records import NUM_JOINTS

STRIDES = (4, 8, 16, 32)  # of the features
PREFIX = "encoder_"
PUBLISHED_SIZE = 224  # of the crops that the published network was trained on


class Block(NamedTuple):
    """An inverted residual: 1x1 expansion, depthwise convolution, 1x1 projection; added to its input where it fits.

    Attributes:
        kernel, stride: of the depthwise convolution.
        expanded: channels of the expansion; the block's input where that has as many already.
        channels: of the projection; 0: there is none.
    """

    kernel: int
    stride: int
    expanded: int
    channels: int


STEM = 24
BLOCKS = (
    *(Block(3, 1, 24, 16), Block(3, 2, 64, 24), Block(3, 1, 144, 24)),  # to a quarter of the crop's side
    *(Block(5, 2, 144, 40), Block(5, 1, 240, 40)),  # to an eighth
    *(Block(3, 2, 240, 80), Block(3, 1, 480, 80), Block(3, 1, 480, 80)),  # to a sixteenth
    *(Block(5, 1, 480, 112), Block(5, 1, 672, 112), Block(5, 1, 672, 112)),
    *(Block(5, 2, 672, 192), *3 * [Block(5, 1, 1152, 192)], Block(3, 1, 1152, 0)),  # to a 32nd
)
# Which layers learn -> the blocks that do not, the stem with them. The early ones are few weights, but as depthwise
# layers on large maps most of a training step.
FROZEN_BLOCKS = {"decoder": len(BLOCKS), "stride16": 5, "all": 0}


def encode(crops: Tensor, blocks: int = len(BLOCKS)) -> dict[int, Tensor]:
    """Return the features of crops, float32 [n, size, size, 3] (RGB, 0 to 1), by their stride.

    Each is [n, size / stride, size / stride, channels]: 24 at stride 4, then 40, 112 and 1152; 192 where the last block
    is left out.

    Args:
        blocks: how many of `BLOCKS`; at least one of each stride.
    """
    x = layers.Conv2D(STEM, 3, strides=2, padding="same", name=f"{PREFIX}stem")(crops)
    x = layers.ReLU(6.0, name=f"{PREFIX}stem_relu")(x)
    features, stride = {}, 2
    for index, block in enumerate(BLOCKS[:blocks]):
        stride *= block.stride
        x = features[stride] = _inverted_residual(x, block, f"{PREFIX}block{index}")
    return {stride: features[stride] for stride in STRIDES}


def pool(bottom: Tensor) -> Tensor:
    """Return the mean over the map, float32 [n, 1152], of the features of the last stride."""
    return layers.GlobalAveragePooling2D(name="hand_pool", dtype="float32")(bottom)


def hand_logits(pooled: Tensor) -> Tensor:
    """Return the answers of `HAND_OUTPUT`, float32 [n, 2], from what `pool` gives."""
    return layers.Dense(2, name=HAND_OUTPUT, dtype="float32")(pooled)


def coordinates(pooled: Tensor) -> Tensor:
    """Return the answers of `POINTS_OUTPUT`, float32 [n, 42], from what `pool` gives."""
    return layers.Dense(2 * NUM_JOINTS, name=POINTS_OUTPUT, dtype="float32")(pooled)


def build_encoder(input_size: int = PUBLISHED_SIZE) -> keras.Model:
    """Build the encoder alone, with the heads of the published network: what `hand-landmarks.weights.h5` holds.

    Returns:
        A model from float32 [n, input_size, input_size, 3] (RGB, 0 to 1) to a dict: `stride4` to `stride32`, see
        `encode`; `hand`, see `HAND_OUTPUT`; and `points` float32 [n, 42], see `POINTS_OUTPUT`.
    """
    crops = keras.Input((input_size, input_size, 3), name="crop")
    features = encode(crops)
    outputs = {f"stride{stride}": feature for stride, feature in features.items()}
    pooled = pool(features[STRIDES[-1]])
    outputs[HAND_OUTPUT] = hand_logits(pooled)
    outputs[POINTS_OUTPUT] = coordinates(pooled)
    return keras.Model(crops, outputs, name="hand_encoder")


def for_prediction(encoder: keras.Model) -> keras.Model:
    """Return what `build_encoder` gives as the network that was published: `points`, `is_hand` and `is_right`.

    The last two are probabilities, float32 [n, 1].
    """
    hand = keras.ops.sigmoid(encoder.output[HAND_OUTPUT])
    outputs = {POINTS_OUTPUT: encoder.output[POINTS_OUTPUT], "is_hand": hand[:, :1], "is_right": hand[:, 1:]}
    return keras.Model(encoder.input, outputs)


def freeze(model: keras.Model, learns: str) -> None:
    """Choose which layers of a network learn, before it is compiled.

    A network that answers with the encoder's coordinates has its answers on the hand from there too: these learn with
    the encoder's last features.

    Args:
        model: any hourglass; without an encoder all of it learns.
        learns: a key of `FROZEN_BLOCKS`: "decoder" (all but the encoder), "stride16" (the encoder too, from its
            features of stride 16 on) or "all".
    """
    frozen = FROZEN_BLOCKS[learns]
    still = [f"{PREFIX}block{index}_" for index in range(frozen)] + ([f"{PREFIX}stem"] if frozen else [])
    if frozen == len(BLOCKS) and POINTS_OUTPUT in {layer.name for layer in model.layers}:
        still += [POINTS_OUTPUT, HAND_OUTPUT]
    for layer in model.layers:
        layer.trainable = not layer.name.startswith(tuple(still))


def _inverted_residual(x: Tensor, block: Block, name: str) -> Tensor:
    y = x if x.shape[-1] == block.expanded else _conv_relu6(x, block.expanded, f"{name}_expand")
    # also under mixed precision: backwards, 5x5 depthwise layers in bfloat16 take two to three times as long
    dtype = "float32" if block.kernel == 5 else None
    y = layers.DepthwiseConv2D(
        block.kernel, strides=block.stride, padding="same", dtype=dtype, name=f"{name}_depthwise"
    )(y)
    y = layers.ReLU(6.0, name=f"{name}_depthwise_relu")(y)
    if not block.channels:
        return y
    y = layers.Conv2D(block.channels, 1, name=f"{name}_project")(y)
    fits = block.stride == 1 and x.shape[-1] == block.channels
    return layers.Add(name=f"{name}_add")([x, y]) if fits else y


def _conv_relu6(x: Tensor, channels: int, name: str) -> Tensor:
    return layers.ReLU(6.0, name=f"{name}_relu")(layers.Conv2D(channels, 1, name=name)(x))
