"""Find the keypoints of hands whose boxes are known: crops in, keypoints in image pixels out."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import NamedTuple

import numpy as np

from handpose_cli.annotator.tta import MOST_TURN, crop_of, is_turned, merge, upright
from handpose_cli.boxes import share_inside
from handpose_cli.crop import Crop
from handpose_cli.engine.contract import KeypointNetwork
from handpose_cli.media.picture import Picture
from handpose_cli.records import Hand

DOUBLE = 0.2  # of the hand's size
PART = 0.7  # of a box's area
SURE_HAND = 0.75  # score of a hand that is one, even if it lies within another's box
HARD = 0.45  # the mean of the joints' scores after the first view below which a hand is a hard one
# Others need no second view if their joints' own scores are all at least this, and if they were cut well: if the crop
# that the first answer asks for is turned by no more than `MOST_TURN`, is larger or smaller by no more powers of 2 than
# the first of these, and lies no further away than the second, in sides of a crop.
SURE_ALONE = 0.3
MOST_SCALING, MOST_SHIFT = 0.25, 0.1
SURE_MEAN_IN_THREE = 0.8  # the mean of the joints' scores after three views that needs no fourth
CLOSER = 0.93  # share of its usual crop's side that a third view shows
ENLARGED = 1.25  # how many times a picture's pixels may be enlarged in a crop rather than decoded anew, finer
LEAST_MEAN = 0.1  # of the joints' scores after the first view, without which nothing is worth another


class Found(NamedTuple):
    """What the keypoint network says of hands.

    Attributes:
        keypoints: float32 [n, 21, 2] in pixels of each hand's image.
        scores: float32 [n, 21], 0 to 1: the network's own, see `engine.contract.Answers`.
        is_hand: float32 [n], the probability that the box holds a hand; None if the network does not say.
        is_right: float32 [n], the probability that it is a right hand, likewise.
        evidence: float32 [n, 21], the joints' scores that tell whether it is a hand.
    """

    keypoints: np.ndarray
    scores: np.ndarray
    is_hand: np.ndarray | None
    is_right: np.ndarray | None
    evidence: np.ndarray


def find_keypoints(network: KeypointNetwork, hands: Sequence[tuple[np.ndarray, np.ndarray]], views: int = 1) -> Found:
    """Find the keypoints of hands, which may come from several images.

    Args:
        hands: for each hand its image (uint8 [h, w, 3], RGB) and its box (x, y, width, height in pixels).
        views: most views of a hand, see `find_in_crops`.
    """
    return find_in_crops(network, [(Picture(image), crop_of(box, network)) for image, box in hands], views)


def find_in_crops(network: KeypointNetwork, hands: Sequence[tuple[Picture, Crop]], views: int = 1) -> Found:
    """Find the keypoints of hands as `find_keypoints`, each in a crop of its own making.

    The first view is the crop as it is. The second is turned upright around the first answer. With two views it is for
    hands in doubt, and for those whose first crop was cut badly, turned, too near or off the hand. Of a hand that
    points far from up in its crop the direction is right even where the joints are not, so the first answer no longer
    counts then.

    With three views each hand gets three: the third is the second one's mirror image, a little closer. The fourth, for
    hands still in doubt whose first answer counts, is the mirror image of the first.

    Of hard hands, whose joints are mostly in doubt, the network's second one, if it has one, has the second view. The
    third is the network's own upright one, and the fourth the second one's again, in the mirror. Whether it is a hand
    the second one says, and the joints' scores of the first view: the better a network knows hard hands, the surer it
    finds joints in what is none.

    Args:
        views: most views of a hand, 1 to 4.
    """
    pictures, crops = [picture for picture, _ in hands], [crop for _, crop in hands]
    pixels = _cut(crops, pictures)
    found = _look(network, crops, pixels)
    if views == 1:
        return found
    tilts = [is_turned(crop.to_crop(at), network.most_tilt) for crop, at in zip(crops, found.keypoints, strict=True)]
    mean, lies = found.scores.mean(axis=1), np.array(tilts, bool)
    again, hard = mean >= LEAST_MEAN, mean < HARD
    if views == 2:
        in_doubt = hard | (found.scores.min(axis=1) < SURE_ALONE)
        again &= in_doubt | lies | ~_well_cut(crops, _uprights(found.keypoints, network))
    for counts, is_hard in product((True, False), repeat=2):
        rows = np.flatnonzero(again & (lies != counts) & (hard == is_hard))
        if rows.size:
            of_rows = [pictures[i] for i in rows], [crops[i] for i in rows], pixels[rows], _rows(found, rows)
            second = network.second if is_hard else None
            _put(found, rows, _look_again(network, second, *of_rows, views, counts))
    return found


def _well_cut(crops: Sequence[Crop], better: Sequence[Crop]) -> np.ndarray:
    """Return whether each crop, bool [n], is nearly what a better one of the same size is."""
    well = []
    for crop, other in zip(crops, better, strict=True):
        linear = other.matrix[:, :2] @ np.linalg.inv(crop.matrix[:, :2])
        scaling = np.log2(np.sqrt(abs(np.linalg.det(linear))))
        turn = np.degrees(np.arctan2(linear[1, 0], linear[0, 0]))
        middle = np.full(2, (crop.size - 1) / 2)
        shift = np.linalg.norm(crop.to_crop(other.to_image(middle)) - middle) / crop.size
        well.append(abs(turn) <= MOST_TURN and abs(scaling) <= MOST_SCALING and shift <= MOST_SHIFT)
    return np.array(well, bool)


def _uprights(keypoints: np.ndarray, network: KeypointNetwork, share: float = 1.0) -> list[Crop]:
    """Return a crop of each hand, turned upright; its side is a share of the network's usual one."""
    return [upright(of_hand, network.input_size, share * network.crop_scale) for of_hand in keypoints]


def _look_again(
    network: KeypointNetwork,
    second: KeypointNetwork | None,
    pictures: list[Picture],
    crops: list[Crop],
    pixels: np.ndarray,
    first: Found,
    views: int,
    first_counts: bool,
) -> Found:
    """Return what up to `views` - 1 more looks at hands say, together with the first one if that counts.

    Args:
        second: another network that looks first; None: there is none.
    """
    upright_views = [(network, 1.0, False), (network, CLOSER, True)]
    if second is not None:
        upright_views = [(second, 1.0, False), (network, 1.0, False), (second, 1.0, True)]
    looks = [first] if first_counts else []
    for looker, share, mirror in upright_views[: views - 1]:
        uprights = _uprights(first.keypoints, looker, share)
        looks.append(_look(looker, uprights, _cut(uprights, pictures), mirror))
    found = _merged(looks)
    if second is not None:  # it learned from places without a hand what is one; its joints did not
        found = found._replace(is_hand=looks[int(first_counts)].is_hand, evidence=first.scores)
    doubtful = found.scores.mean(axis=1) < SURE_MEAN_IN_THREE
    if len(upright_views) < views - 1 and first_counts and doubtful.any():
        rows = np.flatnonzero(doubtful)
        looks = [_rows(look, rows) for look in looks]
        looks.append(_look(network, [crops[i] for i in rows], pixels[rows], mirror=True))
        _put(found, rows, _merged(looks))
    return found


def _cut(crops: Sequence[Crop], pictures: Sequence[Picture]) -> np.ndarray:
    cuts = []
    for crop, picture in zip(crops, pictures, strict=True):
        pixels, factor = picture.reduced(int(ENLARGED * crop.coarseness))
        cuts.append((crop if factor == 1 else crop.of_reduced(factor)).cut(pixels))
    return np.stack(cuts)


def _look(network: KeypointNetwork, crops: Sequence[Crop], pixels: np.ndarray, mirror: bool = False) -> Found:
    """Ask the network about crops (uint8 [n, size, size, 3]), or about their mirror images."""
    points, scores, is_hand, is_right = network.find(pixels[:, :, ::-1] if mirror else pixels)
    if mirror:
        points = points * [-1, 1] + [pixels.shape[2] - 1, 0]
        is_right = None if is_right is None else 1 - is_right
    keypoints = np.stack([crop.to_image(p) for crop, p in zip(crops, points, strict=True)])
    return Found(keypoints.astype(np.float32), scores, is_hand, is_right, scores.copy())


def _merged(looks: Sequence[Found]) -> Found:
    keypoints, scores = merge(np.stack([look.keypoints for look in looks]), np.stack([look.scores for look in looks]))
    is_hand = _mean([look.is_hand for look in looks])
    return Found(keypoints, scores, is_hand, _mean([look.is_right for look in looks]), scores)


def _mean(answers: Sequence[np.ndarray | None]) -> np.ndarray | None:
    known = [answer for answer in answers if answer is not None]
    return np.mean(known, axis=0) if known else None


def _rows(found: Found, rows: np.ndarray) -> Found:
    """Return what was found of some hands: their indices, or whether each is one of them."""
    is_hand, is_right = (None if answer is None else answer[rows] for answer in (found.is_hand, found.is_right))
    return Found(found.keypoints[rows], found.scores[rows], is_hand, is_right, found.evidence[rows])


def _put(found: Found, rows: np.ndarray, better: Found) -> None:
    """Replace what was found of some hands."""
    found.keypoints[rows], found.scores[rows] = better.keypoints, better.scores
    found.evidence[rows] = better.evidence
    for old, new in ((found.is_hand, better.is_hand), (found.is_right, better.is_right)):
        if old is not None and new is not None:
            old[rows] = new


def without_doubles(hands: Sequence[Hand]) -> list[Hand]:
    """Drop hands that are better ones again: the detector may box one hand twice, and a few fingers once more.

    Args:
        hands: with keypoints, best first.

    Returns:
        Those whose joints lie, in the mean, at least `DOUBLE` times the size of each better hand away from it, and
        whose box, if they score less than `SURE_HAND`, does not lie within a better one's.
    """
    kept: list[Hand] = []
    for hand in hands:
        if not any(is_double(hand, better) or _is_part(hand, better) for better in kept):
            kept.append(hand)
    return kept


def is_double(hand: Hand, better: Hand) -> bool:
    """Return whether a hand's joints lie on the better hand's: mean distance over the longer side of that hand."""
    if hand.keypoints is None or better.keypoints is None:
        return False
    distance = np.linalg.norm(hand.keypoints - better.keypoints, axis=1).mean()
    return float(distance / max(np.ptp(better.keypoints, axis=0).max(), 1.0)) < DOUBLE


def _is_part(hand: Hand, better: Hand) -> bool:
    """Return whether a doubtful hand's box lies, by its larger part (`PART`), within the better hand's box."""
    inside = share_inside(hand.box[None], better.box[None])[0, 0]
    return (hand.score or 0.0) < SURE_HAND and bool(inside >= PART)


def handedness_of(is_right: float | None) -> str | None:
    """Return "left" or "right", whichever is more probable; None if the network does not say."""
    return None if is_right is None else "right" if is_right >= 0.5 else "left"
