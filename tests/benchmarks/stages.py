"""Where the time of `handpose predict` goes: milliseconds an image in each stage, on one thread; run by hand:

    python tests/benchmarks/stages.py FOLDER [--views 4] [--images 100] [--tile PIXELS]

FOLDER has photos (`speed.py --folder` makes some). Says also how the networks' time compares with their multiply-adds,
and all of it with a floor: these at the rate of a network of large convolutions in 8 bits (it needs TensorFlow), and
decoding.
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
from handpose_cli.quiet import quiet_stderr, set_up_libraries
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


def peak(repeats: int = 20) -> float:
    """Return the multiply-adds a second of four 3x3 convolutions of 256 channels on 28x28 pixels, in int8."""
    import keras
    import numpy as np

    from handpose_cli.engine.litert import LiteRTNetwork
    from handpose_cli.training.delivery.export import export_litert

    side, channels, layers = 28, 256, 4
    x = pixels = keras.Input((side, side, channels))
    for _ in range(layers):
        x = keras.layers.Conv2D(channels, 3, padding="same", activation="relu")(x)
    noise = np.random.default_rng(0).random((1, side, side, channels), np.float32)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "peak.tflite"
        with quiet_stderr():
            export_litert(keras.Model(pixels, x), path, "int8", lambda: [noise])
        network = LiteRTNetwork(path)
    seconds = []
    for _ in range(repeats):
        started = time.perf_counter()
        network(noise)
        seconds.append(time.perf_counter() - started)
    return layers * 9 * channels**2 * side**2 / min(seconds)


def main() -> None:
    set_up_libraries()
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
            ((record, picture, _),) = pipeline.annotate([frame], networks, settings)
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
    most = peak()
    computed = sum(MULTIPLY_ADDS[name] * clock.calls[name] for name in MULTIPLY_ADDS) / most
    floor = (computed + clock.seconds["read and decode"]) / len(inputs)
    print(
        f"floor: networks at {most / 1e9:.0f} G multiply-adds/s {1000 * computed / len(inputs):.2f} ms, with decoding "
        f"{1000 * floor:.2f} ms; all but drawing takes {total / len(inputs) / floor:.2f} times that"
    )


if __name__ == "__main__":
    main()
