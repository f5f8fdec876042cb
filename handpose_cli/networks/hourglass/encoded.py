"""An hourglass whose way down is a pretrained encoder: only the way up has to be learned from nothing."""

from __future__ import annotations

from collections.abc import Sequence

import keras
from keras import layers

from handpose_cli.networks.hourglass.blocks import BLOCKS, conv_relu
from handpose_cli.networks.hourglass.encoder import STRIDES, coordinates, encode, hand_logits, pool
from handpose_cli.networks.hourglass.outputs import HAND_OUTPUT, POINTS_OUTPUT, heatmaps_name
from handpose_cli.records import NUM_JOINTS


def build_encoded_hourglass(
    features: int | Sequence[int] = (48, 96, 160, 256),
    input_size: int = 192,
    block: str = "fixup",
    hand_head: bool = False,
    points: bool = False,
    joints: int = NUM_JOINTS,
    name: str = "encoded_hourglass",
) -> keras.Model:
    """Build an hourglass on the layers of `encoder.encode`, with random weights.

    Args:
        features: channels of the decoder, from the heatmaps' resolution (a quarter of the crop's) down to a 32nd.
        input_size: side of the square crop in pixels, a multiple of 32.
        block: residual block, a key of `blocks.BLOCKS`.
        hand_head: also answer whether there is a hand in the crop, and which: see `outputs.HAND_OUTPUT`.
        points: also answer with the joints' coordinates, as the encoder's own network does: `encoder.coordinates`.
        joints: number of heatmaps.

    Returns:
        A model as `hourglass.build_hourglass` gives, of one stack.

    Raises:
        ValueError: if a parameter is out of range; the message names it and gives the value received.
    """
    if isinstance(features, int) or len(features) != len(STRIDES) or min(features) < 8:
        raise ValueError(f"features must be {len(STRIDES)} numbers, each at least 8. Received: {features}")
    if input_size % STRIDES[-1]:
        raise ValueError(f"input_size must be a multiple of {STRIDES[-1]}. Received: {input_size}")
    if block not in BLOCKS:
        raise ValueError(f"block must be one of {', '.join(BLOCKS)}. Received: {block!r}")
    residual = BLOCKS[block]
    crops = keras.Input((input_size, input_size, 3), name="crop")
    encoded = encode(crops)

    # === Decoder: up from the smallest features, with a skip at every resolution ===
    bottom = encoded[STRIDES[-1]]
    y = conv_relu(bottom, features[-1], 1, "decoder_stride32_conv")
    y = residual(y, features[-1], "decoder_stride32_block")
    for stride, width in list(zip(STRIDES, features, strict=True))[-2::-1]:
        prefix = f"decoder_stride{stride}"
        y = residual(y, width, f"{prefix}_up")
        y = layers.UpSampling2D(2, name=f"{prefix}_upsample")(y)
        skip = conv_relu(encoded[stride], width, 1, f"{prefix}_skip_conv")
        skip = residual(skip, width, f"{prefix}_skip_block")
        y = layers.Add(name=f"{prefix}_add")([skip, y])
    y = residual(y, features[0], "decoder_out_block")
    y = conv_relu(y, features[0], 1, "decoder_out_conv")

    # === Outputs: float32 also under mixed precision, since the loss is taken on these ===
    outputs = {heatmaps_name(1): layers.Conv2D(joints, 1, name=heatmaps_name(1), dtype="float32")(y)}
    if hand_head or points:
        pooled = pool(bottom)
        outputs |= {HAND_OUTPUT: hand_logits(pooled)} if hand_head else {}
        outputs |= {POINTS_OUTPUT: coordinates(pooled)} if points else {}
    return keras.Model(crops, outputs, name=name)
