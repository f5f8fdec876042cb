"""Runs on a Ray cluster, a real one of this machine: the same bytes as on threads, whatever happens to its workers."""

import json
import os
import re
import shutil
import signal
import socketserver
import subprocess
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler

import pytest
from chaos import HANDPOSE, call, outputs
from conftest import handpose, read_results
from made_up_inputs import encoded, write_clip
from made_up_videos import damage_packet

from handpose_cli.runs import journal as journals
from handpose_cli.runs import units
from handpose_cli.runs.errors import RunError
from handpose_cli.runs.executors import ray as executor
from handpose_cli.runs.executors.worker import Job
from handpose_cli.runs.work import annotate_unit

pytest.importorskip("ray")

FAST = ("--views", 1)
EVERYTHING = ("-r", "--draw", "--format", "csv", "--smooth", *FAST)


@pytest.fixture(scope="module")
def cluster():
    with executor.connected("local", 2) as cluster:
        yield cluster


@pytest.fixture
def shared(cluster, monkeypatch):
    """Let `--cluster local` take the one that is there."""

    @contextmanager
    def there(*_, **__):
        yield cluster

    monkeypatch.setattr(executor, "connected", there)
    monkeypatch.setattr(cluster, "leave", lambda: None)


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("inputs")
    for number in range(5):
        (folder / f"{number}.jpg").write_bytes(encoded(number))
    write_clip(folder / "clip.mp4", frames=60, gop=12)
    damaged = folder / "damaged.mp4"
    write_clip(damaged, frames=60, gop=12)
    damage_packet(damaged, 30)
    (folder / "text.png").write_text("hello")
    return folder


def lines_of(out, file):
    lines = map(json.loads, (out / journals.NAME).read_text().splitlines())
    return [line for line in lines if line.get("file") == file]


def test_results_are_those_of_threads(shared, inputs, finished, tmp_path):
    # `auto`: one that runs already, beside which this process draws several videos at a time
    result = handpose("predict", inputs, "-o", tmp_path / "out", *EVERYTHING, "--cluster", "auto")
    assert result.exit_code == 3
    assert outputs(tmp_path / "out") == outputs(finished)
    assert len(lines_of(tmp_path / "out", "clip.mp4")) == 1


def test_a_long_video_is_spread_and_one_that_turns_out_damaged_is_read_from_its_start(
    shared, inputs, finished, tmp_path, monkeypatch
):
    monkeypatch.setattr(units, "LONG_BYTES", 0)
    monkeypatch.setattr(units, "STRETCH", 16)
    out = tmp_path / "out"
    assert handpose("predict", inputs, "-o", out, *EVERYTHING, "--cluster", "local").exit_code == 3
    assert outputs(out) == outputs(finished)
    assert [len(line["records"]) for line in lines_of(out, "clip.mp4")] == [16, 16, 16, 12]
    failure = next(entry for entry in read_results(out)["files"] if entry["file"] == "damaged.mp4")["failure"]
    assert failure.startswith("damaged after frame")
    # a resumed run, from within a video that threads had begun
    shutil.rmtree(out)
    shutil.copytree(finished, out)
    journal = (out / journals.NAME).read_bytes()
    (out / journals.NAME).write_bytes(journal[: journal.index(b'"file": "clip.mp4", "from": 24')])
    assert handpose("predict", inputs, "-o", out, *EVERYTHING, "--cluster", "local", "--resume").exit_code == 3
    assert outputs(out) == outputs(finished)


def test_a_worker_with_other_software_is_refused(shared, inputs, tmp_path, monkeypatch):
    monkeypatch.setattr("handpose_cli.runs.header.__version__", "9.9")
    result = handpose("predict", inputs, "-o", tmp_path / "out", "--cluster", "local")
    assert result.exit_code == 1
    assert re.fullmatch(
        r"Error: A worker on \S+ has other software than here: tool was handpose 9.9 and is now handpose [\d.]+\.",
        result.stderr.splitlines()[-1],
    )
    assert "memory:// is this process's own" in _memory(tmp_path)


def _memory(tmp_path):
    fsspec = pytest.importorskip("fsspec")
    fsspec.filesystem("memory").pipe("/in/a.jpg", encoded(0))
    return handpose("predict", "memory://in", "-o", tmp_path / "memory", "--cluster", "local").stderr


def run(cluster, work, source, **how):
    """Work off numbers, of which lists can be divided, and collect the results."""
    job = Job(work, lambda: None, lambda: "")
    lost = how.get("lost", lambda unit, reason: (unit, reason))
    divided = lambda unit: [[each] for each in unit] if len(unit) > 1 else []  # noqa: E731
    return list(cluster.run(source, job, lost, divided, how.get("instead", lambda unit, result: [])))


def test_a_unit_that_ends_its_worker_is_found_and_given_up_and_the_others_are_done(cluster, tmp_path):
    flag = str(tmp_path / "once")

    def work(unit, _):
        if 5 in unit:
            os.kill(os.getpid(), signal.SIGKILL)
        if 2 in unit and not os.path.exists(flag):  # noqa: PTH110
            open(flag, "w").close()  # noqa: PTH123
            os.kill(os.getpid(), signal.SIGKILL)
        return unit

    found = run(cluster, work, [[0, 1], [2, 3], [4, 5], [6, 7]])
    assert found == [[0, 1], [2, 3], [4], ([5], "ended its worker 3 times: it crashed or was killed"), [6, 7]]


def test_files_that_end_their_worker_are_failures_and_the_run_goes_on(shared, inputs, finished, tmp_path, monkeypatch):
    monkeypatch.setattr(units, "LONG_BYTES", 0)
    monkeypatch.setattr(units, "STRETCH", 16)

    monkeypatch.setattr(executor, "MOST_DEATHS", 2)  # each takes a second, for a new worker

    def poisoned(unit, networks, settings, batch_size):
        names = [entry.name for entry in getattr(unit, "inputs", [unit[0]])]
        if "2.jpg" in names or (names == ["clip.mp4"] and unit.done == 32):
            os.kill(os.getpid(), signal.SIGKILL)
        return annotate_unit(unit, networks, settings, batch_size)

    monkeypatch.setattr("handpose_cli.runs.executing.annotate_unit", poisoned)
    out = tmp_path / "out"
    result = handpose("predict", inputs, "-o", out, "-r", "--smooth", *FAST, "--cluster", "local")
    assert (result.exit_code, result.stderr.count("ended its worker 2 times: it crashed or was killed")) == (3, 2)
    found, calm = ({entry["file"]: entry for entry in read_results(folder)["files"]} for folder in (out, finished))
    assert found["2.jpg"]["failure"] == "ended its worker 2 times: it crashed or was killed"
    assert found["clip.mp4"]["failure"] == "ended its worker 2 times: it crashed or was killed"
    assert found["clip.mp4"]["frames"] == 32
    assert all(found[name] == calm[name] for name in calm if name not in ("2.jpg", "clip.mp4"))
    # what killed its worker is tried again
    monkeypatch.setattr("handpose_cli.runs.executing.annotate_unit", annotate_unit)
    result = handpose("predict", inputs, "-o", out, "-r", "--smooth", *FAST, "--cluster", "local", "--resume")
    assert "1 could not be read before (2.jpg)" in result.stderr


def test_units_go_out_as_they_are_needed_and_others_take_the_place_of_one(cluster):
    taken, ahead = [], []

    def source():
        for number in range(60):
            taken.append(number)
            yield [number]

    def instead(unit, result):
        ahead.append(len(taken) - unit[0])
        return [[100], [101]] if unit == [7] else []

    found = run(cluster, lambda unit, _: unit[0], source(), instead=instead)
    assert found == [*range(7), 100, 101, *range(8, 60)]
    assert max(ahead[:50]) <= 4 * 2 + 1


def test_an_error_in_a_worker_is_raised_here(cluster):
    def work(unit, _):
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space left"):
        run(cluster, work, [[0]])


def test_a_cluster_that_is_not_there_is_told_in_a_line(inputs, tmp_path):
    for where, message in {
        "127.0.0.1:9": "There is no Ray cluster at 127.0.0.1:9: Connection refused.",
        "nonsense": "nonsense is no address of a cluster: give local, auto or HOST:PORT.",
    }.items():
        with pytest.raises(RunError) as error, executor.connected(where):
            pass
        assert str(error.value) == message


@pytest.mark.skipif(os.name == "nt", reason="HOME")
def test_a_cluster_of_this_machine_that_cannot_be_made_is_told_in_a_line(inputs, tmp_path):
    """As in a container, whose user has no home."""
    no_home = tmp_path / "no_home"
    no_home.touch()
    command = [*HANDPOSE, "predict", str(inputs), "-o", str(tmp_path / "out"), "--cluster", "local"]
    given = {**os.environ, "HOME": str(no_home)}
    done = subprocess.run(command, capture_output=True, text=True, env=given, check=False)
    assert (done.returncode, done.stderr.splitlines()[-1]) == (
        1,
        f"Error: No Ray cluster can be made of this machine: [Errno 20] Not a directory: '{no_home}/.ray'. Ray writes "
        "in the home folder (HOME) and in /tmp/ray, or RAY_TMPDIR; without --cluster none is needed",
    )
    assert not (tmp_path / "out").exists()


def test_what_is_no_ray_cluster_is_told_from_one(cluster):
    import ray

    executor._check_reachable(ray.get_runtime_context().gcs_address)
    with socketserver.TCPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as server:
        threading.Thread(target=server.handle_request, daemon=True).start()
        address = f"127.0.0.1:{server.server_address[1]}"
        with pytest.raises(RunError) as error, executor.connected(address):
            pass
    assert str(error.value) == f"There is no Ray cluster at {address}: what listens there is something else."


@pytest.mark.skipif(os.name == "nt", reason="signals")
def test_ctrl_c_ends_the_workers_and_the_run_goes_on_later(inputs, finished, tmp_path):
    out = tmp_path / "out"
    arguments = [str(a) for a in ("predict", inputs, "-o", out, *EVERYTHING)]
    command = [*HANDPOSE, *arguments, "--cluster", "local", "--threads", "1", "--batch-size", "1"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    journal = out / journals.NAME
    while not (journal.exists() and journal.read_bytes().count(b"\n") > 2):
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate()
    assert process.returncode == 130, errors
    assert re.search(r"^Interrupted; \d of 8 inputs are done\. Go on with --resume\.$", errors, re.MULTILINE)
    assert "Traceback" not in errors
    assert call(*arguments, "--resume").returncode == 3
    assert outputs(out) == outputs(finished)
