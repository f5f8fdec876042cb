"""Networks that are read from other packages, where these are installed, rather than bundled.

Such a package is never imported: its files alone are read. Their contracts are here, in `contracts/`.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path

from handpose_cli.weights.errors import WeightsError

CONTRACTS = Path(__file__).parent / "contracts"
# package, which names its networks and the extra that installs it -> its file for each kind of network
NETWORKS = {
    "mediapipe": {
        "keypoints": "modules/hand_landmark/hand_landmark_full.tflite",
        "detector": "modules/palm_detection/palm_detection_full.tflite",
    }
}


def find(package: str, engine: str, kind: str) -> Path:
    """Return the file of a package's network.

    Args:
        package: a key of `NETWORKS`.
        kind: of network that is wanted.

    Raises:
        WeightsError: if the package is not installed, or has no such file, or the engine cannot run it.
    """
    if engine != "litert":
        raise WeightsError(f"The networks of {package} are run by LiteRT alone. Received: {engine}", "litert")
    file = NETWORKS[package][kind]
    spec = importlib.util.find_spec(package)  # which runs none of its code
    if spec is None:
        raise WeightsError(
            f"The network is read from {package}, which is not installed. Install it with: {_install(package)}"
        )
    for folder in spec.submodule_search_locations or ():
        if (Path(folder) / file).is_file():
            return Path(folder) / file
    raise WeightsError(
        f"The {package} that is installed has no {file}. Install a version that has it with: {_install(package)}"
    )


def contract_path(weights: Path) -> Path | None:
    """Return where the contract of a package's network lies; None for other weights."""
    return None if _package_of(weights) is None else CONTRACTS / f"{weights.stem}.json"


def mend(weights: Path) -> str:
    """Return what helps if a package's network is not the one whose contract is known."""
    package = _package_of(weights)
    return "" if package is None else f"install another {package} with: {_install(package)}"


def _package_of(weights: Path) -> str | None:
    for package, files in NETWORKS.items():
        if any(weights.as_posix().endswith(f"/{package}/{file}") for file in files.values()):
            return package
    return None


def _install(package: str) -> str:
    return f"pip install 'handpose-cli[{package}]'"
