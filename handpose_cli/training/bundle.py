"""Turn a run's best weights into the files that are bundled; how `handpose_cli/weights` is made:

    python -m handpose_cli.training.bundle RUN/best.weights.h5[,RUN2/best.weights.h5...] FORM DATA... DESTINATION/NAME

writes NAME.weights.h5 (Keras, half precision) and NAME.tflite (LiteRT in FORM, see `networks.export`; "int8" is
calibrated on crops of the training folders DATA). Weights of several runs that go on from each other are averaged
(Wortsman et al., "Model soups", ICML 2022).
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import keras
import numpy as np

from handpose_cli.networks import presets
from handpose_cli.networks.export import export_litert
from handpose_cli.training.dataset import RandomCrops, read_samples

CALIBRATION_CROPS = 512


def save_half_precision(weights: list[Path], preset: presets.Preset, path: Path) -> None:
    """Save the average of weights, without the optimizer's state, in float16 to `path`."""
    model = presets.build(preset)
    each = []
    for file in weights:
        model.load_weights(str(file))
        each.append(model.get_weights())
    keras.config.set_dtype_policy("float16")
    try:
        half = presets.build(preset)
    finally:
        keras.config.set_dtype_policy("float32")
    half.set_weights([np.mean(tensors, axis=0) for tensors in zip(*each, strict=True)])
    half.save_weights(str(path))


def export(weights: Path, preset: presets.Preset, path: Path, form: str, data: list[Path]) -> None:
    """Export to LiteRT, as `engine.load_hourglass` expects it."""
    model = presets.build(preset)
    model.load_weights(str(weights))

    def crops() -> Iterator[np.ndarray]:
        batches = RandomCrops(read_samples(map(str, data)), preset.input_size, 1, seed=0)
        for index in range(CALIBRATION_CROPS):
            yield batches[index][0]

    export_litert(presets.for_prediction(model, preset), path, form, crops if form == "int8" else None)


def main(weights: str, form: str, *rest: str) -> None:
    *data, destination = map(Path, rest)
    sources = [Path(path) for path in weights.split(",")]
    preset = presets.from_settings(json.loads((sources[-1].parent / "settings.json").read_text()))
    half = destination.with_name(destination.name + ".weights.h5")
    save_half_precision(sources, preset, half)
    export(half, preset, destination.with_name(destination.name + ".tflite"), form, data)


if __name__ == "__main__":
    main(*sys.argv[1:])
