"""Wall time of whole calls, process start included; run by hand:

    python tests/benchmarks/start_up.py [RUNS]

Prints the median of each call's runs, taken in turn.
"""

from __future__ import annotations

import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

SAMPLES = Path(__file__).parents[2] / "samples"


def main(runs: int) -> None:
    handpose = shutil.which("handpose", path=str(Path(sys.executable).parent)) or "handpose"
    with tempfile.TemporaryDirectory() as out:
        calls = {
            "handpose --help": [handpose, "--help"],
            "handpose predict, one image": [
                handpose, "predict", str(SAMPLES / "two_hands.jpg"), "-o", out, "--overwrite", "--draw",
            ],
            "handpose predict samples/ (12 images, 72 frames)": [
                handpose, "predict", str(SAMPLES), "-o", out, "--overwrite", "--draw",
            ],
        }  # fmt: skip
        seconds: dict[str, list[float]] = {name: [] for name in calls}
        for _ in range(runs):
            for name, call in calls.items():
                started = time.perf_counter()
                subprocess.run(call, check=True, capture_output=True)
                seconds[name].append(time.perf_counter() - started)
    for name, times in seconds.items():
        print(f"{name}: median {statistics.median(times):.2f} s ({min(times):.2f} to {max(times):.2f})")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5)
