"""Where the time of `handpose predict` goes: milliseconds an image in each stage, on one thread; run by hand:

    python tests/benchmarks/stages.py FOLDER [--views 4] [--images 100] [--tile PIXELS]

FOLDER has photos (`speed.py --folder` makes some). Says also how the networks' time compares with their multiply-adds.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

from handpose_cli import drawing, engine
from handpose_cli.annotator import pipeline, pose
from handpose_cli.annotator.settings import AnnotateSettings, Networks
from handpose_cli.engine import detector, keypoint_network
from handpose_cli.media import annotated_copies, images
from handpose_cli.media.frames import frames
from handpose_cli.media.inputs import Input
from handpose_cli.runs import journal

# what is timed: the stage's name, and where the function is looked up that does it
STAGES = {
    "read and decode": (images, "_decode"),
    "NMS": (detector, "without_overlaps"),
    "cut crops": (pose, "_cut"),
    "decode heatmaps": (keypoint_network, "decode_logits"),
    "merge views": (pose, "merge"),
    "hand scores, doubles": (pipeline, "choose"),
    "draw": (drawing, "draw_hands"),
    "save copies": (annotated_copies, "save_image"),
}
MULTIPLY_ADDS = {"SSD": 0.46e9, "first SSD": 0.29e9, "hourglass": 0.72e9, "wide one": 0.87e9}


class Clock:
    """Adds up the seconds and the calls of functions that are put in other functions' places."""

    def __init__(self) -> None:
        self.seconds: Counter[str] = Counter()
        self.calls: Counter[str] = Counter()

    def time(self, name: str, function: Any) -> Any:
        def timed(*args, **kwargs):
            started = time.perf_counter()
            result = function(*args, **kwargs)
            self.seconds[name] += time.perf_counter() - started
            self.calls[name] += 1
            return result

        return timed

    def network(self, name: str, network: Any) -> Any:
        run = self.time(name, network)

        def timed(inputs):
            self.calls[name] += len(inputs) - 1
            return run(inputs)

        return timed


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--views", type=int, default=4)
    parser.add_argument("--images", type=int, default=100)
    parser.add_argument("--tile", type=int)
    args = parser.parse_args()
    clock = Clock()
    for name, (module, function) in STAGES.items():
        setattr(module, function, clock.time(name, getattr(module, function)))
    networks = Networks(engine.load_detector("litert"), engine.load_keypoint_network("litert"))
    ssd = networks.detector
    for name, decoded in (
        ("SSD", getattr(ssd, "second", ssd)),
        ("first SSD", getattr(ssd, "first", None)),
        ("hourglass", networks.pose),
        ("wide one", networks.pose.second),
    ):
        if decoded is not None:
            decoded.network = clock.network(name, decoded.network)
    settings = AnnotateSettings(0.5, args.views, tile=args.tile)
    inputs = [Input(path.name, str(path)) for path in sorted(args.folder.iterdir())[: args.images]]
    total = 0.0
    with tempfile.TemporaryDirectory() as scratch:
        for frame in frames(inputs):
            started = time.perf_counter()
            ((record, picture),) = pipeline.annotate([frame], networks, settings)
            clock.time("write", json.dumps)(journal.record_to_json(record))
            total += time.perf_counter() - started
            annotated_copies.save_image(Path(scratch), "copy.jpg", drawing.draw_hands(picture.pixels, record.hands))
    aside = {"draw", "save copies"}  # --draw
    known = sum(seconds for name, seconds in clock.seconds.items() if name not in aside)
    for name, seconds in [*clock.seconds.most_common(), ("the rest", total - known), ("all but drawing", total)]:
        calls = f"{clock.calls[name] / len(inputs):6.2f} times" if name in clock.calls else ""
        rate = ""
        if name in MULTIPLY_ADDS:
            rate = f"  {MULTIPLY_ADDS[name] * clock.calls[name] / seconds / 1e9:.0f} G multiply-adds/s"
        print(f"{name:22} {1000 * seconds / len(inputs):7.2f} ms {calls}{rate}")


if __name__ == "__main__":
    main()
