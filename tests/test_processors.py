"""How many threads a run has where a container has less than its machine."""

from __future__ import annotations

import math
import os
import subprocess
import sys

import pytest
from conftest import SAMPLES

from handpose_cli.processors import quota

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


STARTED = """
import sys
from handpose_cli import processors
processors.quota, processors._bound_to = (lambda: float(sys.argv[1])), (lambda: 4)
from handpose_cli.cli import cli
cli.main(["evaluate", "--labels", sys.argv[2], "--predictions", sys.argv[2], "-q"], standalone_mode=False)
import av, cv2, os
from handpose_cli.media.videos import read_video
import handpose_cli.media.decoding as decoding
lags = []
lag = decoding.Decoding._lag
decoding.Decoding._lag = lambda self, stream: lags.append(stream.codec_context.thread_count) or lag(self, stream)
next(read_video(decoding.Path(sys.argv[3])))
print(cv2.getNumThreads(), lags[0], os.environ.get("TF_NUM_INTRAOP_THREADS"), os.environ.get("OMP_NUM_THREADS"))
"""


@pytest.mark.parametrize(("quota", "expected"), [("1.5", "2 2 2 3"), ("inf", None)])
def test_libraries_have_no_more_threads_whatever_the_command(quota, expected):
    """Of OpenCV alone, and in `predict` alone, that was so."""
    environment = {name: value for name, value in os.environ.items() if not name.endswith(("_THREADS", "_THREADS_NUM"))}
    call = [sys.executable, "-c", STARTED, quota, SAMPLES / "labels.json", SAMPLES / "moving_hand.mp4"]
    done = subprocess.run(call, env=environment | {"OMP_NUM_THREADS": "3"}, capture_output=True, text=True, check=True)
    found = done.stdout.splitlines()[-1]
    assert found == expected if expected else found.endswith("None 3")
