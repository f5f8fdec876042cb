"""Run a network with Keras: the reference, and the way onto a GPU."""

from __future__ import annotations

import json
import threading
import warnings
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from handpose_cli import weights as bundled
from handpose_cli.engine.contract import Contract, of_maps
from handpose_cli.errors import first_line
from handpose_cli.networks.backend import set_up_keras
from handpose_cli.networks.hourglass import presets
from handpose_cli.quiet import set_up_libraries
from handpose_cli.records import NUM_JOINTS

if TYPE_CHECKING:
    import keras


class KerasNetwork:
    """A Keras model; call it with a batch, as `engine.litert.LiteRTNetwork`.

    Several threads may share one: while one of them has it run, the others decode pictures and cut crops.
    """

    def __init__(self, model: keras.Model):
        """The model's outputs are a dict."""
        self._model, self._lock = model, threading.Lock()
        self.input_shape = tuple(model.input_shape[1:])
        self.output_names = set(model.output)

    def __call__(self, inputs: np.ndarray) -> dict[str, np.ndarray]:
        """Run inputs float32 [n, ...] at once and return each output [n, ...] by name.

        The batch is filled up to a power of two, since the model is compiled again for every size of batch.
        """
        n = len(inputs)
        filled = np.concatenate([inputs, np.zeros(((1 << (n - 1).bit_length()) - n, *inputs.shape[1:]), np.float32)])
        with self._lock:
            outputs = self._model.predict_on_batch(filled)
        return {name: output[:n] for name, output in outputs.items()}


def contract_of(preset: presets.Preset) -> Contract:
    """Return the contract of what `presets.for_prediction` gives."""
    return of_maps(preset.input_size, presets.output_name(preset), preset.hand_head, preset.points)


def load(path: Path, kind: str) -> KerasNetwork:
    """Load a `.weights.h5`, bundled or in a run folder, for a kind of `contract.KINDS`.

    Raises:
        weights.WeightsError: if it is not a network's, or Keras cannot be used as it is set up.
    """
    set_up_libraries()
    set_up_keras()
    return _load_detector(path) if kind == "detector" else _load_keypoint_network(path)


def _load_detector(path: Path) -> KerasNetwork:
    from handpose_cli.networks.ssd import presets as detectors
    from handpose_cli.networks.ssd.heads import for_prediction
    from handpose_cli.networks.ssd.model import build_ssd

    name, settings = path.name.removesuffix(".weights.h5"), _settings(path)
    preset = detectors.DETECTORS.get(name) if settings is None else detectors.from_settings(settings)
    model = build_ssd(light=name != bundled.PUBLISHED_DETECTOR) if preset is None else detectors.build(preset)
    load_weights(model, path)
    return KerasNetwork(model if preset is None else for_prediction(model))


def _load_keypoint_network(path: Path) -> KerasNetwork:
    from handpose_cli.networks.hourglass.encoder import build_encoder, for_prediction

    name, settings = path.name.removesuffix(".weights.h5"), _settings(path)
    if settings is None and name == bundled.LANDMARKS:
        encoder = build_encoder()
        load_weights(encoder, path)
        return KerasNetwork(for_prediction(encoder))
    if settings is None and name not in presets.PRESETS:
        raise bundled.WeightsError(f"{path}: no settings.json beside it that gives the network's shape")
    preset = presets.PRESETS[name] if settings is None else presets.from_settings(settings)
    model = presets.build(preset)
    load_weights(model, path)
    return KerasNetwork(presets.for_prediction(model, preset))


def _settings(path: Path) -> dict[str, Any] | None:
    """Return what a run folder's settings say; None if the weights lie in none.

    Raises:
        weights.WeightsError: if they do not say what the network is.
    """
    settings = path.parent / bundled.RUN_SETTINGS
    if not settings.is_file():
        return None
    try:
        content: dict[str, Any] = json.loads(settings.read_text(encoding="utf-8"))
        if not content.keys() & {"network", "features"}:  # the latter in an earlier version's
            raise ValueError
    except (OSError, ValueError, AttributeError) as error:
        exported = (path.parent / bundled.RUN_MODELS).is_file()
        raise bundled.WeightsError(
            f"{settings} is damaged: it does not say what the network is", "litert" if exported else ""
        ) from error
    return content


def load_weights(model: keras.Model, path: Path, preset: presets.Preset | None = None) -> None:
    """Load a `.weights.h5` into a Keras model; raise `weights.WeightsError` if it is not this network's.

    Args:
        preset: the model's; the file may have a hand head or coordinates that it lacks, and lack the hand head. Without
            it heads must be the same.
    """
    try:
        heads = _Heads(False, False) if preset is None else _heads_in(path)
        if preset is None or heads == (preset.hand_head, preset.points):
            _load(model, path)
            return
        if preset.points and not heads.points:
            raise ValueError("it has no coordinates of the joints")
        whole = presets.build(replace(preset, **heads._asdict()))
        _load(whole, path)
        names = {layer.name for layer in model.layers}
        for layer in whole.layers:
            if layer.name in names:
                model.get_layer(layer.name).set_weights(layer.get_weights())
    except (OSError, ValueError) as error:
        reason = first_line(error).partition(". Example error")[0]  # which is in further lines
        raise bundled.WeightsError(f"{path}: not weights of this network: {reason}") from error


def _load(model: keras.Model, path: Path) -> None:
    """Load weights; where they do not fit, Keras raises an error, and before it warns of each layer."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.load_weights(str(path))


class _Heads(NamedTuple):
    hand_head: bool
    points: bool


def _heads_in(path: Path) -> _Heads:
    """Return which heads of an hourglass a file has, told by their layers' widths: Keras keeps no names."""
    import h5py

    with h5py.File(path) as file:
        layers = file.get("layers", {})
        widths = {layers[name]["vars"]["0"].shape[-1] for name in layers if name.startswith("dense")}
    return _Heads(2 in widths, 2 * NUM_JOINTS in widths)
