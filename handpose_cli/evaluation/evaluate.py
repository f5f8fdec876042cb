"""Score predictions against labels: the pose alone, end to end, where the error comes from, and what scores mean."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from handpose_cli.evaluation.calibration import reliability
from handpose_cli.evaluation.detection import average_precision, recall_and_precision
from handpose_cli.evaluation.matching import Key, Pair, match
from handpose_cli.evaluation.scores import Settings, pck_name, right_joints, score
from handpose_cli.records import Hand, ImageRecord

BOX_IOU = 0.5  # a box that overlaps its label by less is a bad box
SAME_BOX_IOU = 0.99


@dataclass
class Evaluation:
    """The figures, and the hands behind them.

    Attributes:
        figures: what `handpose evaluate --json` prints; see `evaluate`.
        pose: pairs of the first block.
        end_to_end: a pair for each labelled hand with keypoints.
        extra: predicted hands that belong to no label, with the image's key.
    """

    figures: dict[str, Any]
    pose: list[Pair]
    end_to_end: list[Pair]
    extra: list[tuple[Key, Hand]]


def evaluate(
    labels: Mapping[Key, ImageRecord],
    predictions: Mapping[Key, ImageRecord],
    settings: Settings,
    score_threshold: float = 0.0,
    on_given_boxes: Sequence[Pair] | None = None,
    all_boxes: Mapping[Key, ImageRecord] | None = None,
) -> Evaluation:
    """Score predictions.

    Args:
        labels: every labelled image, also those without hands.
        predictions: by the labels' names (`matching.rename`); an image that is missing has no hands.
        score_threshold: hands with lower scores count only in the average precision.
        on_given_boxes: what the network finds in the box of each labelled hand with keypoints; None: the first block is
            about the hands that were found, in the predictions' boxes.
        all_boxes: boxes of all hands, where `labels` has only some of the hands; for detection and extra hands.

    Returns:
        figures: `pose` (with `boxes`: "given", or "predicted" for the hands found), `end_to_end`, `error_split`,
        `detection`, `calibration` and `handedness`.
    """
    pairs: list[Pair] = []
    extra: list[tuple[Key, Hand]] = []
    detected: list[tuple[ImageRecord, list[Hand]]] = []
    boxes_of = labels if all_boxes is None else all_boxes
    for key in {**labels, **boxes_of}:
        predicted = predictions[key].hands if key in predictions else []
        above = [hand for hand in predicted if _score(hand) >= score_threshold]
        if key in labels:
            matched, left = match(key, labels[key], above)
            pairs += matched
        if key in boxes_of:
            detected.append((boxes_of[key], predicted))
            if boxes_of is not labels:
                left = match(key, boxes_of[key], above)[1]
            extra += [(key, hand) for hand in left]
    with_keypoints = [pair for pair in pairs if pair.label.keypoints is not None]
    found = [pair for pair in with_keypoints if pair.prediction is not None]
    if on_given_boxes is not None:  # in the order of the other pairs
        of_label = {id(pair.label): pair for pair in on_given_boxes}
        on_given_boxes = [of_label[id(pair.label)] for pair in with_keypoints]
    pose = found if on_given_boxes is None else on_given_boxes
    given = on_given_boxes is not None or (
        len(found) == len(with_keypoints) > 0 and all(pair.iou > SAME_BOX_IOU for pair in found)
    )
    figures = {
        "pose": {"boxes": "given" if given else "predicted", "hands": len(pose), "metrics": score(pose, settings)},
        "end_to_end": {
            "hands": len(with_keypoints),
            "found": len(found),
            "missed": len(with_keypoints) - len(found),
            "extra": len(extra),
            "score_threshold": score_threshold,
            "metrics": score(with_keypoints, settings),
        },
        "error_split": error_split(with_keypoints, extra, settings, on_given_boxes),
        "detection": _detection(detected, labels, predictions, score_threshold, settings),
        "calibration": _calibration(found, pairs, extra, settings),
        "handedness": _handedness(pairs),
    }
    return Evaluation(figures, pose, with_keypoints, extra)


def error_split(
    pairs: Sequence[Pair], extra: Sequence[Any], settings: Settings, on_given_boxes: Sequence[Pair] | None = None
) -> dict[str, Any]:
    """Return where the labelled joints go, as shares of all: right, or wrong because of the hand, the box or the pose.

    A wrong joint of a hand that was found is the box's fault if it is right in the labelled box, where that is known,
    and else if the box overlaps the labelled one by less than `BOX_IOU`. (After TIDE, Bolya et al., ECCV 2020.)
    """
    right = right_joints(pairs, settings)
    counted = np.isfinite(right)
    wrong = counted & (right == 0)
    missed = wrong & np.array([pair.prediction is None for pair in pairs], bool).reshape(-1, 1)
    if on_given_boxes is None:
        bad_box = wrong & ~missed & np.array([pair.iou < BOX_IOU for pair in pairs], bool).reshape(-1, 1)
    else:
        bad_box = wrong & ~missed & (right_joints(on_given_boxes, settings) == 1)
    total = max(int(counted.sum()), 1)
    return {
        "threshold": pck_name(settings.main_threshold, settings.norms[0]),
        "joints": int(counted.sum()),
        "right": float((right == 1).sum() / total),
        "missed_hands": float(missed.sum() / total),
        "bad_boxes": float(bad_box.sum() / total),
        "wrong_joints": float((wrong & ~missed & ~bad_box).sum() / total),
        "bad_boxes_are": "wrong, but right in the labelled box" if on_given_boxes is not None else f"IoU < {BOX_IOU}",
        "extra_hands_per_labelled_hand": len(extra) / max(len(pairs), 1),
    }


def _detection(
    detected: Sequence[tuple[ImageRecord, list[Hand]]],
    labels: Mapping[Key, ImageRecord],
    predictions: Mapping[Key, ImageRecord],
    score_threshold: float,
    settings: Settings,
) -> dict[str, Any]:
    above = [(label, [hand for hand in hands if _score(hand) >= score_threshold]) for label, hands in detected]
    figures: dict[str, Any] = {"hands": sum(len(label.hands) for label, _ in detected)}
    figures["box_ap"] = average_precision(detected, "bbox")
    with_keypoints = [(label, predictions[key].hands if key in predictions else []) for key, label in labels.items()]
    figures[f"oks_ap/{settings.oks_area}"] = average_precision(with_keypoints, "keypoints", settings.oks_area)
    for threshold in (0.5, 0.3):
        recall, precision = recall_and_precision(above, threshold)
        figures[f"recall@iou{threshold:g}"], figures[f"precision@iou{threshold:g}"] = _known(recall), _known(precision)
    return {
        **figures,
        **{name: {k: _known(v) for k, v in ap.items()} for name, ap in figures.items() if isinstance(ap, dict)},
    }


def _calibration(
    found: Sequence[Pair], pairs: Sequence[Pair], extra: Sequence[tuple[Key, Hand]], settings: Settings
) -> dict[str, Any]:
    scored = [pair for pair in found if pair.prediction is not None and pair.prediction.keypoint_scores is not None]
    right = right_joints(scored, settings)
    scores = np.reshape([pair.prediction.keypoint_scores for pair in scored if pair.prediction], right.shape)
    counted = np.isfinite(right)
    hands = [(pair.prediction, pair.iou >= BOX_IOU) for pair in pairs if pair.prediction is not None]
    hands += [(hand, False) for _, hand in extra]
    known = [(hand.score, is_right) for hand, is_right in hands if hand.score is not None]
    return {
        "joints": reliability(scores[counted], right[counted]),
        "hands": reliability([value for value, _ in known], [is_right for _, is_right in known]),
    }


def _handedness(pairs: Iterable[Pair]) -> dict[str, Any] | None:
    """Return the share of hands whose side is right, of those where both label and prediction name one."""
    named = [
        pair.label.handedness == pair.prediction.handedness
        for pair in pairs
        if pair.prediction is not None and pair.label.handedness and pair.prediction.handedness
    ]
    return {"hands": len(named), "right": sum(named) / len(named)} if named else None


def _score(hand: Hand) -> float:
    return 1.0 if hand.score is None else hand.score


def _known(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
