"""Images that are damaged in the middle, which decoders mend as they can: it is said, and their hands are flagged."""

import io
import json
import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor, wait

import cv2
import numpy as np
import pytest
from conftest import SAMPLES, handpose, read_results
from PIL import Image

from handpose_cli.doubt.flags import DAMAGED_PICTURE
from handpose_cli.media import damage
from handpose_cli.media.damage import decoded, listening
from handpose_cli.media.damaged import telling_damaged
from handpose_cli.media.images import open_image
from handpose_cli.media.pages import open_pages
from handpose_cli.training.data.samples import read_labelled

pytestmark = pytest.mark.skipif(os.name == "nt", reason="standard error is not listened to")
GOOD = (SAMPLES / "two_hands.jpg").read_bytes()
HALF = len(GOOD) // 2


@pytest.fixture
def folder(tmp_path):
    zeros, cut = bytearray(GOOD), bytearray(GOOD)
    zeros[HALF : HALF + 4096] = bytes(4096)
    del cut[HALF : HALF + 1000]
    for number, content in enumerate([GOOD, zeros, GOOD, GOOD, cut, GOOD]):
        (tmp_path / f"{number}.jpg").write_bytes(content)
    return tmp_path


def test_a_run_says_which_and_flags_their_hands(folder, tmp_path, capfd):
    """They had hands as if all were well, and a line that named no file was printed, even with -q."""
    call = ("predict", folder, "-o", tmp_path / "out", "--views", 1, "--batch-size", 1, "--threads", 3)
    result = handpose(*call)
    assert result.exit_code == 0
    assert result.stderr.splitlines()[0] == (
        "2 of the images are damaged (such as 1.jpg): parts of them may be wrong, and their hands are flagged "
        "damaged_picture"
    )
    assert len(result.stderr.splitlines()) == 2
    for entry in read_results(tmp_path / "out")["files"]:
        assert entry["hands"]
        for hand in entry["hands"]:
            assert (DAMAGED_PICTURE in hand.get("flags", ())) == (entry["file"] in ("1.jpg", "4.jpg"))
    result = handpose(*call, "--overwrite", "-q")
    assert (result.stderr, *capfd.readouterr()) == ("", "", "")


def test_a_resumed_or_joined_run_says_it_of_all(folder, tmp_path):
    """It said only what it had annotated itself: of a night's run that had been stopped, nothing of the time before."""
    said = "2 of the images are damaged (such as 1.jpg)"
    with Image.open(io.BytesIO(GOOD)) as image:
        image.resize((64, 48)).save(folder / "z.tif", save_all=True, append_images=[image])
    call = ("predict", folder, "--views", 1, "-o")
    first, second, out = tmp_path / "first", tmp_path / "second", tmp_path / "out"
    handpose(*call, first, "--shard", "1/2")
    handpose(*call, second, "--shard", "2/2")
    joined = handpose("merge", first, second, "-o", out).stderr.splitlines()
    assert joined[0] == "1 pages beyond the first, in 1 files, were left out"
    assert joined[1].startswith(said)
    (folder / "1.jpg").rename(folder / "new.jpg")
    resumed = handpose(*call, out, "--resume", "--prune").stderr.splitlines()[1:]
    assert resumed[0] == "6 of 7 inputs are done; left: 1 not begun"
    assert resumed[1] == "1 pages beyond the first, in 1 files, were left out. Annotate them with --pages"
    assert resumed[2].startswith(said.replace("1.jpg", "4.jpg"))


def test_scoring_and_a_report_say_how_many_are_damaged(folder, tmp_path, capfd):
    """A line for each, each time that it was read, named no file."""
    (entry,) = (
        entry for entry in json.loads((SAMPLES / "labels.json").read_text()) if entry["file"] == "two_hands.jpg"
    )
    labels = folder / "labels.json"
    labels.write_text(json.dumps([entry | {"file": f"{number}.jpg"} for number in range(6)]))
    line = "2 of the images are damaged (such as {}1.jpg): parts of them may be wrong"
    scored = handpose("evaluate", "--labels", labels, "--weights", "hand-landmarks", "--views", 1, "-q")
    assert (scored.exit_code, scored.stderr) == (0, line.format("") + "\n")
    shown = handpose("convert-labels", labels, tmp_path / "report.html", "--to", "report")
    assert (shown.exit_code, shown.stderr.splitlines()[-1]) == (0, line.format(""))
    assert tuple(capfd.readouterr()) == ("", "")


def test_a_training_says_how_many_are_damaged_once(folder, capfd):
    said = []
    with telling_damaged(said.append):
        for number in 2 * [*range(6)]:
            read_labelled(folder / f"{number}.jpg", None)
    assert said == [f"2 of the images are damaged (such as {folder / '1.jpg'}): parts of them may be wrong"]
    assert capfd.readouterr().err == ""


def test_of_pictures_decoded_at_once_the_damaged_ones_are_known(folder):
    paths = [folder / f"{number % 6}.jpg" for number in range(60)]
    with listening(), ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda path: open_image(path).is_damaged, paths))
    assert found == [path.name in ("1.jpg", "4.jpg") for path in paths]
    assert not open_image(
        folder / "1.jpg"
    ).is_damaged  # in a program of someone else's, whose standard error is its own


@pytest.mark.parametrize("compression", ["tiff_adobe_deflate", "tiff_lzw"])
def test_damaged_strips_of_a_tiff_are_known(tmp_path, capfd, compression):
    with Image.open(io.BytesIO(GOOD)) as image:
        image.save(tmp_path / "a.tif", compression=compression)
    content = bytearray((tmp_path / "a.tif").read_bytes())
    with listening():
        assert not open_image(tmp_path / "a.tif").is_damaged
        half = len(content) // 2
        content[half : half + 2048] = bytes(byte ^ 255 for byte in content[half : half + 2048])
        (tmp_path / "a.tif").write_bytes(content)
        assert open_image(tmp_path / "a.tif").is_damaged
        assert [page.is_damaged for page in open_pages(tmp_path / "a.tif", 10**8)] == [True]
        odd = cv2.imencode(".tif", np.full((9, 9), 7, np.float32))[1]  # of which OpenCV complains first
        (tmp_path / "b.tif").write_bytes(odd.tobytes())
        assert not open_image(tmp_path / "b.tif").is_damaged
    assert capfd.readouterr().err == ""


def test_what_is_printed_is_not_kept_for_ever(folder, monkeypatch):
    monkeypatch.setattr(damage, "_LONGEST", 200)
    with listening():
        for _ in range(30):
            assert open_image(folder / "1.jpg").is_damaged
            assert not open_image(folder / "0.jpg").is_damaged
        assert damage._ear.length() < 500


@pytest.mark.parametrize("behind", [b"", b"\0\0\0\x18ftypmp42", b"\0\0\0\x18ftypmp42" + b"\7\xff\xd9\0", GOOD])
def test_zeros_before_the_end_are_no_damage(tmp_path, behind):
    """As cameras write them; the decoder complains, but the pixels are all there.

    A video or a second picture behind it was not told from this one, and so its end from this one's.
    """
    whole = io.BytesIO()
    with Image.open(io.BytesIO(GOOD)) as image:
        image.save(whole, "JPEG", exif=b"Exif\0\0" + GOOD[:500] + b"\xff\xd9")
    for content in (GOOD, whole.getvalue()):
        damaged, half = bytearray(content), len(content) // 2
        damaged[half : half + 500] = bytes(500)
        for picture, is_damaged in ((content, False), (bytes(damaged), True)):
            (tmp_path / "a.jpg").write_bytes(picture[:-2] + bytes(100) + picture[-2:] + behind)
            with listening():
                assert open_image(tmp_path / "a.jpg").is_damaged == is_damaged


def test_no_disk_is_needed_to_listen(folder, monkeypatch):
    def nowhere():
        raise FileNotFoundError("No usable temporary directory found")

    monkeypatch.setattr("tempfile.TemporaryFile", nowhere)
    for is_linux in (True, False):
        if not is_linux:
            monkeypatch.delattr("os.memfd_create", raising=False)
        with listening():
            assert open_image(folder / "1.jpg").is_damaged == (is_linux and sys.platform == "linux")


SAYS = """
import faulthandler, os, sys
from handpose_cli.media.damage import decoded, listening

def decode():
    os.write(2, notes.pop() if notes else b"")
    return 7

notes = [b"a library's note\\n"]
with listening():
    assert decoded(decode) == (7, False)
    print("of Python", file=sys.stderr)
    os.write(2, b"Corrupt JPEG data: of another picture\\n")
    if sys.argv[1:]:
        os.abort()
print("at the end", file=sys.stderr)
"""


def said_by(*options):
    return subprocess.run([sys.executable, *options], stderr=subprocess.PIPE, text=True, check=False).stderr


def test_what_others_print_is_not_taken_for_damage_and_not_lost():
    assert said_by("-c", SAYS) == "of Python\na library's note\nat the end\n"


def test_a_crash_is_told_by_a_python_that_tells_crashes():
    said = said_by("-X", "faulthandler", "-c", SAYS, "crash")
    assert said.startswith("of Python\nFatal Python error: Aborted\n")


def test_a_finer_picture_of_a_damaged_file_makes_no_other_one_damaged(folder):
    with ThreadPoolExecutor(2) as pool, listening():
        damaged = open_image(folder / "1.jpg")

        def decode():
            wait([pool.submit(damaged._decode, 1)], timeout=0.3)
            return 7

        assert decoded(decode) == (7, False)


def test_a_picture_that_is_decoded_when_listening_ends_is_waited_for(folder):
    begun, goes_on = threading.Event(), threading.Event()

    def slow():
        begun.set()
        goes_on.wait(10)
        return 7

    with ThreadPoolExecutor(1) as pool:
        with listening():
            late = pool.submit(decoded, slow)
            begun.wait(10)
            threading.Timer(0.2, goes_on.set).start()
        assert goes_on.is_set()
        assert late.result() == (7, False)
