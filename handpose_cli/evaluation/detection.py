"""How well hands are found: recall and precision, and COCO's average precision of boxes and of keypoints."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
from faster_coco_eval import COCO, COCOeval_faster

from handpose_cli.boxes import iou
from handpose_cli.evaluation.figures import AveragePrecision
from handpose_cli.evaluation.metrics import HAND_SIGMAS
from handpose_cli.formats.coco import keypoints_and_marks
from handpose_cli.records import Hand, ImageRecord

BOX53 = 0.53  # Ultralytics takes this share of the box for the hand's area


def score_of(hand: Hand) -> float:
    """Return a hand's score; one without counts as sure."""
    return 1.0 if hand.score is None else float(hand.score)


def area_of(hand: Hand, kind: str) -> float:
    """Return the area in pixels that OKS divides by.

    Args:
        kind: "box", the labelled box; "box53", 0.53 of it; or "field", the label set's area (the box if it has none, or
            0, which programs write that do not know it).
    """
    box = float(hand.box[2] * hand.box[3])
    if kind == "field" and hand.area is not None and hand.area > 0:
        return hand.area
    return BOX53 * box if kind == "box53" else box


def average_precision(
    images: Sequence[tuple[ImageRecord, list[Hand]]],
    kind: str,
    oks_area: str = "box",
    visible_only: bool = False,
) -> AveragePrecision:
    """Return COCO's average precision.

    COCO takes the best 100 boxes of an image and the best 20 by keypoints; as many as are labelled in one, if more.

    Args:
        images: each labelled record, and the hands predicted for it.
        kind: "bbox" (by the boxes' IoU) or "keypoints" (by OKS with COCO-WholeBody's sigmas for hands; hands labelled
            without keypoints are ignored).
        oks_area: see `area_of`.
        visible_only: leave out joints that are labelled as hidden.
    """
    annotations: list[dict[str, Any]] = []
    results: list[dict[str, Any]] = []
    for number, (label, predicted) in enumerate(images, start=1):
        for hand in label.hands:
            entry = _entry(_without_hidden(hand) if visible_only else hand, number, kind)
            annotations.append(entry | {"id": len(annotations) + 1, "area": area_of(hand, oks_area)})
        results += [
            {**_entry(hand, number, kind), "score": score_of(hand)}
            for hand in predicted
            if kind == "bbox" or hand.keypoints is not None
        ]
    if not any(entry["num_keypoints"] for entry in annotations) if kind == "keypoints" else not annotations:
        return AveragePrecision(None, None, None)
    if not results:
        return AveragePrecision(0.0, 0.0, 0.0)
    truth = COCO(
        {
            "images": [{"id": number} for number in range(1, len(images) + 1)],
            "annotations": annotations,
            "categories": [{"id": 1, "name": "hand"}],
        }
    )
    evaluation = COCOeval_faster(
        truth,
        truth.loadRes(results),
        iouType=kind,
        kpt_oks_sigmas=list(HAND_SIGMAS) if kind == "keypoints" else None,
        print_function=lambda *_: None,
    )
    limits = evaluation.params.maxDets
    limits[-1] = max(limits[-1], *(len(label.hands) for label, _ in images))
    evaluation.evaluate()
    evaluation.accumulate()
    evaluation.summarize()
    figures = evaluation.stats_as_dict
    # -1: none counts, since they are larger than COCO has areas
    return AveragePrecision(
        *(float(ap) if (ap := figures[name]) >= 0 else None for name in ("AP_all", "AP_50", "AP_75"))
    )


def _entry(hand: Hand, image: int, kind: str) -> dict[str, Any]:
    """Return a hand as an annotation, not rounded as in files: an IoU may lie on one of COCO's thresholds.

    Keypoints are an array, which takes a quarter of the memory of a list, and only there where they count.
    """
    entry = {"image_id": image, "category_id": 1, "bbox": hand.box.tolist(), "iscrowd": 0, "ignore": 0}
    if kind == "bbox":
        return entry
    points, marks = keypoints_and_marks(hand)
    return entry | {"keypoints": np.column_stack([points, marks]).ravel(), "num_keypoints": int((marks > 0).sum())}


def _without_hidden(hand: Hand) -> Hand:
    if hand.visibility is None or hand.keypoints is None:
        return hand
    points = np.where((hand.visibility == 1)[:, None], np.nan, hand.keypoints)
    return replace(hand, keypoints=points.astype(np.float32))


def recall_and_precision(
    images: Iterable[tuple[ImageRecord, list[Hand]]], threshold: float
) -> tuple[float | None, float | None]:
    """Return the share of labelled hands that are found and of predicted hands that are right, at an IoU threshold.

    None: there is no such hand. Where not all hands of an image are labelled, its predictions say nothing of precision.
    """
    labelled, found, judged = 0, 0, []
    for label, hands in images:
        labelled += len(label.hands)
        right = [answer.label is not None for answer in answers(label, hands, threshold)]
        found += sum(right)
        judged += right if label.exhaustive else []
    return found / labelled if labelled else None, sum(judged) / len(judged) if judged else None


def recall_at_precision(images: Iterable[tuple[ImageRecord, list[Hand]]], precision: float) -> float:
    """Return the highest recall, 0 to 1, that a score threshold gives with at least such a precision (IoU .5)."""
    labelled, given = 0, []
    for label, hands in images:
        labelled += len(label.hands)
        given += answers(label, hands, 0.5)
    if not labelled or not given:
        return 0.0
    given.sort(key=lambda answer: -answer.score)
    scores = np.array([answer.score for answer in given])
    right = np.cumsum([answer.label is not None for answer in given])
    enough = right / np.arange(1, len(right) + 1) >= precision
    enough &= np.append(scores[1:] != scores[:-1], True)  # no threshold divides those that score the same
    return float(right[enough].max(initial=0) / labelled)


class Answer(NamedTuple):
    """A predicted hand's score, and the labelled hand that it finds; None: none, it is false."""

    score: float
    label: Hand | None


def answers(label: ImageRecord, hands: list[Hand], threshold: float) -> list[Answer]:
    """Return what each predicted hand finds, best first, at an IoU threshold.

    Each label is found once, by the best-scored prediction that overlaps it enough.
    """
    free = np.ones(len(label.hands), bool)
    boxes = np.reshape([hand.box for hand in label.hands], (-1, 4))
    given = []
    for hand in sorted(hands, key=score_of, reverse=True):
        overlap = iou(hand.box[None], boxes)[0] * free
        found = None
        if overlap.size and overlap.max() >= threshold:
            best = int(overlap.argmax())
            free[best], found = False, label.hands[best]
        given.append(Answer(score_of(hand), found))
    return given
