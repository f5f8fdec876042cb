"""Convolutions and residual blocks that the hourglasses are built of."""

from __future__ import annotations

from keras import layers

from handpose_cli.networks.tensors import Tensor


def conv_norm_relu(x: Tensor, features: int, kernel: int, name: str, strides: int = 1, relu: bool = True) -> Tensor:
    x = layers.Conv2D(features, kernel, strides=strides, padding="same", use_bias=False, name=name)(x)
    x = layers.BatchNormalization(name=f"{name}_norm")(x)
    return layers.ReLU(name=f"{name}_relu")(x) if relu else x


def conv_relu(x: Tensor, features: int, kernel: int, name: str, strides: int = 1) -> Tensor:
    conv = layers.Conv2D(
        features, kernel, strides, padding="same", kernel_initializer="he_normal", activation="relu", name=name
    )
    return conv(x)


def norm_relu_conv(x: Tensor, features: int, kernel: int, name: str) -> Tensor:
    x = layers.BatchNormalization(name=f"{name}_norm")(x)
    x = layers.ReLU(name=f"{name}_relu")(x)
    return layers.Conv2D(features, kernel, padding="same", name=name)(x)


def _shortcut(x: Tensor, features: int, name: str) -> Tensor:
    return x if x.shape[-1] == features else layers.Conv2D(features, 1, name=f"{name}_shortcut")(x)


def _preact_block(x: Tensor, features: int, name: str) -> Tensor:
    """The paper's residual module: batch norm and ReLU before each of a 1x1, a 3x3 and a 1x1 convolution."""
    y = norm_relu_conv(x, features // 2, 1, f"{name}_conv1")
    y = norm_relu_conv(y, features // 2, 3, f"{name}_conv2")
    y = norm_relu_conv(y, features, 1, f"{name}_conv3")
    return layers.Add(name=f"{name}_add")([_shortcut(x, features, name), y])


def _bottleneck_block(x: Tensor, features: int, name: str) -> Tensor:
    y = conv_norm_relu(x, features // 2, 1, f"{name}_conv1")
    y = conv_norm_relu(y, features // 2, 3, f"{name}_conv2")
    y = conv_norm_relu(y, features, 1, f"{name}_conv3", relu=False)
    y = layers.Add(name=f"{name}_add")([_shortcut(x, features, name), y])
    return layers.ReLU(name=f"{name}_relu")(y)


def _plain_block(x: Tensor, features: int, name: str) -> Tensor:
    y = conv_norm_relu(x, features, 3, f"{name}_conv1")
    y = conv_norm_relu(y, features, 3, f"{name}_conv2", relu=False)
    y = layers.Add(name=f"{name}_add")([_shortcut(x, features, name), y])
    return layers.ReLU(name=f"{name}_relu")(y)


def _fixup_block(x: Tensor, features: int, name: str) -> Tensor:
    """A plain block without batch norms, which take over half of a training step on a processor.

    Its second convolution begins at zero, so that a deep network's signal neither grows nor fades at the start: Zhang,
    Dauphin and Ma, "Fixup Initialization" (ICLR 2019).
    """
    y = conv_relu(x, features, 3, f"{name}_conv1")
    y = layers.Conv2D(features, 3, padding="same", kernel_initializer="zeros", name=f"{name}_conv2")(y)
    y = layers.Add(name=f"{name}_add")([_shortcut(x, features, name), y])
    return layers.ReLU(name=f"{name}_relu")(y)


def _separable_block(x: Tensor, features: int, name: str) -> Tensor:
    y = x
    for i in (1, 2):
        y = layers.DepthwiseConv2D(3, padding="same", use_bias=False, name=f"{name}_depthwise{i}")(y)
        y = layers.BatchNormalization(name=f"{name}_depthwise{i}_norm")(y)
        y = conv_norm_relu(y, features, 1, f"{name}_conv{i}", relu=i == 1)
    y = layers.Add(name=f"{name}_add")([_shortcut(x, features, name), y])
    return layers.ReLU(name=f"{name}_relu")(y)


BLOCKS = {
    "preact": _preact_block,
    "bottleneck": _bottleneck_block,
    "plain": _plain_block,
    "fixup": _fixup_block,
    "separable": _separable_block,
}
