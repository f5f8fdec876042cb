"""Inputs and results by URL: the same bytes as with files here, nothing secret written, and results whole or not."""

import importlib.util
import json
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
from datetime import timedelta
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from chaos import outputs
from conftest import handpose, read_results
from made_up_inputs import encoded, write_clip
from s3_server import s3_server

from handpose_cli.media import remote
from handpose_cli.media.discover import NoInputError, discover
from handpose_cli.media.inputs import Input
from handpose_cli.media.remote import path_of, public
from handpose_cli.runs import journal as journals
from handpose_cli.runs import staging

fsspec = pytest.importorskip("fsspec")

FAST = ("--views", 1)
EVERYTHING = ("-r", "--draw", "--format", "csv", *FAST)


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("inputs")
    (folder / "sub").mkdir()
    for number in range(3):
        (folder / "sub" / f"{number}.jpg").write_bytes(encoded(number))
    (folder / "page.png").write_text("<html>404</html>")
    write_clip(folder / "clip.mp4", frames=10)
    (folder / "notes.md").write_text("x")
    (folder / ".hidden.jpg").write_text("x")
    return folder


@pytest.fixture
def memory(inputs):
    """fsspec's memory, empty but for the inputs at memory://lab/photos."""
    fs = fsspec.filesystem("memory")
    fs.store.clear()
    fs.pseudo_dirs[:] = [""]
    fs.put(f"{inputs}/", "/lab/photos/", recursive=True)
    yield fs
    fs.store.clear()


def fetched(fs, root, folder):
    for name in fs.find(root):
        path = folder / name.strip("/").removeprefix(root.strip("/") + "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(fs.cat_file(name))
    return folder


def is_same(out, finished):
    ours, theirs = outputs(out), outputs(finished)
    assert read_results(out)["files"] == read_results(finished)["files"]
    assert set(ours) == set(theirs)
    return all(ours[name] == theirs[name] for name in ours if name != "predictions.json")


def test_inputs_at_a_url_give_what_local_ones_do(memory, finished, tmp_path):
    result = handpose("predict", "memory://lab/photos", "-o", tmp_path / "out", *EVERYTHING)
    assert result.exit_code == 3
    assert result.stderr.splitlines()[0] == "Passed over: 2 files not taken for images or videos (1 hidden .jpg, 1 .md)"
    assert is_same(tmp_path / "out", finished)
    assert list(remote.scratch().iterdir()) == []


def test_stores_are_searched_as_folders_are(memory):
    """Of an empty one nothing was said, and a Photos library's copies were annotated."""
    memory.pipe("/lab/My.photoslibrary/originals/a.jpg", b"")
    memory.pipe("/lab/My.photoslibrary/resources/a_1.jpg", b"")
    memory.makedirs("/lab/empty")
    said = []
    found = discover(["memory://lab/My.photoslibrary", "memory://lab/empty"], True, say=said.append)
    assert [entry.name for entry in found] == ["My.photoslibrary/originals/a.jpg"]
    assert said == [
        "Passed over: 1 folder that systems keep (resources)",
        "No images or videos in: memory://lab/empty",
    ]


def test_texts_with_a_video_s_name_are_passed_over_in_stores_too(memory):
    memory.pipe("/lab/site/app.ts", b"export default 1;\n" * 100)
    memory.pipe("/lab/site/sub/film.ts", b"G@\0\x10\0\0\xb0\r" + b"\xff" * 180)
    memory.pipe("/lab/site/empty.ts", b"")
    for pattern in ("", "/*"):
        said = []
        found = discover([f"memory://lab/site{pattern}"], True, say=said.append)
        assert [entry.name for entry in found] == ["empty.ts", *["sub/film.ts"] * (not pattern)]
        assert said[0].startswith("Passed over: 1 file not taken for images or videos (1 .ts)")
    assert [entry.name for entry in discover(["memory://lab/site/app.ts"])] == ["app.ts"]  # named by itself, a failure


def test_patterns_lists_and_folders_without_those_inside(memory, tmp_path):
    def names(*arguments):
        out = tmp_path / str(len(list(tmp_path.iterdir())))
        assert handpose("predict", *arguments, "-o", out, *FAST).exit_code in (0, 3)
        return [entry["file"] for entry in read_results(out)["files"]]

    assert names("memory://lab/photos") == ["clip.mp4", "page.png"]
    assert names("memory://lab/photos/sub/*.jpg") == ["0.jpg", "1.jpg", "2.jpg"]
    assert names("memory://lab/photos/sub/1.jpg") == ["1.jpg"]
    assert names("memory://lab/photos/sub", "memory://lab/photos/page.png")[-1] == "sub/2.jpg"
    memory.pipe("/lab/photos/list.txt", b"# some\nsub/0.jpg\nmemory://lab/photos/sub/2.jpg\nsub/gone.jpg\n")
    assert names("memory://lab/photos/list.txt") == ["0.jpg", "2.jpg", "gone.jpg"]
    (tmp_path / "list.txt").write_text("memory://lab/photos/sub/2.jpg\n")
    assert names(tmp_path / "list.txt") == ["2.jpg"]


def test_only_what_has_changed_at_the_url_is_done_again(memory, finished, tmp_path):
    out = tmp_path / "out"
    handpose("predict", "memory://lab/photos", "-o", out, *EVERYTHING)
    memory.pipe("/lab/photos/sub/1.jpg", encoded(7))
    memory.rm("/lab/photos/sub/2.jpg")
    result = handpose("predict", "memory://lab/photos", "-o", out, *EVERYTHING, "--resume")
    assert result.stderr.splitlines()[1:3] == [
        "3 of 4 inputs are done; left: 1 changed since (sub/1.jpg)",
        "1 input of this run (sub/2.jpg) is not there now. Their results are kept. Drop these with --prune",
    ]


def test_results_at_a_url_are_those_of_a_folder_and_a_second_run_is_refused(memory, inputs, finished, tmp_path):
    result = handpose("predict", inputs, "-o", "memory://lab/run", *EVERYTHING)
    assert result.exit_code == 3
    assert result.stderr.splitlines()[-1].endswith("Results: memory://lab/run/predictions.json")
    assert is_same(fetched(memory, "/lab/run", tmp_path / "out"), finished)
    result = handpose("predict", inputs, "-o", "memory://lab/run", *EVERYTHING)
    assert result.stderr.splitlines()[-1] == (
        "Error: memory://lab/run/predictions.json exists. Go on with --resume, replace it with --overwrite "
        "or choose another --output."
    )
    assert handpose("predict", inputs, "-o", "memory://lab/run", *EVERYTHING, "--resume").stderr.splitlines()[1] == (
        "5 of 5 inputs are done"
    )
    assert handpose("predict", inputs / "nothing.jpg", "-o", "memory://lab/run", "--resume").exit_code == 2
    assert handpose("predict", inputs / "clip.mp4", "-o", "memory://lab/run", "--overwrite", *FAST).exit_code == 0
    assert sorted(memory.find("/lab/run")) == ["/lab/run/journal.jsonl", "/lab/run/predictions.json"]


@pytest.mark.parametrize("other_clock", [0, 1, -1])
def test_a_run_that_was_killed_goes_on_from_the_parts_of_its_journal(memory, inputs, finished, tmp_path, other_clock):
    """A kill leaves parts and a lock; the folder in which it worked is another machine's."""
    lines = (finished / journals.NAME).read_bytes().splitlines(keepends=True)
    first, second = b"".join(lines[:3]), b"".join(lines[3:5])
    memory.pipe("/lab/run/journal.jsonl", first)
    memory.pipe(f"/lab/run/journal.parts/{0:012d}", first)  # which is in the journal already
    memory.pipe(f"/lab/run/journal.parts/{len(first):012d}", second)
    memory.pipe(f"/lab/run/journal.parts/{len(first + second) + 5:012d}", b"behind a gap\n")
    lock = {"run": "x", "host": "other", "time": time.time() + 1e6 * other_clock}

    def last_seen(seconds):
        memory.pipe("/lab/run/run.lock", json.dumps(lock).encode())
        memory.store["/lab/run/run.lock"].modified -= timedelta(seconds=seconds)

    last_seen(10)
    result = handpose("predict", inputs, "-o", "memory://lab/run", *EVERYTHING, "--resume")
    assert result.exit_code == 1
    assert result.stderr.splitlines()[-1] == (
        "Error: Another run is writing to memory://lab/run (on other, last seen 10 s ago; if it was killed, this one "
        "may begin in 110 s). Choose another --output."
    )
    last_seen(1000)
    result = handpose("predict", inputs, "-o", "memory://lab/run", *EVERYTHING, "--resume")
    assert "of 5 inputs are done; left: " in result.stderr
    assert not result.stderr.splitlines()[1].startswith("0 of")
    assert is_same(fetched(memory, "/lab/run", tmp_path / "out"), finished)


def test_new_lines_of_the_journal_are_put_there_while_the_run_goes_on(memory, inputs, monkeypatch):
    monkeypatch.setattr(staging, "EVERY", 0.02)
    seen = []
    put = type(memory).pipe_file
    monkeypatch.setattr(
        type(memory), "pipe_file", lambda fs, path, *a, **k: (seen.append(path), put(fs, path, *a, **k))[1]
    )
    assert handpose("predict", inputs, "-o", "memory://lab/run", *EVERYTHING).exit_code == 3
    parts = [path for path in seen if "journal.parts/" in path]
    assert len(parts) > 1 and parts == sorted(set(parts))
    assert not [name for name in memory.find("/lab/run") if "journal.parts" in name or name.endswith("run.lock")]


def test_what_cannot_be_put_there_at_the_end_is_kept_here(memory, inputs, finished, monkeypatch):
    def put_file(*_, **__):
        raise OSError("the store is away")

    monkeypatch.setattr(type(memory), "put_file", put_file)
    result = handpose("predict", inputs, "-o", "memory://lab/run", *EVERYTHING)
    assert result.exit_code == 1
    line = result.stderr.splitlines()[-1]
    assert line.startswith("Error: Cannot write to memory://lab/run: the store is away. What was done is kept in ")
    assert is_same(Path(line.rpartition(" ")[2].rstrip(".")), finished)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("nosuch://b/a.jpg",), "nosuch://b/a.jpg: fsspec knows no nosuch://"),
        (
            ("zip://::/photos.zip",),
            "zip://::/photos.zip: URLs with :: are not read, such as those of files in archives. Unpack these",
        ),
        (("memory://lab/gone",), "memory://lab/gone cannot be listed: no such file or folder"),
        (
            ("memory://lab/photos", "."),
            "memory://lab/photos and paths of files here are too far apart for one run: annotate them in a run each",
        ),
        (("memory://lab/gone.txt",), "memory://lab/gone.txt: cannot be read as a list with one path a line: "
         "memory://lab/gone.txt cannot be read: no such file"),
        ((".", "-o", "file:///tmp/x"), "Cannot write to file:///tmp/x: of file:// it is not known that files appear "
         "only when they are whole. Choose a folder here, or s3://, gs:// or az://."),
        ((".", "-o", "nosuch://b/run"), "Cannot write to nosuch://b/run: nosuch://b/run: fsspec knows no nosuch://"),
    ],
)  # fmt: skip
def test_what_cannot_be_done_is_told_in_a_line(memory, inputs, tmp_path, monkeypatch, arguments, message):
    monkeypatch.chdir(inputs)
    where = () if "-o" in arguments else ("-o", tmp_path / "out")
    result = handpose("predict", *arguments, *where, *FAST)
    code = 2 if "no such file" in message else 1
    assert (result.exit_code, result.stderr.splitlines()[-1]) == (code, f"Error: {message}")


def test_what_a_page_leads_to_elsewhere_is_none_of_its_files(inputs, tmp_path):
    """Named from the page on, its annotated copy was written outside the output folder."""
    pytest.importorskip("aiohttp")
    photos = tmp_path / "site" / "a" / "photos"
    photos.mkdir(parents=True)
    for folder in (photos, tmp_path / "site"):
        (folder / "b.jpg").write_bytes((inputs / "sub" / "0.jpg").read_bytes())
    (photos / "index.html").write_text('<a href="b.jpg">b</a> <a href="/b.jpg">another</a>')
    serve = partial(SimpleHTTPRequestHandler, directory=tmp_path / "site")
    with ThreadingHTTPServer(("127.0.0.1", 0), serve) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/a/photos"
        for number, named in enumerate((url, f"{url}/*.jpg")):
            result = handpose("predict", named, "-o", tmp_path / f"out{number}", "--draw", *FAST)
            assert result.exit_code == 0, result.output
            assert [path.name for path in (tmp_path / f"out{number}").glob("**/*.jpg")] == ["b.jpg"]
        (photos / "view").write_text('<a href="/a/photos/b.jpg">a page of one photograph</a>')
        with pytest.raises(NoInputError) as error:  # it was left out without a word
            discover([f"{url}/b.jpg", f"{url}/view?id=7"])
        assert str(error.value) == (f"{url}/view: no image or video by its name, and no page with links to any in it")
        with pytest.raises(NoInputError, match=r"/%2e%2e/%2e%2e/b.jpg: names with .. in them are not read$"):
            discover([f"{url}/b.jpg", f"{url}/%2e%2e/%2e%2e/b.jpg"])
        server.shutdown()


def test_two_files_of_one_name_with_different_queries_are_refused(tmp_path):
    """The first was left out without a word."""
    pytest.importorskip("aiohttp")
    (tmp_path / "list.txt").write_text("https://host/a.jpg?id=1\nhttps://host/a.jpg?id=2\nhttps://host/b.jpg?id=2\n")
    with pytest.raises(NoInputError) as error:
        discover([str(tmp_path / "list.txt")])
    assert str(error.value) == (
        "https://host/a.jpg is named with two queries (behind the ?): both would be a.jpg in the results. "
        "Annotate each in a run by itself"
    )
    same = ["https://host/a.jpg?id=1", "https://host/a.jpg?id=1", "https://host/a.jpg"]
    (tmp_path / "list.txt").write_text("\n".join(same))
    assert [entry.name for entry in discover([str(tmp_path / "list.txt")])] == ["a.jpg"]


@pytest.mark.skipif(importlib.util.find_spec("gcsfs") is not None, reason="it is installed")
def test_a_package_that_is_not_installed_is_named(inputs, tmp_path):
    needs = "gs:// needs a package that is not installed. Install it with: pip install 'handpose-cli[gs]'"
    assert handpose("predict", "gs://lab/a.jpg", "-o", tmp_path / "out").stderr == f"Error: {needs}\n"
    result = handpose("predict", inputs, "-o", "gs://lab/run")
    assert result.stderr.splitlines()[-1] == f"Error: Cannot write to gs://lab/run: {needs}"


def test_what_is_secret_in_a_url_is_left_out():
    assert public("https://user:pass@host/a%20b.jpg?token=1#x") == "https://host/a%20b.jpg"
    assert path_of("https://user:pass@host/a%20b.jpg?token=1") == "host/a b.jpg"
    assert public("http://host?token=1") == "http://host"
    assert public("camera:http://user:pass@host/a.mjpg?token=1") == "camera:http://host/a.mjpg"
    assert public("camera:rtsp://user:pa?s@host:554/live?password=1") == "camera:rtsp://host:554/live"
    assert public("s3://key:secret@bucket/a?b.jpg") == "s3://bucket/a?b.jpg"
    assert public("photos/a?b.jpg") == "photos/a?b.jpg"
    error = OSError("cannot connect to https://user:pass@host/x?token=1 now")
    assert remote.reason(error) == "cannot connect to https:host/x now"


@pytest.fixture(scope="module")
def s3():
    with s3_server() as fs:
        yield fs


def test_photos_and_results_in_a_bucket(s3, inputs, finished, tmp_path):
    s3.put(f"{inputs}/", "lab/photos/", recursive=True)
    result = handpose("predict", "s3://lab/photos", "-o", "s3://lab/photos/run", *EVERYTHING)
    assert result.exit_code == 3
    out = fetched(s3, "lab/photos/run", tmp_path / "out")
    assert is_same(out, finished)
    assert not any(b"hushhush" in path.read_bytes() for path in out.rglob("*") if path.is_file())
    # the results lie among the inputs, and their copies are none
    result = handpose("predict", "s3://lab/photos", "-o", "s3://lab/photos/run", *EVERYTHING, "--resume")
    assert result.stderr.splitlines()[1] == "5 of 5 inputs are done"
    result = handpose("predict", "s3://nosuch", "-o", tmp_path / "x")
    assert result.stderr == "Error: s3://nosuch cannot be listed: no such file or folder\n"
    result = handpose("predict", inputs, "-o", "s3://nosuch/run")
    assert result.stderr.splitlines()[-1] == "Error: Cannot write to s3://nosuch/run: no such bucket or folder"


def test_texts_in_a_bucket_are_known_by_their_first_bytes(s3):
    s3.pipe({"lab/site/app.ts": b"export default 1;\n", "lab/site/film.ts": b"G@\0\x10\0", "lab/site/empty.mts": b""})
    assert [entry.name for entry in discover(["s3://lab/site"])] == ["empty.mts", "film.ts"]


def test_who_writes_to_a_bucket_has_its_lock(s3, inputs):
    s3.pipe("lab/locked/run.lock", json.dumps({"run": "x", "host": "other", "time": 0}).encode())
    result = handpose("predict", inputs, "-o", "s3://lab/locked", *FAST)
    assert re.search(
        r"^Error: Another run is writing to s3://lab/locked \(on other, last seen \d s ago; if it was killed, this one "
        r"may begin in 1\d\d s\)\. Choose another --output\.$",
        result.stderr,
        re.MULTILINE,
    )
    assert s3.find("lab/locked") == ["lab/locked/run.lock"]


def test_what_is_fetched_takes_the_place_of_what_was_kept(memory):
    one, two = (Input(f"{n}.jpg", f"memory://lab/photos/sub/{n}.jpg") for n in range(2))
    for entry, keep in ((one, True), (two, False), (one, True), (two, True)):
        with remote.fetched(entry, keep=keep) as path:
            assert [file.name for file in remote.scratch().iterdir()] == [path.name]


SCRATCH = """
from handpose_cli.media.remote import scratch
(scratch() / "0.jpg").write_bytes(b"theirs")
print(scratch(), flush=True)
input()
"""


def test_processes_of_one_number_have_scratch_folders_of_their_own(tmp_path, monkeypatch):
    """As in two containers that share TMPDIR; a process that lives is not swept, whatever its number, and a dead is."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)
    monkeypatch.setattr(remote, "_scratch", {})
    other = subprocess.Popen([sys.executable, "-c", SCRATCH], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    with other:
        theirs = Path(other.stdout.readline().strip())
        assert theirs.is_relative_to(tmp_path)
        monkeypatch.setattr(os, "getpid", lambda: other.pid)
        ours = remote.scratch()
        (ours / "0.jpg").write_bytes(b"ours")
        assert (theirs / "0.jpg").read_bytes() == b"theirs"
        monkeypatch.setattr(os, "getpid", lambda: 1)  # a process that is none of ours
        assert len({ours, theirs, remote.scratch()}) == 3
        assert (theirs / "0.jpg").read_bytes() == b"theirs"
        other.kill()
    monkeypatch.setattr(os, "getpid", lambda: 2)
    last = remote.scratch()
    assert not theirs.exists() and ours.exists() and last.exists()
    remote._leave(2)
    assert not last.exists()


def test_what_lies_beside_the_results_at_a_url_stays_there(memory):
    """The results' folder may be the inputs' own."""
    before = {name: memory.cat_file(name) for name in memory.find("/lab/photos")}
    memory.pipe("/lab/photos/annotated/mine.jpg", b"mine")
    call = ("predict", "memory://lab/photos/*.png", "-o", "memory://lab/photos", "--format", "csv", *FAST)
    assert handpose(*call, "--overwrite").exit_code == 3
    assert handpose(*call, "--resume").exit_code == 3
    after = {name: memory.cat_file(name) for name in memory.find("/lab/photos")}
    assert {name.rpartition("/")[2] for name in after.keys() - before.keys()} == {
        "journal.jsonl", "mine.jpg", "predictions.csv", "predictions.json"
    }  # fmt: skip
    assert {name: after[name] for name in before} == before
