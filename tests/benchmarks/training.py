"""Training throughput against PyTorch, and against what the input pipeline gives; run by hand:

    python tests/benchmarks/training.py [--network NAME]... [--data LABELS]... [--steps N] [--rounds N] [--no-compile]

Each network is trained for some steps on ready-made batches by the compiled Keras model of `handpose train` through
`fit`, and by `torch_hourglass.py` (channels_last; as it is, and through `torch.compile`), in float32 and with bfloat16,
each in a process of its own with all cores, in turn; PyTorch also with one thread, since on a busy machine its two wait
for each other many times over. Then the threads of `RandomCrops` alone make batches. Prints images per second, from the
median step of all rounds, the processor's milliseconds per image, and the ratio to the fastest PyTorch.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

SAMPLES = Path(__file__).parents[2] / "samples"
BATCHES = {"hourglass-lite": 32, "hourglass-2": 8}  # the seed's 64 takes minutes a step on two cores
PRECISIONS = ("float32", "mixed_bfloat16")
CORES = os.cpu_count() or 1
WARM_UP = 4  # steps
READY_MADE = 4  # batches


def run_settings(network: str, precision: str):
    """Return the settings of `handpose train`'s own recipe; the lite network with its hand head."""
    from handpose_cli.training.settings import of_new_run

    negatives = ("any",) if network == "hourglass-lite" else ()
    given = {"preset": network, "data": ("any",), "negatives": negatives, "precision": precision}
    return of_new_run({**given, "batch_size": BATCHES[network]})


def ready_made(settings) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Return batches of noise: crops, joints and hands, as in `RandomCrops`."""
    rng = np.random.default_rng(0)
    n, size = settings.batch_size, settings.network.input_size
    batches = []
    for _ in range(READY_MADE):
        joints = np.concatenate([rng.uniform(0, size / 4, (n, 21, 2)), np.ones((n, 21, 1))], axis=2)
        hands = np.column_stack([rng.integers(0, 2, n), np.ones(n), rng.integers(0, 2, n), np.ones(n)])
        crops = rng.uniform(0, 1, (n, size, size, 3))
        batches.append(tuple(a.astype(np.float32) for a in (crops, joints, hands)))
    return batches


def train_keras(settings, steps: int) -> dict:
    """Return the parameters' number, the last loss and each step's seconds: see `Clock`."""
    import keras

    from handpose_cli.networks.hourglass import presets
    from handpose_cli.networks.hourglass.outputs import HAND_OUTPUT
    from handpose_cli.training.fit import compile_model
    from handpose_cli.training.keypoints import KeypointTask

    keras.utils.set_random_seed(0)
    keras.config.set_dtype_policy(settings.precision)
    model = presets.build(settings.network)
    compile_model(model, KeypointTask(), settings, settings.stages[-1].learning_rate, steps=10_000)

    batches = [
        (crops, {name: hands if name == HAND_OUTPUT else joints for name in model.output})
        for crops, joints, hands in ready_made(settings)
    ]

    class Batches(keras.utils.PyDataset):
        def __len__(self) -> int:
            return steps

        def __getitem__(self, index: int):
            return batches[index % READY_MADE]

    clock, losses = Clock(), []

    def end(_, logs) -> None:
        losses.append(float(logs["loss"]))
        clock.tick()

    model.fit(Batches(), verbose=0, callbacks=[keras.callbacks.LambdaCallback(on_train_batch_end=end)])
    return {"parameters": model.count_params(), "loss": losses[-1], **clock.read()}


def train_torch(settings, steps: int, threads: int, compiled: bool = False) -> dict:
    """The same by PyTorch."""
    import torch
    from torch_hourglass import StackedHourglass, make_step, parameters

    torch.manual_seed(0)
    torch.set_num_threads(threads)
    torch.set_flush_denormal(True)  # as TensorFlow does
    model = StackedHourglass(settings.network).to(memory_format=torch.channels_last)
    step = make_step(torch.compile(model) if compiled else model, settings)
    batches, clock = ready_made(settings), Clock()
    for i in range(steps):
        loss = step(*batches[i % READY_MADE])
        clock.tick()
    return {"parameters": parameters(model), "loss": loss, **clock.read()}


class Clock:
    """Seconds between ticks: as they pass, and of all cores together."""

    def __init__(self) -> None:
        self.ticks: list[tuple[float, float]] = []

    def tick(self) -> None:
        self.ticks.append((time.perf_counter(), time.process_time()))

    def read(self) -> dict[str, list[float]]:
        seconds, processor = np.diff(self.ticks, axis=0)[WARM_UP:].T.tolist()
        return {"seconds": seconds, "processor": processor}


TRAINERS: dict[str, Callable[..., dict]] = {
    "keras": train_keras,
    "torch": lambda settings, steps: train_torch(settings, steps, CORES),
    "torch, one thread": lambda settings, steps: train_torch(settings, steps, 1),
    "torch compiled": lambda settings, steps: train_torch(settings, steps, CORES, compiled=True),
}


def in_own_process(*arguments: str) -> dict:
    """Call this file with arguments; return what it prints in its last line."""
    call = [sys.executable, __file__, "--child", *arguments]
    result = subprocess.run(call, text=True, capture_output=True)
    if result.returncode:
        sys.exit(f"{' '.join(arguments)}: {result.stderr[-2000:]}")
    return json.loads(result.stdout.splitlines()[-1])


def compare(network: str, precision: str, trainers: list[str], steps: int, rounds: int) -> dict[str, float]:
    """Train by each trainer in turn; return images per second of each."""
    batch = BATCHES[network]
    runs: dict[str, list[dict]] = {name: [] for name in trainers}
    for _ in range(rounds):
        for name in trainers:
            runs[name].append(in_own_process(name, network, precision, str(steps)))
    numbers = {name: results[0]["parameters"] for name, results in runs.items()}
    assert len(set(numbers.values())) == 1, f"not the same network: {numbers}"
    assert all(np.isfinite(result["loss"]) for results in runs.values() for result in results), runs
    print(f"{network}, {precision}, batch {batch}, {numbers['keras']:,} parameters")
    rates = {}
    for name, results in runs.items():
        seconds, processor = ([s for result in results for s in result[key]] for key in ("seconds", "processor"))
        rates[name] = batch / statistics.median(seconds)
        spread = f"{batch / max(seconds):.1f} to {batch / min(seconds):.1f}"
        cost = 1000 * statistics.median(processor) / batch
        print(f"  {name}: {rates[name]:.1f} images/s ({spread}), {cost:.0f} ms of processor an image")
    peer = max(rate for name, rate in rates.items() if name != "keras")
    print(f"  keras / the fastest torch: {rates['keras'] / peer:.2f}", flush=True)
    return rates


def made_up_data(folder: Path) -> str:
    """Write crops with context of the samples' hands, as labels to train on."""
    import cv2

    from handpose_cli.crop import crop_around
    from handpose_cli.formats import label_list

    entries = []
    for record in label_list.read(SAMPLES / "labels.json"):
        for hand in record.hands if record.frame is None else []:
            crop = crop_around(hand.box, 208, 1.8)
            name = f"{len(entries)}.jpg"
            cv2.imwrite(str(folder / name), crop.cut(cv2.imread(str(SAMPLES / record.file))))
            points = crop.to_crop(hand.keypoints).round(2).tolist()
            entries.append({"image": name, "width": 208, "height": 208, "keypoints": points})
    (folder / "labels.json").write_text(json.dumps(entries * 100))
    return str(folder)


def make_batches(network: str, batches: str, *data: str) -> dict:
    """Return how many crops `RandomCrops` makes in a second with the threads that `fit` would give it."""
    from handpose_cli.training.data.dataset import RandomCrops
    from handpose_cli.training.data.samples import read_samples

    settings = run_settings(network, "float32")
    samples = read_samples(data)
    crops = RandomCrops(samples, settings.network.input_size, settings.batch_size, seed=0)
    count, first = int(batches), 30  # batches in which the pool of backgrounds fills
    with ThreadPoolExecutor(settings.workers) as pool:
        list(pool.map(crops.__getitem__, range(first)))
        started = time.perf_counter()
        list(pool.map(crops.__getitem__, range(first, first + count)))
        seconds = time.perf_counter() - started
    return {"rate": count * settings.batch_size / seconds, "workers": settings.workers, "hands": len(samples)}


def child(arguments: list[str]) -> dict:
    if arguments[0] == "crops":
        return make_batches(*arguments[1:])
    name, network, precision, steps = arguments
    return TRAINERS[name](run_settings(network, precision), int(steps))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--network", action="append", choices=BATCHES, help="default: all")
    parser.add_argument("--precision", action="append", choices=PRECISIONS, help="default: both")
    parser.add_argument("--data", action="append", default=[], help="labels for the crops; default: from samples/")
    parser.add_argument("--steps", type=int, default=16, help=f"of each process, {WARM_UP + 1} of them not counted")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--no-compile", action="store_true", help="leave out torch.compile, which takes minutes")
    parser.add_argument("--child", nargs="+", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        print(json.dumps(child(arguments.child)))
        return
    trainers = [name for name in TRAINERS if not (arguments.no_compile and name == "torch compiled")]
    for network in arguments.network or BATCHES:
        fastest = 0.0
        for precision in arguments.precision or PRECISIONS:
            rates = compare(network, precision, trainers, arguments.steps, arguments.rounds)
            fastest = max(fastest, rates["keras"])
        with tempfile.TemporaryDirectory() as folder:
            data = arguments.data or [made_up_data(Path(folder))]
            crops = in_own_process("crops", network, "40", *data)
        print(f"{network}: {crops['rate']:.0f} crops/s by {crops['workers']} threads of RandomCrops alone")
        print(f"  crops / the faster Keras: {crops['rate'] / fastest:.1f}", flush=True)


if __name__ == "__main__":
    main()
