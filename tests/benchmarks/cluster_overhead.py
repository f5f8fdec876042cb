"""What `--cluster local` costs against threads, whole processes in turn; run by hand, on a quiet machine.

    python tests/benchmarks/cluster_overhead.py PHOTOS [PHOTOS ...] [--photos 6000] [--runs 2] [-- --views 1]

Annotates so many photographs, chosen from the folders PHOTOS and those inside and used again if there are fewer, with
as many threads and as many workers as there are processors, with the options behind `--`; and one photograph alone,
which shows what starting and ending Ray takes. Results have to be the same bytes.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).parent.parent))
from chaos import call, outputs
from some_photos import put_photos


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("photos", type=Path, nargs="+")
    parser.add_argument("--photos", dest="count", type=int, default=6000)
    parser.add_argument("--runs", type=int, default=2, help="of each kind, in turn")
    at = sys.argv.index("--") if "--" in sys.argv else len(sys.argv)
    asked, options = parser.parse_args(sys.argv[1:at]), sys.argv[at + 1 :]
    with tempfile.TemporaryDirectory(prefix="overhead-") as name:
        folder = Path(name)
        many, one = put_photos(asked.photos, asked.count, folder / "in"), put_photos(asked.photos, 1, folder / "one")
        kinds = {"threads": (), "cluster": ("--cluster", "local")}

        def seconds(source: Path, kind: str) -> float:
            begun = time.monotonic()
            done = call("predict", source, "-r", "-o", folder / kind, "--overwrite", *options, *kinds[kind])
            assert done.returncode in (0, 3), done.stderr
            return time.monotonic() - begun

        alone: dict[str, list[float]] = {kind: [] for kind in kinds}
        taken: dict[str, list[float]] = {kind: [] for kind in kinds}
        for _ in range(asked.runs):
            for kind in kinds:
                alone[kind].append(seconds(one, kind))
        for _ in range(asked.runs):
            for kind in kinds:
                taken[kind].append(seconds(many, kind))
                load = os.getloadavg()[0]
                print(f"{kind}: {asked.count / taken[kind][-1]:.1f} images/s (load {load:.1f})", flush=True)
        right = outputs(folder / "threads") == outputs(folder / "cluster")
    start = median(alone["cluster"]) - median(alone["threads"])
    ratio = median(taken["threads"]) / median(taken["cluster"])
    print(
        f"{asked.count} photographs: cluster {ratio:.3f} times threads; one photograph alone takes {start:.1f} s more; "
        f"results {'the same' if right else 'DIFFERENT'}"
    )
    sys.exit(not right)


if __name__ == "__main__":
    main()
