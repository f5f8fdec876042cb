"""An interrupted training run goes on as if nothing had happened."""

import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import replace

import h5py
import numpy as np
import pytest
from conftest import handpose
from tiny_training import TINY, no_graphs, train

from handpose_cli.networks.hourglass import presets
from handpose_cli.training import checkpoint
from handpose_cli.training.detection.data import read_data
from handpose_cli.training.settings import Stage, of_earlier_run, of_new_run, save
from handpose_cli.training.start import start

OPTIONS = ("--epochs", 4, "--steps-per-epoch", 3, "--ema", 0.9, "--export", "none")


def state_of(run):
    """Return every array of the run's state (weights, optimizer, average) by name, and the log."""
    state = json.loads((run / checkpoint.STATE).read_text())
    arrays = {}
    with h5py.File(run / "state" / state["weights"]) as file:
        file.visititems(lambda name, item: arrays.update({name: item[()]}) if isinstance(item, h5py.Dataset) else None)
    return arrays, state["log"]


def assert_same_runs(one, other):
    (arrays, log), (others, other_log) = state_of(one), state_of(other)
    assert log == other_log
    assert arrays.keys() == others.keys()
    for name, values in arrays.items():
        assert np.array_equal(values, others[name]), name
    assert (one / "log.csv").read_bytes() == (other / "log.csv").read_bytes()


@pytest.fixture(scope="module")
def undisturbed(folder, tmp_path_factory):
    run = tmp_path_factory.mktemp("runs") / "undisturbed"
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(presets.PRESETS, "hourglass-lite", TINY)
        assert train(folder, run, *OPTIONS).exit_code == 0
    return run


@contextmanager
def files_of_at_most(size):
    """As on a full disk, larger ones cannot be written in the block."""
    _, most = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, most))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))


def test_a_run_killed_interrupted_and_out_of_disk_ends_with_the_same_weights(
    folder, undisturbed, tmp_path, tiny_preset, monkeypatch
):
    """Ctrl-C comes between the best weights and the state that goes with them. On a full disk HDF5 crashed."""
    run = tmp_path / "run"
    script = (
        "from handpose_cli.networks.hourglass import presets\n"
        f"presets.PRESETS['hourglass-lite'] = presets.{TINY!r}\n"
        "from handpose_cli.cli import cli\n"
        "cli()"
    )
    arguments = ["train", "--data", folder, "--val", folder, "-o", run, "--preset", "hourglass-lite",
                 "--batch-size", 4, "--learning-rate", 1e-3, *OPTIONS]  # fmt: skip
    process = subprocess.Popen([sys.executable, "-c", script, *map(str, arguments)], stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 300
    while not (run / checkpoint.STATE).exists() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.002)
    os.kill(process.pid, signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    arrays, log = state_of(run)
    assert 1 <= len(log) < 4, "the process was not killed in the middle"
    of_layers = sum(name.startswith("layers/") for name in arrays)
    assert sum(name.startswith("optimizer/") for name in arrays) >= 3 * of_layers  # two moments and the average

    real_atomic = checkpoint.atomic

    def atomic(path):
        if path == run / checkpoint.STATE:
            raise KeyboardInterrupt
        return real_atomic(path)

    with monkeypatch.context() as patch:
        patch.setattr(checkpoint, "atomic", atomic)
        result = handpose("train", "-o", run, "--resume")
    assert result.exit_code == 130
    assert result.stderr.splitlines()[-1] == (
        f"Interrupted. Go on from the last epoch with: handpose train -o {run} --resume"
    )
    with files_of_at_most(20_000):
        result = handpose("train", "-o", run, "--resume")
    assert (result.exit_code, result.stderr.splitlines()[-1]) == (
        1, f"Error: Cannot write to {run}: File too large. Go on with --resume."
    )  # fmt: skip
    assert state_of(run)[1] == log
    weights = json.loads((run / checkpoint.STATE).read_text())["weights"]
    assert {path.name for path in (run / "state").iterdir()} == {"lock", "state.json", weights}
    result = handpose("train", "-o", run, "--resume")
    assert result.exit_code == 0, result.stderr
    assert_same_runs(run, undisturbed)


def test_a_finished_run_is_left_as_it_is(undisturbed, tiny_preset):
    before, _ = state_of(undisturbed)
    assert handpose("train", "-o", undisturbed, "--resume").exit_code == 0
    after, log = state_of(undisturbed)
    assert len(log) == 4
    assert all(np.array_equal(before[name], after[name]) for name in before)


def test_what_a_run_was_begun_with_does_not_change(undisturbed, tmp_path, tiny_preset):
    result = handpose("train", "-o", undisturbed, "--resume", "--batch-size", 8)
    assert result.exit_code == 1
    assert result.stderr == (
        f"Error: batch size was 4 in {undisturbed} and cannot be 8 now. Begin another with --weights {undisturbed}.\n"
    )
    result = handpose("train", "-o", tmp_path / "none", "--resume")
    assert result.stderr == (
        f"Error: {tmp_path / 'none'} holds no run to go on with. Leave out --resume to begin one.\n"
    )


@no_graphs()
def test_a_run_that_gets_no_better_stops(folder, tmp_path, tiny_preset):
    run = tmp_path / "run"
    # nothing is learnt at this rate, so the first epoch stays the best
    options = ("--epochs", 9, "--steps-per-epoch", 1, "--patience", 2, "--learning-rate", 1e-30, "--export", "none")
    result = train(folder, run, *options)
    assert result.exit_code == 0
    assert len(state_of(run)[1]) == 3
    result = handpose("train", "-o", run, "--resume")
    assert result.exit_code == 0 and "No better for 2 epochs: ended after 3" in result.stderr.splitlines()
    assert len(state_of(run)[1]) == 3  # as one that was not gone on with
    assert handpose("train", "-o", run, "--resume", "--patience", 3).exit_code == 0
    assert len(state_of(run)[1]) == 4


def test_a_run_without_its_best_weights_or_its_state_s_is_not_gone_on_with(undisturbed, tmp_path, tiny_preset):
    run = shutil.copytree(undisturbed, tmp_path / "run")
    (run / "best.weights.h5").rename(tmp_path / "mine.weights.h5")
    call = ("train", "-o", run, "--resume", "--epochs", 5)
    line = f"Error: {run}/best.weights.h5 is not there. Put it back to go on, or choose another --output\n"
    assert (handpose(*call).exit_code, handpose(*call).stderr) == (1, line)
    (tmp_path / "mine.weights.h5").rename(run / "best.weights.h5")
    (run / "state" / "epoch-0004.weights.h5").unlink()
    line = f"Error: {run}/state/epoch-0004.weights.h5 is not there. Begin another with --weights {run}."
    assert handpose(*call).stderr.splitlines()[-1] == line


def test_fewer_epochs_than_were_trained_are_refused(undisturbed, tiny_preset):
    settings = (undisturbed / "settings.json").read_text()
    result = handpose("train", "-o", undisturbed, "--resume", "--epochs", 3)
    line = f"Error: {undisturbed} has 4 epochs behind it. Received: 3. Choose as many or more with --epochs\n"
    assert (result.exit_code, result.stderr) == (1, line)
    assert (undisturbed / "settings.json").read_text() == settings


@no_graphs()
def test_a_network_whose_answers_are_no_numbers_leaves_the_last_good_state(folder, tmp_path, monkeypatch):
    # without batch norms such a network is dead, but its loss finite
    monkeypatch.setitem(presets.PRESETS, "hourglass-lite", replace(TINY, block="plain"))
    run = tmp_path / "run"
    assert train(folder, run, "--epochs", 1, "--steps-per-epoch", 1, "--export", "none").exit_code == 0
    before, _ = state_of(run)
    result = handpose("train", "-o", run, "--resume", "--epochs", 3, "--learning-rate", 1e30, "--schedule", "constant")
    assert result.exit_code == 1
    assert "The network's answers are no longer numbers after epoch 2" in result.stderr
    assert result.stderr.endswith("Go on with --resume and a lower --learning-rate, or begin another run\n")
    after, log = state_of(run)
    assert all(np.isfinite(array).all() for array in after.values() if array.dtype.kind == "f")
    assert len(log) >= 1
    assert before.keys() == after.keys()  # the other schedule took nothing from the optimizer's state


ON_ENCODER = presets.Preset(
    1, (8, 8, 8, 8), 3, 64, "fixup", 1.5, "cross-entropy", encoder="hand-landmarks", points=True
)
STAGES = ("--stage", "decoder:1:1e-3", "--stage", "stride16:2:5e-4", "--steps-per-epoch", 1, "--export", "none")


def train_in_stages(folder, run):
    settings = ("--preset", "hourglass-lite", "--batch-size", 12, "--ema", 0.9)
    return handpose("train", "--data", folder, "--val", folder, "-o", run, *settings, *STAGES)


@pytest.fixture(scope="module")
def undisturbed_stages(folder, tmp_path_factory):
    run = tmp_path_factory.mktemp("runs") / "stages"
    with pytest.MonkeyPatch.context() as patch, no_graphs():
        patch.setitem(presets.PRESETS, "hourglass-lite", ON_ENCODER)
        assert train_in_stages(folder, run).exit_code == 0
    return run


def weights_of(path):
    model = presets.build(ON_ENCODER)
    model.load_weights(path)
    return {variable.path: np.array(variable) for variable in model.variables}


def test_each_stage_trains_its_layers_at_its_rate(undisturbed_stages):
    settings = json.loads((undisturbed_stages / "settings.json").read_text())
    assert settings["stages"] == [
        {"learns": "decoder", "epochs": 1, "learning_rate": 1e-3},
        {"learns": "stride16", "epochs": 2, "learning_rate": 5e-4},
    ]
    arrays, log = state_of(undisturbed_stages)
    assert [row["learning_rate"] for row in log] == pytest.approx([1e-5, 2.5e-4, 5e-6], rel=0.05)
    begun = presets.build(ON_ENCODER)
    start(begun, ON_ENCODER, "hand-landmarks")
    before = {variable.path: np.array(variable) for variable in begun.variables}
    after = weights_of(undisturbed_stages / "state" / "epoch-0003.weights.h5")
    changed = {path.partition("/")[0] for path, values in after.items() if not np.array_equal(values, before[path])}
    assert {"encoder_block5_depthwise", "encoder_block15_expand", "decoder_out_conv", "points"} <= changed
    assert not {"encoder_stem", "encoder_block0_project", "encoder_block4_depthwise"} & changed
    of_layers = sum(name.startswith("layers/") for name in arrays)
    of_optimizer = sum(name.startswith("optimizer/") for name in arrays)
    assert of_optimizer < 3 * of_layers, "layers that do not learn need no moments"


def test_a_run_interrupted_between_stages_and_in_one_ends_with_the_same_weights(
    folder, undisturbed_stages, tmp_path, monkeypatch
):
    monkeypatch.setitem(presets.PRESETS, "hourglass-lite", ON_ENCODER)
    run = tmp_path / "run"

    def interrupt(path, log):
        raise KeyboardInterrupt

    with no_graphs():
        with monkeypatch.context() as patch:
            patch.setattr(checkpoint, "write_log", interrupt)  # which comes after the state
            assert train_in_stages(folder, run).exit_code == 130
            assert len(state_of(run)[1]) == 1  # between the stages
            assert handpose("train", "-o", run, "--resume").exit_code == 130
            assert len(state_of(run)[1]) == 2  # in the second one
        assert handpose("train", "-o", run, "--resume").exit_code == 0
    assert_same_runs(run, undisturbed_stages)


def test_more_epochs_make_the_last_stage_longer_and_fewer_leave_stages_out(tmp_path):
    stages = (Stage("decoder", 2, 1e-3), Stage("stride16", 3, 5e-4))
    given = {"preset": "hourglass-lite", "data": ("x",), "stages": stages}
    assert of_new_run({**given, "epochs": 9}).stages == (stages[0], Stage("stride16", 7, 5e-4))
    assert of_new_run({**given, "epochs": 2}).stages == stages[:1]
    assert of_new_run({**given, "epochs": 1, "learning_rate": 0.1}).stages == (Stage("decoder", 1, 0.1),)
    assert of_new_run({"preset": "hourglass-2", "data": ("x",), "epochs": 80}).stages == (Stage("all", 80, 2.5e-4),)


def test_a_network_without_an_encoder_has_none_to_freeze(folder, tmp_path):
    options = ("--data", folder, "--preset", "hourglass-2", "--stage", "decoder:4:0.001")
    result = handpose("train", "-o", tmp_path / "run", *options)
    assert result.exit_code == 2
    assert result.stderr == (
        "Error: Stage decoder:4:0.001: hourglass-2 has no pretrained encoder to freeze. Choose others with --stage\n"
    )


@pytest.mark.parametrize("stage", ["decoder", "decoder:0:1", "decoder:4:-1", "decoder:4:nan", "head:4:1", "all:1.5:1"])
def test_a_wrong_stage_is_refused(folder, tmp_path, stage):
    result = handpose("train", "--data", folder, "-o", tmp_path / "run", "--stage", stage)
    assert result.exit_code == 2
    assert (
        f"Invalid value for '--stage': {stage!r} is no stage: give LEARNS:EPOCHS:RATE, such as decoder:4:0.0015, with "
        "LEARNS one of decoder, stride16, all." in result.stderr
    )


def test_a_run_from_before_there_were_stages_goes_on(tmp_path):
    old = {"preset": "hourglass-2", "data": ["x"], "val": [], "epochs": 40, "batch_size": 64, "optimizer": "rmsprop",
           "learning_rate": 2.5e-4, "schedule": "constant", "ema": 0.0, "weights": None}  # fmt: skip
    (tmp_path / "settings.json").write_text(json.dumps(old))
    settings = of_earlier_run(tmp_path, {"epochs": 80})
    assert (settings.stages, settings.epochs, settings.weights) == ((Stage("all", 80, 2.5e-4),), 80, "none")


def test_a_run_from_before_a_preset_said_more_of_its_network_goes_on(tmp_path):
    settings = of_new_run({"preset": "hourglass-2", "data": ("x",)})
    save(settings, tmp_path)
    saved = json.loads((tmp_path / "settings.json").read_text())
    del saved["network"]["points"]
    (tmp_path / "settings.json").write_text(json.dumps(saved))
    assert of_earlier_run(tmp_path, {}) == settings


def test_a_run_of_a_network_that_its_preset_no_longer_is_cannot_go_on(undisturbed, tmp_path):
    settings = json.loads((undisturbed / "settings.json").read_text())  # of the tiny network
    (tmp_path / "settings.json").write_text(json.dumps(settings))
    result = handpose("train", "-o", tmp_path, "--resume")
    assert (result.exit_code, result.stderr) == (
        1,
        f"Error: {tmp_path} trains a network that hourglass-lite no longer is. It can be predicted with; "
        "begin another run.\n",
    )


@no_graphs()
@pytest.mark.parametrize(
    ("rate", "steps", "what"),
    [
        (1e38, 1, "The network's answers are no longer numbers after"),
        (3e38, 1, "The weights are no longer numbers after"),
        (3e38, 2, "The loss is no longer a number in"),
    ],
)
def test_weights_that_the_last_step_of_an_epoch_spoils_are_not_kept(folder, tmp_path, tiny_preset, rate, steps, what):
    """The loss is of the step before: the epoch's figures were nan, which passed for the best there were."""
    run = tmp_path / "run"
    options = ("--epochs", 2, "--steps-per-epoch", steps, "--export", "none", "--schedule", "constant")
    result = train(folder, run, *options, "--learning-rate", rate, "--optimizer", "rmsprop", "--ema", 0)
    assert (result.exit_code, result.stderr.splitlines()[-1]) == (
        1, f"Error: {what} epoch 1. Go on with --resume and a lower --learning-rate, or "
        "begin another run"
    )  # fmt: skip
    assert not (run / "best.weights.h5").exists() and not (run / checkpoint.STATE).exists()


@no_graphs()
def test_other_data_are_refused(folder, tmp_path, tiny_preset):
    """A run that goes on with labels that have changed would be trained on neither the ones nor the others."""
    data, run = tmp_path / "data", tmp_path / "run"
    shutil.copytree(folder, data)
    assert train(data, run, "--epochs", 1, "--steps-per-epoch", 1, "--export", "none").exit_code == 0
    labels = json.loads((data / "labels.json").read_text())
    count = len(labels)
    changes = {count - 1: labels[:-1], count: [{**labels[0], "keypoints": labels[1]["keypoints"]}, *labels[1:]]}
    for left, changed in changes.items():
        (data / "labels.json").write_text(json.dumps(changed))
        result = handpose("train", "-o", run, "--resume", "--epochs", 2)
        assert result.exit_code == 1
        assert result.stderr.splitlines()[-1] == (
            f"Error: {data} is not what {run} was trained on: {count} labels then, {left} now, or others, or with "
            "other images, or as another version of handpose read them. "
            f"Go on with the data as they were, or begin another run with --weights {run}."
        )
    (data / "labels.json").write_text(json.dumps(labels))
    image = data / labels[0]["image"]
    content = image.read_bytes()
    image.write_bytes(content + b"another")
    assert "or with other images" in handpose("train", "-o", run, "--resume", "--epochs", 2).stderr
    image.write_bytes(content)
    assert handpose("train", "-o", run, "--resume", "--epochs", 2).exit_code == 0


def test_a_detector_knows_its_images_too(folder, tmp_path):
    data = tmp_path / "data"
    shutil.copytree(folder, data)
    settings = of_new_run({"preset": "ssd-hand", "data": (str(data),), "val_split": 0.5})
    before = read_data(settings).known
    assert read_data(settings).known == before
    image = data / json.loads((data / "labels.json").read_text())[0]["image"]
    image.write_bytes(image.read_bytes() + b"another")
    assert read_data(settings).known != before
