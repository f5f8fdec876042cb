"""Export a detector of ours for smaller squares, or larger ones; how `ssd-palm-128` in `handpose_cli/weights` is made:

    python -m handpose_cli.tools.resize_detector handpose_cli/weights/ssd-palm.weights.h5 128 DESTINATION/ssd-palm-128

writes NAME.tflite and NAME.json. The network is fully convolutional, so that its weights stay as they are.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

from handpose_cli.engine import contract as contracts
from handpose_cli.networks.ssd.presets import DETECTORS
from handpose_cli.tools.bundle import export_detector
from handpose_cli.weights import contract_path, sha256


def main(weights: str, size: str, destination: str) -> None:
    source, exported = Path(weights), Path(f"{destination}.tflite")
    contract = contracts.read(contract_path(source))
    export_detector(source, replace(DETECTORS["ssd-palm"], input_size=int(size)), exported, "float16")
    contract = replace(contract, input_size=int(size), weights={exported.name: sha256(exported)})
    contracts.write(contract, Path(f"{destination}.json"))


if __name__ == "__main__":
    main(*sys.argv[1:])
