"""Make the channels of an encoder's layers alike in range, so that 8 bits serve all of them.

Nagel et al., "Data-Free Quantization Through Weight Equalization and Bias Correction" (ICCV 2019), with ranges that
were seen on data instead of those of the weights. In 8 bits all channels of a map share one scale. The encoder has
channels that stay within a hundredth of the others' range, and depthwise kernels that make up for it: they would be
left with two or three values.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import keras
import numpy as np

from handpose_cli.networks.hourglass.encoder import BLOCKS, PREFIX

HIGHEST = 6.0  # of ReLU6
HEADROOM = 1.1  # over the highest value seen
MOST = 1000.0  # of a channel that is almost silent


def equalise(model: keras.Model, crops: Iterable[np.ndarray]) -> None:
    """Scale each channel before a ReLU6 up to its full range, and the layer behind it down again, in place.

    The network stays the same function, but for values beyond `HEADROOM` times the highest that the crops give.

    Args:
        model: an hourglass on an encoder; another is left as it is.
        crops: float32 [n, size, size, 3] each, like those of prediction.
    """
    names = {layer.name for layer in model.layers}
    pairs = [pair for pair in _pairs() if pair[0] in names]
    if not pairs:
        return
    maps = keras.Model(model.input, [model.get_layer(f"{first}_relu").output for first, _ in pairs])
    highest: list[np.ndarray] | None = None
    for batch in crops:
        seen = [each.max(axis=(0, 1, 2)) for each in maps.predict_on_batch(batch)]
        highest = seen if highest is None else [np.maximum(*each) for each in zip(highest, seen, strict=True)]
    for (first, second), channels in zip(pairs, highest or (), strict=True):
        scale = np.clip(HIGHEST / np.maximum(HEADROOM * channels, 1e-9), 1.0, MOST)
        _scale_outputs(model.get_layer(first), scale)
        _scale_inputs(model.get_layer(second), 1 / scale)


def _pairs() -> Iterator[tuple[str, str]]:
    """Yield the names of the layers before and behind each ReLU6 that leads to one layer only."""
    before = f"{PREFIX}stem"
    for index, block in enumerate(BLOCKS):
        name = f"{PREFIX}block{index}"
        if index:
            before = f"{name}_expand"
        yield before, f"{name}_depthwise"
        if block.channels:
            yield f"{name}_depthwise", f"{name}_project"


def _scale_outputs(layer: keras.Layer, scale: np.ndarray) -> None:
    kernel, bias = layer.get_weights()
    of_kernel = scale[:, None] if isinstance(layer, keras.layers.DepthwiseConv2D) else scale
    layer.set_weights([kernel * of_kernel, bias * scale])


def _scale_inputs(layer: keras.Layer, scale: np.ndarray) -> None:
    kernel, bias = layer.get_weights()
    layer.set_weights([kernel * scale[:, None], bias])
