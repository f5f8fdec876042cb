"""`rhd`: the Rendered Handpose Dataset as it is published (Zimmermann and Brox, ICCV 2017), read only.

    training/color/00000.png ... 41257.png     training/anno_training.pickle
    evaluation/color/00000.png ...             evaluation/anno_evaluation.pickle

    {0: {"uv_vis": 42 x [u, v, visible], "xyz": 42 x 3, "K": 3 x 3}, ...}

The left hand's joints are 0 to 20, the right hand's 21 to 41; u and v are pixels of the 320 x 320 image. A joint that
is not visible is hidden if it lies inside the image, else not labelled. Every image lists both hands, also of one
behind the person's back: a hand with fewer than 10 visible joints in the image is left out, and the image is not
`exhaustive` if any is visible. The pickle is read as a whole (100 MB). A folder that holds both sets gives the training
set; name its `evaluation` folder for the other.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from handpose_cli.formats import _safe_pickle as safe_pickle
from handpose_cli.formats._notes import LeftOut
from handpose_cli.formats._parsing import errors_at, hand_of, inside, numbers_of
from handpose_cli.formats.errors import FormatError
from handpose_cli.records import NUM_JOINTS, Hand, ImageRecord

# wrist, then each finger from its tip to its base
JOINTS = (0, 4, 3, 2, 1, 8, 7, 6, 5, 12, 11, 10, 9, 16, 15, 14, 13, 20, 19, 18, 17)

SIZE = 320
FEWEST_VISIBLE = 10  # of 21: fewer do not show what the hand does


def recognises(path: Path, head: bytes) -> bool:
    return _labels(path) is not None


def _labels(path: Path) -> tuple[Path, str] | None:
    """Return the label file and what stands before the images' names."""
    for subset in ("training", "evaluation"):
        name = f"anno_{subset}.pickle"
        if path.name == name and path.is_file():
            return path, "color/"
        for prefix in ("", f"{subset}/"):
            if (path / prefix / name).is_file():
                return path / prefix / name, f"{prefix}color/"
    return None


def read(path: Path, images: Path | None = None) -> Iterator[ImageRecord]:
    """Yield a record for each image, in the file's order, with hands or without.

    Raises:
        FormatError: if the label file is missing, damaged or not as it should be; the message names it and the image.
    """
    found = _labels(path)
    if found is None:
        raise FormatError(f"{path}: no anno_training.pickle or anno_evaluation.pickle")
    file, prefix = found
    annotations = safe_pickle.load(file)
    if not isinstance(annotations, dict):
        raise FormatError(f"{file}: expected a dict of images. Received: {type(annotations).__name__}")
    with LeftOut(file) as left_out:
        for number, annotation in annotations.items():
            with errors_at(f"{file}: image {number}"):
                table = numbers_of(annotation["uv_vis"], (2 * NUM_JOINTS, 3), "uv_vis")
                record = ImageRecord(f"{prefix}{int(number):05d}.png", SIZE, SIZE, _hands(table))
            if (hidden := 2 - len(record.hands)) > 0:
                left_out.add(f"hands with fewer than {FEWEST_VISIBLE} visible joints", count=hidden)
                record.exhaustive = len(_hands(table, fewest=1)) == len(record.hands)
            yield record


def _hands(table: np.ndarray, fewest: int = FEWEST_VISIBLE) -> list[Hand]:
    hands = []
    for handedness, half in (("left", table[:NUM_JOINTS]), ("right", table[NUM_JOINTS:])):
        points, visible = half[JOINTS, :2], half[JOINTS, 2] > 0
        within = inside(points, SIZE, SIZE)
        if (visible & within).sum() >= fewest:
            hands.append(hand_of(points, np.where(within, np.where(visible, 2, 1), 0), handedness=handedness))
    return hands
