"""Training on several devices: what it learns is what one device would."""

import json
import subprocess
import sys

import pytest
from conftest import handpose
from tiny_training import TINY, no_graphs, train

from handpose_cli.training import fit
from handpose_cli.training.devices import lacks_bfloat16

SCRIPT = f"""
import tensorflow as tf
from handpose_cli.networks.hourglass import presets
from handpose_cli.cli import cli
presets.PRESETS["hourglass-lite"] = presets.{TINY!r}
tf.config.set_logical_device_configuration(
    tf.config.list_physical_devices("CPU")[0], [tf.config.LogicalDeviceConfiguration()] * 2
)
arguments = {{arguments}}
for devices in (1, 2):
    cli([*arguments, "-o", f"{{output}}/{{{{devices}}}}", "--devices", str(devices)], standalone_mode=False)
"""


def test_two_devices_learn_what_one_does(folder, tmp_path):
    arguments = ["train", "--data", str(folder), "--val", str(folder), "--preset", "hourglass-lite", "--epochs", "2",
                 "--steps-per-epoch", "3", "--batch-size", "4", "--learning-rate", "1e-3", "--ema", "0.9",
                 "--export", "none", "-q"]  # fmt: skip
    script = SCRIPT.format(arguments=repr(arguments), output=tmp_path)
    subprocess.run([sys.executable, "-c", script], check=True, stderr=subprocess.DEVNULL)
    one, two = (json.loads((tmp_path / name / "state" / "state.json").read_text())["log"] for name in "12")
    assert [row["loss"] for row in two] == pytest.approx([row["loss"] for row in one], rel=1e-4)
    assert one[0]["loss"] != pytest.approx(one[1]["loss"], rel=1e-4), "nothing was learnt"


def test_devices_that_are_not_there_are_told(folder, tmp_path, tiny_preset):
    result = train(folder, tmp_path / "run", "--devices", 7, "--batch-size", 7)
    assert result.exit_code == 1
    assert result.stderr.splitlines()[-1] == (
        "Error: 7 devices are more than Keras sees on tensorflow: 1 (CPU). Leave out --devices"
    )
    assert handpose("train", "-o", tmp_path / "run", "--resume").exit_code == 1


@pytest.mark.parametrize(
    ("facts", "lacks"),
    [
        ("model name\t: AMD EPYC\nflags\t\t: fpu avx avx2 fma\nflags\t\t: fpu avx avx2 fma\n", True),
        ("model name\t: Xeon\nflags\t\t: fpu avx2 avx512_bf16 amx_tile\n", False),
        ("processor\t: 0\nFeatures\t: fp asimd bf16\n", False),
        ("processor\t: 0\nhart\t: 1\n", False),  # of which it does not say what it has
        (None, False),
    ],
)
def test_a_processor_without_bfloat16_is_known_by_what_the_system_says(tmp_path, monkeypatch, facts, lacks):
    monkeypatch.setattr("tensorflow.config.list_logical_devices", lambda kind: [])  # GPUs, which have it
    if facts is not None:
        (tmp_path / "cpuinfo").write_text(facts)
    assert lacks_bfloat16(tmp_path / "cpuinfo") == lacks


@no_graphs()
@pytest.mark.parametrize(
    ("precision", "lacks"), [("mixed_bfloat16", True), ("mixed_bfloat16", False), ("float32", True)]
)
def test_training_in_bfloat16_without_its_arithmetic_is_said(
    folder, tmp_path, tiny_preset, monkeypatch, precision, lacks
):
    monkeypatch.setattr(fit, "lacks_bfloat16", lambda: lacks)
    options = ("--precision", precision, "--epochs", 1, "--steps-per-epoch", 1, "--export", "none")
    result = train(folder, tmp_path / "run", *options)
    assert result.exit_code == 0, result.output
    note = "This processor has no arithmetic of bfloat16: training in float32 is several times as fast on it"
    assert (note in result.stderr.splitlines()) == (lacks and precision == "mixed_bfloat16")
