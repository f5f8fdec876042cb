"""How many threads a run has where a container has less than its machine."""

from __future__ import annotations

import math
import os

import cv2
import pytest
from conftest import SAMPLES, handpose

from handpose_cli.processors import processors, quota

V2 = "0::/\n"
V1 = "12:memory:/docker/1a\n4:cpu,cpuacct:/docker/1a\n1:name=systemd:/docker/1a\n"


@pytest.mark.parametrize(
    ("groups", "files", "expected"),
    [
        (V2, {"cpu.max": "200000 100000\n"}, 2),  # docker run --cpus 2
        (V2, {"cpu.max": "50000 100000\n"}, 0.5),
        (V2, {"cpu.max": "max 100000\n"}, math.inf),
        (V2, {}, math.inf),  # the root group of a machine has no such file
        # a systemd slice's share binds the services in it
        ("0::/user.slice/user-1.slice/run.scope\n", {
            "user.slice/user-1.slice/run.scope/cpu.max": "max 100000\n",
            "user.slice/user-1.slice/cpu.max": "300000 100000\n",
            "user.slice/cpu.max": "800000 100000\n",
        }, 3),
        # the host's name for the group, of which the container sees the folder alone
        (V1, {"cpu,cpuacct/cpu.cfs_quota_us": "150000\n", "cpu,cpuacct/cpu.cfs_period_us": "100000\n"}, 1.5),
        (V1, {"cpu/docker/1a/cpu.cfs_quota_us": "400000\n", "cpu/docker/1a/cpu.cfs_period_us": "100000\n"}, 4),
        (V1, {"cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n"}, math.inf),
        ("2:cpuset:/a\n", {"cpuset/a/cpu.max": "100000 100000\n"}, math.inf),
        ("what a sandbox says\n0::/b\udcff\n", {"b\udcff/cpu.max": "100000 100000\n"}, 1),
        (None, {}, math.inf),  # no Linux
    ],
)  # fmt: skip
def test_a_container_s_quota_is_known(tmp_path, groups, files, expected):
    if groups is not None:
        (tmp_path / "proc/self").mkdir(parents=True)
        (tmp_path / "proc/self/cgroup").write_bytes(os.fsencode(groups))
    for name, content in files.items():
        path = tmp_path / "sys/fs/cgroup" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    assert quota(tmp_path) == expected


def test_opencv_has_no_more_threads_either(monkeypatch, tmp_path):
    before = cv2.getNumThreads()
    monkeypatch.setattr("handpose_cli.processors.quota", lambda: 0.5)
    try:
        cv2.setNumThreads(8)
        assert handpose("predict", SAMPLES / "no_hand.jpg", "-o", tmp_path, "--views", 1, "-q").exit_code == 0
        assert cv2.getNumThreads() == 1
    finally:
        cv2.setNumThreads(before)


@pytest.mark.parametrize(("left", "expected"), [(0.5, 1), (1.0, 1), (1.5, 2), (math.inf, None)])
def test_no_more_threads_work_than_the_quota_feeds(monkeypatch, left, expected):
    monkeypatch.setattr("handpose_cli.processors.os.sched_getaffinity", lambda pid: range(64), raising=False)
    monkeypatch.setattr("handpose_cli.processors.quota", lambda: left)
    assert processors() == (expected or 64)
