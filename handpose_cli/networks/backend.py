"""Keras as the networks need it, whatever its environment variable or `~/.keras/keras.json` say for other programs."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path

from handpose_cli.errors import first_line
from handpose_cli.quiet import quiet_stderr
from handpose_cli.weights.errors import WeightsError

PACKAGES = {"jax": "'handpose-cli[jax]'", "torch": "torch", "openvino": "openvino", "numpy": "'handpose-cli[jax]'"}
BACKENDS = ("tensorflow", "jax", "torch", "numpy", "openvino")  # the last two only predict
TRAIN = BACKENDS[:3]


def set_up_keras() -> None:
    """Import Keras, for the first time in a process, with the numbers and the order of axes that the networks have.

    Raises:
        WeightsError: if its backend is unknown or not installed, or its settings are wrong.
        ModuleNotFoundError: if Keras is not installed, or TensorFlow, which it uses by default.
    """
    if os.path.expanduser("~") == "~":  # noqa: PTH111 (Path's raises an error)
        # of a user without a home, TensorFlow would make a folder of this name in the working folder
        os.environ.setdefault("KERAS_HOME", str(Path(tempfile.gettempdir(), ".keras")))
    try:
        with quiet_stderr():  # TensorFlow logs what it was built with, whatever it is told of levels
            import keras
    except ImportError as error:
        where, backend = _asked()
        if backend not in PACKAGES or error.name in ("keras", "tensorflow"):
            raise
        lack = f"{error.name} is not installed" if isinstance(error, ModuleNotFoundError) else f"not loaded ({error})"
        otherwise = "Unset it" if os.environ.get("KERAS_BACKEND") else "Change it"
        raise WeightsError(f"{where}: {lack}. {otherwise}, or: pip install {PACKAGES[backend]}") from error
    except (ValueError, TypeError, AttributeError) as error:
        where, backend = _asked()
        if backend not in BACKENDS:
            raise WeightsError(f"{where}: Keras has no such backend. There are: {', '.join(BACKENDS)}") from error
        reason = first_line(error)
        raise WeightsError(f"Keras cannot be loaded ({reason}). Mend or delete {_file()}") from error
    keras.config.set_floatx("float32")
    keras.config.set_image_data_format("channels_last")
    keras.config.set_epsilon(1e-7)


def _file() -> Path:
    return Path(os.environ.get("KERAS_HOME") or "~/.keras").expanduser() / "keras.json"


def _asked() -> tuple[str, str]:
    """Return where Keras's backend is chosen, as a user would find it, and which it is."""
    backend = os.environ.get("KERAS_BACKEND")
    if backend:
        return f"KERAS_BACKEND={backend}", backend
    try:
        backend = str(json.loads(_file().read_text(encoding="utf-8"))["backend"])
    except (OSError, ValueError, KeyError, TypeError):
        backend = "tensorflow"
    return f'"backend": "{backend}" in {_file()}', backend
