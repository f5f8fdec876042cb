"""Cameras, of which a video file stands in for one."""

import subprocess
import sys
import threading
import time

import pytest
from conftest import SAMPLES
from made_up_videos import grey_of, make_video, set_matrix

from handpose_cli.media.camera import open_camera
from handpose_cli.media.errors import UnreadableError


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    return make_video(tmp_path_factory.mktemp("clips") / "a.mp4", 20, fps=50)


def is_reading():
    return any(thread.name == "camera" for thread in threading.enumerate())


def test_pictures_come_in_order_with_their_numbers(clip):
    with open_camera(f"camera:{clip}") as camera:
        found = list(camera)
    assert found[0].index == 0
    assert [frame.index for frame in found] == sorted({frame.index for frame in found})
    assert len(found) + camera.dropped == 20
    assert [int(f.pixels[30, 40, 0]) for f in found] == pytest.approx([grey_of(f.index) for f in found], abs=4)
    assert found[0].pixels[5, 5].tolist() == pytest.approx([255, 255, 255], abs=4)
    assert all(frame.time >= frame.index / 50 - 0.01 for frame in found)  # at the file's own pace


def test_who_is_slow_gets_the_newest(clip):
    with open_camera(f"camera:{clip}") as camera:
        first, second = iter(camera), iter(camera)
        assert next(first).index == 0
        while is_reading():
            time.sleep(0.02)  # all 20 come and go
        assert [frame.index for frame in second] == [19]
        assert camera.dropped == 18


def test_pictures_are_upright_and_rgb(tmp_path):
    video = make_video(tmp_path / "a.mp4", 2)
    set_matrix(video, 0, 1, -1, 0)
    with open_camera(f"camera:{video}") as camera:
        pixels = next(iter(camera)).pixels
    assert pixels.shape == (64, 48, 3)
    assert pixels[5, -5, 0] > 250 > pixels[5, 5, 0]


def test_it_can_be_stopped_from_another_thread(tmp_path):
    with open_camera(f"camera:{make_video(tmp_path / 'long.mp4', 300)}") as camera:
        threading.Timer(0.2, camera.stop).start()
        found = list(camera)
    assert 1 <= len(found) < 300
    assert list(camera) == []
    assert not is_reading()


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("camera:7", "no camera 7: it cannot be opened"),
        ("camera:/dev/video77", "no camera /dev/video77: it cannot be opened"),
        ("camera:no.mp4", "no camera no.mp4: it cannot be opened"),
        ("camera:http://me:secret@127.0.0.1:9/a?b=secret", "no camera http://127.0.0.1:9/a: it cannot be opened"),
        ("camera:", "no camera is named: write camera:0 for the first one"),
    ],
)
def test_no_camera_is_told_in_a_line(source, message, capfd):
    with pytest.raises(UnreadableError) as error, open_camera(source):
        pass
    assert str(error.value) == message
    assert capfd.readouterr().err == ""


def test_no_window_is_needed():
    """So that OpenCV's headless package will do: nothing of highgui is called."""
    code = (
        "import cv2; [delattr(cv2, n) for n in ('imshow', 'waitKey', 'namedWindow') if hasattr(cv2, n)]\n"
        "from handpose_cli.media.camera import open_camera\n"
        f"with open_camera({f'camera:{SAMPLES}/moving_hand.mp4'!r}) as camera:\n"
        "    assert next(iter(camera)).pixels.any()"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
