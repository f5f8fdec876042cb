"""Which joint a file's keypoints are, by the names that files give them.

Understood are our own names; MediaPipe's (`INDEX_FINGER_MCP`, `PINKY_TIP`); those of COCO-WholeBody and MMPose
(`left_hand_root`, `right_forefinger3`); OpenPose's (`LThumb2Knuckles`, `RIndex4FingerTip`); SMPL-X's (`left_index1` to
`3`, and `left_index` for the tip); and numbers, 0 to 20 or 1 to 21. How joints are counted is decided for a whole list.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from handpose_cli.formats._hand_names import words_of
from handpose_cli.formats._notes import say
from handpose_cli.formats.errors import FormatError, Unclear
from handpose_cli.records import FINGERS, KEYPOINT_NAMES, NUM_JOINTS

NONE = -1  # a keypoint that is no joint of ours

_FINGERS = {
    "thumb": "thumb",
    **dict.fromkeys(("index", "forefinger", "fore", "pointer", "pointing"), "index"),
    **dict.fromkeys(("middle", "mid"), "middle"),
    "ring": "ring",
    **dict.fromkeys(("little", "pinky", "pinkie", "small"), "little"),
}
_JOINTS = {
    **dict.fromkeys(("cmc", "tmc"), "cmc"),
    **dict.fromkeys(("mcp", "knuckle", "knuckles"), "mcp"),
    **dict.fromkeys(("tip", "fingertip", "end"), "tip"),
    **{name: name for name in ("pip", "dip", "ip", "base")},
}
_PLACES = {"mcp": 0, "base": 0, "pip": 1, "dip": 2, "tip": 3}
_THUMB = {"cmc": 0, "base": 0, "mcp": 1, "ip": 2, "pip": 2, "dip": 2, "tip": 3}
_THUMB_LIKE_FINGERS = {"mcp": 0, "pip": 1, "dip": 2, "tip": 3}
_WRIST = {"wrist", "root"}
_NO_MEANING = {
    "left", "right", "l", "r", "lh", "rh", "hand", "hands", "lhand", "rhand", "lefthand", "righthand", "finger",
    "joint", "keypoint", "kp", "kpt", "k", "j", "p", "point", "landmark", "lm", "the", "of", "palm", "new",
    "node",
}  # fmt: skip
_RUN_TOGETHER = re.compile(rf"([lr])?({'|'.join(_FINGERS)})(finger)?({'|'.join(_JOINTS)})?|([lr])(wrist)")

Word = str | int


def _meaningful(name: str) -> list[Word]:
    """Return the words of a keypoint's name that say which joint it is: a finger, a joint, a number."""
    words: list[Word] = []
    for word in words_of(name):
        if word.isdecimal() and len(word) < 4:
            words.append(int(word))
        elif word in _FINGERS or word in _JOINTS or word in _WRIST:
            words.append(word)
        elif (match := _RUN_TOGETHER.fullmatch(word)) is not None:  # indexmcp, pinkyfinger, lwrist
            words += [part for part in (match[2], match[4], match[6]) if part]
        elif word not in _NO_MEANING:
            return []
    return words


def understand(names: Sequence[str]) -> list[int]:
    """Return which joint each of the names of one file means, -1 for those that mean none of ours."""
    listed = [_meaningful(name) for name in names]
    numbers = _numbers(listed)
    first = 1 if NUM_JOINTS in numbers and 0 not in numbers else 0
    of_finger = [(_finger(words), words) for words in listed]
    counts_from = 0 if any(0 in words for finger, words in of_finger if finger) else 1
    counted = {finger for finger, words in of_finger if finger and any(isinstance(word, int) for word in words)}
    of_thumb = {_JOINTS[w] for finger, words in of_finger if finger == "thumb" for w in words if w in _JOINTS}
    thumb = _THUMB_LIKE_FINGERS if {"pip", "dip"} <= of_thumb and "cmc" not in of_thumb else _THUMB
    return [_joint(words, first, counts_from, counted, thumb) for words in listed]


def _numbers(names: Iterable[Sequence[Word]]) -> list[int]:
    """Return the numbers of the joints that go by nothing else."""
    return [words[0] for words in names if len(words) == 1 and isinstance(words[0], int)]


def _finger(words: Sequence[Word]) -> str | None:
    fingers = {_FINGERS[word] for word in words if word in _FINGERS}
    return fingers.pop() if len(fingers) == 1 else None


def _joint(words: Sequence[Word], first: int, counts_from: int, counted: set[str], thumb: Mapping[str, int]) -> int:
    if len(words) == 1 and isinstance(words[0], int):
        number = words[0] - first
        return number if 0 <= number < NUM_JOINTS else NONE
    if words and all(word in _WRIST or word == 0 for word in words):
        return 0
    finger = _finger(words)
    if finger is None:
        return NONE
    joints = [_JOINTS[word] for word in words if word in _JOINTS]
    numbers = [word for word in words if isinstance(word, int)]
    place: int | None = None
    if joints:  # OpenPose counts them too: LIndex2PIP
        place = (thumb if finger == "thumb" else _PLACES).get(joints[-1])
    elif numbers:
        place = numbers[-1] - counts_from
    elif finger in counted:  # SMPL-X's tips
        place = 3
    return FINGERS[finger][place] if place is not None and 0 <= place < 4 else NONE


@dataclass(frozen=True)
class KeypointNames:
    """How a user says that a file's keypoints are named.

    Attributes:
        by_name: pairs of a keypoint's name (or, in a file without names, its number from 0) and the joint that it is.
        in_order: the joint of each of the file's keypoints; empty if that is not known.
        text: what `parse` was given.
    """

    by_name: tuple[tuple[str, int], ...] = ()
    in_order: tuple[int, ...] = ()
    text: str = ""

    @classmethod
    def parse(cls, text: str) -> KeypointNames:
        """Return what a text or a file says.

        Args:
            text: names separated by commas: 21, as the file has them, in our order; or what each of the file's
                keypoints is, by names that are understood, `-` for one that is no joint. Or the path of a TOML or JSON
                file with an object from their names to ours, or to our numbers.

        Raises:
            FormatError: if it is none of these.
        """
        path = Path(text)
        if path.suffix.lower() in (".toml", ".json"):
            return cls(tuple(_mapping(path).items()), text=text)
        names = [name.strip() for name in text.split(",")]
        joints = understand(names)
        if all(joint != NONE or name == "-" for name, joint in zip(names, joints, strict=True)):
            return cls(in_order=tuple(joints), text=text)
        if len(names) != NUM_JOINTS:
            unknown = next(name for name, joint in zip(names, joints, strict=True) if joint == NONE and name != "-")
            raise FormatError(
                f"keypoint names: {NUM_JOINTS} expected, or only names that are understood. Received: {len(names)}, "
                f"of which {unknown!r} is not"
            )
        return cls(tuple((name, joint) for joint, name in enumerate(names) if name != "-"), text=text)


def _mapping(path: Path) -> dict[str, int]:
    import tomllib

    try:
        text = path.read_text(encoding="utf-8-sig")
        content: Any = json.loads(text) if path.suffix.lower() == ".json" else tomllib.loads(text)
    except OSError as error:
        raise FormatError(f"{path}: cannot be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise FormatError(f"{path}: cannot be read: {' '.join(str(error).split())}") from error
    if not isinstance(content, dict) or not content:
        raise FormatError(f"{path}: expected an object from their names to ours")
    joints = {}
    for theirs, ours in content.items():
        if ours in ("", "-", None, False):
            joints[theirs] = NONE
            continue
        whole = isinstance(ours, int) and not isinstance(ours, bool)
        joint = ours if whole else understand([str(ours)])[0]
        if not 0 <= joint < NUM_JOINTS:
            raise FormatError(f"{path}: {theirs}: one of our names or a number from 0 to 20 expected. Received: {ours}")
        joints[theirs] = joint
    return joints


@dataclass(frozen=True)
class Order:
    """Which joint each of a file's keypoints is.

    Attributes:
        joints: for each of the file's keypoints, -1 for one that is none of ours.
        assumed: the file does not say; they are taken in our order.
        unknown: names that mean none of our joints.
    """

    joints: tuple[int, ...]
    assumed: bool = False
    unknown: tuple[str, ...] = ()

    @cached_property
    def _kept(self) -> tuple[np.ndarray, np.ndarray] | None:
        """Return places and joints of those that are ours; None if all are, in our order."""
        if self.joints == tuple(range(NUM_JOINTS)):
            return None
        places = np.array([place for place, joint in enumerate(self.joints) if joint != NONE], int)
        return places, np.array(self.joints, int)[places]

    def arrange(self, table: np.ndarray) -> np.ndarray:
        """Return what a file has of each of its keypoints, [n, ...], in our order, [21, ...], with 0 for the others."""
        if self._kept is None:
            return table
        places, joints = self._kept
        arranged = np.zeros((NUM_JOINTS, *table.shape[1:]), table.dtype)
        arranged[joints] = table[places]
        return arranged

    def restore(self, table: np.ndarray) -> np.ndarray:
        """Return what is in our order, [21, ...], in the file's, [n, ...], with 0 for keypoints that are not ours."""
        if self._kept is None:
            return table
        places, joints = self._kept
        restored = np.zeros((len(self.joints), *table.shape[1:]), table.dtype)
        restored[places] = table[joints]
        return restored


OURS = Order(tuple(range(NUM_JOINTS)))
OURS_ASSUMED = Order(OURS.joints, assumed=True)
ASSUMED = (
    f"its keypoints have no names that are understood: taken in the order {KEYPOINT_NAMES[0]}, {KEYPOINT_NAMES[1]} ... "
    f"{KEYPOINT_NAMES[-1]}"
)


def order_of(names: Sequence[str] | None, given: KeypointNames | None = None, count: int = NUM_JOINTS) -> Order:
    """Return which joint each of a file's keypoints is.

    Args:
        names: as the file has them; None or empty if it has none.
        given: what a user says of them, which comes first.
        count: how many keypoints the file has, where it has no names.

    Raises:
        Unclear: if two names mean one joint, none is understood and they are not 21, or what a user says does not
            fit; its remedy is `keypoint_names`.
    """
    names = [str(name) for name in names or ()]
    if given is not None and given.in_order:
        if len(given.in_order) != (len(names) or count):
            raise Unclear(
                f"{len(names) or count} keypoints, but {len(given.in_order)} names are given for them", "keypoint_names"
            )
        joints = list(given.in_order)
    elif given is not None:
        listed = names or [str(number) for number in range(count)]
        by_name = dict(given.by_name)
        if set(by_name).isdisjoint(listed):
            raise Unclear(
                f"none of the names that are given for keypoints is in the file: it has {_shortened(listed)}",
                "keypoint_names",
            )
        guessed = understand(names) if names else [NONE] * count
        joints = [by_name.get(name, guess) for name, guess in zip(listed, guessed, strict=True)]
    else:
        joints = understand(names)
        numbers = _numbers(map(_meaningful, names))
        if numbers and not {0, NUM_JOINTS} & {*numbers}:
            say("keypoints go by numbers, with neither a 0 nor a 21: counted from 0, the wrist", "keypoint_names")
    if all(joint == NONE for joint in joints):
        if (len(names) or count) == NUM_JOINTS:
            return OURS_ASSUMED
        raise Unclear(
            f"{len(names) or count} keypoints with no names that are understood, where {NUM_JOINTS} are expected"
            + (f": {_shortened(names)}" if names else ""),
            "keypoint_names",
        )
    shown = names or [str(number) for number in range(count)]
    first: dict[int, str] = {}
    for name, joint in zip(shown, joints, strict=True):
        if joint != NONE and first.setdefault(joint, name) is not name:
            raise Unclear(
                f"keypoints {first[joint]} and {name} would both be {KEYPOINT_NAMES[joint]}", "keypoint_names"
            )
    unknown = tuple(name for name, joint in zip(shown, joints, strict=True) if joint == NONE)
    return Order(tuple(joints), unknown=unknown)


def _shortened(names: Sequence[str]) -> str:
    return ", ".join(names[:3]) + (" ..." if len(names) > 3 else "")
