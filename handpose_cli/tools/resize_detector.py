"""Export a detector of ours for smaller squares, or larger ones; how `ssd-hand-128` in `handpose_cli/weights` is made:

    python -m handpose_cli.tools.resize_detector handpose_cli/weights/ssd-hand.weights.h5 128 DATA... \\
        DESTINATION/ssd-hand-128

writes NAME.tflite, in 8 bits calibrated on pictures made of DATA (see `bundle`), and NAME.json. The network is fully
convolutional, so that its weights stay as they are.
"""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path

from handpose_cli.engine import contract as contracts
from handpose_cli.networks.ssd.presets import DETECTORS, from_settings
from handpose_cli.tools.bundle import export_detector
from handpose_cli.weights import RUN_SETTINGS, SUFFIXES, contract_path, sha256


def main(weights: str, size: str, *rest: str) -> None:
    *data, destination = rest
    source, exported = Path(weights), Path(f"{destination}.tflite")
    contract = replace(contracts.read(contract_path(source)), input_size=int(size))
    run = source.with_name(RUN_SETTINGS)
    name = source.name.removesuffix(SUFFIXES["keras"])
    preset = from_settings(json.loads(run.read_text())) if run.is_file() else DETECTORS[name]
    export_detector(
        source, replace(preset, input_size=int(size)), exported, "float16" if preset.is_palm else "int8", data
    )
    contracts.write(replace(contract, weights={exported.name: sha256(exported)}), Path(f"{destination}.json"))


if __name__ == "__main__":
    main(*sys.argv[1:])
