"""Corrections merged over predictions: whose image was corrected has the corrected hands, the rest stays as it is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from handpose_cli.boxes import iou
from handpose_cli.formats.errors import FormatError
from handpose_cli.labels.file_matching import Key, by_image, rename
from handpose_cli.records import Hand, ImageRecord
from handpose_cli.sizes import same_size

SAME_HAND = 0.3  # least IoU of a hand and what it was corrected to
# what a hand has no more when a person has looked at it
OF_PREDICTIONS: dict[str, Any] = {
    "score": None, "keypoint_scores": None, "raw_keypoints": None, "interpolated": False, "flags": (),
}  # fmt: skip
SAME_PLACE = 0.5  # pixels by which a joint that nobody moved may differ, after formats have rounded it


@dataclass
class Changes:
    """What corrections made of the predictions: images that they are of, and hands by what happened to them."""

    images: int = 0
    moved: int = 0
    added: int = 0
    removed: int = 0
    same: int = 0

    def add(self, of_image: Changes) -> None:
        """Count those of an image."""
        self.images += 1
        for name in ("moved", "added", "removed", "same"):
            setattr(self, name, getattr(self, name) + getattr(of_image, name))


def match_corrections(
    corrections: Iterable[ImageRecord], predictions: Iterable[ImageRecord]
) -> tuple[dict[Key, ImageRecord], list[str]]:
    """Return corrections by the predictions' file and frame, and the names of those that are of no predicted image.

    Files are matched as `file_matching.rename` does.

    Raises:
        FormatError: if no correction is of a predicted image, or it is open of which.
    """
    images = {(record.file, record.frame): None for record in predictions if record.failure is None}
    found = rename(by_image(corrections), images, "correction", of="prediction")
    others = sorted(record.file for key, record in found.items() if key not in images)
    return {key: record for key, record in found.items() if key in images}, others


def update(
    predictions: Iterable[ImageRecord],
    corrections: Mapping[Key, ImageRecord],
    changes: Changes,
    rescale: bool = False,
) -> Iterator[ImageRecord]:
    """Yield the predictions; those of corrected images with the corrected hands, and `corrected`.

    Corrected hands are labels: they have no scores and no flags of doubt. Where the corrections do not say them,
    handedness, track and times are those of the prediction; a hand that nobody moved is the predicted one to the last
    digit.

    Where the file marks images as corrected, an image without the mark may be an old prediction: it is left as it was
    predicted if it is the same, and refused if it is not.

    Args:
        corrections: by the predictions' file and frame (`match_corrections`).
        changes: counts what happens.
        rescale: whether corrections that are for another size than the prediction are scaled.

    Raises:
        FormatError: if a correction is for another size and may not be scaled, or differs without a mark.
    """
    marked = sum(correction.corrected for correction in corrections.values())
    for record in predictions:
        correction = corrections.get((record.file, record.frame)) if record.failure is None else None
        if correction is None:
            yield record
            continue
        fitted = same_size(correction, record.width, record.height, "its prediction", rescale)
        of_image = Changes()
        hands = _merged(record.hands, fitted.hands, of_image)
        if marked and not correction.corrected:
            if of_image.moved or of_image.added or of_image.removed:
                what = f"it differs from its prediction, but {marked} others are marked as corrected and it is not"
                raise FormatError(f"{record.file}: {what}", "marked")
            yield record
            continue
        changes.add(of_image)
        yield replace(record, hands=hands, corrected=True, exhaustive=record.exhaustive and correction.exhaustive)


def _merged(predicted: list[Hand], corrected: list[Hand], changes: Changes) -> list[Hand]:
    before = _pairs(predicted, corrected)
    changes.removed += len(predicted) - len(before)
    changes.added += len(corrected) - len(before)
    hands = []
    for number, hand in enumerate(corrected):
        old = predicted[before[number]] if number in before else None
        new = replace(hand, **OF_PREDICTIONS)
        if old is not None:
            told = {name: getattr(hand, name) for name in ("handedness", "track_id")}
            new = replace(new, **{name: getattr(old, name) if told[name] is None else told[name] for name in told})
            same = _unmoved(old, new)
            changes.same += same
            changes.moved += not same
            if same:
                new = replace(new, box=old.box, keypoints=old.keypoints, visibility=old.visibility)
        hands.append(new)
    return hands


def _pairs(predicted: list[Hand], corrected: list[Hand]) -> dict[int, int]:
    """Return by corrected hand the predicted one that it was: those that overlap most first."""
    if not predicted or not corrected:
        return {}
    overlaps = iou(np.stack([hand.box for hand in corrected]), np.stack([hand.box for hand in predicted]))
    pairs: dict[int, int] = {}
    for number in np.argsort(-overlaps, axis=None, kind="stable").tolist():
        new, old = divmod(number, len(predicted))
        if overlaps[new, old] < SAME_HAND:
            break
        if new not in pairs and old not in pairs.values():
            pairs[new] = old
    return pairs


def _unmoved(old: Hand, new: Hand) -> bool:
    """Return whether a hand is where it was, with the same handedness and the same joints hidden."""
    if old.handedness != new.handedness or (old.keypoints is None) != (new.keypoints is None):
        return False
    if old.keypoints is None or new.keypoints is None:
        return bool(np.allclose(old.box, new.box, rtol=0, atol=SAME_PLACE))
    marks = [np.full(len(old.keypoints), 2) if hand.visibility is None else hand.visibility for hand in (old, new)]
    close = np.allclose(old.keypoints, new.keypoints, rtol=0, atol=SAME_PLACE, equal_nan=True)
    return close and bool((marks[0] == marks[1]).all())
