"""Where hands may be in a picture: the boxes that the hourglass looks at, and in which order."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from handpose_cli.annotator.pose import PART, SURE_HAND
from handpose_cli.annotator.regions import Region, detect, whole
from handpose_cli.annotator.settings import AnnotateSettings, Networks
from handpose_cli.annotator.tta import crop_of
from handpose_cli.boxes import iou, share_inside
from handpose_cli.crop import Crop
from handpose_cli.engine.contract import Boxes, KeypointNetwork
from handpose_cli.engine.detector import without_overlaps
from handpose_cli.formats.errors import FormatError
from handpose_cli.media.errors import UnreadableError
from handpose_cli.media.frames import Frame
from handpose_cli.media.picture import Picture
from handpose_cli.records import Hand, ImageRecord
from handpose_cli.sizes import same_size

# Which of the detector's boxes are worth the hourglass's look: of those that score what its contract says, those that
# score this share of the frame's best. Where the detector sees one well, faint boxes seldom hold another; where all are
# faint, one may.
WORTH = 0.1
# Of these, boxes that score less than this share of the best, and such as overlap a better one so much (intersection
# over union), are looked at last: where a sure hand is found, few show another.
FAINT, SAME_HAND = 0.3, 0.4
# Where a picture is searched in tiles, boxes must score this at least: many tiles have many faint boxes.
LEAST_TILE_SCORE = 0.1
NEAR = 0.15  # of the picture's longer side: where a sure hand is as large as this, none is taken to be far away
TILES_OVERLAP = 3  # by a third; so smaller hands are whole in one of them


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


def given_hands(frame: Frame, picture: Picture, settings: AnnotateSettings) -> list[Hand]:
    """Return the hands whose boxes are given for a frame, in the picture's size.

    Raises:
        UnreadableError: if they are for another size and may not be scaled, or lie outside the picture.
    """
    key = frame.file, frame.index
    hands = (settings.boxes or {}).get(key, [])
    if hands and key in settings.box_sizes:
        label = ImageRecord(frame.file, *settings.box_sizes[key], hands)
        try:
            hands = same_size(label, picture.width, picture.height, "the image", settings.rescale_boxes).hands
        except FormatError as error:
            unscaled = "; boxes are not rescaled" if error.remedy else ""
            raise UnreadableError(f"{settings.boxes_of}: {error}{unscaled}") from error
    if settings.boxes_of:  # but labels that are scored are as they are
        _check_inside(hands, picture, settings.boxes_of)
    return hands


def _check_inside(hands: Sequence[Hand], picture: Picture, boxes_of: str) -> None:
    """Raise UnreadableError if no pixel lies in a hand's box: it would get joints all the same, where nothing is."""
    for hand in hands:
        x, y, width, height = map(float, hand.box)
        if x >= picture.width or y >= picture.height or x + width <= 0 or y + height <= 0:
            raise UnreadableError(
                f"{boxes_of}: a box lies outside the image, {picture.width} x {picture.height} pixels: "
                f"x {x:g}, y {y:g}, width {width:g}, height {height:g}"
            )


def candidates(
    pictures: Sequence[tuple[Frame, Picture]], networks: Networks, settings: AnnotateSettings
) -> list[list[Candidate]]:
    """Return where hands may be in each of some frames: boxes that are given, detected, or else the whole picture."""
    pose = networks.pose
    if settings.boxes is not None:
        return [
            [
                Candidate(picture, hand.box, crop_of(hand.box, pose), 1.0 if hand.score is None else hand.score)
                for hand in given_hands(frame, picture, settings)
            ]
            for frame, picture in pictures
        ]
    if networks.detector is None:
        all_of_it = [np.array([0, 0, picture.width, picture.height], np.float32) for _, picture in pictures]
        return [
            [Candidate(picture, box, crop_of(box, pose), 1.0)]
            for (_, picture), box in zip(pictures, all_of_it, strict=True)
        ]
    detected = detect(networks.detector, [whole(picture) for _, picture in pictures], networks.detector.least_score)
    return [_worth_a_look(picture, found, pose) for (_, picture), found in zip(pictures, detected, strict=True)]


def _worth_a_look(picture: Picture, found: Boxes, pose: KeypointNetwork) -> list[Candidate]:
    found = found.where(found.scores >= WORTH * found.scores.max(initial=0.0))
    faint = found.scores < FAINT * found.scores[:1]
    return [
        place._replace(faint=bool(faint[i]), last=bool(faint[i]) or _overlaps(place.box, found.boxes[:i]))
        for i, place in enumerate(places_of(picture, found, pose))
    ]


def places_of(picture: Picture, found: Boxes, pose: KeypointNetwork) -> list[Candidate]:
    """Return where hands may be by a detector's boxes, turned to point up if it says how."""
    rotations = np.zeros(len(found.boxes)) if found.rotations is None else np.nan_to_num(found.rotations)
    return [
        Candidate(picture, box, crop_of(box, pose, float(rotation)), score)
        for box, score, rotation in zip(found.boxes, found.scores, rotations, strict=True)
    ]


def is_known(place: Candidate, found: Sequence[Hand]) -> bool:
    """Return whether a place that is looked at last need not be, for the hands found: one is there, or it is faint."""
    sure = [hand.box for hand in found if (hand.score or 0.0) >= SURE_HAND]
    return bool(sure) and (place.faint or _overlaps(place.box, np.array(sure)))


def _overlaps(box: np.ndarray, others: np.ndarray) -> bool:
    """Return whether a box [4] shows the same as one of some others [n, 4], or a part of it."""
    return bool((share_inside(box[None], others) >= PART).any() or (iou(box[None], others) >= SAME_HAND).any())


def far_candidates(
    picture: Picture, hands: Sequence[Hand], networks: Networks, settings: AnnotateSettings
) -> list[Candidate]:
    """Return where hands may be that are too small for the detector, which sees few pixels of a whole picture.

    The picture is searched in overlapping tiles (Akyon et al., "Slicing Aided Hyper Inference and Fine-tuning for
    Small Object Detection", ICIP 2022). None are searched if the picture is hardly larger than one, or if a sure hand
    among those found so far is near: the others will be so too.
    """
    if settings.tile is None or networks.detector is None or settings.boxes is not None:
        return []
    size = np.array([picture.width, picture.height])
    sure = [hand for hand in hands if (hand.score or 0.0) >= SURE_HAND]
    tiles = tiles_of(picture, settings.tile)
    if len(tiles) == 1 or any(hand.box[2:].max() >= NEAR * size.max() for hand in sure):
        return []
    uncut = []
    least = max(LEAST_TILE_SCORE, networks.detector.least_score)
    for tile, found in zip(tiles, detect(networks.detector, tiles, least), strict=True):
        low, high = found.boxes[:, :2], found.boxes[:, :2] + found.boxes[:, 2:]
        # a hand that a tile's edge cuts is whole in the tile beside
        at_low = (low <= [tile.x + 1, tile.y + 1]) & (low > 1)
        at_high = (high >= [tile.x + tile.width - 1, tile.y + tile.height - 1]) & (high < size - 1)
        whole_hands = ~(at_low | at_high).any(axis=1)
        uncut.append(found.where(whole_hands))
    known = np.reshape([hand.box for hand in sure], (-1, 4))
    far = places_of(picture, without_overlaps(Boxes.joined(uncut)), networks.pose)
    return [place for place in far if not _overlaps(place.box, known)]


def tiles_of(picture: Picture, side: int) -> list[Region]:
    """Return tiles of about a side, in pixels, that cover a picture and overlap by a third."""

    def spans(length: int) -> list[tuple[int, int]]:
        shared = side / TILES_OVERLAP
        count = max(round((length - shared) / (side - shared)), 1)
        extent = math.ceil(length / (1 + (count - 1) * (1 - 1 / TILES_OVERLAP)))
        return [(round(i * (length - extent) / max(count - 1, 1)), extent) for i in range(count)]

    return [Region(picture, x, y, w, h) for y, h in spans(picture.height) for x, w in spans(picture.width)]
