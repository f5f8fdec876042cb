"""`convert-labels --extract-frames`: the frames that labels are of, under the names that the label files have."""

import json

import cv2
import pytest
from conftest import handpose
from labelled import image, open_hand, write
from made_up_videos import grey_of, make_video

from handpose_cli.records import ImageRecord


@pytest.fixture
def folder(tmp_path):
    """Labels of frames of two videos, and of a photograph."""
    (tmp_path / "b").mkdir()
    for name in ("v.mp4", "b/w.mp4"):
        make_video(tmp_path / name, count=12)
    records = [
        ImageRecord(name, 64, 48, [open_hand(20, 10, 20)], frame=n) for name in ("b/w.mp4", "v.mp4") for n in (0, 7)
    ]
    write(tmp_path / "l.json", "handpose", [*records, image("x.jpg", open_hand())])
    return tmp_path


def images_in(folder):
    return sorted(file.relative_to(folder).as_posix() for file in folder.rglob("*") if file.is_file())


@pytest.mark.parametrize("target", ["coco", "csv"])
def test_the_frames_that_the_labels_are_of_and_no_others(folder, target):
    out = folder / "out"
    call = ("convert-labels", folder / "l.json", folder / "o", "--to", target, "--extract-frames", out)
    done = handpose(*call)
    assert done.exit_code == 0 and done.stderr.endswith(f"\n4 frames of 2 videos: {out}\n")
    assert images_in(out) == [f"{video}/{n:06d}.jpg" for video in ("b/w.mp4", "v.mp4") for n in (0, 7)]
    for name in images_in(out):
        pixels = cv2.imread(str(out / name))
        assert pixels.shape == (48, 64, 3) and abs(int(pixels[40, 50, 0]) - grey_of(int(name[-10:-4]))) <= 3
    if target == "coco":
        named = [entry["file_name"] for entry in json.loads((folder / "o").read_text())["images"]]
        assert set(images_in(out)) < set(named)
    done = handpose(*call, "--overwrite")
    assert done.exit_code == 0
    (folder / "o").unlink()
    done = handpose(*call)
    expected = (
        f"Error: {out / 'b/w.mp4/000000.jpg'} exists. Replace it with --overwrite, or extract to another folder\n"
    )
    assert (done.exit_code, done.stderr) == (1, expected) and not (folder / "o").exists()


def test_labels_that_name_frames_as_images(folder):
    write(folder / "c.coco.json", "coco", [image("v.mp4/000003.png", open_hand()), image("x.jpg", open_hand())])
    out = folder / "out"
    done = handpose("convert-labels", folder / "c.coco.json", folder / "o.csv", "--to", "csv", "--extract-frames", out)
    assert done.exit_code == 0 and images_in(out) == ["v.mp4/000003.png"]
    assert abs(int(cv2.imread(str(out / "v.mp4/000003.png"))[40, 50, 0]) - grey_of(3)) <= 3


def test_a_missing_video_is_one_line_and_nothing_is_written(folder):
    (folder / "v.mp4").unlink()
    out = folder / "out"
    done = handpose("convert-labels", folder / "l.json", folder / "o.csv", "--to", "csv", "--extract-frames", out)
    assert (done.exit_code, done.stderr) == (
        1,
        f"Error: no such video, whose frames are to be extracted: {folder / 'v.mp4'}. "
        "Say where the images are with --images\n",
    )
    assert not out.exists() and not (folder / "o.csv").exists()


def test_frames_that_a_video_lacks_are_counted_and_the_rest_is_written(folder):
    records = [ImageRecord(name, 64, 48, [], frame=n) for name in ("b/w.mp4", "v.mp4") for n in (1, 50, 60, 70, 80)]
    write(folder / "l.json", "handpose", records)
    (folder / "v.mp4").write_bytes(b"no video")
    out = folder / "out"
    done = handpose("convert-labels", folder / "l.json", folder / "o.json", "--to", "handpose", "--extract-frames", out)
    assert done.exit_code == 1 and images_in(out) == ["b/w.mp4/000001.jpg"]
    lacks = f"{folder / 'b/w.mp4'}: 4 of 5 frames are not in it: 50, 60, 70 ...; "
    assert f"Error: 1 frames written to {out}, but {lacks}" in done.stderr
    assert f"{folder / 'v.mp4'}: 5 of 5 frames are not in it" in done.stderr


def test_names_and_options_that_do_not_fit(folder):
    write(folder / "l.json", "handpose", [ImageRecord("../v.mp4", 64, 48, [], frame=1)])
    (folder / "in").mkdir()
    call = ("convert-labels", folder / "l.json", folder / "o.json", "--to", "handpose", "--images", folder / "in")
    done = handpose(*call, "--extract-frames", folder / "out")
    assert done.exit_code == 1 and "../v.mp4/000001.jpg: a name that leads out of the folder to write" in done.stderr
    done = handpose("convert-labels", folder / "l.json", "--check", "--extract-frames", folder / "out")
    assert done.exit_code == 2
