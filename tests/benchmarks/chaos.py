"""Kill a run on 300 files, 10 % of them damaged, at 20 random moments; is the output that of an undisturbed run?

python tests/benchmarks/chaos.py [FILES [KILLS]]
"""

import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))
from chaos import call, kill_and_resume, outputs
from made_up_inputs import write_inputs


def main(files: int = 300, kills: int = 20) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_inputs(folder / "in", files, clips=6)
        options = [folder / "in", "-r", "--draw", "--smooth", "--format", "csv", "--format", "coco", "-o"]
        started = time.monotonic()
        calm = call("predict", *options, folder / "calm")
        latest = 0.4 + 2 * (time.monotonic() - started) / kills  # so that the kills spread over the whole run
        print("undisturbed:", calm.stderr.splitlines()[-1])
        code = kill_and_resume(["predict", *options, folder / "out"], kills, within=(0.4, latest))
        expected, found = outputs(folder / "calm"), outputs(folder / "out")
        wrong = [name for name in expected.keys() | found.keys() if expected.get(name) != found.get(name)]
        print(f"{kills} kills: exit code {code} (calm {calm.returncode}), {len(expected)} files, {len(wrong)} wrong")
        sys.exit(bool(wrong) or code != calm.returncode)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
