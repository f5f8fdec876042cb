"""Run folders of training: one process at a time writes there, and damaged ones are told."""

import errno
import shutil

import pytest
from conftest import SAMPLES, handpose
from test_resume_training import state_of
from tiny_training import no_graphs, train

from handpose_cli import locking
from handpose_cli.locking import locked
from handpose_cli.training import keypoints
from handpose_cli.training.checkpoint import writing

SHORT = ("--epochs", 1, "--steps-per-epoch", 1, "--export", "none")


@pytest.fixture(scope="module")
def first_run(folder, tmp_path_factory):
    from tiny_training import TINY

    from handpose_cli.networks.hourglass import presets

    run = tmp_path_factory.mktemp("runs") / "run"
    with pytest.MonkeyPatch.context() as patch, no_graphs():
        patch.setitem(presets.PRESETS, "hourglass-lite", TINY)
        assert train(folder, run, *SHORT).exit_code == 0
    return run


@pytest.fixture
def run(first_run, tmp_path):
    return shutil.copytree(first_run, tmp_path / "run")


def files_in(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_two_trainings_do_not_write_to_one_run(folder, run, tmp_path, tiny_preset):
    refused = "Error: Another training is writing to {}. Choose another --output."
    before = files_in(run)
    with writing(run):
        result = handpose("train", "-o", run, "--resume", "--epochs", 2)
    assert (result.exit_code, result.stderr) == (1, refused.format(run) + "\n")  # before it has read the data
    assert files_in(run) == before
    with writing(tmp_path / "begun"):  # by a process that has only just begun it, too
        result = train(folder, tmp_path / "begun", *SHORT)
    assert (result.exit_code, result.stderr) == (1, refused.format(tmp_path / "begun") + "\n")
    assert list(files_in(tmp_path / "begun").values()) == [b""]


@no_graphs()
def test_a_run_removes_no_weights_but_its_last_ones(run, tiny_preset):
    other = run / "state" / "epoch-0009.weights.h5"
    other.write_text("another's")
    assert handpose("train", "-o", run, "--resume", "--epochs", 2).exit_code == 0
    assert sorted(path.name for path in (run / "state").glob("*.h5")) == ["epoch-0002.weights.h5", other.name]
    assert len(state_of(run)[1]) == 2


def test_a_lock_is_for_one_at_a_time(tmp_path):
    with locked(tmp_path / "a" / "lock"):
        with pytest.raises(BlockingIOError), locked(tmp_path / "a" / "lock"):
            pass
        with locked(tmp_path / "b"):
            pass
    with locked(tmp_path / "a" / "lock"):
        pass


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.ENOTSUP])
def test_a_drive_without_locks_is_not_taken_for_another_process(tmp_path, monkeypatch, number):
    def flock(file, how):
        raise OSError(number, "no locks here")

    monkeypatch.setattr(locking.fcntl, "flock", flock)
    with locked(tmp_path / "lock"):
        pass


BEGIN = "Begin another with --weights {run}."


@pytest.mark.parametrize(
    ("name", "contents", "message"),
    [
        ("settings.json", ["", "[1]", "{}"], "{run}/settings.json is damaged. " + BEGIN),
        ("state/state.json", ["", "{}"], "{run}/state/state.json is damaged. " + BEGIN),
        ("state/epoch-0001.weights.h5", [""], "{run}/state/epoch-0001.weights.h5 is damaged. " + BEGIN),
        ("data.json", [""], "{run}/data.json is damaged, which says what {run} was trained on. "
         "Delete it, if the data are as they were, and go on with --resume"),
    ],
)  # fmt: skip
@no_graphs()
def test_what_a_power_cut_damaged_is_named_with_what_helps(folder, run, tmp_path, tiny_preset, name, contents, message):
    for content in contents:
        (run / name).write_text(content)
        refused = handpose("train", "-o", run, "--resume", "--epochs", 2)
        assert refused.exit_code == 1
        assert refused.stderr.splitlines()[-1] == f"Error: {message}".format(run=run)
    if name == "data.json":
        (run / name).unlink()
        assert handpose("train", "-o", run, "--resume", "--epochs", 2).exit_code == 0
    else:
        begun = train(folder, tmp_path / "other", "--weights", run, *SHORT)
        assert begun.exit_code == 0, begun.stderr


def test_a_damaged_run_without_weights_is_begun_elsewhere(run, tiny_preset):
    (run / "best.weights.h5").unlink()
    (run / "settings.json").write_text("")
    refused = handpose("train", "-o", run, "--resume")
    assert refused.stderr == f"Error: {run / 'settings.json'} is damaged. Choose another --output.\n"


@pytest.mark.parametrize("content", ["", "null", "{}"])
def test_weights_whose_settings_are_damaged_are_not_predicted_with(run, tmp_path, content):
    (run / "settings.json").write_text(content)
    call = ("predict", SAMPLES / "no_hand.jpg", "-o", tmp_path / "out", "--weights", run, "--engine", "keras",
            "--detector", "whole-image")  # fmt: skip
    said = f"Error: {run / 'settings.json'} is damaged: it does not say what the network is"
    result = handpose(*call)
    assert (result.exit_code, result.stderr.splitlines()[-1]) == (1, said)
    (run / "models.json").write_text('{"litert": "model.tflite"}')
    result = handpose(*call)
    assert (result.exit_code, result.stderr.splitlines()[-1]) == (1, f"{said}. Use --engine litert.")


def test_what_cannot_be_gone_on_with_is_not_advised(folder, tmp_path, tiny_preset, monkeypatch):
    (tmp_path / "file").write_text("")
    result = train(folder, tmp_path / "file" / "run", *SHORT)
    assert result.exit_code == 1
    assert result.stderr.splitlines()[-1] == (
        f"Error: Cannot write to {tmp_path / 'file' / 'run' / 'state'}: Not a directory. Choose another --output."
    )

    def interrupted(settings):
        raise KeyboardInterrupt

    monkeypatch.setattr(keypoints, "read_data", interrupted)
    result = train(folder, tmp_path / "run", *SHORT)
    assert (result.exit_code, result.stderr) == (130, "Interrupted. Nothing was written.\n")


def test_nothing_is_exported_with_nothing_else(folder, tmp_path, tiny_preset):
    result = train(folder, tmp_path / "run", "--export", "onnx", "--export", "none")
    assert (result.exit_code, result.stderr) == (
        1, "Error: none goes with no other export. Received: onnx, none\n"
    )  # fmt: skip
