"""What stops a run is one line that names what is at fault: the output, an input, the weights, memory or a limit."""

import errno
import json
import os
import shutil
import socket
import threading
from pathlib import Path

import click
import pytest
from conftest import SAMPLES, handpose
from made_up_inputs import encoded

from handpose_cli import engine, weights
from handpose_cli.commands.run_errors import run_errors
from handpose_cli.engine import litert
from handpose_cli.errors import first_line

FAST = ("--views", 1)


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "in").mkdir()
    for number in range(3):
        (tmp_path / "in" / f"{number}.jpg").write_bytes(encoded(number))
    return tmp_path / "in"


def error_of(result):
    assert result.exit_code == 1, result.stderr
    assert "Traceback" not in result.stderr
    return result.stderr.splitlines()[-1].removeprefix("Error: ")


def said(error, output):
    with pytest.raises(click.ClickException) as found, run_errors(output):
        raise error
    return found.value.message


def failed(number, *name):
    return OSError(number, os.strerror(number), *map(str, name))


def test_errors_of_the_file_system_name_what_is_at_fault(tmp_path, monkeypatch):
    out, other = tmp_path / "out", tmp_path / "tmp"
    other.mkdir()
    remedy = "Choose another --output, or go on with --resume."
    no_space, denied = os.strerror(errno.ENOSPC), os.strerror(errno.EACCES)
    monkeypatch.setattr("tempfile.tempdir", str(other))
    for name in (out / "a.json", out, tmp_path):
        assert said(failed(errno.ENOSPC, name), out) == f"Cannot write to {name}: {no_space}. {remedy}"
    assert said(failed(errno.ENOSPC), out) == f"Cannot write to {out}: {no_space}. {remedy}"
    assert said(failed(errno.ENOSPC), "s3://lab/run") == f"Cannot write to s3://lab/run: {no_space}. {remedy}"
    assert said(failed(errno.EACCES, "/w.tflite"), out) == f"Cannot read or write /w.tflite: {denied}"
    assert said(failed(errno.ENOSPC, other / "x"), out) == (
        f"Cannot write to {other / 'x'}: {no_space}. Choose another folder for temporary files with TMPDIR."
    )
    for name in ((), (out / "a.json",)):
        assert said(failed(errno.EMFILE, *name), out) == (
            "Too many open files. Give a higher limit, ulimit -n, or fewer --threads."
        )
    assert said(failed(errno.EIO), None) == "The inputs cannot be listed: Input/output error"
    assert said(failed(errno.EIO, "x"), None) == "The inputs cannot be listed: x: Input/output error"


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (("predict", "gone/", "-o", "out"), "No such file or folder, and no match as a pattern: gone/"),
        (("predict", "list.txt", "-o", "out"), "list.txt, line 1: no such file: gone.jpg"),
        (("merge", "gone", "-o", "out"), "Invalid value for 'RUNS...': Directory 'gone' does not exist."),
        (("evaluate", "--labels", SAMPLES, "--predictions", "gone"),
         "Invalid value for '--predictions': 'gone' does not exist."),
        (("convert-labels", "coco:gone", "out", "--to", "csv"), "Invalid value for 'SOURCE': 'gone' does not exist."),
        (("train", "--data", SAMPLES, "--val", "coco:gone", "-o", "out"),
         "Invalid value for '--val': 'gone' does not exist."),
    ],
)  # fmt: skip
def test_what_a_call_names_and_is_not_there_is_wrong_usage(tmp_path, monkeypatch, call, message):
    monkeypatch.chdir(tmp_path)
    Path("list.txt").write_text("gone.jpg")
    summary = ("--summary-json", "s.json") if call[0] == "predict" else ()
    done = handpose(*call, *summary)
    assert (done.exit_code, done.stderr.splitlines()[-1]) == (2, f"Error: {message}")
    assert not Path("out").exists()
    if summary:
        told = json.loads(Path("s.json").read_text())
        assert (told["status"], told["exit_code"]) == ("failed", 2)


def test_a_server_that_does_not_answer_is_no_output(tmp_path):
    pytest.importorskip("fsspec")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"ftp://127.0.0.1:{free.getsockname()[1]}/photos"
    result = handpose("predict", url, "-o", tmp_path / "out", *FAST)
    assert error_of(result) == f"{url} cannot be reached: Connection refused"


def test_weights_that_may_not_be_read(folder, tmp_path, monkeypatch):
    for suffix in (".tflite", ".json"):
        shutil.copy(weights.FOLDER / f"hourglass-lite{suffix}", tmp_path / f"own{suffix}")
    own = tmp_path / "own.tflite"
    path_open = Path.open

    def may_not(path, *arguments, **options):
        if path == own:
            raise failed(errno.EACCES, own)
        return path_open(path, *arguments, **options)

    monkeypatch.setattr(Path, "open", may_not)  # who runs the tests may be allowed everything
    result = handpose("predict", folder, "-o", tmp_path / "out", "--weights", own, *FAST)
    assert error_of(result) == f"{own} cannot be read: Permission denied"


def test_no_more_threads(folder, tmp_path, monkeypatch):
    start = threading.Thread.start

    def limited(thread):
        if thread.name.startswith("ThreadPoolExecutor"):
            raise RuntimeError("can't start new thread")
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", limited)
    result = handpose("predict", folder, "-o", tmp_path / "out", *FAST)
    assert error_of(result) == ("No more threads can be started. Give fewer --threads, or a higher limit: ulimit -u.")


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (RuntimeError(), "not a LiteRT network: RuntimeError"),
        (ValueError("\none\ntwo"), "not a LiteRT network: one"),
        (ValueError("Mmap of '3' at offset '0' failed with error '12'.The model allocation is null/empty"),
         "not enough memory to load it"),
        (MemoryError(), "not enough memory to load it"),
    ],
)  # fmt: skip
def test_a_network_that_cannot_be_loaded(tmp_path, monkeypatch, error, reason):
    def fail(*_):
        raise error

    monkeypatch.setattr(litert, "LiteRTNetwork", fail)
    with pytest.raises(weights.WeightsError) as found:
        engine.load_keypoint_network("litert")
    assert str(found.value) == f"{weights.FOLDER / 'hourglass-lite.tflite'}: {reason}"
    assert first_line(KeyError()) == "KeyError"
