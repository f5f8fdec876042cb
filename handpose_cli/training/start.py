"""What a run starts from: the bundled encoder, other weights, or random numbers."""

from __future__ import annotations

import keras

from handpose_cli import weights
from handpose_cli.engine.keras import load_weights
from handpose_cli.networks.hourglass.encoder import build_encoder
from handpose_cli.networks.hourglass.presets import Preset
from handpose_cli.training.settings import RANDOM


def check(source: str, kind: str) -> None:
    """Raise WeightsError if there are no such weights for a kind of network, before minutes go into reading data."""
    if source != RANDOM:
        weights.find(source, "keras", kind, remedy="weights")


def start(model: keras.Model, preset: Preset, source: str) -> None:
    """Put the weights of a run's beginning into its model.

    Args:
        source: see `Settings.weights`. Where it has no hand head and the network has, a pretrained encoder's own is
            taken.

    Raises:
        WeightsError: if there are no such weights, or they are not this network's.
    """
    if source == RANDOM:
        return
    path = weights.find(source, "keras")
    if preset.encoder:
        encoder = build_encoder(preset.input_size)
        load_weights(encoder, weights.find(preset.encoder, "keras"))
        names = {layer.name for layer in model.layers}
        for layer in encoder.layers:
            if layer.name in names:
                model.get_layer(layer.name).set_weights(layer.get_weights())
    if not preset.encoder or path != weights.find(preset.encoder, "keras"):
        load_weights(model, path, preset)
