"""`handpose predict camera:...`, with a video file in place of a camera, and a virtual display in place of a screen."""

import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace

import av
import numpy as np
import pytest
from chaos import HANDPOSE
from conftest import SAMPLES, handpose, read_results
from made_up_inputs import write_clip

from handpose_cli.runs import live


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    path = tmp_path_factory.mktemp("clip") / "clip.mp4"
    write_clip(path, frames=30, side=240)
    return path


def test_a_camera_is_recorded(clip, tmp_path):
    out = tmp_path / "out"
    result = handpose("predict", f"camera:{clip}", "-o", out, "--draw", "--format", "csv", "--views", 1, "--report")
    assert result.exit_code == 0
    (entry,) = read_results(out)["files"]
    assert (entry["file"], entry["width"], entry["height"]) == ("camera.mp4", 240, 240)
    times = [seconds for _, seconds in entry["frame_times"]]
    assert [frame for frame, _ in entry["frame_times"]] == list(range(len(times)))
    assert times == sorted(times)
    assert {hand["track_id"] for hand in entry["hands"]} == {1}
    assert all("raw_keypoints" in hand for hand in entry["hands"])
    for video in (out / "camera.mp4", out / "annotated" / "camera.mp4"):
        with av.open(str(video)) as container:
            shown = [frame.time for frame in container.decode(video=0)]
        assert shown == pytest.approx([seconds - times[0] for seconds in times], abs=0.002)
    assert (out / "predictions.csv").exists()
    assert '"without_picture":0,' in (out / "predictions.report.html").read_text(encoding="utf-8")
    assert f"Results: {out}/predictions.json, camera.mp4\n" in result.stderr
    again = handpose("predict", f"camera:{clip}", "-o", out)
    assert (again.exit_code, again.stderr) == (
        1,
        f"Error: {out}/predictions.json exists. Replace it with --overwrite or choose another --output.\n",
    )


def test_a_recording_is_not_replaced_by_what_is_recorded_of_it(clip, tmp_path):
    shutil.copy(clip, tmp_path / "camera.mp4")
    call = ("predict", f"camera:{tmp_path}/camera.mp4", "-o", tmp_path, "--overwrite", "--views", 1)
    result = handpose(*call)
    assert (result.exit_code, result.stderr) == (
        1, f"Error: {tmp_path}/camera.mp4 is played, and would be replaced. Choose another --output.\n"
    )  # fmt: skip
    assert (tmp_path / "camera.mp4").read_bytes() == clip.read_bytes()


def test_a_camera_replaces_a_run_whole(clip, tmp_path):
    out = tmp_path / "out"
    assert handpose("predict", SAMPLES / "two_hands.jpg", "-o", out, "--format", "csv", "--views", 1).exit_code == 0
    result = handpose("predict", f"camera:{clip}", "-o", out, "--views", 1, "--overwrite")
    assert result.exit_code == 0, result.stderr
    assert sorted(path.name for path in out.iterdir()) == ["camera.mp4", "predictions.json"]


def test_what_the_file_says_of_videos_is_not_for_a_camera_whose_results_say_how_it_was_followed(clip, tmp_path):
    config = tmp_path / "handpose.toml"
    config.write_text('[predict]\nevery = 5\nsheets = true\nsmooth = "zero-lag"\nstart = 1\nviews = 1\n')
    call = ("predict", f"camera:{clip}", "-o", tmp_path / "out", "--config", config, "--detector", "ssd-hand")
    done = handpose(*call, env={"HANDPOSE_PREDICT_BOXES": str(SAMPLES)})
    assert done.exit_code == 0, done.stderr
    arguments = read_results(tmp_path / "out")["info"]["arguments"]
    told = ("detector", "track", "smooth", "every", "start", "boxes", "views")
    assert [arguments[name] for name in told] == ["ssd-hand", True, "one-euro", 1, None, None, 1]


class _FivePictures(BaseHTTPRequestHandler):
    """A network camera that breaks off."""

    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=next")
        self.end_headers()
        picture = (SAMPLES / "no_hand.jpg").read_bytes()
        for _ in range(5):
            self.wfile.write(b"--next\r\nContent-Type: image/jpeg\r\n\r\n" + picture + b"\r\n")

    def log_message(self, *arguments):
        pass


def test_a_camera_that_breaks_off_is_told(tmp_path):
    with ThreadingHTTPServer(("127.0.0.1", 0), _FivePictures) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        camera = f"camera:http://me:secret@127.0.0.1:{server.server_port}/a.mjpg?token=secret"
        done = subprocess.run(
            [*HANDPOSE, "predict", camera, "-o", str(tmp_path), "--views", "1", "-q"], capture_output=True, text=True
        )
        server.shutdown()
    told = r"The camera gave no more pictures after \d\.\d s\. What came before is recorded\.\n"
    assert done.returncode == 3 and re.fullmatch(told, done.stderr), done.stderr
    results = read_results(tmp_path)
    assert results["files"][0]["frames"] > 0
    assert results["info"]["arguments"]["inputs"] == [f"camera:http://127.0.0.1:{server.server_port}/a.mjpg"]


def test_a_recording_ends_before_the_disk_is_full(clip, tmp_path, monkeypatch):
    """A full disk took all that was recorded with it."""
    left = iter(range(105_000_000, 0, -1_000_000))
    monkeypatch.setattr("shutil.disk_usage", lambda folder: SimpleNamespace(free=next(left)))
    result = handpose("predict", f"camera:{clip}", "-o", tmp_path / "out", "--views", 1, "-q")
    assert result.exit_code == 3
    told = r"(.*) has less than 100 MB of space left: the recording ended after \d+\.\d s, and is whole up to there\.\n"
    assert re.fullmatch(told, result.stderr)[1] == str(tmp_path / "out")
    (entry,) = read_results(tmp_path / "out")["files"]
    with av.open(str(tmp_path / "out" / "camera.mp4")) as video:
        assert len(list(video.decode(video=0))) == len(entry["frame_times"]) == 7


def test_ctrl_c_ends_a_recording_which_is_whole(clip, tmp_path):
    arguments = ["predict", f"camera:{clip}", "-o", str(tmp_path / "out"), "--views", "1"]
    process = subprocess.Popen([*HANDPOSE, *arguments], stderr=subprocess.PIPE, text=True)
    while not list((tmp_path / "out").glob("camera.mp4*.part")):
        assert process.poll() is None, process.communicate()
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate()
    assert (process.returncode, errors.count("\n")) == (0, 1)
    with av.open(str(tmp_path / "out" / "camera.mp4")) as container:
        assert len(list(container.decode(video=0))) == read_results(tmp_path / "out")["files"][0]["frames"] > 0


def test_what_a_killed_process_recorded_plays(tmp_path):
    """There was a file that no player reads."""
    code = f"""
import time
from pathlib import Path
import numpy as np
from handpose_cli.media.annotated_copies import write_video

def frames():
    for number in range(300):
        yield number / 10, np.full((64, 96, 3), number % 256, np.uint8)
    print("given", flush=True)
    time.sleep(60)

write_video(Path({str(tmp_path / "camera.mp4")!r}), frames(), 0.0, is_live=True)
"""
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "given\n"
    process.kill()
    process.communicate()
    (part,) = tmp_path.glob("camera.mp4.*.part")
    with av.open(str(part)) as video:
        times = [frame.time for frame in video.decode(video=0)]
    assert len(times) > 150
    assert times == pytest.approx([number / 10 for number in range(len(times))], abs=0.001)


@pytest.mark.skipif(shutil.which("Xvfb") is None, reason="needs Xvfb")
def test_the_window_shows_the_hands(tmp_path):
    process = subprocess.Popen(
        ["Xvfb", "-displayfd", "1", "-screen", "0", "640x480x24", "-fbdir", str(tmp_path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    try:
        display = f":{process.stdout.readline().decode().strip()}"
        shown = subprocess.Popen(
            [*HANDPOSE, "predict", f"camera:{SAMPLES / 'moving_hand.mp4'}", "--show"],
            env={**os.environ, "DISPLAY": display},
        )
        screen, lit = tmp_path / "Xvfb_screen0", 0.0
        while shown.poll() is None:
            lit = max(lit, _share_lit(screen))
            time.sleep(0.05)
        assert shown.returncode == 0
        assert lit > 0.1
    finally:
        process.kill()
        process.wait()


def _share_lit(screen) -> float:
    """The share of the bytes of a screen's memory that are not black."""
    content = screen.read_bytes()
    return 1 - content.count(0) / len(content)


def test_what_a_camera_cannot_do_is_told_in_a_line(clip, tmp_path, monkeypatch):
    def error_of(*arguments):
        result = handpose("predict", *arguments)
        return result.exit_code, result.stderr.splitlines()[-1]

    camera = f"camera:{clip}"
    assert error_of("camera:97", "-o", tmp_path) == (1, "Error: no camera 97: it cannot be opened")
    assert error_of(camera) == (2, "Error: A camera needs --show, to see it, or --output, to record it.")
    assert error_of(camera, clip, "-o", tmp_path) == (
        2, "Error: A camera is annotated by itself. Give it as the only input."
    )  # fmt: skip
    for options in (["--resume"], ["--sheets"], ["--cluster", "local"], ["--pages"], ["--rescale"], ["--every", 1]):
        assert error_of(camera, "-o", tmp_path, *options) == (2, f"Error: {options[0]} is not for a camera.")
    assert error_of(camera, "-o", tmp_path, "--hide", "box") == (
        2, "Error: --hide says how annotated copies look. Give --draw too."
    )  # fmt: skip
    assert error_of(clip, "-o", tmp_path, "--show") == (
        2, "Error: --show is for a camera, such as camera:0. Give --draw for annotated copies."
    )  # fmt: skip
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    assert error_of(camera, "--show") == (
        1, "Error: --show needs a display, and there is none (DISPLAY is not set). Record with --output."
    )  # fmt: skip
    monkeypatch.setenv("DISPLAY", ":4711")
    assert error_of(camera, "--show") == (
        1, "Error: --show cannot open a window on this display. Record with --output instead."
    )  # fmt: skip
    assert not list(tmp_path.iterdir())
    (tmp_path / "camera.mp4").write_text("precious")
    assert error_of(camera, "-o", tmp_path) == (
        1, f"Error: {tmp_path}/camera.mp4 exists. Replace it with --overwrite or choose another --output."
    )  # fmt: skip
    assert (tmp_path / "camera.mp4").read_text() == "precious"


def test_an_encoder_that_fails_while_pictures_wait_ends_the_recording(tmp_path, monkeypatch):
    """As with a camera that is quicker than it, on a disk that gets full."""
    is_full = threading.Event()

    def write_video(path, pictures, fps, is_live):
        is_full.wait(10)
        raise OSError("No space left on device")

    monkeypatch.setattr(live, "write_video", write_video)
    with pytest.raises(OSError, match="No space left"), live._recorder(tmp_path / "a.mp4") as add:
        for number in range(100):
            if number == live._WAITING:
                threading.Timer(0.2, is_full.set).start()
            add(number / 30, np.zeros((4, 4, 3), np.uint8))
