"""How well hands of different sizes are found."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from handpose_cli.evaluation.detection import answers, score_of
from handpose_cli.evaluation.figures import OfSize
from handpose_cli.records import Hand, ImageRecord

# name -> from which share of the picture's longer side on the hand's longer side is of that size, and up to which
SIZES = {"small": (0.0, 0.1), "medium": (0.1, 0.3), "large": (0.3, float("inf"))}
IOU = 0.5


Images = Sequence[tuple[ImageRecord, list[Hand]]]


def by_size(images: Images, above: Images) -> dict[str, OfSize]:
    """Return how well hands are found by their size, at an IoU of .5.

    A right prediction is as large as its label, a false one as it is itself. Images whose labels are not exhaustive
    count for recall alone, those of unknown size not at all.

    Args:
        images: each labelled record, and the hands predicted for it: for the average precision.
        above: the same with those predictions that score enough: for recall and precision.
    """
    images, above = ([(label, found) for label, found in each if label.width] for each in (images, above))
    hands, whole = dict.fromkeys(SIZES, 0), dict.fromkeys(SIZES, 0)  # all, and where all are labelled
    for label, _ in above:
        for hand in label.hands:
            hands[_size(hand, label)] += 1
            whole[_size(hand, label)] += label.exhaustive
    found, curves, at_threshold = {}, _answers(images), _answers(above)
    for name in SIZES:
        answered = at_threshold[name]
        judged = [answer for answer in answered if answer.exhaustive]
        found[name] = OfSize(
            hands[name],
            _share(sum(answer.right for answer in answered), hands[name]),
            _share(sum(answer.right for answer in judged), len(judged)),
            _average_precision([answer for answer in curves[name] if answer.exhaustive], whole[name]),
        )
    return found


class _Answer(NamedTuple):
    """A prediction's score, whether it is right, and whether all hands of its image are labelled."""

    score: float
    right: bool
    exhaustive: bool


def _answers(images: Images) -> dict[str, list[_Answer]]:
    """Return what predictions find, by size."""
    of_size: dict[str, list[_Answer]] = {name: [] for name in SIZES}
    for label, predicted in images:
        best_first = sorted(predicted, key=score_of, reverse=True)
        for hand, answer in zip(best_first, answers(label, predicted, IOU), strict=True):
            if answer.label is not None or label.exhaustive:
                right = answer.label is not None
                of_size[_size(answer.label or hand, label)].append(_Answer(answer.score, right, label.exhaustive))
    return of_size


def _average_precision(answered: list[_Answer], hands: int) -> float | None:
    """Return COCO's average precision at one IoU: the mean, over 101 recalls, of the best precision from there on."""
    if not hands:
        return None
    right = np.cumsum([answer.right for answer in sorted(answered, key=lambda answer: -answer.score)])
    precision = right / np.arange(1, len(right) + 1)
    best = np.maximum.accumulate(precision[::-1])[::-1]
    places = np.searchsorted(right / hands, np.linspace(0, 1, 101))
    return float(np.append(best, 0.0)[places].mean())


def _size(hand: Hand, image: ImageRecord) -> str:
    share = float(max(hand.box[2:])) / max(image.width or 0, image.height or 0, 1)
    return next(name for name, (low, high) in SIZES.items() if low <= share < high)


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None
