"""Formats that write several files: all of them are new, or none is."""

import os

import pytest
from conftest import handpose
from labelled import image, open_hand, write

from handpose_cli.files import restored
from handpose_cli.formats import load
from handpose_cli.records import ImageRecord

PHOTO = image("a.jpg", open_hand())
MOVED = image("a.jpg", open_hand(90.0))


def frame(video):
    return ImageRecord(video, 400, 300, [open_hand()], frame=0, time=0.0)


def contents(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize(
    ("format", "name", "last"),
    [
        ("deeplabcut", "t.csv", "t-videos"),
        ("parquet", "t.parquet", "t.images.parquet"),
        ("label-studio", "t.json", "t.config.xml"),
        ("cvat", "t.xml", "t.video-v.mp4.xml"),
    ],
)
def test_a_file_that_cannot_take_its_place_leaves_all_the_old_ones(tmp_path, monkeypatch, format, name, last):
    path = tmp_path / name
    write(path, format, [PHOTO, frame("v.mp4")])
    before = contents(tmp_path)
    assert (tmp_path / last).exists(), sorted(before)
    errors = [PermissionError(13, "Permission denied", str(tmp_path / last))]

    def failing_once(how):
        def fail(source, target):
            if str(target).endswith(last) and errors:
                raise errors.pop()
            return how(source, target)

        return fail

    with monkeypatch.context() as patch:
        patch.setattr(os, "rename", failing_once(os.rename))
        patch.setattr(os, "replace", failing_once(os.replace))
        with pytest.raises(PermissionError):
            write(path, format, [MOVED, frame("v.mp4")])
    assert contents(tmp_path) == before
    write(path, format, [MOVED, frame("v.mp4")])
    after = contents(tmp_path)
    assert after.keys() == before.keys() and after != before
    assert load(format).outputs(path)[0] == path


def test_what_was_not_there_is_not_there_after_an_error(tmp_path):
    old, new = tmp_path / "old", tmp_path / "new"
    old.write_text("old")
    with pytest.raises(ZeroDivisionError), restored(old), restored(new):
        old.unlink()
        old.write_text("other")
        new.write_text("new")
        raise ZeroDivisionError
    assert contents(tmp_path) == {"old": b"old"}
    with pytest.raises(ZeroDivisionError), restored(old):
        raise ZeroDivisionError
    assert contents(tmp_path) == {"old": b"old"}


def test_what_is_no_file_keeps_its_place_and_a_link_leads_on(tmp_path):
    """As root, --overwrite once made a file of /dev/full."""
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "there").mkdir()
    (tmp_path / "link.csv").symlink_to("there/real.csv")
    (tmp_path / "round").symlink_to("round")
    labels = write(tmp_path / "l.json", "handpose", [PHOTO])
    call = ("convert-labels", labels)
    done = handpose(*call, tmp_path / "pipe", "--to", "csv", "--overwrite")
    assert (done.exit_code, done.stderr) == (
        1, f"Error: Cannot write to {tmp_path}/pipe: neither a file nor a folder. Choose another TARGET.\n"
    )  # fmt: skip
    assert (tmp_path / "pipe").is_fifo()
    for target in ("link.csv", "there/real.csv"):
        assert handpose(*call, tmp_path / target, "--to", "csv", "--overwrite").exit_code == 0
    assert (tmp_path / "link.csv").is_symlink() and (tmp_path / "there" / "real.csv").is_file()
    assert sorted(path.name for path in (tmp_path / "there").iterdir()) == ["real.csv"]
    done = handpose(*call, tmp_path / "round" / "a", "--to", "csv")
    assert done.exit_code == 1 and "Traceback" not in done.stderr
    done = handpose("convert-labels", tmp_path / "pipe", tmp_path / "o.csv", "--to", "csv")
    assert done.exit_code == 2 and done.stderr.endswith(
        f"'{tmp_path}/pipe' is neither a file nor a folder: labels are read more than once.\n"
    )


def test_an_empty_path_is_not_this_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    labels = write(tmp_path / "labels.json", "handpose", [PHOTO])
    for call in (("predict", labels, "-o", ""), ("convert-labels", labels, "", "--to", "csv")):
        done = handpose(*call)
        assert done.exit_code == 2 and done.stderr.endswith("an empty path: give one, or . for this folder.\n")
    done = handpose("evaluate", "--labels", "", "--predictions", labels)
    assert done.exit_code == 2 and done.stderr.endswith("'' has no path: give one, or . for this folder.\n")
    assert [path.name for path in tmp_path.iterdir()] == ["labels.json"]
