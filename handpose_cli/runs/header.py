"""How a run was made: what its records depend on, and the head of its result file."""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import cv2

from handpose_cli import __version__, weights
from handpose_cli.engine import has_calibration
from handpose_cli.formats.handpose_json import FORMAT_VERSION
from handpose_cli.labels.source import Source
from handpose_cli.runs.errors import RunError
from handpose_cli.runs.fingerprint import fingerprint
from handpose_cli.runs.journal import Header

# arguments of predict that change a record; another file of the same weights or boxes does not
CHANGING = (
    "detector", "score_threshold", "max_hands", "views", "tile", "track", "smooth", "every", "start", "end", "engine",
)  # fmt: skip
# and those that say what else was called for; what cannot change a result is not here, so that results can be compared
# byte by byte
TOLD = ("inputs", "recursive", "formats", "draw", "boxes", "weights")


_CALIBRATED = (
    "hand: probability that it is one; joint: probability that it is within a tenth of the longer side "
    "of the hand's box"
)
_OWN = "the networks' own: nothing is known of what they are worth"


def used_detector(detector: str, boxes: Source | None = None) -> str | None:
    """Return the detector that `handpose predict --detector` and `--boxes` ask for; None: none is run."""
    if boxes is not None or detector == "whole-image":
        return None
    return weights.DETECTOR if detector == "ssd" else detector


def make_header(arguments: Mapping[str, Any], shard: str | None = None) -> Header:
    """Return the header of a run from the arguments of `handpose predict`, by their names.

    Args:
        shard: "1/3" if only this part of the inputs is annotated.

    Raises:
        WeightsError: if there are no such weights.
    """
    engine, boxes = arguments["engine"], arguments["boxes"]
    detector = used_detector(arguments["detector"], boxes)
    pose = weights.find(arguments["weights"], engine)
    used = [*([] if detector is None else [weights.find(detector, engine, "detector")]), pose]
    digests = {path.name: weights.sha256(path) for path in used}
    contracts = [weights.contract_path(path) for path in used]
    digests_of_contracts = [weights.sha256(path) for path in contracts if path.is_file()]
    libraries = ("numpy", "av", "ai-edge-litert" if engine == "litert" else "keras")
    # whichever of OpenCV's four packages is installed
    versions = {"opencv": cv2.__version__, **{name: version(name) for name in libraries}}
    settings = {
        "tool": f"handpose {__version__}",
        "versions": versions,
        "weights": sorted([*digests.values(), *digests_of_contracts]),
        "boxes": None if boxes is None else _digest(boxes),
        **{name: arguments[name] for name in CHANGING},
    }
    info = {
        "format_version": FORMAT_VERSION,
        "tool": settings["tool"],
        "versions": {"python": platform.python_version(), **versions},
        "weights": digests,
        "arguments": {name: _plain(arguments[name]) for name in (*TOLD, *CHANGING)},
        "started": datetime.now(UTC).isoformat(timespec="seconds"),
        "coordinates": "pixels of the upright image (EXIF orientation applied); the first pixel's centre is (0, 0)",
        "scores": _CALIBRATED if has_calibration(pose) else _OWN,
    }
    return Header(settings, info if shard is None else {**info, "shard": shard})


def _plain(value: Any) -> Any:
    return str(value.path) if isinstance(value, Source) else str(value) if isinstance(value, Path) else value


def _digest(boxes: Source) -> str:
    """Return the SHA-256 of a file, or of a folder's files one after the other."""
    files = sorted(p for p in boxes.path.rglob("*") if p.is_file()) if boxes.path.is_dir() else [boxes.path]
    digest = hashlib.sha256()
    for path in files:
        known = fingerprint(path)
        if known is None:
            raise RunError(f"{path} cannot be read. Give --boxes another file.")
        digest.update(known.sha256.encode())
    return digest.hexdigest()
