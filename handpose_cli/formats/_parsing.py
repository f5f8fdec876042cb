"""What the readers share: checked numbers, hands of them, and errors that name the file and the place in it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from handpose_cli.formats.errors import FormatError
from handpose_cli.records import NUM_JOINTS, Hand, box_around


@contextmanager
def errors_at(place: object) -> Iterator[None]:
    """Turn lookup, type and value errors in the block into a FormatError that begins with `place`."""
    try:
        yield
    except FormatError:
        raise
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        reason = f"no {error}" if isinstance(error, KeyError) else " ".join(str(error).split())
        raise FormatError(f"{place}: {reason}", getattr(error, "remedy", "")) from error


def box_of(values: Any) -> np.ndarray:
    """Return a box as float32 [4]; raise ValueError unless it is four finite numbers: x, y, width, height."""
    with np.errstate(over="ignore"):
        box = np.asarray(values, np.float64).astype(np.float32)
    if box.shape != (4,) or not np.isfinite(box).all():
        raise ValueError(f"box must be four finite numbers: x, y, width, height. Received: {values}")
    return box


def has_size(box: np.ndarray) -> bool:
    """Return whether a box has a width and a height."""
    return bool((box[2:] > 0).all())


def is_exhaustive(entry: dict[str, Any]) -> bool:
    """Return whether an image's entry lists all its hands: so it is unless `exhaustive` says otherwise.

    Raises:
        ValueError: if that is neither true nor false; a guess would be wrong in silence.
    """
    said = entry.get("exhaustive", True)
    if said is not None and said not in (0, 1):  # as pandas and SQL write them
        raise ValueError(f"exhaustive must be true or false. Received: {said!r}")
    return said is None or bool(said)


def numbers_of(values: Any, shape: tuple[int, ...], name: str) -> np.ndarray:
    """Return finite numbers of a shape as float64; raise ValueError, naming them, if they are not."""
    try:
        array = np.asarray(values, np.float64)
    except (TypeError, ValueError):
        array = np.empty(0)
    with np.errstate(over="ignore"):  # keypoints are kept as float32
        array = np.where(np.isfinite(array.astype(np.float32)), array, np.nan)
    if array.shape != shape or not np.isfinite(array).all():
        wanted = " x ".join(map(str, shape))
        if not shape:
            raise ValueError(f"{name} must be a finite number. Received: {values!r}")
        problem = f"shape {array.shape}" if array.shape != shape else "a number that is not finite"
        raise ValueError(f"{name} must be {wanted} finite numbers. Received: {problem}")
    return array


def hand_fields(entry: dict[str, Any]) -> dict[str, Any]:
    """Return score, handedness, track_id, area, head_size and interpolated as an entry has them; checked."""
    fields: dict[str, Any] = {}
    for name in ("score", "area", "head_size"):
        value = entry.get(name)
        fields[name] = None if value is None else float(numbers_of(value, (), name))
    fields["handedness"], fields["track_id"] = entry.get("handedness"), entry.get("track_id")
    track = fields["track_id"]
    if (isinstance(track, float) and track.is_integer()) or (isinstance(track, str) and track.isdecimal()):
        fields["track_id"] = int(track)
    if fields["handedness"] not in (None, "left", "right"):
        raise ValueError(f"handedness must be left, right or null. Received: {fields['handedness']!r}")
    if fields["track_id"] is not None and not isinstance(fields["track_id"], int):
        raise ValueError(f"track_id must be a whole number or null. Received: {fields['track_id']!r}")
    fields["interpolated"] = bool(entry.get("interpolated"))
    return fields


def flags_in(entry: dict[str, Any]) -> tuple[str, ...]:
    """Return the flags of a hand in this tool's own formats; raise ValueError if they are no list."""
    flags = entry.get("flags")
    if not isinstance(flags, list | None):
        raise ValueError(f"flags must be a list of names. Received: {flags!r}")
    return tuple(flags or ())


def hand_of(
    points: np.ndarray, visibility: np.ndarray | None = None, box: np.ndarray | None = None, **fields: Any
) -> Hand:
    """Return a hand from keypoints [21, 2] and, where known, what is visible and the box.

    Args:
        visibility: [21] as in COCO (0 not labelled, 1 hidden, 2 visible); None: all visible.
        box: None: the keypoints' box; it is also used for a hand whose joints are all unlabelled.

    Raises:
        ValueError: if there is neither a box nor a labelled joint.
    """
    points = numbers_of(points, (NUM_JOINTS, 2), "keypoints").astype(np.float32)
    scores = fields.get("keypoint_scores")
    if scores is not None:
        fields["keypoint_scores"] = numbers_of(scores, (NUM_JOINTS,), "joint scores").astype(np.float32)
    if fields.get("score") is not None:
        fields["score"] = float(numbers_of(fields["score"], (), "score"))
    if visibility is not None:
        visibility = np.asarray(visibility)
        known = (visibility == 0) | (visibility == 1) | (visibility == 2)  # isin takes five times as long
        if visibility.shape != (NUM_JOINTS,) or not np.all(known):
            raise ValueError(f"visibility must be {NUM_JOINTS} times 0, 1 or 2. Received: {visibility.tolist()}")
        visibility = visibility.astype(np.uint8)
        points[visibility == 0] = np.nan
        if not visibility.any():
            if box is None:
                raise ValueError("a hand without a box and without a labelled joint")
            return Hand(box, **fields)
        if (visibility == 2).all():
            visibility = None
    return Hand(box_around(points) if box is None else box, keypoints=points, visibility=visibility, **fields)


def scores_of(scores: np.ndarray, labelled: np.ndarray) -> np.ndarray | None:
    """Return the joints' scores [21], of which some may be NaN: a joint that is labelled without one, by a person
    among a network's, is sure, as a hand without a score is. None if none is known.
    """
    known = np.isfinite(scores)
    return np.where(known, scores, labelled).astype(np.float32) if known.any() else None


def inside(points: np.ndarray, width: float, height: float) -> np.ndarray:
    """Return which of the points [..., 2] lie in the image."""
    return np.asarray(((points >= -0.5) & (points < np.array([width, height]) - 0.5)).all(axis=-1))


def project(points: np.ndarray, camera: np.ndarray) -> np.ndarray:
    """Return the pixels [..., 2] of points [..., 3] in camera coordinates (z forwards), by a 3 x 3 camera matrix."""
    image = points @ np.swapaxes(camera, -1, -2)
    if (image[..., 2] <= 0).any():
        raise ValueError("a keypoint behind the camera (z <= 0)")
    pixels: np.ndarray = image[..., :2] / image[..., 2:]
    return pixels
