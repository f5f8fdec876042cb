"""A hand detector on the hand landmark network's encoder, which 8 bits suit: it also says where hands point."""

from __future__ import annotations

import keras
from keras import layers

from handpose_cli.networks.hourglass.blocks import conv_relu
from handpose_cli.networks.hourglass.encoder import encode
from handpose_cli.networks.ssd.cells import STRIDES
from handpose_cli.networks.ssd.heads import WIDTHS, with_heads

BLOCKS = 14  # of the encoder's; the last ones know single hands


def build_hand_ssd(input_size: int = 192) -> keras.Model:
    """Build the detector: the encoder, a pyramid (Lin et al., CVPR 2017) as wide as the heads, and these.

    Returns:
        A model as `palm_model.build_palm_ssd` gives, with directions.
    """
    images = keras.Input((input_size, input_size, 3), name="image")
    encoded = encode(images, BLOCKS)
    x, features = None, {}
    for stride in STRIDES[::-1]:
        name, width = f"pyramid{stride}", WIDTHS[stride]
        y = conv_relu(encoded[stride], width, 1, f"{name}_skip")
        if x is not None:
            x = layers.UpSampling2D(2, name=f"{name}_up")(conv_relu(x, width, 1, f"{name}_project"))
            y = conv_relu(layers.Add(name=f"{name}_add")([y, x]), width, 3, f"{name}_conv")
        x = features[stride] = y
    return with_heads(images, features, True, "hand_ssd")
