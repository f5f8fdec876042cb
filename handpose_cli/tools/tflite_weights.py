"""The weights in a LiteRT file, in the order in which its layers run, and in Keras's layouts."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

DTYPES = {0: np.float32, 1: np.float16}  # of the file's tensors


class Layer(NamedTuple):
    """A layer with weights.

    Attributes:
        kind: "CONV_2D", "DEPTHWISE_CONV_2D", "PRELU" or "FULLY_CONNECTED".
        weights: kernel ([h, w, in, out]; depthwise [h, w, channels, 1]; [in, out]) and bias; of PRELU the slopes alone.
        input, output: the tensors' numbers.
    """

    kind: str
    weights: list[np.ndarray]
    input: int
    output: int


def read_layers(path: Path) -> list[Layer]:
    """Read a file's layers; half-precision weights behind DEQUANTIZE operators are read as what they are."""
    from ai_edge_litert import schema_py_generated as schema

    model = _parsed(path)
    graph = model.subgraphs[0]
    kinds = {getattr(schema.BuiltinOperator, name): name for name in (
        "CONV_2D", "DEPTHWISE_CONV_2D", "PRELU", "FULLY_CONNECTED", "DEQUANTIZE"
    )}  # fmt: skip
    stored: dict[int, int] = {}
    found: list[Layer] = []

    def values(index: int) -> np.ndarray:
        tensor = graph.tensors[stored.get(index, index)]
        data = np.frombuffer(bytes(model.buffers[tensor.buffer].data), DTYPES[tensor.type])
        return data.reshape(tensor.shape).astype(np.float32)

    for operator in graph.operators:
        code = model.operatorCodes[operator.opcodeIndex]
        kind = kinds.get(max(code.builtinCode, code.deprecatedBuiltinCode))
        inputs, output = [int(i) for i in operator.inputs], int(operator.outputs[0])
        if kind is None:
            continue
        if kind == "DEQUANTIZE":
            stored[output] = inputs[0]
            continue
        weights = [values(index) for index in inputs[1:] if index >= 0]
        if kind in ("CONV_2D", "DEPTHWISE_CONV_2D"):  # [out, h, w, in]; depthwise [1, h, w, channels]
            weights[0] = weights[0].transpose(1, 2, 3, 0)
        elif kind == "FULLY_CONNECTED":
            weights[0] = weights[0].T
        found.append(Layer(kind, weights, inputs[0], output))
    return found


def layers_of_outputs(path: Path, layers: list[Layer]) -> dict[str, Layer]:
    """Return by the name of each of a file's outputs the layer that makes it, alone or with a function behind it."""
    graph = _parsed(path).subgraphs[0]
    made_by = {int(operator.outputs[0]): int(operator.inputs[0]) for operator in graph.operators}
    by_output = {layer.output: layer for layer in layers}
    ends = {graph.tensors[index].name.decode(): int(index) for index in graph.outputs}
    return {name: by_output[end if end in by_output else made_by[end]] for name, end in ends.items()}


def _parsed(path: Path) -> Any:  # ai_edge_litert.schema_py_generated.ModelT, which has no types
    from ai_edge_litert import schema_py_generated as schema

    return schema.ModelT.InitFromObj(schema.Model.GetRootAsModel(path.read_bytes(), 0))
