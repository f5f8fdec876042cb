"""A hand detector on the palm detector's encoder."""

from __future__ import annotations

import keras

from handpose_cli.networks.ssd.heads import with_heads
from handpose_cli.networks.ssd.palm_encoder import encode


def build_palm_ssd(input_size: int = 192) -> keras.Model:
    """Build the detector.

    Returns:
        A model from float32 [n, input_size, input_size, 3] (RGB, 0 to 1, the image fitted into the square's top left
        corner, the rest black) to a dict: `heads.CELLS`, with cells as in `cells.cells`.
    """
    images = keras.Input((input_size, input_size, 3), name="image")
    return with_heads(images, encode(images), False, "palm_ssd")
