"""The vocabulary of the whole project: joints, hands and the records that every command reads or writes.

Labels made by people and predictions made by the network are the same type. Coordinates are pixels of the upright image
(EXIF orientation applied): x to the right, y down, and the centre of the top left pixel is (0, 0).
"""

from __future__ import annotations

import math
import operator
import os
import re
from dataclasses import KW_ONLY, dataclass, field, fields
from typing import Any

import numpy as np

# FreiHAND's order, which is also MediaPipe's, OpenPose's and COCO-WholeBody's.
KEYPOINT_NAMES = (
    "wrist",
    *(f"thumb_{joint}" for joint in ("cmc", "mcp", "ip", "tip")),
    *(
        f"{finger}_{joint}"
        for finger in ("index", "middle", "ring", "little")
        for joint in ("mcp", "pip", "dip", "tip")
    ),
)
NUM_JOINTS = len(KEYPOINT_NAMES)
WRIST, MIDDLE_MCP = KEYPOINT_NAMES.index("wrist"), KEYPOINT_NAMES.index("middle_mcp")

FINGERS = {
    name: tuple(range(1 + 4 * i, 5 + 4 * i)) for i, name in enumerate(("thumb", "index", "middle", "ring", "little"))
}

# Bones as pairs of joint indices, from the wrist outwards: 20 edges, four a finger.
SKELETON = tuple(edge for joints in FINGERS.values() for edge in zip((0, *joints[:-1]), joints, strict=True))

SAME_BOX = 0.02  # pixels by which two boxes that are the same may differ, after they were rounded
_ARRAYS: dict[str, tuple[tuple[int, ...], type]] = {
    "box": ((4,), np.float32),
    "keypoints": ((NUM_JOINTS, 2), np.float32),
    "keypoint_scores": ((NUM_JOINTS,), np.float32),
    "visibility": ((NUM_JOINTS,), np.uint8),
    "raw_keypoints": ((NUM_JOINTS, 2), np.float32),
}
FLAG = re.compile(r"[A-Za-z0-9_]+")


@dataclass(eq=False)  # arrays have no single truth: compare fields, or `to_dict`
class Hand:
    """One hand in one image. Arrays of the types below are kept as they are; others are copied into these.

    Attributes:
        box: float32 [4], x, y, width, height in pixels; it may reach outside the image.
        keypoints: float32 [21, 2], x, y in pixels, in the order of `KEYPOINT_NAMES`; NaN for a joint that is not
            labelled; None if there is only a box.
        keypoint_scores: float32 [21], 0 to 1: a prediction's confidence, or the trust in a label; None if unknown.
        score: confidence that this is a hand, 0 to 1; None for labels.
        handedness: "left" or "right", as the hand is (not as a mirror shows it); None if unknown.
        track_id: the same number for the same hand through a video; None if hands are not tracked.
        visibility: uint8 [21] as in COCO: 0 not labelled (the keypoint is NaN), 1 labelled but hidden, 2 visible; None
            if all are labelled and nothing is known of hidden ones.
        area: the object's area in pixels, which OKS divides by, where the label set gives one.
        head_size: length in pixels of the person's head, which PCKh divides by, where the label set gives one.
        raw_keypoints: float32 [21, 2], what the network found before `keypoints` were smoothed; None if they were not.
        interpolated: nothing was found in this frame; the hand is put between where it was before and after.
        flags: reasons to doubt the hand, by name (`doubt.flags.FLAGS`); empty also where nobody looked for any.
    """

    box: np.ndarray
    _: KW_ONLY
    keypoints: np.ndarray | None = None
    keypoint_scores: np.ndarray | None = None
    score: float | None = None
    handedness: str | None = None
    track_id: int | None = None
    visibility: np.ndarray | None = None
    area: float | None = None
    head_size: float | None = None
    raw_keypoints: np.ndarray | None = None
    interpolated: bool = False
    flags: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Give arrays their types, and make `visibility` and the keypoints that are NaN agree.

        Raises:
            ValueError: if an array is not of its shape, or a number, handedness or a flag is none.
        """
        for name, (shape, dtype) in _ARRAYS.items():
            value = getattr(self, name)
            if value is not None or name == "box":
                setattr(self, name, _array(name, value, shape, dtype))
        if not _all_finite(self.box):
            raise ValueError(f"box must be four finite numbers: x, y, width, height. Received: {self.box.tolist()}")
        for name in ("score", "area", "head_size"):
            if (number := getattr(self, name)) is not None and not math.isfinite(number):
                raise ValueError(f"{name} must be a finite number or None. Received: {number}")
        if self.track_id is not None:
            self.track_id = _whole("track_id", self.track_id)
        self._agree()
        if self.handedness not in (None, "left", "right"):
            raise ValueError(f"handedness must be left, right or None. Received: {self.handedness!r}")
        if self.flags:
            self.flags = tuple(self.flags) if not isinstance(self.flags, str) else (self.flags,)
            for name in self.flags:
                if not isinstance(name, str) or not FLAG.fullmatch(name):
                    raise ValueError(f"a flag must be a name of letters, digits and _. Received: {name!r}")

    def _agree(self) -> None:
        """Have visibility 0 and NaN be the same: joints that are not labelled; without any there are no keypoints."""
        if self.keypoints is None or (self.visibility is None and _all_finite(self.keypoints)):
            return
        labelled = np.isfinite(self.keypoints).all(axis=1)
        if self.visibility is not None:
            labelled &= self.visibility != 0
        if labelled.all():
            return
        if not labelled.any():
            self.keypoints = self.visibility = self.keypoint_scores = None
            return
        self.keypoints = np.where(labelled[:, None], self.keypoints, np.float32(np.nan))
        self.visibility = np.where(labelled, 2 if self.visibility is None else self.visibility, 0).astype(np.uint8)
        if self.keypoint_scores is not None:
            self.keypoint_scores = np.where(labelled, self.keypoint_scores, np.nan_to_num(self.keypoint_scores))

    def __repr__(self) -> str:
        """Say in a line what a hand is, without its arrays of joints, of which many hands would fill a screen."""
        box = [round(float(side), 1) for side in self.box]
        known = {"score": None if self.score is None else round(float(self.score), 3), "handedness": self.handedness,
                 "track_id": self.track_id, "flags": self.flags or None}  # fmt: skip
        joints = "" if self.keypoints is None else f", {int(np.isfinite(self.keypoints).all(axis=1).sum())} keypoints"
        return f"Hand({box}{joints}" + "".join(f", {k}={v!r}" for k, v in known.items() if v is not None) + ")"

    @property
    def size(self) -> float:
        """The longer side of the box in pixels."""
        return float(max(self.box[2], self.box[3]))

    @property
    def mean_joint_score(self) -> float | None:
        """The mean score of the joints that are labelled; None if no scores are known."""
        if self.keypoint_scores is None:
            return None
        known = slice(None) if self.keypoints is None else np.isfinite(self.keypoints).all(axis=1)
        scores = self.keypoint_scores[known]
        return float(scores.mean()) if len(scores) else None

    @property
    def has_own_box(self) -> bool:
        """Whether the box is more than the tight one around the keypoints."""
        if self.keypoints is None or not np.isfinite(self.keypoints).all(axis=1).any():
            return True
        return not np.allclose(self.box, box_around(self.keypoints), rtol=0, atol=SAME_BOX)

    def to_dict(self) -> dict[str, Any]:
        """Return the fields that are known as JSON has them: lists of numbers, None for those that are NaN."""
        return _to_dict(self)


@dataclass(eq=False)
class ImageRecord:
    """One image, or one frame of a video, and the hands in it.

    Attributes:
        file: path of the input with "/" between folders, relative to the folder that the run or the label file names.
        width, height: size of the upright image in pixels; None if it could not be read.
        hands: the hands found, possibly none.
        frame: index of the frame, from 0; None for a still image.
        time: presentation time of the frame in seconds; None for a still image.
        fps: the video's average frame rate; None for a still image.
        failure: why the input could not be read, in one line; None if it was read.
        sample: images with the same one are alike (FreiHAND's four backgrounds of a pose, a sequence) and stay together
            when labels are split; None: each file is a sample of its own.
        corrected: a person has looked at the hands, and corrected them where they were wrong.
        exhaustive: whether all hands that are to be seen are listed; if not, another one may be right too.
    """

    file: str
    width: int | None
    height: int | None
    hands: list[Hand] = field(default_factory=list)
    _: KW_ONLY
    frame: int | None = None
    time: float | None = None
    fps: float | None = None
    failure: str | None = None
    sample: str | None = None
    corrected: bool = False
    exhaustive: bool = True

    def __post_init__(self) -> None:
        """Forget a size that is none: programs that do not know it write 0, or only one side.

        Raises:
            ValueError: if the file is no path, or a size, frame or time no number.
        """
        self.file = os.fspath(self.file)
        if not isinstance(self.file, str):
            raise ValueError(f"file must be a text. Received: {self.file!r}")
        for name in ("width", "height", "frame"):
            if (number := getattr(self, name)) is not None:
                setattr(self, name, _whole(name, number))
        for name in ("time", "fps"):
            if (number := getattr(self, name)) is not None:
                setattr(self, name, float(number))
        if not isinstance(self.hands, list):
            self.hands = list(self.hands)
        if not (self.width and self.height and self.width > 0 and self.height > 0):
            self.width = self.height = None

    def to_dict(self) -> dict[str, Any]:
        """Return the fields that are known, the hands as theirs, as JSON has them.

        `corrected` is there only if it is true, `exhaustive` only if it is not.
        """
        usual = {"corrected": False, "exhaustive": True}
        known = {name: value for name, value in _to_dict(self).items() if usual.get(name) is not value}
        return {**known, "hands": [hand.to_dict() for hand in self.hands]}


def _all_finite(array: np.ndarray) -> bool:
    flat = array.ravel()
    with np.errstate(over="ignore"):  # of numbers beyond 1e19
        squares = flat.dot(flat)
    return math.isfinite(squares) or bool(np.isfinite(array).all())  # the first is four times as quick


def _array(name: str, value: Any, shape: tuple[int, ...], dtype: type) -> np.ndarray:
    """Return an array in the type that a hand has it in; itself, if that is its own."""
    array = np.asarray(value)
    if array.shape != shape:
        what = "None" if value is None else list(array.shape)
        raise ValueError(f"{name} must be of shape {list(shape)}. Received: {what}")
    if name == "visibility" and (array.dtype == bool or not ((array == 0) | (array == 1) | (array == 2)).all()):
        raise ValueError(f"visibility must be 0 (not labelled), 1 (hidden) or 2 (visible). Received: {array.tolist()}")
    return array.astype(dtype, copy=False)


def _whole(name: str, value: Any) -> int:
    """Return a whole number, which NumPy and pandas have in types of their own, as JSON has it."""
    if type(value) is int:
        return value
    try:
        if isinstance(value, float | np.floating) and value.is_integer():
            return int(value)
        return operator.index(value)
    except TypeError:
        raise ValueError(f"{name} must be a whole number or None. Received: {value!r}") from None


def _to_dict(record: Hand | ImageRecord) -> dict[str, Any]:
    values = {each.name: getattr(record, each.name) for each in fields(record) if each.name != "hands"}
    if not values.get("flags"):
        values.pop("flags", None)
    return {name: _plain(value) for name, value in values.items() if value is not None}


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        if value.dtype.kind == "f":
            return np.where(np.isfinite(value), value.astype(object), np.array(None)).tolist()
        return value.tolist()
    if isinstance(value, tuple):
        return list(value)
    return value.item() if isinstance(value, np.generic) else value


def box_around(keypoints: np.ndarray) -> np.ndarray:
    """Return the tight box (float32 [4]: x, y, width, height) around those of the keypoints [n, 2] that are not NaN."""
    labelled = keypoints[np.isfinite(keypoints).all(axis=1)]
    low, high = labelled.min(axis=0), labelled.max(axis=0)
    return np.concatenate([low, high - low]).astype(np.float32)


def to_upright(keypoints: np.ndarray) -> np.ndarray:
    """Return by how many degrees, clockwise, hands must be turned to have their middle MCP joints above their wrists.

    Args:
        keypoints: float [..., 21, 2], x to the right and y down.

    Returns:
        float [...], -180 to 180.
    """
    across, down = np.moveaxis(keypoints[..., MIDDLE_MCP, :] - keypoints[..., WRIST, :], -1, 0)
    degrees: np.ndarray = np.degrees(np.arctan2(-across, -down))
    return degrees
