"""What one name, one format or one input that is not there can do to a run: nothing to the rest of it."""

import errno
import json
import os
import shutil
import subprocess
import sys

import cv2
import numpy as np
import pytest
from conftest import SAMPLES, handpose, read_results
from made_up_videos import make_video

from handpose_cli.files import atomic, unused
from handpose_cli.formats import FormatError, load
from handpose_cli.formats.plugin import Format

FAST = ("--views", 1)
HAND, NONE = SAMPLES / "ok_bracelet.jpg", SAMPLES / "no_hand.jpg"


def folder_of(tmp_path, **files):
    folder = tmp_path / "in"
    folder.mkdir()
    for name, source in files.items():
        shutil.copy(source, folder / name.replace("__", "."))
    return folder


def error_of(result):
    assert result.exit_code == 1
    assert "Traceback" not in result.stderr
    return result.stderr.splitlines()[-1]


@pytest.mark.parametrize(
    ("names", "options", "message"),
    [
        (("a.jpg", "a.jpeg"), ("--format", "yolo-pose"),
         "a.jpeg and a.jpg would share {out}/predictions-yolo-pose/a.txt. Rename one, or leave out --format "
         "yolo-pose."),
        (("a.jpg", "a.png"), ("--format", "csv", "--format", "openpose"),
         "a.jpg and a.png would share {out}/predictions-openpose/a_keypoints.json. Rename one, or leave out --format "
         "openpose."),
        (("a.bmp", "a.bmp.jpg"), ("--draw",),
         "a.bmp and a.bmp.jpg would share {out}/annotated/a.bmp.jpg. Rename one, or leave out --draw."),
    ],
)  # fmt: skip
def test_names_that_clash_are_refused_before_anything_is_done(tmp_path, names, options, message):
    folder = folder_of(tmp_path, **dict.fromkeys((name.replace(".", "__") for name in names), NONE))
    out = tmp_path / "out"
    for more in ((), ("--dry-run",)):
        assert error_of(handpose("predict", folder, "-o", out, *options, *more)) == f"Error: {message.format(out=out)}"
    assert not out.exists()
    assert handpose("predict", folder, "-o", out, *FAST).exit_code == 0


def test_names_as_long_as_the_file_system_allows(tmp_path):
    """Temporary files, which have longer names, are no reason against them; what a format adds may be."""
    name = "x" * 251 + ".jpg"
    folder = folder_of(tmp_path, **{"x" * 251 + "__jpg": NONE})
    out = tmp_path / "out"
    assert handpose("predict", folder, "-o", out, "--draw", "--format", "yolo-pose", *FAST).exit_code == 0
    assert (out / "annotated" / name).is_file()
    message = error_of(handpose("predict", folder, "-o", tmp_path / "other", "--format", "openpose", *FAST))
    assert message == (
        f"Error: {name}: its name is too long: as openpose it becomes {'x' * 251}_keypoints.json, 266 "
        "bytes, and 255 are allowed here. Rename it, or leave out --format openpose."
    )
    assert not (tmp_path / "other").exists()


def test_a_temporary_files_name_is_no_longer_than_encrypted_folders_allow(tmp_path):
    """Of 143 bytes, a name that fits had a temporary file's that did not, and the run ended there."""
    assert len(unused(tmp_path / f"{'x' * 139}.jpg").name) <= 143


class _OneVideo:
    """A writer as a format's that takes one video, or fails later."""

    KEEPS = frozenset()

    def __init__(self, fails_with=None):
        self.fails_with = fails_with

    def open_writer(self, path, images=None):
        from contextlib import contextmanager

        @contextmanager
        def opened():
            with atomic(path) as file:
                self.videos = set()
                self.file = file
                yield self
                if isinstance(self.fails_with, OSError):
                    raise self.fails_with

        return opened()

    def write(self, record):
        self.file.write(record.file)
        self.videos |= {record.file} if record.frame is not None else set()
        if len(self.videos) > 1:
            raise FormatError(f"{record.file}: a second video")
        if isinstance(self.fails_with, FormatError) and record.hands:
            raise self.fails_with


@pytest.fixture
def cvat_is(monkeypatch):
    """Let the format cvat write as a module that is given."""

    def change(writer):
        whole = Format._part
        monkeypatch.setattr(Format, "_part", lambda self, part: writer if self.name == "cvat" else whole(self, part))

    return change


def test_pages_are_frames_of_which_a_format_may_not_take_several(tmp_path, cvat_is):
    cvat_is(_OneVideo())
    folder = folder_of(tmp_path)
    for name in ("a.tif", "b.tif"):
        assert cv2.imwritemulti(str(folder / name), [np.zeros((32, 32, 3), np.uint8)] * 2)
    call = ("predict", folder, "--format", "cvat", *FAST, "-o")
    message = error_of(handpose(*call, tmp_path / "out", "--pages"))
    assert message == "Error: The format cvat does not take these: b.tif: a second video. Leave out --format cvat."
    assert not (tmp_path / "out").exists()
    assert handpose(*call, tmp_path / "out").exit_code == 0


def test_a_format_of_one_video_is_refused_for_two(tmp_path, cvat_is):
    cvat_is(_OneVideo())
    folder = folder_of(tmp_path)
    for name in ("a.mp4", "b.mp4"):
        make_video(folder / name, 2)
    message = error_of(handpose("predict", folder, "-o", tmp_path / "out", "--format", "cvat", *FAST))
    assert message == "Error: The format cvat does not take these: b.mp4: a second video. Leave out --format cvat."
    assert not (tmp_path / "out").exists()
    (folder / "b.mp4").unlink()
    assert handpose("predict", folder, "-o", tmp_path / "out", "--format", "cvat", *FAST).exit_code == 0


@pytest.mark.parametrize(
    ("failure", "reason"),
    [
        (FormatError("a.jpg: it does not fit."), "a.jpg: it does not fit"),
        (OSError(errno.ENOSPC, "No space left on device"), "{out}/predictions.cvat.xml: No space left on device"),
    ],
)
def test_a_format_that_fails_late_loses_only_itself(tmp_path, cvat_is, failure, reason):
    cvat_is(_OneVideo(failure))
    folder, out = folder_of(tmp_path, a__jpg=HAND), tmp_path / "out"
    result = handpose("predict", folder, "-o", out, "--format", "cvat", "--format", "csv", *FAST)
    assert error_of(result) == (
        f"Error: --format cvat was not written: {reason.format(out=out)}. The hands are in {out}/predictions.json: "
        f"handpose convert-labels {out}/predictions.json {out}/predictions.cvat.xml --to cvat"
    )
    assert sorted(path.name for path in out.iterdir()) == ["journal.jsonl", "predictions.csv", "predictions.json"]
    assert len(read_results(out)["files"][0]["hands"]) == 1
    assert handpose("merge", out, "-o", tmp_path / "joined").exit_code == 1  # says the same
    assert (tmp_path / "joined" / "predictions.json").is_file()


def test_what_is_not_there_keeps_its_results(tmp_path):
    folder = folder_of(tmp_path, a__jpg=HAND, b__jpg=HAND, c__jpg=NONE)
    make_video(folder / "d.mp4", 3)
    out = tmp_path / "out"
    call = ("predict", folder, "-o", out, "--draw", *FAST)
    assert handpose(*call).exit_code == 0
    before, files = (out / "predictions.json").read_bytes(), read_results(out)["files"]
    for name in ("b.jpg", "d.mp4"):
        (folder / name).rename(tmp_path / name)
    result = handpose(*call, "--resume")
    assert result.exit_code == 0
    assert result.stderr.splitlines()[:2] == [
        "2 of 2 inputs are done",
        "2 inputs of this run (b.jpg, d.mp4) are not there now. Their results are kept. Drop these with --prune",
    ]
    assert result.stderr.splitlines()[-1].startswith("4 inputs, 6 images, 2 hands, 0 failures")
    assert (out / "predictions.json").read_bytes() == before
    assert (out / "annotated" / "b.jpg").is_file()
    assert (out / "annotated" / "d.mp4").is_file()
    # with other settings they could not be annotated again
    message = error_of(handpose(*call, "--resume", "--max-hands", 1))
    assert message == (
        "Error: 2 inputs of this run (b.jpg, d.mp4) are not there now, and with other settings their results would be "
        "lost. Bring them back, drop them with --prune, or choose another --output."
    )
    assert handpose(*call, "--resume", "--prune").exit_code == 0
    assert read_results(out)["files"] == [files[0], files[2]]
    assert sorted(path.name for path in (out / "annotated").iterdir()) == ["a.jpg", "c.jpg"]
    assert handpose(*call, "--resume").stderr.splitlines()[0] == "2 of 2 inputs are done"


def test_prune_needs_resume(tmp_path):
    result = handpose("predict", HAND, "-o", tmp_path, "--prune")
    assert (result.exit_code, result.stderr.splitlines()[-1]) == (2, "Error: --prune is for --resume.")


def test_boxes_for_another_size(tmp_path):
    """Of one picture, and of a frame; one that fits is annotated all the same."""
    image = cv2.imread(str(HAND))
    height, width = image.shape[:2]
    folder = folder_of(tmp_path, whole__jpg=HAND)
    cv2.imwrite(str(folder / "half.png"), cv2.resize(image, (width // 2, height // 2), interpolation=cv2.INTER_AREA))
    whole = handpose("predict", HAND, "-o", tmp_path / "known", *FAST)
    assert whole.exit_code == 0
    (hand,) = read_results(tmp_path / "known")["files"][0]["hands"]
    boxes, size = tmp_path / "boxes.json", {"width": width, "height": height}
    boxes.write_text(json.dumps([{"file": name, **size, "boxes": [hand["box"]]} for name in ("whole.jpg", "half.png")]))
    out = tmp_path / "out"
    assert handpose("predict", folder, "-o", out, "--boxes", boxes, *FAST).exit_code == 3
    half, other = read_results(out)["files"]
    assert half["failure"] == (
        f"{boxes}: half.png: its labels are for {width} x {height} pixels, the image is {width // 2} x {height // 2}; "
        "boxes are not rescaled"
    )
    assert len(other["hands"]) == 1
    result = handpose("predict", folder, "-o", out, "--boxes", boxes, "--rescale", "--resume", *FAST)
    assert result.exit_code == 0, result.stderr
    half, other = read_results(out)["files"]
    assert np.array(half["hands"][0]["box"]) * 2 == pytest.approx(np.array(other["hands"][0]["box"]), abs=0.05)
    near = np.array(half["hands"][0]["keypoints"])[:, :2] * 2 - np.array(other["hands"][0]["keypoints"])[:, :2]
    assert np.linalg.norm(near, axis=1).mean() < 0.03 * max(hand["box"][2:])
    assert read_results(out)["info"]["arguments"]["rescale_boxes"] is True


SHELL = "exec {python} -c 'from handpose_cli.cli import cli; cli()' {arguments}"


@pytest.mark.skipif(os.name == "nt", reason="needs a shell")
@pytest.mark.parametrize(
    ("arguments", "code", "error"),
    [
        ("predict {hand} -o {out} --views 1 2>&-", 0, ""),
        ("predict {hand} -o {out} --views 1 <&- >&- 2>&-", 0, ""),
        ("predict - -o {out} <&-", 1, "Error: There are no paths on standard input\n"),
        ("predict {hand} -o {out} --views 1 -q --summary-json - >&-", 0, ""),
    ],
)
def test_closed_streams(tmp_path, arguments, code, error):
    """Neither hang nor traceback; and no file takes the place of standard error, where libraries would write to it."""
    given = arguments.format(hand=HAND, out=tmp_path / "out")
    script = SHELL.format(python=sys.executable, arguments=given)
    result = subprocess.run(["sh", "-c", script], capture_output=True, text=True, timeout=60, check=False)
    assert (result.returncode, result.stdout, result.stderr) == (code, "", error)
    if code == 0:
        assert read_results(tmp_path / "out")["files"][0]["hands"]


def test_errors_of_the_file_system_name_the_file(tmp_path):
    (tmp_path / "file").write_text("")
    result = handpose("predict", HAND, "-o", tmp_path / "file" / "out", *FAST)
    assert error_of(result).startswith(f"Error: Cannot write to {tmp_path / 'file' / 'out'}")
    for command in (("predict", HAND), ("merge", tmp_path)):
        result = handpose(*command, "-o", tmp_path / "file")
        assert result.exit_code == 2
        assert f"Invalid value for '-o' / '--output': Directory '{tmp_path / 'file'}' is a file." in result.stderr
    with pytest.raises(OSError) as error, atomic(tmp_path / "a.json"):
        raise OSError(errno.ENOSPC, "No space left on device")
    assert error.value.filename == str(tmp_path / "a.json")
    assert load("csv").file_of is None


def test_a_box_outside_its_image_is_a_failure(tmp_path):
    """Joints were made up for it, outside the image, and scored."""
    height, width = cv2.imread(str(HAND)).shape[:2]
    boxes, out, size = tmp_path / "boxes.json", tmp_path / "out", {"width": width, "height": height}
    boxes.write_text(json.dumps([{"file": HAND.name, **size, "boxes": [[10, 10, 200, 200], [width, 20.5, 100, 90]]}]))
    assert handpose("predict", HAND, "-o", out, "--boxes", boxes, *FAST).exit_code == 3
    assert read_results(out)["files"][0]["failure"] == (
        f"{boxes}: a box lies outside the image, {width} x {height} pixels: x {width}, y 20.5, width 100, height 90"
    )
    boxes.write_text(json.dumps([{"file": HAND.name, **size, "boxes": [[width - 50, 20.5, 100, 90]]}]))  # in part
    assert handpose("predict", HAND, "-o", out, "--boxes", boxes, "--resume", *FAST).exit_code == 0
