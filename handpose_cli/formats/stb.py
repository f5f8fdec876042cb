"""`stb`: the stereo hand pose tracking benchmark as it is published (Zhang et al., ICIP 2017), read only.

    labels/B1Counting_BB.mat, labels/B1Counting_SK.mat, ...     handPara: 3 x 21 x 1500
    images/B1Counting/BB_left_0.png, BB_right_0.png, SK_color_0.png, ...

The joints (millimetres; BB in the left camera's frame, SK in the depth camera's) are projected to pixels of the
640 x 480 images by the cameras in the set's readme. The first joint is the palm's centre, not the wrist: the wrist is
not labelled. Nor is a joint outside the image; nothing is known of hidden ones. All hands are left hands. The images of
a sequence are one `sample`. Needs SciPy.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike

from handpose_cli.formats._notes import LeftOut
from handpose_cli.formats._parsing import errors_at, hand_of, inside, numbers_of, project
from handpose_cli.formats.errors import FormatError
from handpose_cli.records import NUM_JOINTS, ImageRecord

# the palm's centre in the wrist's place, then little finger to thumb, each from its base to its tip
JOINTS = (0, 17, 18, 19, 20, 13, 14, 15, 16, 9, 10, 11, 12, 5, 6, 7, 8, 1, 2, 3, 4)

SIZE = (640, 480)
BB = np.array([[822.79041, 0, 318.47345], [0, 822.79041, 250.31296], [0, 0, 1]])
SK = np.array([[607.92271, 0, 314.78337], [0, 607.88192, 236.42484], [0, 0, 1]])
BASELINE = (120.054, 0.0, 0.0)
# from the colour camera's frame to the depth camera's: depth = R colour + t
SK_ROTATION_VECTOR = np.array([0.00531, -0.01196, 0.00301])
SK_TRANSLATION = (-24.0381, -0.4563, -1.2326)


def _rotation(vector: np.ndarray) -> np.ndarray:
    """Return the matrix of a rotation vector (Rodrigues)."""
    angle = float(np.linalg.norm(vector))
    x, y, z = vector / angle
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    matrix: np.ndarray = np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross
    return matrix


# image: camera matrix, its rotation R and place t in the joints' frame; the camera sees R^-1 (X - t)
VIEWS: dict[str, dict[str, tuple[np.ndarray, np.ndarray, ArrayLike]]] = {
    "BB": {"BB_left": (BB, np.eye(3), np.zeros(3)), "BB_right": (BB, np.eye(3), BASELINE)},
    "SK": {"SK_color": (SK, _rotation(SK_ROTATION_VECTOR), SK_TRANSLATION)},
}


def recognises(path: Path, head: bytes) -> bool:
    return bool(_files(path))


def _files(path: Path) -> list[Path]:
    return sorted(file for rig in VIEWS for file in (path / "labels").glob(f"*_{rig}.mat"))


def read(path: Path, images: Path | None = None) -> Iterator[ImageRecord]:
    """Yield a record for each image, file by file and frame by frame.

    Raises:
        FormatError: if SciPy is not installed, or a file is damaged or not as it should be; the message names it.
    """
    files = _files(path)
    if not files:
        raise FormatError(f"{path}: no labels/*_BB.mat or labels/*_SK.mat")
    left_out = LeftOut(path)
    for file in files:
        sequence, rig = file.stem.rsplit("_", 1)
        joints = _joints(file)
        for frame in range(joints.shape[2]):
            for view, (matrix, rotation, place) in VIEWS[rig].items():
                with errors_at(f"{file}: frame {frame}"):
                    xyz = numbers_of(joints[:, :, frame], (3, NUM_JOINTS), "handPara").T[JOINTS, :]
                    points = project((xyz - place) @ rotation, matrix)
                    labelled = inside(points, *SIZE)
                    labelled[0] = False
                    visibility = np.where(labelled, 2, 0)
                    hands = [hand_of(points, visibility, handedness="left")] if labelled.any() else []
                if not hands:
                    left_out.add("hands outside their image")
                file_name = f"images/{sequence}/{view}_{frame}.png"
                yield ImageRecord(file_name, *SIZE, hands, sample=sequence)
    left_out.say()


def _joints(file: Path) -> np.ndarray:
    try:
        from scipy.io import loadmat
    except ModuleNotFoundError as error:
        raise FormatError("the format stb needs scipy: pip install 'handpose-cli[stb]'") from error
    try:
        joints = np.asarray(loadmat(file, variable_names=["handPara"])["handPara"])
    except Exception as error:  # a damaged file can fail in any way
        reason = " ".join(str(error).split()) or type(error).__name__
        raise FormatError(f"{file}: cannot be read as a MATLAB file with handPara: {reason}") from error
    if joints.ndim != 3 or joints.shape[:2] != (3, NUM_JOINTS):
        raise FormatError(f"{file}: handPara must be 3 x {NUM_JOINTS} x frames. Received shape: {joints.shape}")
    return joints
