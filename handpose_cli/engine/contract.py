"""What is true of one network: how it is asked, what its outputs mean, and what its scores are worth.

It lies beside the weights: `NAME.json` for `NAME.tflite` and `NAME.weights.h5`, `network.json` in a run folder. Nothing
else in the project knows a network's outputs or constants. `contract_file` reads it; `engine` turns weights and
contract into a `KeypointNetwork` or a `Detector`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol, TypeVar

import numpy as np

from handpose_cli.crop import CROP_SCALE

T = TypeVar("T")
KINDS = ("keypoints", "detector")
MOST_TILT = 45.0  # degrees; the hourglass is trained on hands that are mostly turned by less
MOST_LOG_ODDS = 7.0  # log-odds count up to here: networks exaggerate


class ContractError(ValueError):
    """A contract is damaged, or belongs to other weights; the message is one line."""


@dataclass(frozen=True)
class Calibration:
    """What a keypoint network's scores are worth: logistic regressions (Platt, 1999) fitted for this network.

    `training.fit_scores` fits them.

    Attributes:
        joints: by the most views of a hand, the factor of the log-odds of a joint's own score, and what is added.
        hand: likewise, weights of the log-odds of the detector's score, of the mean of the joints' scores and of the
            network's own probability of a hand (0 if it does not say), and the constant.
    """

    joints: Mapping[int, tuple[float, float]]
    hand: Mapping[int, tuple[float, float, float, float]]

    def joint_scores(self, own: np.ndarray, views: int) -> np.ndarray:
        """Return the probabilities that joints are right, float32 [n, joints], from the network's own scores.

        Args:
            own: float32 [n, joints], 0 to 1, as merged from several views.
            views: the most that a hand had; where none were fitted for so many, the next lower number counts.
        """
        factor, constant = _of_views(self.joints, views)
        inside = own.astype(np.float64).clip(1e-6, 1 - 1e-6)
        probabilities: np.ndarray = 1 / (1 + np.exp(-(factor * np.log(inside / (1 - inside)) + constant)))
        return probabilities.astype(np.float32)

    def hand_score(self, box_score: float, joint_scores: np.ndarray, is_hand: float | None, views: int) -> float:
        """Return the probability that a detection is a hand.

        Each of its reasons says something of its own, so their log-odds add up.

        Args:
            box_score: the detector's score, 0 to 1.
            joint_scores: float32 [joints], 0 to 1, from `joint_scores`: of the joints that tell it, see
                `annotator.pose.Found`.
            is_hand: the network's own probability; None if it does not say.
            views: see `joint_scores`.
        """
        own = 0.5 if is_hand is None else is_hand
        evidence = (log_odds(box_score), log_odds(float(joint_scores.mean())), log_odds(own), 1.0)
        weights = _of_views(self.hand, views)
        return 1 / (1 + math.exp(-sum(weight * value for weight, value in zip(weights, evidence, strict=True))))


def _of_views(fitted: Mapping[int, T], views: int) -> T:
    return fitted[max(known for known in fitted if known <= views)]


def log_odds(probability: float) -> float:
    """Return the logarithm of p / (1 - p), cut to `MOST_LOG_ODDS`."""
    inside = min(max(probability, 1e-6), 1 - 1e-6)
    return min(max(math.log(inside / (1 - inside)), -MOST_LOG_ODDS), MOST_LOG_ODDS)


@dataclass(frozen=True)
class Contract:
    """A network's contract.

    Attributes:
        kind: "keypoints" or "detector".
        input_size: side of the square that it is given, in pixels.
        decoding: how its outputs become keypoints or boxes: a key of `keypoint_network.DECODINGS` or of
            `detector.DECODINGS`.
        outputs: the network's output for each part that the decoding needs. A detector may give `logits` instead of
            `scores`, and may have `directions` [n, 2]: where the hand in each box points, x to the right and y down in
            the square, as a vector of about length 1, near 0 where that is not known. Of a network with "logits",
            `points` are its second answer, see `joining`.
        highest: the value of white in its input: 1 or 255. Inputs are RGB, float32, from 0.
        fit: how an image becomes a detector's square: a key of `detector.FITS`.
        least_score: of a detector's boxes: those that score less are not worth the keypoint network's look.
        crop_scale: of a keypoint network: side of its crops over the longer side of a hand's box.
        most_tilt: likewise: by how many degrees a hand may be turned from upright, 0 to 180. One that is turned by more
            is looked at again, turned upright.
        in_quarters: likewise: it knows upright hands alone, and says whether it sees a hand; so crops are given to it
            in quarter turns, see `quarters`.
        second: likewise: name of a bundled keypoint network that looks at hard hands too, see
            `annotator.pose.find_in_crops`; "": there is none.
        calibration: of a keypoint network, with its second one; None: its scores are its own.
        weights: SHA-256 of each weights file that it is true of, by name.
        data, licence: what it was trained on and what its licence is, in a line each.
    """

    kind: str
    input_size: int
    decoding: str
    outputs: Mapping[str, str]
    highest: float = 1.0
    fit: str = "squeeze"
    least_score: float = 0.02
    crop_scale: float = CROP_SCALE
    most_tilt: float = MOST_TILT
    in_quarters: bool = False
    second: str = ""
    calibration: Calibration | None = None
    weights: Mapping[str, str] = field(default_factory=dict)
    data: str = ""
    licence: str = ""


class Answers(NamedTuple):
    """What a keypoint network says of crops.

    Attributes:
        keypoints: float32 [n, joints, 2] in pixels of each crop.
        scores: float32 [n, joints], 0 to 1: the network's own. One that scores no joints, but the whole hand, gives
            each joint that score.
        is_hand: float32 [n], the probability that the crop shows a hand; None if the network does not say.
        is_right: float32 [n], the probability that it is a right hand, likewise.
    """

    keypoints: np.ndarray
    scores: np.ndarray
    is_hand: np.ndarray | None = None
    is_right: np.ndarray | None = None


class KeypointNetwork(Protocol):
    """Finds the keypoints of the hand in each crop."""

    @property
    def input_size(self) -> int:
        """The crops' side in pixels."""

    @property
    def crop_scale(self) -> float:
        """Side of the crops over the longer side of a hand's box."""

    @property
    def most_tilt(self) -> float:
        """By how many degrees a hand may be turned from upright without another look."""

    @property
    def second(self) -> KeypointNetwork | None:
        """A network that looks at hard hands too, in crops of its own; None: there is none."""

    @property
    def calibration(self) -> Calibration | None:
        """What its scores are worth, if that is known."""

    def find(self, crops: np.ndarray) -> Answers:
        """Answer for crops, uint8 [n, input_size, input_size, 3], RGB."""


class Boxes(NamedTuple):
    """What a detector finds in an image, best first.

    Attributes:
        boxes: float32 [n, 4]: x, y, width, height in pixels of the image.
        scores: float32 [n], 0 to 1.
        rotations: float32 [n]: by how many degrees, clockwise, each hand must be turned to point up, see
            `records.to_upright`; NaN where that is not known, None: of none.
    """

    boxes: np.ndarray
    scores: np.ndarray
    rotations: np.ndarray | None = None

    def where(self, which: np.ndarray) -> Boxes:
        """Return some of them: their indices, or whether each is one of them."""
        return Boxes(*(None if part is None else part[which] for part in self))  # type: ignore[arg-type]

    @classmethod
    def joined(cls, several: Sequence[Boxes]) -> Boxes:
        """Return those of several, at least one."""
        boxes, scores = (np.concatenate([found[part] for found in several]) for part in (0, 1))
        known = any(found.rotations is not None for found in several)
        rotations = [
            np.full(len(found.boxes), np.nan, np.float32) if found.rotations is None else found.rotations
            for found in several
        ]
        return cls(boxes, scores, np.concatenate(rotations) if known else None)


class Detector(Protocol):
    """Finds the boxes of hands in images."""

    @property
    def input_size(self) -> int:
        """The side in pixels of the square that it squeezes an image into."""

    @property
    def least_score(self) -> float:
        """What boxes must score to be worth the keypoint network's look."""

    def boxes(self, images: Sequence[np.ndarray], threshold: float) -> list[Boxes]:
        """Find the hands in images, each uint8 [h, w, 3], RGB.

        Args:
            threshold: least score, 0 to 1.

        Returns:
            for each image boxes inside it, none of which overlaps a better one much.
        """


POINTS_CROP_SCALE = 1.35  # with coordinates, whose network was trained on wider crops


def of_maps(input_size: int, decoding: str, hand_head: bool, points: bool = False) -> Contract:
    """Return the contract of an hourglass as `handpose train` exports it, which has an output named by its decoding."""
    heads = [*(["hand"] if hand_head else []), *(["points"] if points else [])]
    outputs = {"maps": decoding, **{name: name for name in heads}}
    return Contract("keypoints", input_size, decoding, outputs, crop_scale=POINTS_CROP_SCALE if points else CROP_SCALE)


# Of cells trained with the focal loss, which gives even background some score: with it there are about two boxes a
# photograph, and hardly a hand is lost.
LEAST_CELL_SCORE = 0.25


def of_cells(input_size: int, directions: bool) -> Contract:
    """Return the contract of a detector as `handpose train` exports it, see `networks.ssd.heads.for_prediction`."""
    names = ("logits", "encodings", "directions") if directions else ("scores", "encodings")
    outputs = {name: name for name in names}
    return Contract("detector", input_size, "cells", outputs, fit="letterbox", least_score=LEAST_CELL_SCORE)
