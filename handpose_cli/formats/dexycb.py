"""`dexycb`: the DexYCB folder as it is published (Chao et al., CVPR 2021), read only.

    <subject>/<sequence>/meta.yml                          mano_sides: [right]
    <subject>/<sequence>/<camera>/labels_000000.npz        joint_2d: 1 x 21 x 2
    <subject>/<sequence>/<camera>/color_000000.jpg

joint_2d is in pixels of the 640 x 480 image; -1, -1 means that there is no hand. A joint outside the image counts as
not labelled; nothing is known of hidden ones. The eight cameras' images of a sequence are one `sample`.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from handpose_cli.formats._parsing import errors_at, hand_of, inside, numbers_of
from handpose_cli.formats._yaml import read_yaml
from handpose_cli.formats.errors import FormatError
from handpose_cli.records import NUM_JOINTS, ImageRecord

SIZE = (640, 480)


def recognises(path: Path, head: bytes) -> bool:
    if not path.is_dir():
        return False
    first = next(path.glob("*/*/meta.yml"), None)
    return first is not None and next(first.parent.glob("*/labels_*.npz"), None) is not None


def read(path: Path, images: Path | None = None) -> Iterator[ImageRecord]:
    """Yield a record for each image, sequence by sequence and camera by camera, with a hand or without.

    Raises:
        FormatError: if a file is damaged or not as it should be; the message names it.
    """
    metas = sorted(path.glob("*/*/meta.yml"))
    if not metas:
        raise FormatError(f"{path}: no <subject>/<sequence>/meta.yml")
    for meta in metas:
        side = _side(meta)
        sequence = meta.parent.relative_to(path).as_posix()
        for labels in sorted(meta.parent.glob("*/labels_*.npz")):
            joints = _joints(labels)
            with errors_at(labels):
                points = numbers_of(joints, (1, NUM_JOINTS, 2), "joint_2d")[0]
                labelled = inside(points, *SIZE) & ~(points == -1).all(axis=1)
                visibility = np.where(labelled, 2, 0)
                hands = [hand_of(points, visibility, handedness=side)] if labelled.any() else []
            frame = labels.stem.removeprefix("labels_")
            file = f"{sequence}/{labels.parent.name}/color_{frame}.jpg"
            yield ImageRecord(file, *SIZE, hands, sample=sequence)


def _side(meta: Path) -> str:
    content = read_yaml(meta)
    with errors_at(meta):
        sides: list[str] = content["mano_sides"]
        if sides not in (["left"], ["right"]):
            raise ValueError(f"mano_sides must be [left] or [right]. Received: {sides}")
        return sides[0]


def _joints(labels: Path) -> np.ndarray:
    try:
        with np.load(labels, allow_pickle=False) as arrays:
            if "joint_2d" not in arrays:
                raise ValueError("no joint_2d")
            joints: np.ndarray = arrays["joint_2d"]
            return joints
    except Exception as error:  # a damaged archive can fail in any way
        reason = error.strerror if isinstance(error, OSError) and error.strerror else " ".join(str(error).split())
        raise FormatError(f"{labels}: cannot be read: {reason or type(error).__name__}") from error
