"""Are results the same bytes on a cluster and from a bucket, whatever dies meanwhile? Run by hand.

    python tests/benchmarks/cluster_proof.py PHOTOS [PHOTOS ...] --videos VIDEOS [-- --detector ssd-hand]

Needs handpose-cli[ray,s3], moto[server] and psutil. So many photographs (`--photos`), chosen from the folders PHOTOS
and those inside, or copied if there are fewer, and the videos in VIDEOS go into a bucket of an S3 server on loopback,
and are annotated with the options behind `--`: by threads, from a folder here; then from the bucket on a Ray cluster of
two nodes (two raylets on this machine); with five workers killed (SIGKILL) and one node stopped meanwhile; and with the
output in the bucket too, the process that feeds the cluster killed and the run resumed.
"""

from __future__ import annotations

import argparse
import os
import re
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))
import psutil
from chaos import HANDPOSE, outputs
from some_photos import put_photos

ENDED = b'"end": true'  # in a journal, of an input that is done
FORMATS = ("--format", "csv", "--format", "coco", "--smooth")


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def end(process: subprocess.Popen) -> None:
    """Kill a process and all below it."""
    with suppress(psutil.NoSuchProcess):
        own = psutil.Process(process.pid)
        for each in [*own.children(recursive=True), own]:
            with suppress(psutil.NoSuchProcess):
                each.kill()


class Nodes:
    """A Ray cluster of two nodes on this machine, each a raylet with processes of its own."""

    def __init__(self, environment: dict[str, str], folder: Path, cpus: int):
        self.address = f"127.0.0.1:{free_port()}"
        self._environment, self._folder, self._cpus = environment, folder, cpus
        port = self.address.rpartition(":")[2]
        self.head = self._start("--head", "--port", port, "--include-dashboard=false", f"--temp-dir={folder}")
        self._wait(self._listens)
        self.second = self._start("--address", self.address)
        time.sleep(15)

    def _start(self, *arguments: str) -> subprocess.Popen:
        command = [sys.executable, "-m", "ray.scripts.scripts", "start", "--block", "--num-cpus", str(self._cpus)]
        command += ["--disable-usage-stats", *arguments]
        log = (self._folder / f"node-{secrets.token_hex(2)}.log").open("wb")
        return subprocess.Popen(command, env=self._environment, stdout=log, stderr=log)

    def _listens(self) -> bool:
        host, _, port = self.address.rpartition(":")
        with socket.socket() as probe:
            return probe.connect_ex((host, int(port))) == 0

    @staticmethod
    def _wait(ready: Callable[[], bool]) -> None:
        until = time.monotonic() + 120
        while not ready():
            assert time.monotonic() < until, "the node did not start"
            time.sleep(0.5)

    def workers(self) -> list[psutil.Process]:
        """Return the processes that are at a unit of work now."""
        found = []
        for node in (self.head, self.second):
            with suppress(psutil.NoSuchProcess):
                for process in psutil.Process(node.pid).children(recursive=True):
                    with suppress(psutil.NoSuchProcess):
                        if "ray::_task" in " ".join(process.cmdline()):
                            found.append(process)
        return found

    def stop(self) -> None:
        end(self.second)
        end(self.head)


def same(ours: Path, theirs: Path) -> bool:
    """Compare two outputs, but for the inputs' paths as they were given, and print what differs."""
    one, two = outputs(ours), outputs(theirs)
    for found in (one, two):
        found["predictions.json"] = re.sub(rb'"inputs": \[[^]]*\]', b"", found["predictions.json"])
    wrong = sorted(name for name in one.keys() | two.keys() if one.get(name) != two.get(name))
    print(f"  {len(one)} files, {sum(map(len, one.values()))} bytes: {f'DIFFERENT: {wrong}' if wrong else 'the same'}")
    return not wrong


def fetch(fs, root: str, folder: Path) -> Path:
    for name in fs.find(root):
        path = folder / name.removeprefix(root + "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(fs.cat_file(name))
    return folder


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("photos", type=Path, nargs="+")
    parser.add_argument("--videos", type=Path, required=True)
    parser.add_argument("--photos", dest="count", type=int, default=2000)
    parser.add_argument("--cpus", type=int, default=1, help="workers of each node")
    at = sys.argv.index("--") if "--" in sys.argv else len(sys.argv)
    asked, options = parser.parse_args(sys.argv[1:at]), [*FORMATS, *sys.argv[at + 1 :]]
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="proof-")))
        put_photos(asked.photos, asked.count, folder / "in")
        for path in sorted(asked.videos.glob("*.mp4")):
            shutil.copyfile(path, folder / "in" / path.name)
        port = free_port()
        environment = {
            **os.environ, "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}", "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "hushhush",
            "RAY_AUTH_MODE": "disabled", "RAY_USAGE_STATS_ENABLED": "0",
        }  # fmt: skip
        os.environ.update(environment)
        server = subprocess.Popen(
            [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        stack.callback(end, server)
        time.sleep(8)
        import fsspec

        fs = fsspec.filesystem("s3", use_listings_cache=False)
        fs.mkdir("lab")
        fs.put(f"{folder / 'in'}/", "lab/in/", recursive=True)
        print(f"{len(fs.find('lab/in'))} files, {fs.du('lab/in') / 1e6:.0f} MB in s3://lab/in", flush=True)

        def predict(source: str | Path, output: str | Path, *more: str) -> subprocess.Popen:
            command = [*HANDPOSE, "predict", str(source), "-r", "-o", str(output), *options, *more]
            return subprocess.Popen(command, stderr=subprocess.PIPE, text=True)

        def ended(process: subprocess.Popen, what: str) -> None:
            lines = process.communicate()[1].splitlines()
            print(f"{what}: exit code {process.returncode}; {lines[-1] if lines else ''}", flush=True)

        def until(part: float, read: Callable[[], bytes], process: subprocess.Popen) -> None:
            """Wait until a part of the inputs is done, by the lines of a journal."""
            while process.poll() is None and read().count(ENDED) < part * asked.count:
                time.sleep(0.5)

        ended(predict(folder / "in", folder / "calm"), "threads, a folder here")
        nodes = Nodes(environment, folder, asked.cpus)
        stack.callback(nodes.stop)
        where = ("--cluster", nodes.address)
        ended(predict("s3://lab/in", folder / "a", *where), "two nodes, a bucket")
        right = [same(folder / "a", folder / "calm")]

        process = predict("s3://lab/in", folder / "b", *where)
        journal = folder / "b" / "journal.jsonl"

        def here() -> bytes:
            return journal.read_bytes() if journal.exists() else b""

        killed = 0
        while killed < 5 and process.poll() is None:
            until((killed + 1) / 8, here, process)
            if workers := nodes.workers():
                workers[killed % len(workers)].kill()
                killed += 1
            time.sleep(1)
        until(0.75, here, process)
        assert process.poll() is None, "it had ended before all were killed: give more --photos"
        end(nodes.second)
        print(f"{killed} workers killed, and a node stopped after {here().count(ENDED)} inputs", flush=True)
        ended(process, "  and then")
        right.append(same(folder / "b", folder / "calm"))

        process = predict("s3://lab/in", "s3://lab/run", *where)

        def there() -> bytes:
            parts = fs.find("lab/run/journal.parts")  # which go when the run ends
            return b"".join(fs.cat(parts, on_error="omit").values()) if parts else b""

        until(0.3, there, process)
        assert process.poll() is None, "it had ended before it could be killed: give more --photos"
        process.kill()
        process.wait()
        part = there().count(ENDED)
        print(f"its driver killed with {part} inputs in the bucket's journal; in 2 minutes it may go on", flush=True)
        time.sleep(121)
        process = predict("s3://lab/in", "s3://lab/run", *where, "--resume")
        ended(process, "  resumed")
        right.append(same(fetch(fs, "lab/run", folder / "c"), folder / "calm"))
        secret = [
            p for out in "abc" for p in (folder / out).rglob("*") if p.is_file() and b"hushhush" in p.read_bytes()
        ]
        print(f"the bucket's secret is in {len(secret)} files of the results")
        sys.exit(not all(right) or bool(secret))


if __name__ == "__main__":
    main()
