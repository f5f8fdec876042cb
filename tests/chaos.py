"""Kill a run again and again, resume it each time, and compare what comes out with an undisturbed run's output."""

from __future__ import annotations

import random
import re
import subprocess
import sys
import time
from pathlib import Path

HANDPOSE = [sys.executable, "-c", "from handpose_cli.cli import cli; cli()"]


def call(*arguments: object) -> subprocess.CompletedProcess:
    return subprocess.run([*HANDPOSE, *map(str, arguments)], capture_output=True, text=True, check=False)


def kill_and_resume(arguments: list[object], kills: int, within: tuple[float, float], seed: int = 0) -> int:
    """Call `handpose *arguments --resume` and kill it (SIGKILL) so many times, then let it end; return its exit code.

    Args:
        within: seconds after the start of the process between which it is killed.
    """
    rng = random.Random(seed)
    for _ in range(kills):
        process = subprocess.Popen(
            [*HANDPOSE, *map(str, arguments), "--resume"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        time.sleep(rng.uniform(*within))
        process.kill()
        process.wait()
    return call(*arguments, "--resume").returncode


def outputs(folder: Path) -> dict[str, bytes]:
    """Return the files of an output folder by name, without the journal and the time in the result file."""
    found = {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.name != "journal.jsonl"
    }
    found["predictions.json"] = re.sub(rb'"started": "[^"]*"', b"", found["predictions.json"])
    return found
