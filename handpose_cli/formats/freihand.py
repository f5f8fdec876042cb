"""`freihand`: the FreiHAND folder as it is published (Zimmermann et al., ICCV 2019), read only.

    training/rgb/00000000.jpg ... 00130239.jpg   training_K.json (32,560 x 3 x 3)   training_xyz.json (32,560 x 21 x 3)
    evaluation/rgb/00000000.jpg ...              evaluation_K.json                  evaluation_xyz.json

The 3D joints (metres, camera frame) are projected to pixels. Each pose of the training set comes four times, with other
backgrounds: the image of pose i in version k is number i + 32,560 k; the four are one `sample`. A joint outside the
image counts as not labelled; nothing is known of hidden ones. All hands are right hands. A folder that holds both sets
gives the training set; name its `evaluation` folder for the other.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import zip_longest
from pathlib import Path

import numpy as np

from handpose_cli.formats._json import stream_json
from handpose_cli.formats._parsing import errors_at, hand_of, inside, numbers_of, project
from handpose_cli.formats.errors import FormatError
from handpose_cli.records import NUM_JOINTS, ImageRecord

SIZE = 224
VERSIONS = ("gs", "hom", "sample", "auto")  # green screen, and three ways of putting another background


def recognises(path: Path, head: bytes) -> bool:
    return path.is_dir() and _labels(path) is not None


def _labels(path: Path) -> tuple[Path, str] | None:
    """Return the folder with the label files and which set it is."""
    for folder, subsets in ((path, ("training", "evaluation")), (path.parent, (path.name,))):
        for subset in subsets:
            if (folder / f"{subset}_xyz.json").is_file() and (folder / f"{subset}_K.json").is_file():
                return folder, subset
    return None


def read(path: Path, images: Path | None = None) -> Iterator[ImageRecord]:
    """Yield a record for each image: all poses of the first version, then of the second, ...

    Raises:
        FormatError: if a label file is missing, cut short or not as it should be; the message names it and the index.
    """
    found = _labels(path)
    if found is None:
        raise FormatError(f"{path}: no training_K.json and training_xyz.json (or evaluation_...)")
    folder, subset = found
    cameras, joints = folder / f"{subset}_K.json", folder / f"{subset}_xyz.json"
    poses = []
    pairs = zip_longest(stream_json(cameras, "item"), stream_json(joints, "item"))
    for index, (camera, xyz) in enumerate(pairs):
        with errors_at(f"{cameras if camera is None else joints}: entry {index}"):
            if camera is None or xyz is None:
                raise ValueError("missing; the two files must be of one length")
            points = project(numbers_of(xyz, (NUM_JOINTS, 3), "xyz"), numbers_of(camera, (3, 3), "K"))
            visible = inside(points, SIZE, SIZE)
            if not visible.any():
                raise ValueError(f"no joint lies in the {SIZE} px image; are these metres in the camera's frame?")
            poses.append((points.astype(np.float32), visible))
    prefix = f"{subset}/rgb/" if folder == path else "rgb/"
    for version in range(len(VERSIONS) if subset == "training" else 1):
        for index, (points, visible) in enumerate(poses):
            file = f"{prefix}{index + version * len(poses):08d}.jpg"
            hand = hand_of(points, np.where(visible, 2, 0), handedness="right")
            yield ImageRecord(file, SIZE, SIZE, [hand], sample=f"{subset} {index}")
