"""Frames to records: detect, crop, find keypoints; in batches."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np

from handpose_cli.annotator.detector import Network, detect
from handpose_cli.annotator.hand_score import hand_score
from handpose_cli.annotator.joint_score import joint_scores
from handpose_cli.annotator.pose import PART, SURE_HAND, find_in_crops, handedness_of, without_doubles
from handpose_cli.boxes import iou, share_inside
from handpose_cli.crop import Crop, crop_around
from handpose_cli.records import Hand, ImageRecord, box_around
from handpose_cli.sources.errors import UnreadableError
from handpose_cli.sources.frames import Frame
from handpose_cli.sources.picture import Picture

# Which of the detector's boxes are worth the hourglass's look: those that score at least this, and this share of
# the frame's best. Where the detector sees one well, faint boxes seldom hold another; where all are faint, one may.
LEAST_BOX_SCORE, WORTH = 0.02, 0.1
# Of these, boxes that score less than this share of the best, and such as overlap a better one so much (intersection
# over union), are looked at last: where a sure hand is found, few show another.
FAINT, SAME_HAND = 0.3, 0.4
# What a box has beyond the keypoints on each side, over their longer side: flesh around the joints. With it, boxes fit
# those that people draw (intersection over union 0.83 and 0.80 on two sets) better than the detector's (0.77, 0.71).
MARGIN = 0.05

Boxes = Mapping[tuple[str, int | None], list[Hand]]


class Hourglass(Protocol):
    """A network of `engine`: for crops float32 [n, size, size, 3] (RGB, 0 to 1) it returns outputs by name."""

    output_names: set[str]

    def __call__(self, inputs: np.ndarray) -> dict[str, np.ndarray]: ...


class Networks(NamedTuple):
    """What a thread runs: the SSD (None if boxes come from elsewhere), the hourglass and the side of its crops."""

    detector: Network | None
    pose: Hourglass
    pose_input_size: int


@dataclass(frozen=True)
class Settings:
    """How frames are annotated.

    Attributes:
        score_threshold: least score of a hand, 0 to 1.
        views: 1, 2 or 4, see `pose.find_keypoints`.
        max_hands: keep the best so many hands of a frame; None: all.
        boxes: hands with boxes by file name and frame index, in place of a detector; None: no such boxes.
    """

    score_threshold: float
    views: int = 4
    max_hands: int | None = None
    boxes: Boxes | None = None


class Annotated(NamedTuple):
    """A record and the picture it was made from (None if it could not be read)."""

    record: ImageRecord
    picture: Picture | None


class Candidate(NamedTuple):
    """What may be a hand.

    Attributes:
        picture: the one it is in.
        box, crop: where to look.
        box_score: the detector's.
        faint: whether it scores much less than the picture's best.
        last: whether it is, or overlaps a better one, and so is looked at after the others.
    """

    picture: Picture
    box: np.ndarray
    crop: Crop
    box_score: float
    faint: bool = False
    last: bool = False


def annotate(frames: list[Frame], networks: Networks, settings: Settings) -> list[Annotated]:
    """Annotate a batch of frames; one that cannot be read gets a record with `failure`."""
    results = [read(frame) for frame in frames]
    places: list[Candidate] = []
    records: list[ImageRecord] = []  # of each place
    for frame, (record, picture) in zip(frames, results, strict=True):
        if picture is not None:
            places += candidates(frame, picture, networks, settings)
            records += [record] * (len(places) - len(records))
    for last in (False, True):
        now = [
            i for i, place in enumerate(places) if place.last == last and not (last and _is_known(place, records[i]))
        ]
        for i, hand in zip(now, look([places[i] for i in now], networks, settings.views), strict=True):
            records[i].hands.append(hand)
    for record, _ in results:
        record.hands = choose(record.hands, networks, settings)
    return results


def read(frame: Frame) -> Annotated:
    """Return a frame's picture and its record, without hands yet, or with `failure`."""
    try:
        picture = frame.read()
    except UnreadableError as error:
        return Annotated(ImageRecord(frame.file, None, None, failure=str(error)), None)
    record = ImageRecord(frame.file, picture.width, picture.height, [], frame.index, frame.time, frame.fps)
    return Annotated(record, picture)


def candidates(frame: Frame, picture: Picture, networks: Networks, settings: Settings) -> list[Candidate]:
    """Return where hands may be in a frame: boxes that are given, detected, or else the whole image."""
    size = networks.pose_input_size
    if settings.boxes is not None:
        given = settings.boxes.get((frame.file, frame.index), [])
        return [
            Candidate(picture, hand.box, crop_around(hand.box, size), 1.0 if hand.score is None else hand.score)
            for hand in given
        ]
    if networks.detector is None:
        whole = np.array([0, 0, picture.width, picture.height], np.float32)
        return [Candidate(picture, whole, crop_around(whole, size), 1.0)]
    boxes, scores = detect(networks.detector, picture, LEAST_BOX_SCORE)
    worth = scores >= WORTH * scores.max(initial=0.0)
    boxes, scores = boxes[worth], scores[worth]
    return [
        Candidate(picture, box, crop_around(box, size), score, faint, faint or _overlaps(box, boxes[:i]))
        for i, (box, score, faint) in enumerate(zip(boxes, scores, scores < FAINT * scores[:1], strict=True))
    ]


def _is_known(place: Candidate, record: ImageRecord) -> bool:
    """Return whether a place that is looked at last need not be: a hand was found there, or it is faint."""
    sure = [hand.box for hand in record.hands if (hand.score or 0.0) >= SURE_HAND]
    return bool(sure) and (place.faint or _overlaps(place.box, np.array(sure)))


def _overlaps(box: np.ndarray, others: np.ndarray) -> bool:
    """Return whether a box [4] shows the same as one of some others [n, 4], or a part of it."""
    return bool((share_inside(box[None], others) >= PART).any() or (iou(box[None], others) >= SAME_HAND).any())


def look(found: list[Candidate], networks: Networks, views: int) -> list[Hand]:
    """Return a hand for each candidate, with keypoints, scores and handedness; whether it is one, its score tells.

    Boxes that are given stay as they are; those of the detector give way to the ones around the keypoints (`box_of`).
    """
    if not found:
        return []
    hands = find_in_crops(networks.pose, [(candidate.picture, candidate.crop) for candidate in found], views)
    scores = joint_scores(hands.scores, views) if "logits" in networks.pose.output_names else hands.scores
    results = []
    for i, candidate in enumerate(found):
        is_hand = None if hands.is_hand is None else float(hands.is_hand[i])
        is_right = None if hands.is_right is None else float(hands.is_right[i])
        score = hand_score(candidate.box_score, scores[i], is_hand)
        whole = candidate.picture
        box = candidate.box if networks.detector is None else box_of(hands.keypoints[i], whole.width, whole.height)
        results.append(Hand(box, hands.keypoints[i], scores[i], score, handedness_of(is_right)))
    return results


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


def choose(hands: list[Hand], networks: Networks, settings: Settings) -> list[Hand]:
    """Return which hands of a frame are kept, best first; without a detector all: who gives boxes wants an answer."""
    hands = sorted(hands, key=lambda hand: -(hand.score or 0))
    if networks.detector is not None:
        hands = without_doubles([hand for hand in hands if (hand.score or 0) >= settings.score_threshold])
    return hands[: settings.max_hands]
