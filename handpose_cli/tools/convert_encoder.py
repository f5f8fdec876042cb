"""Convert MediaPipe's hand landmark network to the Keras layers of `encoder.py`; kept as the weights' provenance.

    pip download --no-deps mediapipe==0.10.21 && unzip mediapipe-0.10.21-*.whl
    python -m handpose_cli.tools.convert_encoder mediapipe/modules/hand_landmark/hand_landmark_full.tflite NAME

writes NAME.weights.h5 in half precision, as which the weights were published: the convolutions up to the 7x7x1152
features, and the two layers behind their mean that answer whether there is a hand and which. The layers for coordinates
are left out.
"""

from __future__ import annotations

import sys
from pathlib import Path

import keras
import numpy as np

from handpose_cli.networks.hourglass.encoder import PREFIX, build_encoder
from handpose_cli.networks.hourglass.outputs import HAND_OUTPUT

DTYPES = {0: np.float32, 1: np.float16}  # of the file's tensors
PRESENCE, HANDEDNESS = "Identity_1", "Identity_2"  # its outputs


def read_layers(path: Path) -> tuple[list[list[np.ndarray]], dict[str, list[np.ndarray]]]:
    """Read a LiteRT file's weights.

    Returns:
        kernel and bias of each convolution, in the order in which they run and in Keras's layouts; and the weights of
        each fully connected layer by the name of the output that they lead to.
    """
    from ai_edge_litert import schema_py_generated as schema

    model = schema.ModelT.InitFromObj(schema.Model.GetRootAsModel(path.read_bytes(), 0))
    graph = model.subgraphs[0]
    stored: dict[int, int] = {}
    made_by: dict[int, int] = {}
    convolutions: list[list[np.ndarray]] = []
    dense: dict[int, list[np.ndarray]] = {}

    def values(index: int) -> np.ndarray:
        tensor = graph.tensors[stored.get(index, index)]
        data = np.frombuffer(bytes(model.buffers[tensor.buffer].data), DTYPES[tensor.type])
        return data.reshape(tensor.shape).astype(np.float32)

    for operator in graph.operators:
        code = model.operatorCodes[operator.opcodeIndex]
        kind = max(code.builtinCode, code.deprecatedBuiltinCode)
        inputs, output = [int(i) for i in operator.inputs], int(operator.outputs[0])
        made_by[output] = inputs[0]
        if kind == schema.BuiltinOperator.DEQUANTIZE:
            stored[output] = inputs[0]
        elif kind in (schema.BuiltinOperator.CONV_2D, schema.BuiltinOperator.DEPTHWISE_CONV_2D):
            # [out, h, w, in] to [h, w, in, out]; depthwise [1, h, w, channels] to [h, w, channels, 1]
            convolutions.append([values(inputs[1]).transpose(1, 2, 3, 0), values(inputs[2])])
        elif kind == schema.BuiltinOperator.FULLY_CONNECTED:
            dense[output] = [values(inputs[1]).T, values(inputs[2])]
    # an output is made by a layer, or by the sigmoid behind it
    ends = {graph.tensors[index].name.decode(): int(index) for index in graph.outputs}
    return convolutions, {name: dense[end if end in dense else made_by[end]] for name, end in ends.items()}


def main(source: Path, destination: str) -> None:
    convolutions, dense = read_layers(source)
    keras.config.set_dtype_policy("float16")
    model = build_encoder()
    layers = [layer for layer in model.layers if layer.name.startswith(PREFIX) and layer.weights]
    for layer, weights in zip(layers, convolutions, strict=True):
        layer.set_weights(weights)
    both = dense[PRESENCE], dense[HANDEDNESS]
    model.get_layer(HAND_OUTPUT).set_weights([np.concatenate(each, axis=-1) for each in zip(*both, strict=True)])
    model.save_weights(f"{destination}.weights.h5")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
