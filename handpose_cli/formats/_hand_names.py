"""Which names of classes, categories and labels mean a hand, and which hand: by whole words.

`hand`, `Hands`, `left_hand`, `Hand (right)`, `rightHand`, `human hand`, `hand_pose`, `left` and EgoHands' `myleft` are
hands; `handbag`, `door_handle`, `hand towel`, `second hand`, `no_hand`, `face`, `palm` and `person` are not.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

_WORDS = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|\d+|[^\W\d_A-Za-z]+")

_LEFT = {"left", "l", "lh", "lhand", "lefthand", "handleft", "handl", "myleft", "yourleft"}
_RIGHT = {"right", "r", "rh", "rhand", "righthand", "handright", "handr", "myright", "yourright"}
_HAND = {"hand", "hands", "handpose", "humanhand", *(_LEFT - {"left", "l"}), *(_RIGHT - {"right", "r"})}

# a noun behind "hand" makes another thing of it (hand bag, hand rail), but for these
_BEHIND = {
    "pose", "poses", "keypoint", "keypoints", "kpt", "kpts", "kp", "landmark", "landmarks", "skeleton", "joint",
    "joints", "point", "points", "box", "boxes", "bbox", "bboxes", "region", "instance", "detection", "annotation",
    "label", "class", "category", "open", "closed", "visible", "hidden", "occluded", "truncated", "blurred", "human",
    "of", "the", "a", "person", "people", "s", "gesture", "gestures", "palm", "fist", "back", "up", "down", "own",
}  # fmt: skip
# and these anywhere: no hand at all, a clock's, or a thing in a hand
_AGAINST = {
    "no", "not", "non", "without", "never", "second", "minute", "hour", "clock", "watch", "off", "with", "in",
    "holding",
}  # fmt: skip

_UNTOLD = {"", "unknown", "none", "null", "na", "n a", "unsure", "undefined", "unspecified", "interacting"}
_TICKED = {name.format(side): side for side in ("left", "right") for name in ("is_{}", "{}", "{}_hand", "is_{}_hand")}
SIDE_KEYS = ("handedness", "hand_side", "side", "hand_type", "hand", "laterality")


def words_of(name: str) -> list[str]:
    """Return the words of a name in lower case: `leftHand_2` has left, hand and 2."""
    return [word.lower() for word in _WORDS.findall(name)]


def is_hand(name: str) -> bool:
    """Return whether a class's name means hands."""
    words = [word for word in words_of(name) if not word.isdigit()]
    if words and all(word in ("left", "right") for word in words):
        return True
    last = max((at for at, word in enumerate(words) if word in _HAND), default=None)
    if last is None or not set(words).isdisjoint(_AGAINST):
        return False
    return all(word in _BEHIND or word in _LEFT or word in _RIGHT for word in words[last + 1 :])


def is_wanted(name: str, classes: Sequence[str] = ()) -> bool:
    """Return whether a class is one to read: one of those that a user names exactly, or else a hand by its name."""
    return name in classes if classes else is_hand(name)


def side_of(label: str) -> str | None:
    """Return the handedness that a label such as "left", "Right-hand" or "L" means; None if it means none, or both."""
    words = set(words_of(label))
    left, right = not words.isdisjoint(_LEFT), not words.isdisjoint(_RIGHT)
    return None if left == right else "left" if left else "right"


def side_in(entry: Mapping[str, Any]) -> str | None:
    """Return the handedness that an object's entry has in a key of its own or in its `attributes`, in any spelling.

    Raises:
        ValueError: if two keys differ.
    """
    attributes = entry.get("attributes")
    places: list[Mapping[str, Any]] = [entry]
    if isinstance(attributes, Mapping):
        places.append(attributes)
    elif isinstance(attributes, Sequence) and not isinstance(attributes, str):
        places += [{str(item.get("name")): item.get("value")} for item in attributes if isinstance(item, Mapping)]
    found: dict[str, str] = {}
    ticked: dict[str, dict[bool, str]] = {"left": {}, "right": {}}  # of boxes to tick: whether they are, and their keys
    for place in places:
        for key, value in place.items():
            name = "_".join(words_of(str(key)))
            side = None
            if name in SIDE_KEYS and isinstance(value, str):
                side = side_of(value)
                if name == "handedness" and side is None and " ".join(words_of(value)) not in _UNTOLD:
                    raise ValueError(f"handedness must be left, right or null. Received: {value!r}")
            elif name == "handedness" and value is not None:
                raise ValueError(f"handedness must be left, right or null. Received: {value!r}")
            elif name in _TICKED and (isinstance(value, bool) or (name.startswith("is_") and value in (0, 1))):
                ticked[_TICKED[name]][bool(value)] = f"{key}: {value}"
            if side is not None:
                found.setdefault(side, f"{key}: {value}")
    for side, other in (("left", "right"), ("right", "left")):
        if True in ticked[side]:
            found.setdefault(side, ticked[side][True])
        elif False in ticked[side] and not ticked[other]:  # where there is one for each, neither may be known
            found.setdefault(other, ticked[side][False])
    if len(found) > 1:
        raise ValueError(f"the entry names both hands: {', '.join(found.values())}")
    return next(iter(found), None)


def one_side(said: str | None, named: str | None, what: str) -> str | None:
    """Return the handedness that an object's entry has, or else that of the class or the like that it is of.

    Raises:
        ValueError: if they differ; `what` is of which it is, such as "in a category of".
    """
    if said and named and said != named:
        raise ValueError(f"the entry names both hands: {said}, {what} {named} ones")
    return said or named
