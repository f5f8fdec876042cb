"""How a run was made: what its records depend on, and the head of its result file."""

from __future__ import annotations

import hashlib
import platform
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import cv2

from handpose_cli import weights
from handpose_cli.engine import detector_files, has_calibration, keypoint_files
from handpose_cli.formats.handpose_json import FORMAT_VERSION
from handpose_cli.labels.source import Source
from handpose_cli.media.discover import printable
from handpose_cli.media.remote import public
from handpose_cli.runs.errors import RunError
from handpose_cli.runs.fingerprint import fingerprint
from handpose_cli.runs.journal import Header
from handpose_cli.runs.settings import RunSettings
from handpose_cli.runs.shard import Shard
from handpose_cli.version import __version__

# the identity's fields as the result file has always had them
IN_ORDER = (
    "detector", "score_threshold", "max_hands", "views", "tile", "track", "smooth", "every", "start", "end", "engine",
)  # fmt: skip
STYLE = "style"  # of the copies, where it is not as usual
IF_SET = ("pages", "rescale_boxes")
_CALIBRATED = (
    "hand: probability that it is one; joint: probability that it is within a tenth of the longer side "
    "of the hand's box"
)
_OWN = "the networks' own: nothing is known of what they are worth"


def make_header(run: RunSettings, shard: Shard | None = None) -> Header:
    """Return the header of a run.

    Args:
        shard: the part of the inputs that is annotated; None: all.

    Raises:
        WeightsError: if there are no such weights.
    """
    engine = run.networks.engine
    pose = weights.find(run.networks.weights, engine)
    digests = {printable(path.name): weights.sha256(path) for path in _used(run)}
    known = software(run)
    versions = known["versions"]
    identity = {name: printable(v) if isinstance(v, str) else v for name, v in run.identity().items()}
    settings = {
        **known,
        "boxes": None if run.boxes is None else _digest(run.boxes),
        **identity,
    }
    info = {
        "format_version": FORMAT_VERSION,
        "tool": settings["tool"],
        "versions": {"python": platform.python_version(), **versions},
        "weights": digests,
        # what cannot change a result, such as the output folder, is not here: results can be compared byte by byte
        "arguments": {
            "inputs": [printable(public(name)) for name in run.inputs],
            "recursive": run.recursive,
            "formats": run.output.formats,
            "draw": run.output.draw,
            **({STYLE: style} if run.output.draw and (style := run.output.style.describe()) else {}),
            **({"image_prefix": run.output.image_prefix} if run.output.image_prefix else {}),
            "boxes": None if run.boxes is None else printable(run.boxes.path),
            "weights": printable(run.networks.weights),
            **{name: identity[name] for name in (*IN_ORDER, *IF_SET) if name in identity},
        },
        "started": datetime.now(UTC).isoformat(timespec="seconds"),
        "coordinates": "pixels of the upright image (EXIF orientation applied); the first pixel's centre is (0, 0)",
        "scores": _CALIBRATED if has_calibration(pose) else _OWN,
    }
    if shard is None:
        return Header(settings, info)
    return Header(settings, {**info, "shard": str(shard)}, divided=shard.divided)


def software(run: RunSettings) -> dict[str, Any]:
    """Return what a run's records depend on besides its settings: the versions of libraries, and the weights' digests.

    Raises:
        WeightsError: if there are no such weights.
    """
    used = _used(run)
    files = [*used, *(contract for path in used if (contract := weights.contract_path(path)).is_file())]
    libraries = ("numpy", "av", "ai-edge-litert" if run.networks.engine == "litert" else "keras")
    return {
        "tool": f"handpose {__version__}",
        # whichever of OpenCV's four packages is installed
        "versions": {"opencv": cv2.__version__, **{name: version(name) for name in libraries}},
        "weights": sorted(weights.sha256(path) for path in files),
    }


def _used(run: RunSettings) -> list[Path]:
    engine, detector = run.networks.engine, run.detector_name
    used = [] if detector is None else detector_files(engine, detector)
    return [*used, *keypoint_files(engine, run.networks.weights)]


def _digest(boxes: Source) -> str:
    """Return the SHA-256 of a file, or of a folder's files one after the other."""
    files = sorted(p for p in boxes.path.rglob("*") if p.is_file()) if boxes.path.is_dir() else [boxes.path]
    digest = hashlib.sha256()
    for path in files:
        known = fingerprint(path)
        if known is None:
            raise RunError(f"{path} cannot be read", "boxes")
        digest.update(known.sha256.encode())
    return digest.hexdigest()
