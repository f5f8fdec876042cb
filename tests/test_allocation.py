"""Memory that is freed is kept for the next picture."""

import platform
import subprocess
import sys

import pytest

FAULTS = """
import resource
from threading import Thread
import numpy as np
from handpose_cli.allocation import keep_freed_memory
{call}
def work(count):
    for _ in range(count):
        picture = np.ones((480, 640, 3), np.uint8)
        crops = [np.ones((4, 224, 224, 3), np.float32) for _ in range(2)]
        del picture, crops
    faults.append(resource.getrusage(resource.RUSAGE_SELF).ru_minflt)
faults = []
def both():
    work(5)
    work(20)
thread = Thread(target=both)
thread.start()
thread.join()
print(faults[1] - faults[0])
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other C libraries are left as they are")
def test_the_next_picture_needs_no_new_pages():
    def faults(call):
        code = FAULTS.format(call=call)
        return int(subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout)

    assert 10 * faults("keep_freed_memory()") < faults("")
