"""Turn a run's best weights into the files that are bundled; how `handpose_cli/weights` is made:

    python -m handpose_cli.tools.bundle RUN/best.weights.h5[,RUN2/best.weights.h5...] FORM DATA... DESTINATION/NAME

writes NAME.weights.h5 (Keras, half precision), NAME.tflite (LiteRT in FORM, see `training.delivery.export`) and
NAME.json (their contract; `fit_scores` adds what an hourglass's scores are worth, and a second network that was in it
stays). "int8" is calibrated on crops of the labels DATA and of the run's --negatives; of a detector on pictures made of
DATA. Weights of several runs that go on from each other are averaged (Wortsman et al., "Model soups", ICML 2022).
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np

from handpose_cli.engine import contract_file
from handpose_cli.engine.keras import contract_of
from handpose_cli.networks.hourglass import presets
from handpose_cli.networks.ssd import presets as detectors
from handpose_cli.networks.ssd.heads import for_prediction
from handpose_cli.training.data.places import find_places
from handpose_cli.training.data.samples import read_samples
from handpose_cli.training.delivery.deliver import calibration_crops, in_precision
from handpose_cli.training.delivery.export import export_litert
from handpose_cli.training.detection.photos import Photos, read_photos
from handpose_cli.training.detection.task import contract_of as detector_contract
from handpose_cli.training.detection.task import shown_pictures
from handpose_cli.weights import sha256


def save_half_precision(weights: list[Path], build: Callable[[], keras.Model], path: Path) -> None:
    """Save the average of weights, without the optimizer's state, in float16 to `path`."""
    model = build()
    each = []
    for file in weights:
        model.load_weights(str(file))
        each.append(model.get_weights())
    with in_precision("float16"):
        half = build()
    half.set_weights([np.mean(tensors, axis=0) for tensors in zip(*each, strict=True)])
    half.save_weights(str(path))


def export(
    weights: Path, preset: presets.Preset, path: Path, form: str, data: Iterable[str], negatives: Iterable[str]
) -> None:
    """Export an hourglass to LiteRT."""
    model = presets.build(preset)
    model.load_weights(str(weights))
    crops = None
    if form == "int8":
        crops = calibration_crops(read_samples(data), preset.input_size, list(find_places(negatives, seed=0)))
    export_litert(presets.for_prediction(model, preset), path, form, crops)


def export_detector(
    weights: Path, preset: detectors.DetectorPreset, path: Path, form: str, data: Iterable[str]
) -> None:
    """Export a detector to LiteRT."""
    model = detectors.build(preset)
    model.load_weights(str(weights))
    photos = read_photos(data) if form == "int8" else Photos([], [])
    export_litert(for_prediction(model), path, form, lambda: shown_pictures(photos, preset.input_size))


def main(weights: str, form: str, *rest: str) -> None:
    *data, destination = rest
    sources = [Path(path) for path in weights.split(",")]
    settings = json.loads((sources[-1].parent / "settings.json").read_text())
    half, exported = Path(f"{destination}.weights.h5"), Path(f"{destination}.tflite")
    if settings["preset"] in detectors.DETECTORS:
        detector = detectors.from_settings(settings)
        save_half_precision(sources, lambda: detectors.build(detector), half)
        export_detector(half, detector, exported, form, data)
        contract, licence = detector_contract(detector), "Apache-2.0"
    else:
        preset = presets.from_settings(settings)
        save_half_precision(sources, lambda: presets.build(preset), half)
        export(half, preset, exported, form, data, settings.get("negatives", ()))
        contract, licence = contract_of(preset), "Apache-2.0" if preset.encoder else "MIT"
    digests = {path.name: sha256(path) for path in (half, exported)}
    contract = replace(contract, weights=digests, data=f"see {exported.stem}.md", licence=licence)
    path = Path(f"{destination}.json")
    second = contract_file.read(path).second if path.is_file() else ""
    contract_file.write(replace(contract, second=second), path)


if __name__ == "__main__":
    main(*sys.argv[1:])
