"""The bundled networks, and how `--weights` finds one.

`ssd-egohands` is the detector (converted by `networks.convert_ssd`), `hourglass-lite` the hourglass (trained by
`handpose train`); each as LiteRT (`.tflite`) for prediction and as Keras weights (`.weights.h5`), with a card (`.md`).
"""

from __future__ import annotations

import hashlib
from pathlib import Path

FOLDER = Path(__file__).parent
DETECTOR = "ssd-egohands"

SUFFIXES = {"litert": ".tflite", "keras": ".weights.h5"}


class WeightsError(ValueError):
    """No such weights, or not for this engine; the message says which option mends it, in one line."""


def find(weights: str, engine: str) -> Path:
    """Return the weights file for an engine ("litert" or "keras").

    Args:
        weights: name of a bundled network, or the path of a file.

    Raises:
        WeightsError: if there is none, or the file is for the other engine.
    """
    suffix = SUFFIXES[engine]
    bundled = FOLDER / f"{weights}{suffix}"
    if bundled.is_file():
        return bundled
    path = Path(weights)
    if not path.is_file():
        names = ", ".join(sorted(p.name.removesuffix(".tflite") for p in FOLDER.glob("*.tflite")))
        raise WeightsError(f"No such weights: {weights}. Give --weights a file or a bundled network ({names}).")
    if not path.name.endswith(suffix):
        raise WeightsError(f"--engine {engine} needs a {suffix} file. Received: --weights {weights}")
    return path


def sha256(path: Path) -> str:
    """Return the file's SHA-256 in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
