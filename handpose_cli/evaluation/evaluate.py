"""Score predictions against labels: the pose alone, end to end, where the error comes from, and what scores mean."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from handpose_cli.evaluation.calibration import reliability
from handpose_cli.evaluation.detection import average_precision, recall_and_precision, recall_at_precision, score_of
from handpose_cli.evaluation.figures import Calibration, Detection, EndToEnd, ErrorSplit, Figures, Handedness, Pose
from handpose_cli.evaluation.hand_sizes import by_size
from handpose_cli.evaluation.matching import GOOD_IOU, BoxOf, Pair, keypoint_box, match, own_box
from handpose_cli.evaluation.scores import pck_name, right_joints, score
from handpose_cli.evaluation.settings import EvaluateSettings
from handpose_cli.labels.file_matching import Key
from handpose_cli.records import Hand, ImageRecord
from handpose_cli.version import __version__

SAME_BOX_IOU = 0.99
FOUND_IOUS = (0.5, 0.3)  # from which a hand counts as found


@dataclass(frozen=True)
class Evaluation:
    """The figures, and the hands behind them.

    Attributes:
        settings: what was measured.
        pose: pairs of the first block.
        end_to_end: a pair for each labelled hand with keypoints.
        extra: predicted hands that belong to no label, with the image's key.
    """

    figures: Figures
    settings: EvaluateSettings
    pose: list[Pair]
    end_to_end: list[Pair]
    extra: list[tuple[Key, Hand]]


def evaluate(
    labels: Mapping[Key, ImageRecord],
    predictions: Mapping[Key, ImageRecord],
    settings: EvaluateSettings,
    on_given_boxes: Sequence[Pair] | None = None,
    *,
    described: tuple[Mapping[str, Any], Mapping[str, Any]] = ({}, {}),
) -> Evaluation:
    """Score predictions.

    Args:
        labels: every labelled image, also those without hands; a hand may have only a box.
        predictions: by the labels' names (`file_matching.rename`); an image that is missing has no hands.
        on_given_boxes: what the network finds in the box of each labelled hand with keypoints; None: the first block is
            about the hands that were found, in the predictions' boxes.
        described: what labels and predictions are, for the figures' head.
    """
    labels = _in_order(labels)
    predicted = {key: _hands_in_order(predictions[key].hands) if key in predictions else [] for key in labels}
    box_of = own_box if _have_boxes(predicted.values()) else keypoint_box
    pairs: list[Pair] = []
    extra: list[tuple[Key, Hand]] = []
    for key, label in labels.items():
        matched, left = match(key, label, _above(predicted[key], settings.score_threshold), box_of)
        pairs += matched
        extra += [(key, hand) for hand in left if label.exhaustive]
    with_keypoints = [pair for pair in pairs if pair.label.keypoints is not None]
    found = [pair for pair in with_keypoints if pair.prediction is not None]
    if on_given_boxes is not None:  # in the order of the other pairs
        of_label = {id(pair.label): pair for pair in on_given_boxes}
        on_given_boxes = [of_label[id(pair.label)] for pair in with_keypoints]
    pose = found if on_given_boxes is None else list(on_given_boxes)
    given = on_given_boxes is not None or (
        box_of is own_box and len(found) == len(with_keypoints) > 0 and all(pair.iou > SAME_BOX_IOU for pair in found)
    )
    figures = Figures(
        handpose=__version__,
        labels=described[0],
        predictions=described[1],
        settings={
            "norms": list(settings.norms),
            "thresholds": list(settings.thresholds),
            "visible_only": settings.visible_only,
            "oks_area": settings.oks_area,
            "seed": settings.seed,
            "rescale": settings.rescale,
            "exhaustive": settings.exhaustive,
        },
        images_without_predictions=sum(key not in predictions for key in labels),
        images_without_labels=sum(key not in labels for key in predictions),
        pose=Pose("given" if given else "predicted", len(pose), score(pose, settings)),
        end_to_end=EndToEnd(
            hands=len(with_keypoints),
            found=len(found),
            missed=len(with_keypoints) - len(found),
            extra=len(extra),
            score_threshold=settings.score_threshold,
            metrics=score(with_keypoints, settings),
        ),
        error_split=error_split(with_keypoints, len(extra), settings, on_given_boxes, box_of is own_box),
        detection=_detection(labels, predicted, settings, box_of),
        calibration=_calibration(pairs, extra, labels, settings),
        handedness=_handedness(pairs),
    )
    return Evaluation(figures, settings, pose, with_keypoints, extra)


def _in_order(labels: Mapping[Key, ImageRecord]) -> dict[Key, ImageRecord]:
    """Return the labels by name, so that no figure depends on the order of a file.

    Average precision does where scores are equal: it takes images and hands as they come.
    """
    by_name = sorted(labels.items(), key=lambda item: (item[0][0], -1 if item[0][1] is None else item[0][1]))
    return {key: replace(label, hands=_hands_in_order(label.hands)) for key, label in by_name}


def _hands_in_order(hands: list[Hand]) -> list[Hand]:
    return sorted(hands, key=lambda hand: (-score_of(hand), hand.box.tolist()))


def error_split(
    pairs: Sequence[Pair],
    extra: int,
    settings: EvaluateSettings,
    on_given_boxes: Sequence[Pair] | None = None,
    have_boxes: bool = True,
) -> ErrorSplit:
    """Return where the labelled joints go, as shares of all: right, or wrong because of the hand, the box or the pose.

    A wrong joint of a hand that was found is the box's fault if it is right in the labelled box, where that is known,
    and else if the box overlaps the labelled one by less than `GOOD_IOU` (after TIDE, Bolya et al., ECCV 2020).
    Predictions without boxes of their own have no bad ones.
    """
    right = right_joints(pairs, settings)
    counted = np.isfinite(right)
    wrong = counted & (right == 0)
    missed = wrong & np.array([pair.prediction is None for pair in pairs], bool).reshape(-1, 1)
    if on_given_boxes is not None:
        rule = "wrong, but right in the labelled box"
        bad_box = wrong & ~missed & (right_joints(on_given_boxes, settings) == 1)
    else:
        rule = f"IoU < {GOOD_IOU}" if have_boxes else "not known: predictions without boxes"
        bad = [have_boxes and pair.iou < GOOD_IOU for pair in pairs]
        bad_box = wrong & ~missed & np.array(bad, bool).reshape(-1, 1)
    total = max(int(counted.sum()), 1)
    return ErrorSplit(
        threshold=pck_name(settings.main_threshold, settings.norms[0]),
        joints=int(counted.sum()),
        right=float((right == 1).sum() / total),
        missed_hands=float(missed.sum() / total),
        bad_boxes=float(bad_box.sum() / total),
        wrong_joints=float((wrong & ~missed & ~bad_box).sum() / total),
        bad_boxes_are=rule,
        extra_hands_per_labelled_hand=extra / max(len(pairs), 1),
    )


def _have_boxes(predicted: Iterable[list[Hand]]) -> bool:
    """Return whether any predicted box is more than the one around its keypoints."""
    return any(hand.has_own_box for hands in predicted for hand in hands)


def _above(hands: list[Hand], score_threshold: float | None) -> list[Hand]:
    return hands if score_threshold is None else [hand for hand in hands if score_of(hand) >= score_threshold]


def _detection(
    labels: Mapping[Key, ImageRecord],
    predicted: Mapping[Key, list[Hand]],
    settings: EvaluateSettings,
    box_of: BoxOf,
) -> Detection:
    def boxed(hands: list[Hand]) -> list[Hand]:
        return [replace(hand, box=box_of(hand)) for hand in hands]

    images = [(replace(label, hands=boxed(label.hands)), boxed(predicted[key])) for key, label in labels.items()]
    own = [(label, predicted[key]) for key, label in labels.items() if label.exhaustive]
    above = [(label, _above(hands, settings.score_threshold)) for label, hands in images]
    both = {iou: recall_and_precision(above, iou) for iou in FOUND_IOUS}
    whole = [(label, hands) for label, hands in images if label.exhaustive]
    empty = [hands for label, hands in above if label.exhaustive and not label.hands]
    return Detection(
        hands=sum(len(label.hands) for label in labels.values()),
        boxes="own" if box_of is own_box else "around the keypoints",
        box_ap=average_precision(whole, "bbox"),
        oks_ap=average_precision(own, "keypoints", settings.oks_area, settings.visible_only),
        oks_area=settings.oks_area,
        recall={iou: recall for iou, (recall, _) in both.items()},
        precision={iou: precision for iou, (_, precision) in both.items()},
        recall_at_precision95=recall_at_precision(whole, 0.95) if any(label.hands for label, _ in whole) else None,
        by_size=by_size(images, above),
        not_exhaustive=len(images) - len(whole),
        empty_images=len(empty),
        false_hands_an_empty_image=sum(map(len, empty)) / len(empty) if empty else None,
    )


def _calibration(
    pairs: Sequence[Pair],
    extra: Sequence[tuple[Key, Hand]],
    labels: Mapping[Key, ImageRecord],
    settings: EvaluateSettings,
) -> Calibration:
    scored = [
        pair
        for pair in pairs
        if pair.label.keypoints is not None
        and pair.prediction is not None
        and pair.prediction.keypoint_scores is not None
    ]
    right = right_joints(scored, settings)
    scores = np.reshape([pair.prediction.keypoint_scores for pair in scored if pair.prediction], right.shape)
    counted = np.isfinite(right)
    hands = [
        (pair.prediction, pair.iou >= GOOD_IOU)
        for pair in pairs
        if pair.prediction is not None and labels[pair.file, pair.frame].exhaustive
    ]
    hands += [(hand, False) for _, hand in extra]
    known = [(hand.score, is_right) for hand, is_right in hands if hand.score is not None]
    return Calibration(
        joints=reliability(scores[counted], right[counted]),
        hands=reliability([value for value, _ in known], [is_right for _, is_right in known]),
    )


def _handedness(pairs: Iterable[Pair]) -> Handedness | None:
    named = [
        pair.label.handedness == pair.prediction.handedness
        for pair in pairs
        if pair.prediction is not None and pair.label.handedness and pair.prediction.handedness
    ]
    return Handedness(len(named), sum(named) / len(named)) if named else None
