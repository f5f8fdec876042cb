"""Run folders of training: one process at a time writes there, and damaged ones are told."""

import errno
import shutil

import pytest
from conftest import handpose
from test_resume_training import state_of
from tiny_training import no_graphs, train

from handpose_cli import locking
from handpose_cli.locking import locked
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
