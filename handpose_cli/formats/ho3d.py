"""`ho3d`: the HO-3D folder as it is published (Hampali et al., CVPR 2020), versions 2 and 3, read only.

    train/<sequence>/rgb/0000.jpg (or .png)
    train/<sequence>/meta/0000.pkl     {"handJoints3D": 21 x 3, "camMat": 3 x 3, ...}

The joints (metres, OpenGL's axes: y up, z backwards) are projected to pixels of the 640 x 480 image. A joint outside
the image counts as not labelled; nothing is known of hidden ones, of which there are many: each hand holds an object.
All hands are right hands. A frame whose joints are None has no hands. Sequences whose names differ in their numbers
alone, such as one seen by five cameras (ABF10 to ABF14), are one `sample`. The evaluation set says only where the wrist
is, so it cannot be read.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from handpose_cli.formats import _safe_pickle as safe_pickle
from handpose_cli.formats._parsing import errors_at, hand_of, inside, numbers_of, project
from handpose_cli.formats.errors import FormatError
from handpose_cli.records import NUM_JOINTS, Hand, ImageRecord

# MANO's: wrist, index, middle, little, ring, thumb, then the five tips from thumb to little
JOINTS = (0, 13, 14, 15, 16, 1, 2, 3, 17, 4, 5, 6, 18, 10, 11, 12, 19, 7, 8, 9, 20)

SIZE = (640, 480)
FROM_OPENGL = (1, -1, -1)


def recognises(path: Path, head: bytes) -> bool:
    return _subset(path) is not None


def _subset(path: Path) -> str | None:
    """Return what stands between the folder and the sequences."""
    for prefix in ("train/", "", "evaluation/"):
        if path.is_dir() and next((path / prefix).glob("*/meta/*.pkl"), None) is not None:
            return prefix
    return None


def read(path: Path, images: Path | None = None) -> Iterator[ImageRecord]:
    """Yield a record for each frame, sequence by sequence, with a hand or without.

    Raises:
        FormatError: if a frame's file is damaged or not as it should be; the message names it.
    """
    prefix = _subset(path)
    if prefix is None:
        raise FormatError(f"{path}: no train/<sequence>/meta/*.pkl")
    for sequence in sorted((path / prefix).iterdir()):
        for meta in sorted((sequence / "meta").glob("*.pkl")):
            annotation = safe_pickle.load(meta)
            with errors_at(meta):
                hands = _hands(annotation)
            stem = f"{prefix}{sequence.name}/rgb/{meta.stem}"
            suffix = ".png" if ((images or path) / f"{stem}.png").is_file() else ".jpg"
            yield ImageRecord(stem + suffix, *SIZE, hands, sample=sequence.name.rstrip("0123456789"))


def _hands(annotation: dict[str, Any]) -> list[Hand]:
    if annotation["handJoints3D"] is None:
        return []
    joints = np.asarray(annotation["handJoints3D"])
    if joints.size == 3:
        raise ValueError("handJoints3D is only the wrist: the evaluation set does not have the other joints")
    xyz = numbers_of(joints, (NUM_JOINTS, 3), "handJoints3D")[JOINTS, :] * FROM_OPENGL
    points = project(xyz, numbers_of(annotation["camMat"], (3, 3), "camMat"))
    within = inside(points, *SIZE)
    return [hand_of(points, np.where(within, 2, 0), handedness="right")] if within.any() else []
