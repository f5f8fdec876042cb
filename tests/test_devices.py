"""Training on several devices: what it learns is what one device would."""

import json
import subprocess
import sys

import pytest
from conftest import handpose
from tiny_training import TINY, train

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
                 "--batch-size", "4", "--learning-rate", "1e-3", "--ema", "0.9", "--export", "none", "-q"]  # fmt: skip
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
