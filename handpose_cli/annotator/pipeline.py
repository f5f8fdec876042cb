"""Frames to records: detect, crop, find keypoints; in batches."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from handpose_cli.annotator.pose import find_in_crops, handedness_of, without_doubles
from handpose_cli.annotator.proposals import Candidate, candidates, far_candidates, given_hands, is_known
from handpose_cli.annotator.settings import AnnotateSettings, Networks
from handpose_cli.doubt.flags import DAMAGED_PICTURE
from handpose_cli.doubt.shape import strangeness
from handpose_cli.engine.contract import log_odds
from handpose_cli.media.errors import NO_MEMORY, UnreadableError
from handpose_cli.media.frames import Frame
from handpose_cli.media.picture import Picture
from handpose_cli.records import Hand, ImageRecord, box_around

# What a box has beyond the keypoints on each side, over their longer side: flesh around the joints. With it, boxes fit
# those that people draw (intersection over union 0.83 and 0.80 on two sets) better than the detector's (0.77, 0.71).
MARGIN = 0.05
# Where proportions are so many times the largest that hands have (`doubt.shape`), a hand scores less, by so much of the
# log-odds for each whole beyond: birds, dogs and streets whose joints lie far apart. Chosen on `dev_boxes`.
STRANGE, COSTS = 1.2, 2.0


class Annotated(NamedTuple):
    """A record and the picture it was made from (None if it could not be read).

    Attributes:
        transient: whether it might be read another time, see `UnreadableError`.
    """

    record: ImageRecord
    picture: Picture | None
    transient: bool = False


def annotate(frames: list[Frame], networks: Networks, settings: AnnotateSettings) -> list[Annotated]:
    """Annotate a batch of frames; one that cannot be read gets a record with `failure`."""
    results = [read(frame, settings) for frame in frames]
    pictures = [
        (frame, result.record, result.picture)
        for frame, result in zip(frames, results, strict=True)
        if result.picture is not None
    ]
    found = candidates([(frame, picture) for frame, _, picture in pictures], networks, settings)
    places = [(record, place) for (_, record, _), of_it in zip(pictures, found, strict=True) for place in of_it]

    def find(places: list[tuple[ImageRecord, Candidate]]) -> None:
        hands = look([place for _, place in places], networks, settings.views)
        for (record, _), hand in zip(places, hands, strict=True):
            record.hands.append(hand)

    find([(record, place) for record, place in places if not place.last])
    find([(record, place) for record, place in places if place.last and not is_known(place, record.hands)])
    far = ((record, far_candidates(picture, record.hands, networks, settings)) for _, record, picture in pictures)
    find([(record, place) for record, of_it in far for place in of_it])
    for result in results:
        result.record.hands = choose(result.record.hands, networks, settings)
        if result.picture is not None and result.picture.is_damaged:
            result.record.hands = [replace(hand, flags=(*hand.flags, DAMAGED_PICTURE)) for hand in result.record.hands]
    return results


def read(frame: Frame, settings: AnnotateSettings) -> Annotated:
    """Return a frame's picture and its record, without hands yet, or with `failure`."""
    try:
        picture = frame.read()
        given_hands(frame, picture, settings)  # if they do not fit, this picture alone fails
    except UnreadableError as error:
        return Annotated(ImageRecord(frame.file, None, None, failure=str(error)), None, error.transient)
    except MemoryError:
        return Annotated(ImageRecord(frame.file, None, None, failure=NO_MEMORY), None, True)
    record = ImageRecord(
        frame.file, picture.width, picture.height, [], frame=frame.index, time=frame.time, fps=frame.fps
    )
    return Annotated(record, picture)


def look(found: list[Candidate], networks: Networks, views: int) -> list[Hand]:
    """Return a hand for each candidate, with keypoints, scores and handedness; its score says whether it is one.

    Without a calibration scores are the networks' own: the joints' as they come, the hand's the product of the
    detector's score and the keypoint network's probability of a hand, where it gives one. With one, hands that have no
    hand's proportions score less.

    Boxes that are given stay as they are; those of the detector give way to the ones around the keypoints (`box_of`).
    """
    if not found:
        return []
    hands = find_in_crops(networks.pose, [(candidate.picture, candidate.crop) for candidate in found], views)
    calibration = networks.pose.calibration
    scores = hands.scores if calibration is None else calibration.joint_scores(hands.scores, views)
    results = []
    for i, candidate in enumerate(found):
        is_hand = None if hands.is_hand is None else float(hands.is_hand[i])
        is_right = None if hands.is_right is None else float(hands.is_right[i])
        if calibration is None:
            score = candidate.box_score * (1.0 if is_hand is None else is_hand)
        else:
            evidence = calibration.joint_scores(hands.evidence[i], views)
            score = calibration.hand_score(candidate.box_score, evidence, is_hand, views)
            score = _less_if_strange(score, hands.keypoints[i])
        picture, box = candidate.picture, candidate.box
        if networks.detector is not None:
            box = box_of(hands.keypoints[i], picture.width, picture.height)
        results.append(
            Hand(
                box,
                keypoints=hands.keypoints[i],
                keypoint_scores=scores[i],
                score=float(score),
                handedness=handedness_of(is_right),
            )
        )
    return results


def _less_if_strange(score: float, keypoints: np.ndarray) -> float:
    """Return a hand's score, 0 to 1, or less if its keypoints (float [21, 2]) have no hand's proportions."""
    beyond = min(max(strangeness(keypoints)) - STRANGE, 2.0)
    return score if beyond <= 0 else min(score, 1 / (1 + math.exp(COSTS * beyond - log_odds(score))))


def box_of(keypoints: np.ndarray, width: int, height: int) -> np.ndarray:
    """Return a hand's box (float32 [4]: x, y, width, height): around its keypoints with a `MARGIN`, inside the image.

    Args:
        keypoints: float [21, 2] in pixels.
        width, height: of the image.
    """
    box = box_around(keypoints)
    margin, size = MARGIN * box[2:].max(), np.array([width, height], np.float32)
    low, high = np.clip(box[:2] - margin, 0, size), np.clip(box[:2] + box[2:] + margin, 0, size)
    return np.concatenate([low, high - low]).astype(np.float32)


def choose(hands: list[Hand], networks: Networks, settings: AnnotateSettings) -> list[Hand]:
    """Return which hands of a frame are kept, best first; without a detector all: who gives boxes wants an answer."""
    hands = sorted(hands, key=lambda hand: -(hand.score or 0))
    if networks.detector is not None:
        hands = without_doubles([hand for hand in hands if (hand.score or 0) >= settings.score_threshold])
    return hands[: settings.max_hands]
