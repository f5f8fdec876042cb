"""Which predicted hand belongs to which labelled one, by their boxes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from handpose_cli.boxes import iou
from handpose_cli.evaluation.detection import score_of
from handpose_cli.labels.convert import sample_of
from handpose_cli.labels.file_matching import Key
from handpose_cli.records import Hand, ImageRecord, box_around

# A prediction that overlaps a label by less is of something else; one that overlaps it by less than the other has a bad
# box (Bolya et al., "TIDE", ECCV 2020).
BACKGROUND_IOU, GOOD_IOU = 0.1, 0.5
SAME_HAND_IOU = 0.3  # of a label's box and a box of all hands

BoxOf = Callable[[Hand], np.ndarray]


@dataclass
class Pair:
    """A labelled hand and what was predicted for it.

    Attributes:
        file, frame, sample: where it is.
        label: the labelled hand.
        prediction: the predicted one, None if it was missed.
        iou: how the two boxes overlap, 0 to 1.
    """

    file: str
    frame: int | None
    sample: str
    label: Hand
    prediction: Hand | None
    iou: float = 0.0


def own_box(hand: Hand) -> np.ndarray:
    return hand.box


def keypoint_box(hand: Hand) -> np.ndarray:
    """Return the box around the keypoints; the hand's own if it has none."""
    return hand.box if hand.keypoints is None else box_around(hand.keypoints)


def with_all_boxes(labels: Mapping[Key, ImageRecord], boxes: Mapping[Key, ImageRecord]) -> dict[Key, ImageRecord]:
    """Return the labels and, as hands without keypoints, those boxes of all hands that are of no labelled hand.

    Whether an image has all its hands is then what the boxes say.
    """
    joined = dict(labels)
    for key, record in boxes.items():
        known = joined.get(key, replace(record, hands=[]))
        overlaps = iou(_boxes(record.hands, own_box), _boxes(known.hands, own_box))
        new = [Hand(h.box) for h, row in zip(record.hands, overlaps, strict=True) if row.max(initial=0) < SAME_HAND_IOU]
        joined[key] = replace(known, hands=known.hands + new, exhaustive=record.exhaustive)
    return joined


def match(
    key: Key, label: ImageRecord, predicted: list[Hand], box_of: BoxOf = own_box
) -> tuple[list[Pair], list[Hand]]:
    """Match an image's predicted with its labelled hands.

    The best-scored prediction chooses first (of equal ones the one that overlaps a label most), and takes the free
    label that its box overlaps most, by at least `GOOD_IOU`; then those that are left choose again, by at least
    `BACKGROUND_IOU`.

    Returns:
        a pair for each labelled hand, and the predictions that are left over.
    """
    pairs = [Pair(*key, sample_of(label), hand, None) for hand in label.hands]
    overlaps = iou(_boxes(predicted, box_of), _boxes(label.hands, box_of))
    left = sorted(range(len(predicted)), key=lambda i: (-score_of(predicted[i]), -overlaps[i].max(initial=0)))
    for least in (GOOD_IOU, BACKGROUND_IOU):
        still = []
        for i in left:
            free = [-1.0 if pair.prediction is not None else overlaps[i, j] for j, pair in enumerate(pairs)]
            best = int(np.argmax(free)) if free else -1
            if best >= 0 and free[best] >= least:
                pairs[best].prediction, pairs[best].iou = predicted[i], float(free[best])
            else:
                still.append(i)
        left = still
    return pairs, [predicted[i] for i in left]


def _boxes(hands: list[Hand], box_of: BoxOf) -> np.ndarray:
    return np.reshape([box_of(hand) for hand in hands], (-1, 4))
