"""Coordinates are pixels, and scores from 0 to 1: what is otherwise would give wrong numbers without a word."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path, PurePosixPath

import numpy as np

from handpose_cli.boxes import iou
from handpose_cli.formats._notes import say
from handpose_cli.formats._parsing import has_size
from handpose_cli.formats.errors import FormatError
from handpose_cli.formats.fields import image_name
from handpose_cli.records import Hand, ImageRecord, box_around

LOOKED_AT = 1000  # hands whose boxes are looked at
LARGEST = 1.5  # of a share of the image's size, for a joint that a labeller guesses beyond the edge
FAR = 0.5  # beyond 0 to 1 a score is none: heatmaps' peaks reach a little beyond, percent and logits far


def is_normalised(hand: Hand) -> bool:
    """Return whether a hand's coordinates, or its box's, can only be shares of the image's size: all in 1.5 pixels."""
    corners = np.stack([hand.box[:2], hand.box[:2] + hand.box[2:]])
    if hand.keypoints is None:
        return _are_shares(corners)
    points = hand.keypoints[np.isfinite(hand.keypoints).all(axis=1)]
    return _are_shares(points) or (has_size(hand.box) and _are_shares(corners))


def _are_shares(points: np.ndarray) -> bool:
    # all 0: it was not found
    return len(points) > 1 and bool(points.any()) and bool(np.abs(points).max() <= LARGEST)


def is_of_corners(hand: Hand) -> bool:
    """Return whether a box fits its keypoints as x1, y1, x2, y2, and not as x, y, width, height."""
    x, y, right, bottom = hand.box.tolist()
    if hand.keypoints is None or right <= x or bottom <= y:
        return False
    points = hand.keypoints[np.isfinite(hand.keypoints).all(axis=1)]
    if len(points) < 2:
        return False
    tight = box_around(points)[None]
    as_corners = float(iou(tight, np.array([[x, y, right - x, bottom - y]], np.float32))[0, 0])
    return as_corners > 0.5 and float(iou(tight, hand.box[None])[0, 0]) < 0.7 * as_corners


def in_pixels(records: Iterable[ImageRecord], path: Path) -> Iterator[ImageRecord]:
    """Yield the records of a file.

    Raises:
        FormatError: at an image without a name, or if, at the end, most hands' coordinates are from 0 to 1. One alone
            may be a prediction's that collapsed; it is spoken of, and so are boxes that seem to be of two corners.
    """
    hands = normalised = of_corners = 0
    first = ""
    for record in records:
        if "\0" in record.file or not PurePosixPath(record.file).name:
            raise FormatError(f"{path}: an image must have a name. Received: {record.file!r}")
        for number, hand in enumerate(record.hands):
            if hands < LOOKED_AT:
                of_corners += is_of_corners(hand)
            if hand.box[2] > LARGEST and (hand.keypoints is None or hand.keypoints[0, 0] > LARGEST):  # as nearly always
                hands += 1
                continue
            hands += _is_somewhere(hand)
            if is_normalised(hand):
                normalised += 1
                first = first or f"{image_name(record)}, hand {number}"
        yield record
    if of_corners > 2 and 2 * of_corners > min(hands, LOOKED_AT):
        say(f"{path}: boxes are read as x, y, width, height, but most fit their keypoints as x1, y1, x2, y2")
    if not normalised:
        return
    line = f"{path}: {normalised} of {hands} hands have coordinates from 0 to 1, where pixels are expected: {first}"
    if 2 * normalised >= hands:
        raise FormatError(f"{line}. Results of MediaPipe are read as they are if named mediapipe:PATH")
    say(line)


def _is_somewhere(hand: Hand) -> bool:
    """Return whether not all coordinates are 0, as some programs write a hand that was not found."""
    return bool(hand.box.any()) or bool(hand.keypoints is not None and np.nan_to_num(hand.keypoints).any())


def with_probabilities(records: Iterable[ImageRecord], path: Path) -> Iterator[ImageRecord]:
    """Yield the records of a file with scores from 0 to 1, as other files have them and as the loss weighs joints.

    Those a little beyond, as heatmaps' peaks are, are cut off there, and it is said.

    Raises:
        FormatError: at a score far beyond.
    """
    cut = 0
    for record in records:
        wrong = {number: _farthest(hand) for number, hand in enumerate(record.hands) if not _has_probabilities(hand)}
        for number, score in wrong.items():
            if not -FAR <= score <= 1 + FAR:
                place = f"{path}: {image_name(record)}, hand {number}"
                raise FormatError(f"{place}: scores must be from 0 to 1. Received: {score:g}", "scores")
        cut += len(wrong)
        if wrong:
            record = replace(record, hands=[_cut(hand) for hand in record.hands])
        yield record
    if cut:
        say(f"{path}: scores of {cut} hands lie a little below 0 or above 1: taken for 0 and 1")


def _has_probabilities(hand: Hand) -> bool:
    scores = hand.keypoint_scores
    return (hand.score is None or 0 <= hand.score <= 1) and (
        scores is None or bool(scores.min() >= 0 and scores.max() <= 1)
    )


def _farthest(hand: Hand) -> float:
    """Return the score that is farthest from 0 to 1."""
    scores: list[float] = [] if hand.keypoint_scores is None else hand.keypoint_scores.tolist()
    return max([*scores, *([] if hand.score is None else [hand.score])], key=lambda score: abs(score - 0.5))


def _cut(hand: Hand) -> Hand:
    score = None if hand.score is None else min(max(hand.score, 0.0), 1.0)
    return replace(hand, score=score, keypoint_scores=None if (s := hand.keypoint_scores) is None else s.clip(0, 1))
