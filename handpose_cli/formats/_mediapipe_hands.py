"""The hands in one of MediaPipe's results, in the ways in which programs turn them into JSON."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from handpose_cli.formats._hand_names import side_of
from handpose_cli.formats._keypoint_names import NONE, understand
from handpose_cli.formats._results_in_units import FoundHand
from handpose_cli.records import NUM_JOINTS

HANDS_KEYS = ("hand_landmarks", "handLandmarks", "multi_hand_landmarks", "multiHandLandmarks", "landmarks", "hands",
              "keypoints", "hand_keypoints")  # fmt: skip
HAND_KEYS = ("landmark", *HANDS_KEYS)  # of one hand's object
NAME_KEYS = ("name", "landmark", "id", "index", "landmark_id")  # of one landmark
SIDE_KEYS = ("handedness", "handednesses", "multi_handedness", "multiHandedness", "hand_side", "hand", "label", "side")


def hands_in(value: Any, sides: Any = None) -> Iterator[FoundHand]:
    """Yield the hands of an image: of a list of them, or of one."""
    if value is None or (isinstance(value, Sequence) and not value):
        return
    listed = value if _is_several(value) else [value]
    if isinstance(sides, str | Mapping):
        sides = [sides]
    for number, hand in enumerate(listed):
        if not hand:  # null: not found
            continue
        given = sides[number] if isinstance(sides, Sequence) and number < len(sides) else None
        yield _hand(hand, given)


def _is_several(value: Any) -> bool:
    """Return whether a value is a list of hands, not one hand's list of landmarks."""
    if not isinstance(value, list):
        return False
    first = next((item for item in value if item), None)
    if isinstance(first, Mapping):
        return "x" not in first
    return not (isinstance(first, list) and first and isinstance(first[0], int | float))


def _hand(hand: Any, given: Any) -> FoundHand:
    score = None
    if isinstance(hand, Mapping):
        given = first_of(hand, SIDE_KEYS) or given
        score = first_of(hand, ("score", "confidence", "handedness_score", "hand_score"))
        landmarks = first_of(hand, HAND_KEYS)
        if isinstance(landmarks, Mapping):
            landmarks = first_of(landmarks, HAND_KEYS)
    else:
        landmarks = hand
    side, side_score = _side(given)
    if not isinstance(landmarks, list) or len(landmarks) != NUM_JOINTS:
        count = len(landmarks) if isinstance(landmarks, list) else type(landmarks).__name__
        raise ValueError(f"{NUM_JOINTS} landmarks of a hand expected. Received: {count}")
    points = [
        (point["x"], point["y"]) if isinstance(point, Mapping) else (point or [None] * 2)[:2] for point in landmarks
    ]
    numbers = np.array(points, float)
    if numbers.shape != (NUM_JOINTS, 2) or np.isinf(numbers).any():
        raise ValueError(f"{NUM_JOINTS} landmarks with finite x and y expected")
    score = side_score if score is None else score
    numbers = numbers[np.argsort(_joints_of(landmarks))]
    return FoundHand(numbers, None if score is None else float(score), side)


def _joints_of(landmarks: list[Any]) -> Sequence[int]:
    """Return which joint each landmark is: as it is named or numbered, else in the usual order."""
    for key in NAME_KEYS if all(isinstance(point, Mapping) for point in landmarks) else ():
        joints = _understood(tuple(str(point.get(key)) for point in landmarks))
        if len({*joints} - {NONE}) == NUM_JOINTS:
            return joints
    return range(NUM_JOINTS)


_understood = lru_cache(64)(understand)


def _side(given: Any) -> tuple[str | None, float | None]:
    """Return handedness and its score, from `Left`, a category, a list of them or a `classification`."""
    while isinstance(given, list) and given:
        given = given[0]
    if isinstance(given, Mapping):
        if "classification" in given or "categories" in given:
            return _side(given.get("classification", given.get("categories")))
        label = first_of(given, ("category_name", "categoryName", "label", "display_name", "displayName", "name"))
        return (side_of(label) if isinstance(label, str) else None), given.get("score")
    return (side_of(given) if isinstance(given, str) else None), None


def first_of(entry: Mapping[str, Any], keys: Sequence[str]) -> Any:
    """Return what stands under the first of the keys that has something."""
    return next((entry[key] for key in keys if entry.get(key) is not None), None)
