"""What surrounds the tool and is not as it should be: libraries, streams, signals, encodings."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest
from conftest import SAMPLES, handpose, read_results

from handpose_cli import weights
from handpose_cli.quiet import quiet_stderr

PALM = SAMPLES / "open_palm_sleeve.jpg"


def run(*arguments, **kwargs):
    command = [sys.executable, "-m", "handpose_cli", *map(str, arguments)]
    return subprocess.run(command, **{"capture_output": True, "text": True, **kwargs})


def site_packages(folder, package, code):
    """Return an environment in which a package's code is another."""
    home = folder / "site-packages" / package
    home.mkdir(parents=True)
    (home / "__init__.py").write_text(code)
    return {**os.environ, "PYTHONPATH": os.pathsep.join([str(home.parent), str(Path.cwd())])}


@pytest.mark.parametrize(
    ("package", "code", "message"),
    [
        (
            "cv2",
            "raise ImportError('libGL.so.1: cannot open shared object file: No such file or directory')",
            "OpenCV cannot be loaded (libGL.so.1: cannot open shared object file: No such file or directory). Install "
            "what machines without a desktop lack, on Debian and Ubuntu with: apt install libgl1 libglib2.0-0; or take "
            "OpenCV without windows: pip uninstall -y opencv-python && pip install opencv-python-headless",
        ),
        (
            "cv2",
            "",
            "OpenCV is too old, or incomplete (module 'cv2' has no attribute 'BORDER_CONSTANT'): its packages replace "
            "each other's files. Mend it with: pip uninstall -y opencv-python opencv-python-headless "
            "opencv-contrib-python && pip install opencv-python",
        ),
        (
            "ijson",
            "raise ImportError('yajl.so: file too short')",
            "ijson cannot be loaded (yajl.so: file too short). Install it again with: "
            "pip install --force-reinstall --no-deps ijson",
        ),
        (
            "ai_edge_litert",
            "",
            "ai_edge_litert cannot be loaded (No module named 'ai_edge_litert.interpreter'). Install it again with: "
            "pip install --force-reinstall --no-deps ai-edge-litert",
        ),
    ],
)
def test_a_library_that_cannot_be_loaded_is_named_with_what_mends_it(tmp_path, package, code, message):
    environment = site_packages(tmp_path, package, code)
    done = run("predict", PALM, "-o", tmp_path / "out", env=environment)
    assert (done.returncode, done.stdout, done.stderr) == (1, "", f"Error: {message}\n")


def test_ctrl_c_while_a_library_is_loaded_is_no_fault_of_the_library(tmp_path):
    code = "raise ImportError('initialization failed') from KeyboardInterrupt()"
    done = run("predict", PALM, "-o", tmp_path / "out", env=site_packages(tmp_path, "ai_edge_litert", code))
    assert (done.returncode, done.stderr) == (130, "Interrupted\n")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full")
def test_standard_error_may_be_lost_but_not_the_run(tmp_path):
    (tmp_path / "broken.jpg").write_bytes(b"no image")
    with Path("/dev/full").open("w") as full:
        done = run("predict", PALM, tmp_path / "broken.jpg", "-o", tmp_path / "out", stderr=full, capture_output=False)
    assert done.returncode == 3
    assert len(read_results(tmp_path / "out")["files"]) == 2


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full")
@pytest.mark.parametrize("locale", ["C.UTF-8", "C"])
@pytest.mark.parametrize("call", ["--version", "--help", "predict {} -o out --dry-run", "convert-labels {} --check"])
def test_a_standard_output_that_cannot_be_written_to_is_named(tmp_path, call, locale):
    """And not one of the command's own files."""
    given = {**os.environ, "LC_ALL": locale, "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    arguments = [PALM if word == "{}" else word for word in call.split()]
    if "--check" in arguments:
        arguments[1] = SAMPLES / "labels.json"
    with Path("/dev/full").open("w") as full:
        done = run(*arguments, stdout=full, stderr=subprocess.PIPE, capture_output=False, cwd=tmp_path, env=given)
    told = "Error: Cannot write to standard output: No space left on device. Lead it to another place.\n"
    assert (done.returncode, done.stderr) == (1, told)
    assert not list(tmp_path.iterdir())


def test_who_reads_standard_output_may_go(tmp_path):
    reads, writes = os.pipe()
    os.close(reads)
    call = ("predict", PALM, "-o", tmp_path / "out", "--dry-run")
    done = run(*call, stdout=writes, stderr=subprocess.PIPE, capture_output=False)
    os.close(writes)
    assert (done.returncode, done.stderr) == (1, "")


def test_a_closed_standard_error_is_no_error_in_python():
    code = "import os; os.close(2); from handpose_cli import Annotator; print(len(Annotator.load(views=1)('{}')))"
    done = subprocess.run([sys.executable, "-c", code.format(PALM)], stdout=subprocess.PIPE, text=True)
    assert (done.returncode, done.stdout) == (0, "1\n")
    with quiet_stderr():  # and one that is open stays so
        pass
    os.fstat(2)


def as_in_a_shell():
    """Let signals work that whoever runs the tests may have had ignored, as nohup does."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)


@pytest.mark.skipif(sys.platform == "win32", reason="no such signals")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_what_ends_a_run_lets_it_say_where_it_is(tmp_path, number):
    out = tmp_path / "out"
    predict = ("predict", SAMPLES, "-o", out, "--views", 1, "--summary-json", tmp_path / "s.json")
    command = [sys.executable, "-m", "handpose_cli", *map(str, predict)]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, preexec_fn=as_in_a_shell)
    while not (out / "journal.jsonl").exists() and process.poll() is None:
        time.sleep(0.005)
    process.send_signal(number)
    _, errors = process.communicate()
    assert process.returncode == 130
    assert errors.splitlines()[-1].startswith("Interrupted; ")
    assert '"interrupted"' in (tmp_path / "s.json").read_text()
    assert handpose(*predict, "--resume").exit_code == 0


ENDING = """
import time
from handpose_cli import quiet
quiet._UNDISTURBED = 3
with quiet.ended_as_interrupted():
    try:
        print("begun", flush=True)
        time.sleep(60)
    finally:
        print("ending", flush=True)
        time.sleep(60)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no such signals")
def test_a_second_ctrl_c_does_not_disturb_the_end_but_one_later_on_ends_it_at_once():
    """The second one was printed as an exception that is ignored, or broke off what was being closed."""
    command = [sys.executable, "-c", ENDING]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, preexec_fn=as_in_a_shell
    ) as process:
        assert process.stdout.readline() == "begun\n"
        process.send_signal(signal.SIGINT)
        assert process.stdout.readline() == "ending\n"
        for number in (signal.SIGINT, signal.SIGTERM):
            process.send_signal(number)
            with pytest.raises(subprocess.TimeoutExpired):
                process.wait(0.1)
        time.sleep(3)
        process.send_signal(signal.SIGINT)
        assert (process.wait(10), process.stderr.read()) == (130, "Interrupted\n")


@pytest.mark.skipif(sys.platform == "win32", reason="names are UTF-16 there")
def test_a_name_that_the_locale_cannot_say_is_an_error_with_what_helps(tmp_path):
    (tmp_path / "é.jpg").write_bytes(PALM.read_bytes())
    environment = {**os.environ, "LC_ALL": "POSIX", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    (tmp_path / "list.txt").write_text("é.jpg\n", encoding="utf-8")
    done = run("predict", tmp_path / "list.txt", "-o", tmp_path / "out", env=environment)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "cannot be written in the encoding set here, " in done.stderr
    assert done.stderr.endswith(". Set PYTHONUTF8=1\n")


def test_a_backend_of_charts_that_is_set_for_notebooks_does_not_matter(tmp_path):
    environment = {**os.environ, "MPLBACKEND": "module://nowhere"}
    options = ("--labels", SAMPLES, "--predictions", SAMPLES, "--report", tmp_path / "r.html", "-q")
    assert run("evaluate", *options, env=environment).returncode == 0
    assert (tmp_path / "r.html").exists()


def test_figures_are_there_even_if_their_report_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("")
    report = tmp_path / "file" / "r.html"
    done = handpose("evaluate", "--labels", SAMPLES, "--predictions", SAMPLES, "--report", report)
    assert done.exit_code == 1
    assert "pck@0.1/bbox" in done.stdout
    assert done.stderr == f"Error: Cannot write {report}: File exists. Choose another --report.\n"


def test_a_bundled_network_without_its_contract_is_not_guessed_at(tmp_path, monkeypatch):
    for path in weights.FOLDER.glob("*"):
        if path.is_file() and path.name != "hourglass-lite.json":
            (tmp_path / path.name).symlink_to(path)
    monkeypatch.setattr(weights, "FOLDER", tmp_path)
    done = handpose("predict", PALM, "-o", tmp_path / "out")
    assert done.exit_code == 1
    assert "install handpose-cli again" in done.stderr


def test_a_folder_for_temporary_files_that_cannot_be_used_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "nowhere"))
    done = handpose("convert-labels", SAMPLES, tmp_path / "out" / "labels.json", "--to", "coco")
    assert done.exit_code == 1
    assert done.stderr.startswith(f"Error: Cannot write to {tmp_path}/nowhere/")
    assert done.stderr.endswith(": No such file or directory. Choose another folder for temporary files with TMPDIR.\n")
