"""At the end of a run: its best weights as files to run anywhere, each checked against the Keras model.

    RUN/model.keras        the whole Keras model; `keras.models.load_model` needs nothing of handpose
    RUN/model.tflite       LiteRT, float32
    RUN/model-int8.tflite  LiteRT, weights and activations in 8 bits, calibrated on training crops
    RUN/model.onnx         on request
    RUN/models.json        what was measured of them, and which one `predict` runs; written when they are whole
    RUN/network.json       how they are asked and what their outputs mean, see `engine.contract`

Their outputs are those of `for_prediction`. `models.json` is there only while they belong to the best weights.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from importlib import import_module
from importlib.metadata import version
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import keras
import numpy as np

from handpose_cli.engine import contract_file
from handpose_cli.engine.contract import Contract, KeypointNetwork
from handpose_cli.engine.keras import contract_of, load_weights
from handpose_cli.engine.keypoint_network import DecodedKeypoints, Network
from handpose_cli.engine.litert import LiteRTNetwork
from handpose_cli.errors import Remediable
from handpose_cli.evaluation.metrics import average, correct, distances, longer_sides
from handpose_cli.files import atomic
from handpose_cli.networks.hourglass import presets
from handpose_cli.networks.hourglass.outputs import HAND_OUTPUT
from handpose_cli.processors import processors
from handpose_cli.quiet import quiet_stderr
from handpose_cli.training.data.dataset import RandomCrops
from handpose_cli.training.data.samples import Sample
from handpose_cli.training.delivery.export import export_litert
from handpose_cli.training.delivery.export_onnx import PACKAGES, export_onnx, load_onnx
from handpose_cli.training.delivery.trained import is_upright, preset_of
from handpose_cli.training.settings import EXPORTS
from handpose_cli.training.validation import predict
from handpose_cli.version import __version__
from handpose_cli.weights import RUN_CONTRACT, RUN_MODELS, RUN_WEIGHTS, sha256

KERAS, FLOAT32, INT8, ONNX = "model.keras", "model.tflite", "model-int8.tflite", "model.onnx"
PCK = "pck@0.1/keypoints"
CALIBRATION_CROPS = 512
CHECKED_CROPS = 16
MOST_HANDS = 1000  # of the validation hands, to measure PCK on
SAME = 1e-4  # of the maps' range: most that a float32 file may differ from the Keras model
INT8_COSTS = 0.005  # most that the int8 file's PCK@0.1 may be lower for `predict` to run it

Write = Callable[[Path], None]
Load = Callable[[Path], Network]


class DeliveryError(Remediable, ValueError):
    """A file cannot be exported, or does not do what the Keras model does; the message is one line."""


def check_forms(forms: Sequence[str]) -> None:
    """Raise DeliveryError if a form is unknown, goes not with the others or needs a package that is not installed."""
    if unknown := [form for form in forms if form not in EXPORTS]:
        raise DeliveryError(f"no such export: {unknown[0]}. There are: {', '.join(EXPORTS)}")
    if "none" in forms and set(forms) != {"none"}:
        raise DeliveryError(f"none goes with no other export. Received: {', '.join(forms)}")
    try:
        for package in PACKAGES if "onnx" in forms else ():
            import_module(package)
    except ImportError as error:
        raise DeliveryError(
            f"An ONNX file needs {error.name}. Install it with: pip install 'handpose-cli[onnx]'"
        ) from error


def calibration_crops(
    samples: list[Sample], size: int, places: Sequence[Sample] = (), upright: bool = False
) -> Callable[[], Iterator[np.ndarray]]:
    """Return what gives `CALIBRATION_CROPS` training crops, each float32 [1, size, size, 3], 0 to 1.

    Args:
        places: see `places.find_places`, which a hand head must have seen: it would be cut off at its answers to hands.
        upright: whether hands stand upright, see `RandomCrops`.
    """
    batches = RandomCrops(samples, size, 1, seed=0, places=places, upright=upright)
    return lambda: (batches[index][0] for index in range(CALIBRATION_CROPS))


def withdraw(run: Path) -> None:
    """Take back an earlier delivery: from now on the best weights may be others. `predict` then says so."""
    for name in (RUN_MODELS, RUN_CONTRACT):
        (run / name).unlink(missing_ok=True)


@dataclass(frozen=True)
class Delivery:
    """A network to deliver.

    Attributes:
        model: as prediction takes it.
        contract: without digests.
        inputs: gives training inputs, float32 [1, ...], to calibrate int8 and to check the files on.
        figure: name of the accuracy that LiteRT files are measured by.
        accuracy: measures it.
        validated: on how many; kinds: what the files are checked on, and what validated on, in plural.
        costs: most that the int8 file's may be lower for `predict` to run it; None: there is no int8 file, since this
            network would be slower in 8 bits.
        same: most that a float32 file's outputs may differ from the Keras model's, over their range.
    """

    model: keras.Model
    contract: Contract
    inputs: Callable[[], Iterator[np.ndarray]]
    figure: str
    accuracy: Callable[[Network], float]
    validated: int
    costs: float | None
    same: float = SAME
    kinds: tuple[str, str] = ("crops", "hands")


def deliver(
    run: Path,
    crops: Callable[[], Iterator[np.ndarray]],
    held_back: Sequence[Sample],
    forms: Sequence[str] = (),
    report: Callable[[str], None] = lambda line: None,
) -> dict[str, Any]:
    """Export the best weights of an hourglass's run; see `write_files`.

    Args:
        run: folder with `settings.json` and `best.weights.h5`.
        crops: gives training crops, see `calibration_crops`.
        held_back: the validation hands.

    Raises:
        WeightsError: if the weights are not those of the settings' network.
    """
    check_forms(forms)
    preset, upright = preset_of(run), is_upright(run)
    with in_precision("float32"), keras.device("cpu"):
        model = presets.build(preset)
        load_weights(model, run / RUN_WEIGHTS)
        spread = held_back[:: -(-len(held_back) // MOST_HANDS)]
        contract = contract_of(preset)
        delivery = Delivery(
            presets.for_prediction(model, preset),
            contract,
            crops,
            PCK,
            lambda network: accuracy(DecodedKeypoints(network, contract), spread, upright),
            len(spread),
            INT8_COSTS,
        )
        return write_files(run, delivery, forms, report)


def write_files(run: Path, delivery: Delivery, forms: Sequence[str], report: Callable[[str], None]) -> dict[str, Any]:
    """Export a network into its run folder and return what `models.json` says.

    It is called with float32 layers and on the processor: a GPU rounds float32 to TF32, which is further off than the
    files may be.

    Args:
        forms: of `settings.EXPORTS`; Keras and LiteRT files are written in any case.
        report: called with a line for each file.

    Raises:
        DeliveryError: if a file cannot be made or is not the same network; those before it are there then.
    """
    check_forms(forms)
    withdraw(run)
    model = delivery.model
    with TemporaryDirectory(prefix=".export-", dir=run) as folder:
        shown = np.concatenate(list(islice(delivery.inputs(), CHECKED_CROPS)))
        expected = _called(model)(shown)
        figures: dict[str, Any] = {
            "handpose": __version__,
            "versions": {name: version(name) for name in ("keras", "tensorflow")},
            "parameters": model.count_params(),
            f"checked_{delivery.kinds[0]}": len(shown),
            f"validation_{delivery.kinds[1]}": delivery.validated,
            "files": {},
        }
        for name, (write, load) in _exports(delivery, forms).items():
            part = Path(folder) / name
            network = _exported(write, load, part)
            differences = _differences(network(shown), expected)
            if name != INT8 and not all(difference <= delivery.same for difference in differences.values()):
                raise DeliveryError(
                    f"{run / name} was not written: it differs from the Keras model by "
                    f"{_largest(differences):.2g} (at most {delivery.same:g})",
                    "deliver",
                )
            figures["files"][name] = {"bytes": part.stat().st_size, "largest_difference": differences}
            if isinstance(network, LiteRTNetwork):
                figures["files"][name][delivery.figure] = delivery.accuracy(network)
            part.replace(run / name)
            report(_described(name, figures["files"][name], delivery.figure))
            costs = delivery.costs
            # enough to predict with, whatever becomes of what was asked for besides
            if (FLOAT32 if costs is None else INT8) in figures["files"]:
                figures["litert"] = FLOAT32 if costs is None else choose(figures["files"], delivery.figure, costs)
                with atomic(run / RUN_MODELS) as file:
                    json.dump(figures, file, indent=1)
                    file.write("\n")
                names = (*(name for name in (FLOAT32, INT8) if name in figures["files"]), RUN_WEIGHTS)
                digests = {name: sha256(run / name) for name in names}
                contract_file.write(replace(delivery.contract, weights=digests), run / RUN_CONTRACT)
    return figures


def choose(files: dict[str, dict[str, Any]], figure: str = PCK, costs: float = INT8_COSTS) -> str:
    """Return the LiteRT file to predict with: int8, several times as fast, unless it is less accurate."""
    return INT8 if files[INT8][figure] >= files[FLOAT32][figure] - costs else FLOAT32


def accuracy(network: KeypointNetwork, samples: Sequence[Sample], upright: bool = False) -> float:
    """Return PCK@0.1 as in `training.validation`, of the keypoints that prediction finds in the labelled boxes."""
    labelled = np.stack([s.hand.keypoints for s in samples if s.hand is not None and s.hand.keypoints is not None])
    error = distances(predict(network, samples, 1, upright).keypoints, labelled)
    return average(correct(error, longer_sides(labelled), 0.1), "micro")


@contextmanager
def in_precision(policy: str) -> Iterator[None]:
    """Build Keras layers with a dtype policy, whatever the run was trained in."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def _exports(delivery: Delivery, forms: Sequence[str]) -> dict[str, tuple[Write, Load]]:
    """Return for each file what writes it to a path, and what loads it from there."""
    model = delivery.model

    def load_litert(path: Path) -> LiteRTNetwork:
        return LiteRTNetwork(path, threads=processors())

    exports: dict[str, tuple[Write, Load]] = {
        KERAS: (model.save, lambda path: _called(keras.models.load_model(path))),
        FLOAT32: (lambda path: export_litert(model, path), load_litert),
    }
    if delivery.costs is not None:
        exports[INT8] = (lambda path: export_litert(model, path, "int8", delivery.inputs), load_litert)
    if "onnx" in forms:
        exports[ONNX] = (lambda path: export_onnx(model, path), load_onnx)
    return exports


def _exported(write: Callable[[Path], None], load: Callable[[Path], Network], path: Path) -> Network:
    try:
        with quiet_stderr():
            write(path)
            return load(path)
    except OSError:
        raise
    except Exception as error:  # whatever a converter raises must not hide that the weights are there
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise DeliveryError(f"{path.name} cannot be exported: {reason}", "deliver") from error


def _called(model: keras.Model) -> Network:
    """Return the model as a function of arrays; eager, so that it stays on the device that is set."""
    return lambda inputs: {
        name: keras.ops.convert_to_numpy(output) for name, output in model(inputs, training=False).items()
    }


def _differences(outputs: dict[str, np.ndarray], expected: dict[str, np.ndarray]) -> dict[str, float]:
    """Return the largest difference of each output: of maps over their range, of the hand's probabilities as it is."""
    return {
        name: float(
            np.abs(outputs[name] - reference).max()
            / (1.0 if name == HAND_OUTPUT else max(float(np.ptp(reference)), 1e-9))
        )
        for name, reference in expected.items()
    }


def _described(name: str, measured: dict[str, Any], figure: str) -> str:
    accuracy = f", {figure} {measured[figure]:.4f}" if figure in measured else ""
    differs = _largest(measured["largest_difference"])
    return f"{name}: {measured['bytes'] / 1e6:.1f} MB, differs from the Keras model by {differs:.1g}{accuracy}"


def _largest(differences: dict[str, float]) -> float:
    return float(np.max(list(differences.values())))  # NaN if one is
