"""Run exported networks on arrays: LiteRT on processors (default), Keras on a GPU and as the reference.

A network is called with float32 [n, height, width, 3] and returns a dict of outputs [n, ...]; `input_shape` says the
shape of one input.
"""

from __future__ import annotations

from handpose_cli import weights

ENGINES = ("litert", "keras")


def load_detector(engine: str):
    """Load the bundled SSD for an engine."""
    path = weights.find(weights.DETECTOR, engine)
    if engine == "keras":
        from handpose_cli.engine import keras

        return keras.load_detector(path)
    return _litert(path)


def load_hourglass(engine: str, name: str):
    """Load an hourglass (a bundled name, a run folder or a file) for an engine; raises `weights.WeightsError`."""
    path = weights.find(name, engine)
    if engine == "keras":
        from handpose_cli.engine import keras

        return keras.load_hourglass(path)
    network = _litert(path)
    if not network.output_names & {"heatmaps", "logits"}:
        outputs = ", ".join(sorted(network.output_names))
        raise weights.WeightsError(f"{path.name}: not an hourglass exported by handpose (outputs: {outputs})")
    return network


def _litert(path):
    from handpose_cli.engine.litert import LiteRTNetwork

    try:
        return LiteRTNetwork(path)
    except (ValueError, RuntimeError) as error:
        raise weights.WeightsError(f"{path}: not a LiteRT network: {str(error).splitlines()[0]}") from error
