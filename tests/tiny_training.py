"""A network and data so small that a test can train it; `conftest` makes fixtures of them."""

import json
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2
from click.testing import Result
from conftest import SAMPLES, handpose

from handpose_cli.crop import crop_around
from handpose_cli.formats import label_list
from handpose_cli.networks.hourglass import presets

TINY = presets.Preset(1, 8, 1, 32, "fixup", 1.5, "cross-entropy")


@contextmanager
def no_graphs() -> Iterator[None]:
    """Steps without TensorFlow's graphs: making those of the whole encoder takes longer than the few steps."""
    import tensorflow as tf

    tf.config.run_functions_eagerly(True)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Even though the `tf.config.experimental_run_functions_eagerly`")
            yield
    finally:
        tf.config.run_functions_eagerly(False)


def write_training_folder(folder: Path) -> None:
    """Write the samples' hands as small crops with labels.

    Each shows enough beside the hand to be put behind others: what is blurred for want of that takes most of the time.
    """
    entries = []
    for record in label_list.read(SAMPLES / "labels.json"):
        for hand in record.hands if record.frame is None else []:
            crop = crop_around(hand.box, 160, 3)
            name = f"{len(entries)}.png"
            cv2.imwrite(str(folder / name), crop.cut(cv2.imread(str(SAMPLES / record.file))))
            points = crop.to_crop(hand.keypoints).round(2).tolist()
            entries.append({"image": name, "width": 160, "height": 160, "keypoints": points})
    (folder / "labels.json").write_text(json.dumps(entries))


def train(folder: Path, run: Path, *options: object) -> Result:
    """Train the network of the fixture `tiny_preset` on a folder."""
    settings = ("--preset", "hourglass-lite", "--batch-size", 4, "--learning-rate", 1e-3, "--ema", 0)
    return handpose("train", "--data", folder, "--val", folder, "-o", run, *settings, *options)
