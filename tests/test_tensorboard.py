"""The log for TensorBoard, read back by TensorFlow: every epoch once, however often the run was stopped."""

import csv

import pytest
from tiny_training import no_graphs, train

from handpose_cli.training.tensorboard import FOLDER, TensorBoardLog


def read_events(run):
    """Return (wall time, step, {tag: value}) of each event in a run's only file, whose checksums TensorFlow checks."""
    import tensorflow as tf

    (path,) = (run / FOLDER).glob("events.out.tfevents.*")
    events = [tf.compat.v1.Event.FromString(record.numpy()) for record in tf.data.TFRecordDataset(str(path))]
    assert events[0].file_version == "brain.Event:2"
    return [(e.wall_time, e.step, {v.tag: v.simple_value for v in e.summary.value}) for e in events[1:]]


def test_a_run_resumed_leaves_what_its_log_says(folder, tmp_path, tiny_preset):
    run, short = tmp_path / "run", ("--steps-per-epoch", 1, "--export", "none")
    with no_graphs():
        assert train(folder, run, "--epochs", 1, *short, "--schedule", "constant").exit_code == 0
        assert train(folder, run, "--epochs", 3, *short, "--resume").exit_code == 0
    with (run / "log.csv").open() as file:
        log = [{name: float(value) for name, value in row.items()} for row in csv.DictReader(file)]
    assert [row["learning_rate"] for row in log] == pytest.approx([1e-3] * 3)
    events = read_events(run)
    assert [step for _, step, _ in events] == [row.pop("epoch") for row in log] == [1, 2, 3]
    for (_, _, values), row in zip(events, log, strict=True):
        assert values == pytest.approx(row, rel=1e-6)


def test_epochs_keep_their_times_and_what_a_kill_cut_short_is_written_again(tmp_path):
    log = []

    def an_epoch(callback):
        log.append({"epoch": len(log) + 1, "loss": 1 / (len(log) + 1)})
        callback.on_epoch_end(len(log) - 1)

    callback = TensorBoardLog(tmp_path, log)
    callback.on_train_begin()
    for _ in range(130):
        an_epoch(callback)
    before = read_events(tmp_path)

    whole = callback.path.read_bytes()
    callback.path.write_bytes(whole[:-5])  # the last epoch's record, cut short
    log.append({"epoch": 131, "loss": 0.5})  # committed, and killed before it came here
    callback = TensorBoardLog(tmp_path, log)
    callback.on_train_begin()
    an_epoch(callback)
    after = read_events(tmp_path)
    assert [step for _, step, _ in after] == list(range(1, 133))
    assert after[:129] == before[:129]
    assert after[129][1:] == before[129][1:]
