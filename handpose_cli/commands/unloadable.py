"""What to do about a package that is missing or cannot be loaded."""

from __future__ import annotations

import traceback
from importlib import metadata
from pathlib import Path
from types import ModuleType

OURS = "handpose_cli"
EXTRAS = {"keras": "train", "tensorflow": "train"}  # without which annotating does
OPENCV = ("opencv-python", "opencv-python-headless", "opencv-contrib-python")


def remedy_of(error: ImportError | AttributeError) -> str:
    """Return what is wrong with which package, and what mends it, in a line; "" if the fault is our own."""
    package = _package_of(error)
    if package in ("", OURS):
        return ""
    reason = " ".join(str(error).split())
    if isinstance(error, ModuleNotFoundError) and error.name in EXTRAS:
        extra = f"pip install 'handpose-cli[{EXTRAS[error.name]}]'"
        return f"This needs {error.name}, which is not installed. Install it with: {extra}"
    if isinstance(error, AttributeError):
        if package != "cv2":
            return ""
        return (
            f"OpenCV is too old, or incomplete ({reason}): its packages replace each other's files. Mend it with: "
            f"pip uninstall -y {' '.join(OPENCV)} && pip install {OPENCV[0]}"
        )
    if package == "cv2" and not isinstance(error, ModuleNotFoundError):
        return (
            f"OpenCV cannot be loaded ({reason}). Install what machines without a desktop lack, on Debian and Ubuntu "
            f"with: apt install libgl1 libglib2.0-0; or take OpenCV without windows: pip uninstall -y {OPENCV[0]} && "
            f"pip install {OPENCV[1]}"
        )
    return f"{package} cannot be loaded ({reason}). Install it again with: {_install(package)}"


def was_interrupted(error: BaseException | None) -> bool:
    """Return whether Ctrl-C is behind an error: where it comes while a package is loaded, C++ makes an ImportError."""
    while error is not None and not isinstance(error, KeyboardInterrupt):
        error = error.__cause__ or error.__context__
    return error is not None


def _package_of(error: ImportError | AttributeError) -> str:
    """Return the package that is missing, or else the one whose files the error comes from; "" if that is not known."""
    if isinstance(error, ModuleNotFoundError) and error.name:
        return error.name.partition(".")[0]
    if isinstance(error, AttributeError):
        return error.obj.__name__ if isinstance(error.obj, ModuleType) else ""
    files = [frame.filename for frame in traceback.extract_tb(error.__traceback__)]
    for file in [error.path or "", *reversed(files)]:
        parts = Path(file).parts
        for folder in ("site-packages", "dist-packages"):
            if folder in parts:
                return parts[parts.index(folder) + 1].partition(".")[0]
        if OURS in parts and error.name is None:
            return OURS
    return (error.name or "").partition(".")[0]


def _install(package: str) -> str:
    distributions = metadata.packages_distributions().get(package, [package])
    return f"pip install --force-reinstall --no-deps {distributions[0]}"
