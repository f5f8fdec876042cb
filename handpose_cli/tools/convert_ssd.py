"""Convert the published EgoHands detector to the Keras model of `ssd.py`; run once, kept as the weights' provenance.

    npm pack handtrackjs@0.1.5 && tar xzf handtrackjs-0.1.5.tgz
    python -m handpose_cli.tools.convert_ssd package handpose_cli/weights

writes `ssd-egohands.weights.h5`, from which `tools.distil_detector` makes the detector that is run.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import keras
import numpy as np

from handpose_cli.networks.ssd.model import BLOCKS, EXTRA, build_ssd

SOURCE_FOLDER = "models/web/ssdlitemobilenetv2"


def read_tensors(folder: Path) -> dict[str, np.ndarray]:
    """Read a TensorFlow.js weights manifest and its shards: tensor name to array."""
    tensors = {}
    for group in json.loads((folder / "weights_manifest.json").read_text()):
        data = b"".join((folder / path).read_bytes() for path in group["paths"])
        offset = 0
        for entry in group["weights"]:
            dtype = np.dtype(entry["dtype"])
            count = int(np.prod(entry["shape"]))
            tensors[entry["name"]] = np.frombuffer(data, dtype, count, offset).reshape(entry["shape"])
            offset += count * dtype.itemsize
    return tensors


def load_published(model: keras.Model, tensors: dict[str, np.ndarray]) -> None:
    """Set the weights of `ssd.build_ssd()` from the published tensors."""
    root = "FeatureExtractor/MobilenetV2/"

    def set_conv(layer: str, source: str) -> None:
        offset = tensors[f"{root}{source}/BatchNorm/FusedBatchNorm/Offset"]
        model.get_layer(layer).set_weights([tensors[f"{root}{source}/Conv2D/merged_input"], offset])

    def set_depthwise(layer: str, source: str) -> None:
        norm = f"{root}{source}/BatchNorm/FusedBatchNorm"
        kernel = tensors[f"{root}{source}/depthwise_weights"] * tensors[f"{norm}/Scaled"][:, None]
        model.get_layer(layer).set_weights([kernel, tensors[f"{norm}/Offset"]])

    set_conv("conv", "Conv")
    set_conv("conv_last", "Conv_1")
    for index, (expansion, _, _) in enumerate(BLOCKS):
        source = f"expanded_conv_{index}" if index else "expanded_conv"
        if expansion > 1:
            set_conv(f"block{index}_expand", f"{source}/expand")
        set_depthwise(f"block{index}_depthwise", f"{source}/depthwise")
        set_conv(f"block{index}_project", f"{source}/project")
    for index, (narrow, wide) in enumerate(EXTRA):
        set_conv(f"extra{index}_narrow", f"layer_19_1_Conv2d_{index + 2}_1x1_{narrow}")
        set_conv(f"extra{index}_wide", f"layer_19_2_Conv2d_{index + 2}_3x3_s2_{wide}")
    for level in range(len(EXTRA) + 2):
        for layer, source in (("classes", "ClassPredictor"), ("boxes", "BoxEncodingPredictor")):
            tensor = f"BoxPredictor_{level}/{source}"
            model.get_layer(f"head{level}_{layer}").set_weights(
                [tensors[f"{tensor}/weights"], tensors[f"{tensor}/biases"]]
            )


def main(package: Path, destination: Path) -> None:
    model = build_ssd()
    load_published(model, read_tensors(package / SOURCE_FOLDER))
    model.save_weights(str(destination / "ssd-egohands.weights.h5"))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
