"""Find the keypoints of hands whose boxes are known: crops in, keypoints in image pixels out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from handpose_cli.annotator.tta import crop_of, is_turned, join, merge, trust_in, upright
from handpose_cli.boxes import share_inside
from handpose_cli.crop import Crop
from handpose_cli.engine.contract import KeypointNetwork
from handpose_cli.media.picture import Picture
from handpose_cli.records import Hand

DOUBLE = 0.2  # of the hand's size
PART = 0.7  # of a box's area
SURE_HAND = 0.75  # score of a hand that is one, even if it lies within another's box
# The joints' own scores that need no more views: the least of them after the first, after the second, and their mean
# after the third.
SURE_ALONE, SURE_IN_TWO, SURE_MEAN_IN_THREE = 0.7, 0.8, 0.8
SURE_WITH_COMPANION = 0.5  # the least after the first, where a companion looks as well: more looks find little more
CLOSER = 0.93  # share of its usual crop's side that a companion's second look shows
TRUSTED = 0.6  # of a companion (`tta.trust_in`): with this it answers alone where a hand lies; with 1 it ends doubt
# What one view must say for a hand to deserve more: that it is one, or, if not, at least what its joints' scores are in
# the mean.
NO_HAND, LEAST_MEAN, LEAST_MEAN_OF_NO_HAND = 0.05, 0.3, 0.45


class Found(NamedTuple):
    """What the keypoint network says of hands.

    Attributes:
        keypoints: float32 [n, 21, 2] in pixels of each hand's image.
        scores: float32 [n, 21], 0 to 1: the network's own, see `engine.contract.Answers`.
        is_hand: float32 [n], the probability that the box holds a hand; None if the network does not say.
        is_right: float32 [n], the probability that it is a right hand, likewise.
    """

    keypoints: np.ndarray
    scores: np.ndarray
    is_hand: np.ndarray | None
    is_right: np.ndarray | None


def find_keypoints(network: KeypointNetwork, hands: Sequence[tuple[np.ndarray, np.ndarray]], views: int = 1) -> Found:
    """Find the keypoints of hands, which may come from several images.

    Args:
        hands: for each hand its image (uint8 [h, w, 3], RGB) and its box (x, y, width, height in pixels).
        views: most views of a hand, see `find_in_crops`.
    """
    return find_in_crops(network, [(Picture(image), crop_of(box, network)) for image, box in hands], views)


def find_in_crops(network: KeypointNetwork, hands: Sequence[tuple[Picture, Crop]], views: int = 1) -> Found:
    """Find the keypoints of hands as `find_keypoints`, each in a crop of its own making.

    The first view is the crop as it is. The second is turned upright around the first answer: where there is doubt; and
    where the answer points far from up in its crop, however sure it is. The direction is right even where the joints
    are not, so the first answer no longer counts then. The third, where doubt remains, is the mirror image of the
    second, and the fourth that of the first, if it counts.

    A network's companion looks at each hand that may be one, turned upright, unless there is one view alone; with more
    than two views, also more closely at its mirror image. Of a hand that it is sure of there is no doubt left, and
    where the first answer does not count, its own stands. Elsewhere it counts where both agree (`tta.join`).

    Args:
        views: most views of a hand, 1 to 4.
    """
    pictures, crops = [picture for picture, _ in hands], [crop for _, crop in hands]
    pixels = _cut(crops, pictures)
    found = _look(network, crops, pixels)
    if views == 1:
        return found
    in_crops = [crop.to_crop(points) for crop, points in zip(crops, found.keypoints, strict=True)]
    lies = np.array([is_turned(points, network.most_tilt) for points in in_crops], bool)
    companion, worth_it, looks = network.companion, _may_be_hands(found), 1 if views == 2 else 2
    doubtful = found.scores.min(axis=1) < (SURE_ALONE if companion is None else SURE_WITH_COMPANION)

    def look_again(these: np.ndarray, counts: bool) -> None:
        if these.any():
            rows = np.flatnonzero(these)
            of_rows = [pictures[i] for i in rows], [crops[i] for i in rows], pixels[rows], _rows(found, rows)
            _put(found, rows, _look_again(network, *of_rows, views, counts))

    rows, trust, others = np.flatnonzero(worth_it), np.zeros(len(crops), np.float32), None
    if companion is not None and rows.size:
        others = _second_opinion(companion, found.keypoints[rows], [pictures[i] for i in rows], looks)
        trust[rows] = trust_in(others.is_hand, rows.size)
    look_again(worth_it & lies & (trust < TRUSTED), False)
    look_again(worth_it & doubtful & ~lies & (trust < 1), True)
    if others is not None:
        _put(found, rows, _joined(_rows(found, rows), others, trust[rows], lies[rows], looks))
    return found


def _second_opinion(companion: KeypointNetwork, keypoints: np.ndarray, pictures: list[Picture], looks: int) -> Found:
    """Return what a companion says of hands whose keypoints are known roughly, in the mean of one or two looks."""
    crops = _uprights(keypoints, companion)
    found = _look(companion, crops, _cut(crops, pictures))
    if looks == 1:
        return found
    crops = _uprights(keypoints, companion, CLOSER)
    mirrored = _look(companion, crops, _cut(crops, pictures), mirror=True)
    is_hand, is_right = (_mean(answers) for answers in zip(found[2:], mirrored[2:], strict=True))
    return Found((found.keypoints + mirrored.keypoints) / 2, (found.scores + mirrored.scores) / 2, is_hand, is_right)


def _joined(found: Found, others: Found, trust: np.ndarray, lies: np.ndarray, looks: int) -> Found:
    """Return hands as they were found, joined with what a companion found of them; where they lie, see `TRUSTED`."""
    keypoints, scores = join(found.keypoints, found.scores, others.keypoints, trust, looks)
    joined = found._replace(keypoints=keypoints, scores=scores)
    alone = lies & (trust >= TRUSTED)
    _put(joined, np.flatnonzero(alone), _rows(others, alone)._replace(scores=(1 + scores[alone]) / 2))
    return joined


def _uprights(keypoints: np.ndarray, network: KeypointNetwork, share: float = 1.0) -> list[Crop]:
    """Return a crop of each hand, turned upright; its side is a share of the network's usual one."""
    return [upright(of_hand, network.input_size, share * network.crop_scale) for of_hand in keypoints]


def _look_again(
    network: KeypointNetwork,
    pictures: Sequence[Picture],
    crops: Sequence[Crop],
    pixels: np.ndarray,
    first: Found,
    views: int,
    first_counts: bool,
) -> Found:
    """Return what up to `views` - 1 more looks at hands say, together with the first one if that counts."""
    uprights = _uprights(first.keypoints, network)
    upright_pixels = _cut(uprights, pictures)
    looks = [*([first] if first_counts else []), _look(network, uprights, upright_pixels)]
    found = _merged(looks)
    rows, doubtful = np.arange(len(crops)), found.scores.min(axis=1) < SURE_IN_TWO
    mirrored = [(uprights, upright_pixels), *([(crops, pixels)] if first_counts else [])]
    for its_crops, its_pixels in mirrored[: views - 2]:
        if not doubtful.any():
            break
        looks, rows = [_rows(look, doubtful) for look in looks], rows[doubtful]
        looks.append(_look(network, [its_crops[i] for i in rows], its_pixels[rows], mirror=True))
        merged = _merged(looks)
        _put(found, rows, merged)
        doubtful = merged.scores.mean(axis=1) < SURE_MEAN_IN_THREE
    return found


def _cut(crops: Sequence[Crop], pictures: Sequence[Picture]) -> np.ndarray:
    cuts = []
    for crop, picture in zip(crops, pictures, strict=True):
        pixels, factor = picture.reduced(crop.shrink)
        cuts.append((crop if factor == 1 else crop.of_reduced(factor)).cut(pixels))
    return np.stack(cuts)


def _look(network: KeypointNetwork, crops: Sequence[Crop], pixels: np.ndarray, mirror: bool = False) -> Found:
    """Ask the network about crops (uint8 [n, size, size, 3]), or about their mirror images."""
    points, scores, is_hand, is_right = network.find(pixels[:, :, ::-1] if mirror else pixels)
    if mirror:
        points = points * [-1, 1] + [pixels.shape[2] - 1, 0]
        is_right = None if is_right is None else 1 - is_right
    keypoints = np.stack([crop.to_image(p) for crop, p in zip(crops, points, strict=True)])
    return Found(keypoints.astype(np.float32), scores, is_hand, is_right)


def _may_be_hands(found: Found) -> np.ndarray:
    least = np.full(len(found.scores), LEAST_MEAN)
    if found.is_hand is not None:
        least[found.is_hand < NO_HAND] = LEAST_MEAN_OF_NO_HAND
    enough: np.ndarray = found.scores.mean(axis=1) >= least
    return enough


def _merged(looks: Sequence[Found]) -> Found:
    keypoints, scores = merge(np.stack([look.keypoints for look in looks]), np.stack([look.scores for look in looks]))
    is_hand = _mean([look.is_hand for look in looks])
    return Found(keypoints, scores, is_hand, _mean([look.is_right for look in looks]))


def _mean(answers: Sequence[np.ndarray | None]) -> np.ndarray | None:
    known = [answer for answer in answers if answer is not None]
    return np.mean(known, axis=0) if known else None


def _rows(found: Found, rows: np.ndarray) -> Found:
    """Return what was found of some hands: their indices, or whether each is one of them."""
    is_hand, is_right = (None if answer is None else answer[rows] for answer in (found.is_hand, found.is_right))
    return Found(found.keypoints[rows], found.scores[rows], is_hand, is_right)


def _put(found: Found, rows: np.ndarray, better: Found) -> None:
    """Replace what was found of some hands."""
    found.keypoints[rows], found.scores[rows] = better.keypoints, better.scores
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
