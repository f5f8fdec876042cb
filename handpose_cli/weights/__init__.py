"""The bundled networks, and how `--weights` finds one.

`ssd-hand` and `ssd-palm` are detectors, `hourglass-lite` is the hourglass; each as LiteRT (`.tflite`) for prediction
and as Keras weights (`.weights.h5`), with its contract (`.json`, see `engine.contract`) and its card (`.md`). They
start from `palm-encoder` and `hand-landmarks` (`tools.convert_palm`, `tools.convert_landmarks`), MediaPipe's encoders;
the hourglass keeps its one as it is, with the published coordinates. `hourglass-wide` is its second, for hard hands
(`annotator.pose`). `hand-landmarks` is a keypoint network of its own too, the quickest. Both detectors together are
`ssd`: the quicker one, `ssd-hand`, looks first (`engine.cascade`). `ssd-egohands-lite` is the student paper's detector,
distilled (`tools.distil_detector`) from `ssd-egohands`, the published one (converted by `tools.convert_ssd`).

`mediapipe` is another's, read from its package where that is installed (`installed`).

`--weights` also takes the run folder that `handpose train` wrote. With `--engine keras` its best weights are run; with
`--engine litert` the exported network that its `models.json` names, which is there when the training is finished: the
int8 one if, when it was exported, it was as accurate as the float32 one (`training.delivery.deliver`), else that one.
"""

from __future__ import annotations

import hashlib
import json
from functools import cache
from pathlib import Path

from handpose_cli.weights import installed
from handpose_cli.weights.errors import AbsentWeightsError
from handpose_cli.weights.errors import WeightsError as WeightsError

FOLDER = Path(__file__).parent
DETECTOR, PUBLISHED_DETECTOR = "ssd", "ssd-egohands"
CASCADES = {DETECTOR: ("ssd-hand", "ssd-palm")}  # the quicker one first, see `engine.cascade`
KEYPOINT_NETWORK, LANDMARKS = "hourglass-lite", "hand-landmarks"
RENAMED = {"hand-encoder": LANDMARKS}  # what settings.json of earlier runs may call them
REMEDIES = {"keypoints": "weights", "detector": "detector"}  # what names networks of a kind

SUFFIXES = {"litert": ".tflite", "keras": ".weights.h5"}

# in a run folder
RUN_SETTINGS = "settings.json"
RUN_MODELS = "models.json"
RUN_WEIGHTS = "best.weights.h5"
RUN_CONTRACT = "network.json"


def find(name: str, engine: str, kind: str = "keypoints", remedy: str | None = None) -> Path:
    """Return the weights file for an engine ("litert" or "keras").

    Args:
        name: of a bundled network or of an installed package's (`installed`), or the path of a file or of a run folder.
        kind: of network that is wanted: a key of `REMEDIES`.
        remedy: what names it, for errors; None: as `REMEDIES` has it.

    Raises:
        WeightsError: if there is none (AbsentWeightsError), or the file is for the other engine.
    """
    suffix, remedy, name = SUFFIXES[engine], remedy or REMEDIES[kind], RENAMED.get(name, name)
    bundled = FOLDER / f"{name}{suffix}"
    if bundled.is_file():
        return bundled
    if name in installed.NETWORKS:
        return installed.find(name, engine, kind)
    path = Path(name)
    if path.is_dir():
        return _in_run(path, engine, f"{remedy} run")
    if not path.is_file():
        # a cascade can be run, but is no file that a run could begin with, or a teacher
        names = [*(CASCADES if remedy == REMEDIES["detector"] else ()), *_bundled(kind, suffix)]
        raise AbsentWeightsError(f"No such weights: {name} (bundled are {', '.join(sorted(names))})", remedy)
    if not path.name.endswith(suffix):
        raise WeightsError(f"The engine {engine} needs a {suffix} file. Received: {name}", "engine")
    return path


def contract_path(weights: Path) -> Path:
    """Return where the contract of a weights file lies: in its run folder, or beside it under its name.

    Those of installed packages' networks lie here.
    """
    of_package = installed.contract_path(weights)
    if of_package is not None:
        return of_package
    if (weights.parent / RUN_SETTINGS).is_file():
        return weights.parent / RUN_CONTRACT
    name = weights.name
    for suffix in SUFFIXES.values():
        name = name.removesuffix(suffix)
    return weights.with_name(f"{name}.json")


def _bundled(kind: str, suffix: str) -> list[str]:
    kinds = {path.stem: json.loads(path.read_text(encoding="utf-8"))["kind"] for path in FOLDER.glob("*.json")}
    return sorted(name for name in kinds if kinds[name] == kind and (FOLDER / f"{name}{suffix}").is_file())


def _in_run(run: Path, engine: str, remedy: str) -> Path:
    if not (run / RUN_SETTINGS).is_file():
        raise WeightsError(f"{run} is no run folder of handpose train: it has no {RUN_SETTINGS}", remedy)
    best, models = run / RUN_WEIGHTS, run / RUN_MODELS
    if not best.is_file() and (engine == "keras" or not models.is_file()):
        raise WeightsError(f"{run} has no weights yet: its first epoch is not done", "train", run=run)
    if engine == "keras":
        return best
    if not models.is_file():
        raise WeightsError(
            f"{run} has no exported network: its training is not finished, or did not export", "export", run=run
        )
    try:
        path: Path = run / json.loads(models.read_text(encoding="utf-8"))["litert"]
    except (ValueError, KeyError, TypeError) as error:
        raise WeightsError(f"{models} is damaged", "models", run=run) from error
    if not path.is_file():
        raise WeightsError(f"{path} is missing, though {RUN_MODELS} names it", "keras")
    return path


def sha256(path: Path) -> str:
    """Return the file's SHA-256 in hexadecimal; raise WeightsError if it cannot be read."""
    try:
        state = path.stat()
        return _sha256(path, state.st_size, state.st_mtime_ns)
    except OSError as error:
        raise WeightsError(f"{path} cannot be read: {error.strerror}") from error


@cache
def _sha256(path: Path, size: int, time: int) -> str:
    """Return it once for a file as it is: contracts, engines and the results' head all ask for it."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
