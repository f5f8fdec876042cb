"""Annotate successive frames of a video, following hands from frame to frame, so that the detector seldom runs.

A hand's crop comes from its keypoints in the frame beside. A chunk of frames knows nothing of other chunks, so they may
be annotated in any order, on any thread, and again after an interruption, with the same result.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from handpose_cli.annotator.pipeline import Annotated, annotate, choose, look, read
from handpose_cli.annotator.proposals import Candidate, candidates, far_candidates
from handpose_cli.annotator.settings import AnnotateSettings, Networks
from handpose_cli.annotator.tta import around
from handpose_cli.boxes import iou
from handpose_cli.engine.contract import KeypointNetwork
from handpose_cli.media.frames import Frame
from handpose_cli.media.picture import Picture
from handpose_cli.records import Hand
from handpose_cli.sizes import scaled

DETECT_EVERY = 8  # frames in a chunk; a hand that comes into view beside others is missed for at most half of it
# Most views of a hand that is followed: its crop comes from keypoints, and stands upright as far as it must, so that a
# fourth adds little.
FOLLOWED_VIEWS = 3
SURE = 0.5  # score of a hand that is searched for where it is lost
SAME_PLACE = 0.5  # intersection over union of a detection with a hand that is known already


class _Followed(NamedTuple):
    """A hand of a picture and the detector's score where it was last detected."""

    hand: Hand
    picture_size: tuple[int, int]
    box_score: float

    @property
    def is_sure(self) -> bool:
        return (self.hand.score or 0.0) >= SURE

    def place_in(self, picture: Picture, pose: KeypointNetwork) -> Candidate:
        """Return where the hand may be in the picture beside."""
        hand, (width, height) = self.hand, self.picture_size
        if (width, height) != (picture.width, picture.height):
            hand = scaled(hand, picture.width / width, picture.height / height)
        assert hand.keypoints is not None
        return Candidate(picture, hand.box, around(hand.keypoints, pose), self.box_score)


def follow(frames: list[Frame], networks: Networks, settings: AnnotateSettings) -> list[Annotated]:
    """Annotate a chunk of successive frames of one video, as `pipeline.annotate` does, only faster.

    Hands are detected in one frame, in the middle if there are any, and followed from there to both ends. Where a hand
    is lost on the way, because it scores less than `SURE` or came to lie on another one, the detector runs on that
    frame too. A hand's score is computed as elsewhere: from what the keypoint network says in this frame, and from the
    detector's score where the hand was last detected.

    Without a detector, and with boxes that are given, there is nothing to follow.

    Args:
        frames: `DETECT_EVERY` of them, fewer at the end.
        settings: `views` is the most views of a hand where it is detected; where it is followed, `FOLLOWED_VIEWS`.
    """
    if networks.detector is None or settings.boxes is not None:
        return annotate(frames, networks, settings)
    results = [read(frame, settings) for frame in frames]
    chunk = [(frame, result) for frame, result in zip(frames, results, strict=True) if result.picture is not None]
    start, found = 0, []
    for start in dict.fromkeys([len(chunk) // 2, 0, len(chunk) - 1] if chunk else []):
        found = _find(*chunk[start], [], 1, networks, settings)
        if _sure(found):
            break
    for way in (chunk[start + 1 :], chunk[:start][::-1]):
        known, most = found, _sure(found)
        for frame, result in way:
            known = _find(frame, result, known, most, networks, settings)
            most = max(most, _sure(known))
    return results


class LiveFollower:
    """Follows hands from frame to frame as a camera gives them: the detector runs every so many frames
    (`DETECT_EVERY`), and where there is no sure hand or one was lost.
    """

    def __init__(self, networks: Networks, settings: AnnotateSettings):
        self._networks, self._settings = networks, settings
        self._known: list[_Followed] = []
        self._since = 0  # frames since the detector last ran because it was time

    def annotate(self, frame: Frame) -> Annotated:
        """Annotate the next frame."""
        if self._networks.detector is None:
            return annotate([frame], self._networks, self._settings)[0]
        result = read(frame, self._settings)
        if result.picture is None:
            return result
        is_time = self._since == 0
        self._since = (self._since + 1) % DETECT_EVERY
        expected = len(self._known) + 1 if is_time else max(_sure(self._known), 1)
        self._known = _find(frame, result, self._known, expected, self._networks, self._settings)
        return result


def _find(
    frame: Frame,
    result: Annotated,
    known: list[_Followed],
    expected: int,
    networks: Networks,
    settings: AnnotateSettings,
) -> list[_Followed]:
    """Find the hands of a frame, put them into its record and return them.

    Args:
        known: the hands of the frame beside, which may be of another size.
        expected: the detector runs if fewer sure hands than these are found where the known ones were.
    """
    record, picture, _ = result
    assert picture is not None
    places = [each.place_in(picture, networks.pose) for each in known]
    found = _best(_look(places, networks, min(settings.views, FOLLOWED_VIEWS)), networks, settings)
    if _sure(found) < expected:
        there = np.reshape([each.hand.box for each in found if each.is_sure], (-1, 4))
        (places,) = candidates([(frame, picture)], networks, settings)
        places = [place for place in places if not (iou(place.box[None], there) >= SAME_PLACE).any()]
        found = _best(found + _look(places, networks, settings.views), networks, settings)
        places = far_candidates(picture, [each.hand for each in found], networks, settings)
        found = _best(found + _look(places, networks, settings.views), networks, settings)
    record.hands = [each.hand for each in found]
    return found


def _look(places: list[Candidate], networks: Networks, views: int) -> list[_Followed]:
    return [
        _Followed(hand, (place.picture.width, place.picture.height), place.box_score)
        for place, hand in zip(places, look(places, networks, views), strict=True)
    ]


def _best(found: list[_Followed], networks: Networks, settings: AnnotateSettings) -> list[_Followed]:
    by_hand = {id(each.hand): each for each in found}
    return [by_hand[id(hand)] for hand in choose([each.hand for each in found], networks, settings)]


def _sure(found: list[_Followed]) -> int:
    return sum(each.is_sure for each in found)
