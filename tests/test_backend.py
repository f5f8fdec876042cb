"""Keras's own settings: what cannot be used is told in a line, and what other programs set changes nothing here."""

import importlib.util
import json
import os
import subprocess
import sys

import pytest
from conftest import SAMPLES, handpose, read_results

TRAIN = ("train", "--data", str(SAMPLES), "-o", "run")
PREDICT = ("predict", str(SAMPLES / "no_hand.jpg"), "-o", "out", "--engine", "keras")


def called(folder, arguments, **environment):
    environment = {**os.environ, "KERAS_HOME": str(folder), **environment}
    call = [sys.executable, *arguments]
    return subprocess.run(call, env=environment, cwd=folder, capture_output=True, text=True, timeout=300)


def needs_no(package):
    return pytest.mark.skipif(importlib.util.find_spec(package) is not None, reason=f"{package} is installed")


@pytest.mark.parametrize("call", [TRAIN, PREDICT])
@pytest.mark.parametrize(
    ("backend", "message"),
    [
        ("foo", "Keras has no such backend. There are: tensorflow, jax, torch, numpy, openvino"),
        pytest.param(
            "jax", "jax is not installed. Unset it, or: pip install 'handpose-cli[jax]'", marks=needs_no("jax")
        ),
        pytest.param("torch", "torch is not installed. Unset it, or: pip install torch", marks=needs_no("torch")),
    ],
)
def test_a_backend_that_is_not_there_is_told(tmp_path, call, backend, message):
    result = called(tmp_path, ["-m", "handpose_cli", *call], KERAS_BACKEND=backend)
    assert (result.returncode, result.stderr) == (1, f"Error: KERAS_BACKEND={backend}: {message}\n")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"backend": "foo"}, '"backend": "foo" in {file}: Keras has no such backend. '
         "There are: tensorflow, jax, torch, numpy, openvino"),
        pytest.param({"backend": "torch"}, '"backend": "torch" in {file}: torch is not installed. '
                     "Change it, or: pip install torch", marks=needs_no("torch")),
        ({"floatx": "float8"}, "Keras cannot be loaded (Invalid `floatx` configuration. Expected one of {{'float16', "
         "'float32', 'float64'}}. Received: floatx=float8). Mend or delete {file}"),
    ],
)  # fmt: skip
def test_a_settings_file_that_cannot_be_used_is_named(tmp_path, monkeypatch, settings, message):
    monkeypatch.delenv("KERAS_BACKEND", raising=False)
    (tmp_path / "keras.json").write_text(json.dumps(settings))
    result = called(tmp_path, ["-m", "handpose_cli", *TRAIN])
    assert (result.returncode, result.stderr) == (1, f"Error: {message.format(file=tmp_path / 'keras.json')}\n")


def test_what_other_programs_set_changes_no_result(tmp_path):
    """What is set there is read when Keras is imported, so by another process than this one."""
    call = ("predict", SAMPLES / "pinch_field.jpg", "--engine", "keras", "--detector", "whole-image",
            "--weights", "hand-landmarks")  # fmt: skip
    assert handpose(*call, "-o", tmp_path / "out").exit_code == 0
    other = {"floatx": "float16", "image_data_format": "channels_first", "epsilon": 0.01, "backend": "tensorflow"}
    (tmp_path / "keras.json").write_text(json.dumps(other))
    result = called(tmp_path, ["-m", "handpose_cli", *map(str, call), "-o", "with_other"])
    assert result.returncode == 0, result.stderr
    hands, with_other = (read_results(tmp_path / name)["files"] for name in ("out", "with_other"))
    assert hands == with_other and hands[0]["hands"]


def test_a_training_that_is_quiet_prints_nothing_of_its_libraries(tmp_path):
    result = called(tmp_path, ["-m", "handpose_cli", *TRAIN, "--batch-size", "1000", "-q"])
    assert result.stderr.startswith("Error: "), result.stderr
    assert (result.returncode, len(result.stderr.splitlines())) == (1, 1)


def test_a_backend_that_only_predicts_does_not_train(tmp_path, monkeypatch):
    monkeypatch.setattr("keras.backend.backend", lambda: "numpy")  # which needs JAX too
    result = handpose("train", "--data", SAMPLES, "-o", tmp_path / "run")
    assert (result.exit_code, result.stderr) == (
        1, "Error: KERAS_BACKEND=numpy only predicts. With these it trains: tensorflow, jax, torch\n"
    )  # fmt: skip


def test_a_user_without_a_home_gets_no_folder_for_one(tmp_path):
    """TensorFlow made one, named ~, in the working folder; and printed what it was built with."""
    if os.name == "nt" or os.getuid():
        pytest.skip("another user's number cannot be had")
    nobody = "import os, runpy; os.setresuid(54321, 0, 0); runpy.run_module('handpose_cli', run_name='__main__')"
    environment = {name: value for name, value in os.environ.items() if name not in ("HOME", "KERAS_HOME")}
    environment |= {"TMPDIR": str(tmp_path / "tmp"), "MPLCONFIGDIR": str(tmp_path / "tmp")}
    (tmp_path / "tmp").mkdir()
    (tmp_path / "tmp").chmod(0o777)
    call = [sys.executable, "-c", nobody, *PREDICT, "-q"]
    result = subprocess.run(
        call, env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=300, check=False
    )
    assert (result.returncode, result.stderr) == (0, "")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "tmp"]
