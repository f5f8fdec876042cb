"""File systems that differ from the usual: without locks, names of which only the case differs, or names refused."""

import errno
import fcntl
import os

import pytest
from conftest import handpose
from made_up_inputs import encoded

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
