"""File systems that differ from the usual: without locks, names of which only the case differs, or names refused."""

import errno
import fcntl
import os
from pathlib import Path

import pytest
from conftest import handpose
from made_up_inputs import encoded

from handpose_cli.formats import FormatError, _placed_images
from handpose_cli.formats._notes import LeftOut
from handpose_cli.runs import probing

FAST = ("--views", 1)


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.jpg").write_bytes(encoded(0))
    return tmp_path / "in"


@pytest.mark.parametrize("error", [errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL])
def test_a_folder_that_cannot_be_locked_is_written_to_with_a_note(folder, tmp_path, monkeypatch, error):
    def flock(*_):
        raise OSError(error, os.strerror(error))

    monkeypatch.setattr(fcntl, "flock", flock)
    out = tmp_path / "out"
    note = f"{out} cannot be locked: see that no other run writes there"
    result = handpose("predict", folder, "-o", out, *FAST)
    assert result.exit_code == 0, result.stderr
    assert result.stderr.splitlines()[0] == note and result.stderr.count(note) == 1
    assert handpose("predict", folder, "-o", out, *FAST, "--resume", "-q").stderr == ""


@pytest.mark.parametrize("error", [errno.EWOULDBLOCK, errno.EACCES])
def test_a_folder_that_another_run_has_is_refused(folder, tmp_path, monkeypatch, error):
    def flock(*_):
        raise OSError(error, os.strerror(error))

    monkeypatch.setattr(fcntl, "flock", flock)
    result = handpose("predict", folder, "-o", tmp_path / "out", *FAST)
    assert (result.exit_code, result.stderr) == (
        1, f"Error: Another run is writing to {tmp_path / 'out'}. Choose another --output.\n"
    )  # fmt: skip


class Folding(type(Path())):
    """Paths on a file system that keeps names as they are written, but takes those for one that are folded alike."""

    def exists(self, **options):
        beside = [path.name for path in self.parent.iterdir()] if self.parent.is_dir() else []
        return super().exists(**options) or probing.folded(self.name) in map(probing.folded, beside)


class Narrow(type(Path())):
    """Paths on a file system that has no colons in names."""

    def touch(self, *arguments, **options):
        if ":" in self.name:
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
        super().touch(*arguments, **options)


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("A.jpg", ("--draw",), "A.jpg and a.jpg would share {out}/annotated/a.jpg, where such names are the same. "
         "Rename one, or leave out --draw."),
        ("A.png", ("--format", "yolo-pose"), "A.png and a.jpg would share {out}/predictions-yolo-pose/a.txt, where "
         "such names are the same. Rename one, or leave out --format yolo-pose."),
    ],
)  # fmt: skip
def test_names_that_are_one_on_that_file_system_are_refused(folder, tmp_path, monkeypatch, name, options, message):
    (folder / name).write_bytes(encoded(1))
    out = tmp_path / "out"
    with monkeypatch.context() as there:
        there.setattr(probing, "Path", Folding)
        result = handpose("predict", folder, "-o", out, *FAST, *options)
        assert (result.exit_code, result.stderr) == (1, f"Error: {message.format(out=out)}\n")
        assert not out.exists()
        assert handpose("predict", folder, "-o", tmp_path / "other", *FAST).exit_code == 0
    if (folder / "A.JPG").exists():
        pytest.skip("this file system is such a one")
    assert handpose("predict", folder, "-o", out, *FAST, *options).exit_code == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in", "other", "out"]  # nothing is left of trying


def test_what_is_the_same_is_found_out_for_folders_too(tmp_path):
    there = probing.FileSystem(tmp_path / "not" / "there")
    assert not there.is_same("A/x.jpg", "a/x.jpg")
    assert not there.is_same("caf\u00e9.jpg", "cafe\u0301.jpg")
    assert not any(there.refuses(character) for character in probing.ODD)
    assert probing.folded("CAF\u00c9/x") == probing.folded("cafe\u0301/X")
    assert not list(tmp_path.iterdir())


def test_names_with_what_that_file_system_refuses(folder, tmp_path, monkeypatch):
    (folder / "12:30.jpg").write_bytes(encoded(1))
    out = tmp_path / "out"
    monkeypatch.setattr(probing, "Path", Narrow)
    for options, written, file, remedy in (
        (("--draw",), "an annotated copy", "12:30.jpg", "--draw"),
        (("--format", "openpose"), "openpose", "12:30_keypoints.json", "--format openpose"),
    ):
        result = handpose("predict", folder, "-o", out, *FAST, *options)
        assert (result.exit_code, result.stderr) == (
            1, f"Error: 12:30.jpg: as {written} it becomes {file}, and names with : are refused here. Rename it, or "
            f"leave out {remedy}.\n"
        )  # fmt: skip
        assert not out.exists()
    assert handpose("predict", folder, "-o", out, *FAST).exit_code == 0


def test_an_image_is_not_copied_over_another(folder, tmp_path):
    """As one whose name is the same to the file system; the same image may be labelled twice."""
    other, target = tmp_path / "other", tmp_path / "target"
    other.mkdir()
    target.mkdir()
    (other / "a.jpg").write_bytes(encoded(1))
    for how in ("copy", "link"):
        with LeftOut(target) as left_out:
            assert _placed_images.place("a.jpg", folder, target, how, left_out)
            assert _placed_images.place("a.jpg", folder, target, how, left_out)
            with pytest.raises(FormatError) as error:
                _placed_images.place("a.jpg", other, target, how, left_out)
        assert str(error.value) == (
            "a.jpg: another image has this name already where it would be put. Rename one of them"
        )
        assert (target / "a.jpg").read_bytes() == encoded(0)
        (target / "a.jpg").unlink()


@pytest.mark.parametrize(("error", "code"), [(None, 0), (errno.EINVAL, 0), (errno.ENOSPC, 1)])
def test_results_are_on_the_disk_before_they_have_their_name(folder, tmp_path, monkeypatch, error, code):
    """A power cut soon after could leave them empty; and a network's drive says here that it is full."""
    out, synced = tmp_path / "out", []

    def fsync(number):
        synced.append([path.name for path in out.glob("predictions*") if not path.name.endswith(".part")])
        if error is not None:
            raise OSError(error, os.strerror(error))

    monkeypatch.setattr(os, "fsync", fsync)
    result = handpose("predict", folder, "-o", out, *FAST, "--draw", "-q")
    said = f"Error: Cannot write to {out}/predictions.json: No space left on device. Choose another --output, or "
    assert (result.exit_code, result.stderr) == (code, f"{said}go on with --resume.\n" * code)
    assert synced == [[]]
    assert (out / "predictions.json").exists() == (not code) and not list(out.glob("*.part"))


def test_a_copy_that_a_power_cut_left_empty_is_made_again(folder, tmp_path):
    call = ("predict", folder, "-o", tmp_path / "out", *FAST, "--draw")
    assert handpose(*call).exit_code == 0
    copy = tmp_path / "out" / "annotated" / "a.jpg"
    content = copy.read_bytes()
    copy.write_bytes(b"")
    assert handpose(*call, "--resume").exit_code == 0
    assert copy.read_bytes() == content
