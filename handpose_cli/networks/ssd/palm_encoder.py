"""The backbone and feature pyramid of MediaPipe's palm detector as Keras layers, batch norms folded in.

Bazarevsky and Zhang, "On-Device, Real-Time Hand Tracking with MediaPipe" (2019); its blocks are BlazeFace's (Bazarevsky
et al., 2019), its pyramid that of Lin et al., "Feature Pyramid Networks for Object Detection" (CVPR 2017).
`tools.convert_palm` reads the published weights.

It is fully convolutional, so that any image whose side is a multiple of 32 will do (it was trained on 192 pixels).
"""

from __future__ import annotations

import keras
from keras import layers, ops

from handpose_cli.networks.tensors import Tensor

PREFIX = "palm_"
STEM = 32
# Blocks after the stem, which is at half the image's side: channels, and how many blocks; each stage but the first
# begins with one that halves the map.
STAGES = ((32, 4), (64, 5), (128, 5), (256, 5), (256, 5))
STRIDES = (8, 16, 32)  # of the features
PYRAMID_BLOCKS = 2  # behind each addition on the way down
# Which layers learn -> the stages that do not, the stem with them
FROZEN_STAGES = {"decoder": len(STAGES), "stride16": 3, "all": 0}


def encode(images: Tensor) -> dict[int, Tensor]:
    """Return the pyramid's features of images, float32 [n, size, size, 3] (RGB, 0 to 1), by their stride.

    Each is [n, size / stride, size / stride, channels]: 128 at stride 8, 256 at 16 and at 32.
    """
    x = layers.Conv2D(STEM, 5, strides=2, padding="same", name=f"{PREFIX}stem")(images)
    x = _prelu(x, f"{PREFIX}stem_prelu")
    stages = []
    for stage, (channels, blocks) in enumerate(STAGES):
        for block in range(blocks):
            strides = 2 if stage and not block else 1
            x = _block(x, channels, strides, f"{PREFIX}stage{stage}_block{block}")
        stages.append(x)
    features = {32: x}
    for stride, skip in ((16, stages[3]), (8, stages[2])):
        name = f"{PREFIX}pyramid{stride}"
        x = layers.UpSampling2D(2, interpolation="bilinear", name=f"{name}_up")(x)
        x = _prelu(layers.Conv2D(skip.shape[-1], 1, name=f"{name}_project")(x), f"{name}_project_prelu")
        x = layers.Add(name=f"{name}_add")([skip, x])
        for block in range(PYRAMID_BLOCKS):
            x = _block(x, x.shape[-1], 1, f"{name}_block{block}")
        features[stride] = x
    return {stride: features[stride] for stride in STRIDES}


def build_palm_encoder(input_size: int = 192) -> keras.Model:
    """Build the encoder alone: what `palm-encoder.weights.h5` holds.

    Returns:
        A model from float32 [n, input_size, input_size, 3] (RGB, 0 to 1) to a dict: `stride8` to `stride32`, see
        `encode`.
    """
    images = keras.Input((input_size, input_size, 3), name="image")
    return keras.Model(images, {f"stride{s}": x for s, x in encode(images).items()}, name="palm_encoder")


def freeze(model: keras.Model, learns: str) -> None:
    """Choose which layers of a detector learn, before it is compiled.

    Args:
        learns: a key of `FROZEN_STAGES`: "decoder" (the heads alone), "stride16" (also the pyramid, and the backbone
            from the stage of stride 16 on) or "all".
    """
    frozen = FROZEN_STAGES[learns]
    still = [f"{PREFIX}stage{stage}_" for stage in range(frozen)] + ([f"{PREFIX}stem"] if frozen else [])
    if frozen == len(STAGES):
        still = [PREFIX]
    for layer in model.layers:
        layer.trainable = not layer.name.startswith(tuple(still)) if still else True


def _block(x: Tensor, channels: int, strides: int, name: str) -> Tensor:
    """A 5x5 depthwise and a 1x1 convolution, added to the input: halved, with channels of zeros, where it must be."""
    # also under mixed precision: backwards, 5x5 depthwise layers in bfloat16 take two to three times as long
    y = layers.DepthwiseConv2D(
        5, strides=strides, padding="same", use_bias=False, dtype="float32", name=f"{name}_depthwise"
    )(x)
    y = layers.Conv2D(channels, 1, name=f"{name}_project")(y)
    if strides > 1:
        x = layers.MaxPooling2D(2, name=f"{name}_pool")(x)
    if x.shape[-1] < channels:
        x = ops.pad(x, [[0, 0], [0, 0], [0, 0], [0, channels - x.shape[-1]]])
    return _prelu(layers.Add(name=f"{name}_add")([x, y]), f"{name}_prelu")


def _prelu(x: Tensor, name: str) -> Tensor:
    return layers.PReLU(shared_axes=[1, 2], name=name)(x)
