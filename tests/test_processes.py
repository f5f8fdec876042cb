"""Training in several processes: what they learn together is what one would."""

import importlib.util
import json
import os
import socket
import subprocess
import sys

import pytest
from conftest import handpose
from tiny_training import TINY, train

from handpose_cli.training.checkpoint import STATE
from handpose_cli.training.processes import ADDRESSES

SCRIPT = f"""
from handpose_cli.networks.hourglass import presets
from handpose_cli.cli import cli
presets.PRESETS["hourglass-lite"] = presets.{TINY!r}
cli()
"""


def start(run, options, count=1, number=0, port=0):
    several = {ADDRESSES: f"127.0.0.1:{port}", "KERAS_DISTRIBUTION_NUM_PROCESSES": str(count),
               "KERAS_DISTRIBUTION_PROCESS_ID": str(number)}  # fmt: skip
    environment = {**os.environ, "KERAS_BACKEND": "jax", **(several if count > 1 else {})}
    arguments = [sys.executable, "-c", SCRIPT, "train", "-o", run, *options]
    return subprocess.Popen([*map(str, arguments)], env=environment, stderr=subprocess.PIPE, text=True)


def ended(*processes):
    """Wait for processes and return what each wrote."""
    written = [process.communicate(timeout=300)[1] for process in processes]
    assert [process.returncode for process in processes] == [0] * len(processes), "\n".join(written)
    return written


def free_port():
    """Return one; chosen just before it is used, since others look for one too."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


needs_jax = pytest.mark.skipif(importlib.util.find_spec("jax") is None, reason="needs jax")


@needs_jax
def test_two_processes_learn_what_one_does_and_resume(folder, tmp_path):
    one, two = tmp_path / "one", tmp_path / "two"
    options = ("--data", folder, "--val", folder, "--preset", "hourglass-lite", "--batch-size", 4, "--ema", 0.9,
               "--learning-rate", 1e-3, "--schedule", "constant", "--export", "none")  # fmt: skip
    alone = start(one, [*options, "--epochs", 2])
    port = free_port()
    said, other_said = ended(*(start(two, [*options, "--epochs", 1], 2, number, port) for number in (0, 1)))
    assert "epoch 1: loss" in said
    assert "epoch 1: loss" not in other_said
    port = free_port()
    ended(alone, *(start(two, ["--resume", "--epochs", 2], 2, number, port) for number in (0, 1)))
    log, together = (json.loads((run / STATE).read_text())["log"] for run in (one, two))
    assert [row["loss"] for row in together] == pytest.approx([row["loss"] for row in log], rel=1e-4)
    assert [row["val_nme/keypoints"] for row in together] == pytest.approx(
        [row["val_nme/keypoints"] for row in log], rel=1e-3
    )
    assert log[0]["loss"] != pytest.approx(log[1]["loss"], rel=1e-4), "nothing was learnt"


@needs_jax
def test_processes_with_other_options_are_told(folder, tmp_path):
    options = ("--data", folder, "--val", folder, "--preset", "hourglass-lite", "--batch-size", 4)
    port = free_port()
    two = [start(tmp_path / "run", [*options, "--seed", number], 2, number, port) for number in (0, 1)]
    for process in two:
        assert process.communicate(timeout=300)[1].splitlines()[-1] == (
            "Error: The processes do not have the same options, data and run folder."
        )
        assert process.returncode == 1
    assert not (tmp_path / "run").exists()


def test_processes_need_jax(folder, tmp_path, tiny_preset, monkeypatch):
    monkeypatch.setenv(ADDRESSES, "127.0.0.1:1")
    result = train(folder, tmp_path / "run")
    assert result.exit_code == 1
    assert result.stderr == f"Error: {ADDRESSES} needs KERAS_BACKEND=jax. Received: tensorflow\n"
    assert not (tmp_path / "run").exists()
    assert handpose("train", "-o", tmp_path / "run", "--resume").exit_code == 1
