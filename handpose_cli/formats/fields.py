"""What a record can hold, and what of it a format keeps.

A writer's `KEEPS` names the fields that come back when its file is read; a format that cannot keep one drops it, and
`handpose convert-labels` says so.
"""

from __future__ import annotations

import numpy as np

from handpose_cli.formats._parsing import inside
from handpose_cli.records import SAME_BOX, Hand, ImageRecord

# name: how to call it
FIELDS = {
    "size": "image sizes",
    "frame": "frame numbers",
    "time": "frame times and rates",
    "failure": "failures",
    "no_hands": "images without hands",
    "sample": "which images show one sample",
    "corrected": "which images were corrected",
    "exhaustive": "which images may show more hands than they list",
    "box": "boxes (keypoints' boxes instead)",
    "box_only": "hands without keypoints",
    "score": "hand scores",
    "keypoint_scores": "joint scores",
    "hidden": "which joints are hidden",
    "outside": "what is outside the image (joints; boxes are clipped)",
    "handedness": "handedness",
    "track_id": "track ids",
    "area": "areas",
    "head_size": "head sizes",
    "raw_keypoints": "keypoints before they were smoothed",
    "interpolated": "which hands are interpolated",
    "flags": "reasons to doubt hands (flags)",
}
EVERYTHING = frozenset(FIELDS)


def used(record: ImageRecord) -> set[str]:
    """Return the names in `FIELDS` of what the record holds, beyond its file name and its keypoints' places."""
    held = {
        "size": record.width is not None,
        "frame": record.frame is not None,
        "time": record.time is not None or record.fps is not None,
        "failure": record.failure is not None,
        "no_hands": not record.hands and record.failure is None,
        "sample": record.sample is not None,
        "corrected": record.corrected,
        "exhaustive": not record.exhaustive,
    }
    names = {name for name, is_held in held.items() if is_held}
    for hand in record.hands:
        names |= _used_by(hand)
        if (
            record.width is not None
            and record.height is not None
            and _reaches_outside(hand, record.width, record.height)
        ):
            names.add("outside")
    return names


def _reaches_outside(hand: Hand, width: int, height: int) -> bool:
    if (hand.box[:2] < -SAME_BOX).any() or (hand.box[:2] + hand.box[2:] > np.array([width, height]) + SAME_BOX).any():
        return True
    if hand.keypoints is None:
        return False
    return not inside(hand.keypoints[np.isfinite(hand.keypoints).all(axis=1)], width, height).all()


def image_name(record: ImageRecord) -> str:
    """Return the record's file, or, for a video's frame, the image that it would be on disk."""
    return record.file if record.frame is None else f"{record.file}/{record.frame:06d}.jpg"


def _used_by(hand: Hand) -> set[str]:
    names = {
        name
        for name in ("score", "keypoint_scores", "handedness", "track_id", "area", "head_size", "raw_keypoints")
        if getattr(hand, name) is not None
    }
    if hand.interpolated:
        names.add("interpolated")
    if hand.flags:
        names.add("flags")
    if hand.keypoints is None:
        names.add("box_only")
    elif hand.has_own_box:
        names.add("box")
    if hand.visibility is not None and (hand.visibility == 1).any():
        names.add("hidden")
    return names
