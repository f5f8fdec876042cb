"""Formats that write several files: all of them are new, or none is."""

import os

import pytest
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
