"""Networks that are read from other packages, where these are installed, rather than bundled.

Such a package is never imported: its files alone are read. Their contracts are here, in `contracts/`.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path

from handpose_cli.weights.errors import WeightsError

CONTRACTS = Path(__file__).parent / "contracts"
# package, which names the network and the extra that installs it -> its file for each kind of network
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
    file, install = NETWORKS[package][kind], f"pip install 'handpose-cli[{package}]'"
    # of a package, rather than of a module inside it, this does not run any of its code
    spec = importlib.util.find_spec(package)
    if spec is None:
        raise WeightsError(f"The networks {package} are read from a package that is not installed: {install}")
    for folder in spec.submodule_search_locations or ():
        if (Path(folder) / file).is_file():
            return Path(folder) / file
    raise WeightsError(f"The {package} that is installed has no {file}; one that has: {install}")


def contract_path(weights: Path) -> Path | None:
    """Return where the contract of a package's network lies; None for other weights."""
    for package, files in NETWORKS.items():
        if any(weights.as_posix().endswith(f"/{package}/{file}") for file in files.values()):
            return CONTRACTS / f"{weights.stem}.json"
    return None
