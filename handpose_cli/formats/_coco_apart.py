"""COCO files that have a hand's box and its keypoints in two annotations, as Label Studio exports them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from handpose_cli.formats._notes import say
from handpose_cli.records import Hand, ImageRecord


def together(path: Path, records: Iterator[ImageRecord], apart: set[int]) -> Iterator[ImageRecord]:
    """Yield the records with the keypoints of an image given to its only box.

    Label Studio writes the keypoints of all hands of an image as one annotation: where an image has several boxes they
    are mixed, and left out.

    Args:
        apart: ids of those hands that are of the keypoints' category.
    """
    mixed = 0
    for record in records:
        keypoints = [hand for hand in record.hands if id(hand) in apart]
        boxes = [hand for hand in record.hands if id(hand) not in apart]
        if len(boxes) == len(keypoints) == 1:
            record.hands = [_joined(boxes[0], keypoints[0])]
        elif boxes and keypoints:
            record.hands = boxes
            mixed += 1
        yield record
    if mixed:
        say(
            f"{path}: left out: keypoints in {mixed} images, where those of several hands are mixed in one annotation. "
            "Export Label Studio's JSON instead"
        )


def _joined(box: Hand, keypoints: Hand) -> Hand:
    return replace(
        box,
        keypoints=keypoints.keypoints,
        visibility=keypoints.visibility,
        keypoint_scores=keypoints.keypoint_scores,
        handedness=box.handedness or keypoints.handedness,
    )
