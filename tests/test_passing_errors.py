"""Errors that may pass, of a disk, a share or memory: what they cost is done again by the next run."""

import errno
import io
import os
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from chaos import outputs
from conftest import handpose, read_results
from made_up_inputs import encoded
from made_up_videos import make_video, noisy_video, read_all

from handpose_cli.media import decoding, opening
from handpose_cli.media.errors import UnreadableError
from handpose_cli.media.pages import open_pages

EVERYTHING = ("--draw", "--format", "csv", "--views", 1)


class Failing(io.FileIO):
    """A file that a share gives up to some byte."""

    def __init__(self, path, error=errno.EIO, behind=0):
        super().__init__(path)
        self.error, self.behind = error, behind

    def read(self, size=-1):
        if self.tell() >= self.behind:
            raise OSError(self.error, os.strerror(self.error))
        return super().read(size)


def of_share(monkeypatch, name, **how):
    """Have FFmpeg read files of this name from a share that fails."""
    av_open = decoding.av.open

    def opened(path, *arguments, **options):
        failing = isinstance(path, str) and Path(path).name == name
        return av_open(Failing(path, **how) if failing else path, *arguments, **options)

    monkeypatch.setattr(decoding.av, "open", opened)


@pytest.mark.parametrize("error", [errno.EIO, errno.ESTALE])
def test_a_share_that_fails_in_mid_video_is_no_damage(tmp_path, monkeypatch, error):
    video = noisy_video(tmp_path / "a.mkv")
    of_share(monkeypatch, "a.mkv", error=error, behind=video.stat().st_size // 2)
    found, failure = read_all(video)
    assert 10 < len(found) < 60
    said, _, reason = str(failure).partition(": ")
    assert said.startswith("cannot be read after frame ") and reason == os.strerror(error)
    assert failure.transient


def test_what_ffmpeg_takes_for_damage_since_it_could_not_read_it(tmp_path, monkeypatch):
    video = noisy_video(tmp_path / "a.mp4")
    video.write_bytes(video.read_bytes()[:-2000])
    assert not read_all(video)[1].transient
    monkeypatch.setattr(opening, "open_file", Failing)
    found, failure = read_all(video)
    assert (found, str(failure), failure.transient) == ([], "cannot be read: Input/output error", True)


def test_the_next_run_does_again_what_a_share_would_not_give(tmp_path, monkeypatch):
    folder, out = tmp_path / "in", tmp_path / "out"
    folder.mkdir()
    (folder / "a.jpg").write_bytes(encoded(0))
    (folder / "b.jpg").write_bytes(encoded(1))
    clip = noisy_video(folder / "c.mkv")
    call = ("predict", folder, "-o", out, *EVERYTHING)
    with monkeypatch.context() as share:
        of_share(share, "c.mkv", behind=clip.stat().st_size // 2)
        usual = opening.open_file
        share.setattr(opening, "open_file", lambda path: Failing(path) if path.name == "b.jpg" else usual(path))
        result = handpose(*call)
    assert result.exit_code == 3
    failed = [entry for entry in read_results(out)["files"] if "failure" in entry]
    assert [entry["file"] for entry in failed] == ["b.jpg", "c.mkv"]
    assert failed[0]["failure"] == "cannot be read: Input/output error"
    assert failed[1]["failure"].startswith("cannot be read after frame ")
    result = handpose(*call, "--resume")
    assert (result.exit_code, result.stderr.splitlines()[0]) == (
        0, "1 of 3 inputs are done; left: 2 could not be read before (b.jpg, c.mkv)"
    )  # fmt: skip
    assert handpose(*call, "--resume").stderr.splitlines()[0] == "3 of 3 inputs are done"
    assert handpose("predict", folder, "-o", tmp_path / "other", *EVERYTHING).exit_code == 0
    assert outputs(out) == outputs(tmp_path / "other")


SHORT = """
import resource, sys
from pathlib import Path
from handpose_cli.media.errors import UnreadableError
from handpose_cli.media.images import open_image, read_image
from handpose_cli.media.videos import read_video
small, large = map(Path, sys.argv[1:])
def read(path):
    if path.suffix == ".mp4":
        return [frame.pixels for frame in read_video(path)]
    return read_image(path)
read(small)
with open("/proc/self/statm") as file:
    used = int(file.read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + 40 * 2**20,) * 2)
try:
    read(large)
except UnreadableError as error:
    print(error, error.transient)
"""


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="needs to know how much memory is taken")
@pytest.mark.parametrize("suffix", [".png", ".gif", ".tif", ".mp4"])
def test_short_memory_is_no_damage(tmp_path, suffix):
    small, large = tmp_path / f"small{suffix}", tmp_path / f"large{suffix}"
    if suffix == ".mp4":
        make_video(small, 2)
        make_video(large, 2, size=(4096, 2304))
    elif suffix == ".gif":
        from PIL import Image

        for path, side in ((small, 8), (large, 6000)):
            Image.new("L", (side, side)).save(path)
    else:
        for path, side in ((small, 8), (large, 6000)):
            cv2.imwrite(str(path), np.zeros((side, side, 3), np.uint8))
    done = subprocess.run([sys.executable, "-c", SHORT, small, large], capture_output=True, text=True, check=False)
    said = done.stdout.strip()
    assert said in ("not enough memory to decode it True", "not enough memory to decode it after frame 0 True"), done


@pytest.mark.skipif(not Path("/proc/self/mem").exists(), reason="no file that cannot be read from its start")
def test_pages_that_a_disk_does_not_give_are_a_failure_that_may_pass(tmp_path):
    """The run had ended there, where only the reading behind a good head failed."""
    (tmp_path / "a.tif").symlink_to("/proc/self/mem")
    with pytest.raises(UnreadableError) as error:
        next(open_pages(tmp_path / "a.tif", 2**20))
    assert (str(error.value), error.value.transient) == ("cannot be read: Input/output error", True)
