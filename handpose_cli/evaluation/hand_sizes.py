"""How well hands of different sizes are found."""

from __future__ import annotations

from collections.abc import Sequence

from handpose_cli.evaluation.detection import answers, score_of
from handpose_cli.evaluation.figures import OfSize
from handpose_cli.records import Hand, ImageRecord

# name -> from which share of the picture's longer side on the hand's longer side is of that size, and up to which
SIZES = {"small": (0.0, 0.1), "medium": (0.1, 0.3), "large": (0.3, float("inf"))}
IOU = 0.5


def by_size(images: Sequence[tuple[ImageRecord, list[Hand]]]) -> dict[str, OfSize]:
    """Return recall and precision by the size of hands, at an IoU of .5.

    A right prediction is as large as its label, a false one as it is itself. Images whose labels are not exhaustive
    count for recall alone, those of unknown size not at all.
    """
    hands, found, right, false = (dict.fromkeys(SIZES, 0) for _ in range(4))
    for label, predicted in images:
        if not label.width or not label.height:
            continue
        for hand in label.hands:
            hands[_size(hand, label)] += 1
        best_first = sorted(predicted, key=score_of, reverse=True)
        for hand, answer in zip(best_first, answers(label, predicted, IOU), strict=True):
            if answer.label is not None:
                found[_size(answer.label, label)] += 1
                right[_size(answer.label, label)] += label.exhaustive
            elif label.exhaustive:
                false[_size(hand, label)] += 1
    return {
        name: OfSize(hands[name], _share(found[name], hands[name]), _share(right[name], right[name] + false[name]))
        for name in SIZES
    }


def _size(hand: Hand, image: ImageRecord) -> str:
    share = float(max(hand.box[2:])) / max(image.width or 0, image.height or 0, 1)
    return next(name for name, (low, high) in SIZES.items() if low <= share < high)


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None
