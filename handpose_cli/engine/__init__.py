"""Networks as the annotator asks them: weights and their contract, run by LiteRT on processors or by Keras on a GPU."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TypeVar

from handpose_cli import weights
from handpose_cli.engine import contract as contracts
from handpose_cli.engine import contract_file
from handpose_cli.engine.cascade import Cascade
from handpose_cli.engine.contract import Contract, ContractError
from handpose_cli.engine.detector import FITS, DecodedBoxes
from handpose_cli.engine.detector import NEEDED as OF_DETECTORS
from handpose_cli.engine.keypoint_network import NEEDED as OF_KEYPOINTS
from handpose_cli.engine.keypoint_network import DecodedKeypoints, LoadedNetwork
from handpose_cli.errors import first_line
from handpose_cli.weights import installed

ENGINES = ("litert", "keras")
_NO_MEMORY = "failed with error '12'"  # of LiteRT's mmap: ENOMEM
N = TypeVar("N", DecodedBoxes, DecodedKeypoints)


def load_detector(engine: str, name: str = weights.DETECTOR) -> DecodedBoxes | Cascade:
    """Load a detector: a bundled name, a cascade's (`weights.CASCADES`), or a file with its contract beside it.

    Raises:
        weights.WeightsError: if there is no such network.
    """
    first, *others = (partial(_detector, engine, path) for path in detector_files(engine, name))
    return Cascade(first(), _when_needed(engine, others[0])) if others else first()


def _when_needed(engine: str, load: Callable[[], N]) -> Callable[[], N]:
    """Return what loads a network when it is first needed; one that threads share, at once."""
    if engine != "keras":
        return load
    loaded = load()  # no thread should build it while another one runs a network
    return lambda: loaded


def _detector(engine: str, path: Path) -> DecodedBoxes:
    return DecodedBoxes(*_load(engine, path, "detector"))


def detector_files(engine: str, name: str) -> list[Path]:
    """Return the weights files that a detector is run from: one, or a cascade's two in order.

    Raises:
        weights.WeightsError: if there is none of them.
    """
    return [weights.find(each, engine, "detector") for each in weights.CASCADES.get(name, (name,))]


def load_keypoint_network(engine: str, name: str = weights.KEYPOINT_NETWORK) -> DecodedKeypoints:
    """Load a keypoint network (a bundled name, a run folder or a file), with its second one if it has one.

    Raises:
        weights.WeightsError: if there is no such network.
    """
    first, *others = (partial(_keypoint_network, engine, path) for path in keypoint_files(engine, name))
    return first(_when_needed(engine, others[0]) if others else None)


def _keypoint_network(
    engine: str, path: Path, load_second: Callable[[], DecodedKeypoints] | None = None
) -> DecodedKeypoints:
    return DecodedKeypoints(*_load(engine, path, "keypoints"), load_second)


def keypoint_files(engine: str, name: str) -> list[Path]:
    """Return the weights files that a keypoint network is run from: its own and, if it has a second one, that one's.

    Raises:
        weights.WeightsError: if there is none of them.
    """
    path = weights.find(name, engine, "keypoints")
    contract = contract_of(path)
    if contract is None or not contract.second:
        return [path]
    try:
        return [path, weights.find(contract.second, engine, "keypoints")]
    except weights.WeightsError as error:
        raise weights.WeightsError(f"{weights.contract_path(path)}: its second network: {error}") from error


def contract_of(path: Path) -> Contract | None:
    """Return the contract beside a weights file, or None if it lies there without one.

    Raises:
        WeightsError: if it is damaged, or it is that of other weights.
    """
    beside = weights.contract_path(path)
    if not beside.is_file():
        return None
    try:
        contract = contract_file.read(beside)
    except ContractError as error:
        raise weights.WeightsError(str(error)) from error
    digest = contract.weights.get(path.name)
    if digest is not None and digest != weights.sha256(path):
        mend = "put theirs there" if beside.parent == path.parent else installed.mend(path)
        raise weights.WeightsError(f"{beside} is the contract of other weights than {path.name}: {mend}")
    return contract


def has_calibration(path: Path) -> bool:
    """Return whether it is known what the scores of a weights file are worth."""
    contract = contract_of(path)
    return contract is not None and contract.calibration is not None


def _load(engine: str, path: Path, kind: str) -> tuple[LoadedNetwork, Contract]:
    contract = contract_of(path)
    if contract is not None and contract.kind != kind:
        raise weights.WeightsError(f"{path}: its contract says that it is for: {contract.kind}. Needed: {kind}")
    if engine == "keras":
        from handpose_cli.engine import keras

        network: LoadedNetwork = keras.load(path, kind)
    else:
        network = _litert(path)
    if contract is None:
        contract = _guessed(path, network, kind)
    _check(path, contract, network)
    return network, contract


def _litert(path: Path) -> LoadedNetwork:
    from handpose_cli.engine.litert import LiteRTNetwork

    try:
        return LiteRTNetwork(path)
    except (ValueError, RuntimeError, MemoryError) as error:
        if isinstance(error, MemoryError) or _NO_MEMORY in str(error):
            raise weights.WeightsError(f"{path}: not enough memory to load it") from error
        raise weights.WeightsError(f"{path}: not a LiteRT network: {first_line(error)}") from error


def _guessed(path: Path, network: LoadedNetwork, kind: str) -> Contract:
    """Return the contract of a network of `handpose train` that lies without it."""
    if path.parent == weights.FOLDER:
        lacking = weights.contract_path(path).name
        raise weights.WeightsError(f"{lacking} is not beside {path}: install handpose-cli again")
    decoding = next((name for name in ("logits", "heatmaps") if name in network.output_names), None)
    if kind != "keypoints" or decoding is None:
        outputs = ", ".join(sorted(network.output_names))
        raise weights.WeightsError(
            f"{path}: no contract beside it ({weights.contract_path(path).name}), and not an hourglass exported by "
            f"handpose (outputs: {outputs})"
        )
    has_hand, has_points = (name in network.output_names for name in ("hand", "points"))
    return contracts.of_maps(network.input_shape[0], decoding, has_hand, has_points)


def _check(path: Path, contract: Contract, network: LoadedNetwork) -> None:
    decodings = OF_KEYPOINTS if contract.kind == "keypoints" else OF_DETECTORS
    if contract.decoding not in decodings:
        known = ", ".join(decodings)
        raise weights.WeightsError(f"{path}: its contract's decoding must be one of {known}: {contract.decoding!r}")
    if contract.fit not in FITS:
        raise weights.WeightsError(f"{path}: its contract's fit must be one of {', '.join(FITS)}: {contract.fit!r}")
    named = set(contract.outputs) | ({"scores"} if "logits" in contract.outputs else set())
    unnamed = sorted(decodings[contract.decoding] - named)
    if unnamed:
        raise weights.WeightsError(f"{path}: its contract must say in outputs which one is its {unnamed[0]}")
    if contract.in_quarters and not {"hand", "is_hand"} & set(contract.outputs):
        raise weights.WeightsError(
            f"{path}: its contract must say in outputs which one is its is_hand, for in_quarters"
        )
    missing = sorted(set(contract.outputs.values()) - network.output_names)
    if missing:
        raise weights.WeightsError(f"{path}: it has no output named {missing[0]!r}, which its contract names")
    size = network.input_shape[0]
    if size != contract.input_size:
        raise weights.WeightsError(f"{path}: its input is {size} pixels large, its contract says {contract.input_size}")
