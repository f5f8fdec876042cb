"""What an evaluation finds, typed; `Figures.to_json` is what `handpose evaluate --json` prints.

`figures.schema.json` describes that in JSON Schema.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Figure:
    """A figure, for all joints and by joint.

    Attributes:
        value: None where nothing counts.
        low, high: its 95 % interval; None where there is none.
        average: how joints were averaged: "macro", "micro" or "median", see `metrics.average`.
        hands: how many count.
        by_finger: the mean of the joints' values, for the wrist and each finger.
        by_joint: [21], in the order of `records.KEYPOINT_NAMES`.
    """

    value: float | None
    low: float | None
    high: float | None
    average: str
    hands: int
    by_finger: Mapping[str, float | None]
    by_joint: list[float | None]


@dataclass(frozen=True)
class Pose:
    """The pose alone: in the labelled boxes (`boxes` is "given"), or of the hands that were found ("predicted")."""

    boxes: str
    hands: int
    metrics: Mapping[str, Figure]


@dataclass(frozen=True)
class EndToEnd:
    """Labelled hands with keypoints: a missed one counts as wrong in PCK and AUC. `extra` hands are of no label."""

    hands: int
    found: int
    missed: int
    extra: int
    score_threshold: float | None
    metrics: Mapping[str, Figure]


@dataclass(frozen=True)
class ErrorSplit:
    """Where the labelled joints go, as shares of all: right, or wrong because of the hand, the box or the pose.

    Attributes:
        threshold: the figure that says what is right.
        bad_boxes_are: the rule for a bad box.
    """

    threshold: str
    joints: int
    right: float
    missed_hands: float
    bad_boxes: float
    wrong_joints: float
    bad_boxes_are: str
    extra_hands_per_labelled_hand: float


@dataclass(frozen=True)
class AveragePrecision:
    """COCO's: over thresholds from .50 to .95, and at .50 and .75, each 0 to 1; None without a label."""

    all: float | None
    at50: float | None
    at75: float | None

    def to_json(self) -> dict[str, float | None]:
        return {"AP": self.all, "AP50": self.at50, "AP75": self.at75}


@dataclass(frozen=True)
class OfSize:
    """How well hands of a size are found (IoU .5); see `hand_sizes.by_size`."""

    hands: int
    recall: float | None
    precision: float | None
    average_precision: float | None


@dataclass(frozen=True)
class Detection:
    """How well hands are found.

    Images whose labels are not exhaustive count for recall alone.

    Attributes:
        hands: how many are labelled.
        boxes: "own", or "around the keypoints" for predictions without boxes of their own.
        box_ap, oks_ap: average precision of boxes, and of keypoints by OKS.
        oks_area: of `settings.OKS_AREAS`.
        recall, precision: by the intersection over union from which a hand is found; None without any hand.
        recall_at_precision95: the highest recall, at any score threshold, with a precision of .95 (IoU .5).
        by_size: by the size of hands, see `hand_sizes.SIZES`.
        not_exhaustive: how many images' labels do not have all hands.
        empty_images: how many are labelled to show no hand.
        false_hands_an_empty_image: how many hands are predicted on each of them; None: there is none.
    """

    hands: int
    boxes: str
    box_ap: AveragePrecision
    oks_ap: AveragePrecision
    oks_area: str
    recall: Mapping[float, float | None]
    precision: Mapping[float, float | None]
    recall_at_precision95: float | None
    by_size: Mapping[str, OfSize]
    not_exhaustive: int
    empty_images: int
    false_hands_an_empty_image: float | None

    def to_json(self) -> dict[str, Any]:
        both = {}
        for iou in self.recall:
            both[f"recall@iou{iou:g}"], both[f"precision@iou{iou:g}"] = self.recall[iou], self.precision[iou]
        return {
            "hands": self.hands,
            "boxes": self.boxes,
            "box_ap": self.box_ap.to_json(),
            f"oks_ap/{self.oks_area}": self.oks_ap.to_json(),
            **both,
            "recall@precision0.95": self.recall_at_precision95,
            "by_size": {name: asdict(of_size) for name, of_size in self.by_size.items()},
            "not_exhaustive": self.not_exhaustive,
            "empty_images": self.empty_images,
            "false_hands_an_empty_image": self.false_hands_an_empty_image,
        }


@dataclass(frozen=True)
class Bin:
    """Scores from `low` to `high`: how many, their mean, and the share of them that is right."""

    low: float
    high: float
    count: int
    score: float
    right: float


@dataclass(frozen=True)
class Reliability:
    """Do scores mean what they say: `ece`, the expected calibration error, and the bins that are not empty."""

    ece: float
    bins: list[Bin]


@dataclass(frozen=True)
class Calibration:
    """Of joints' and of hands' scores; None where there are none, or some that are no probabilities."""

    joints: Reliability | None
    hands: Reliability | None


@dataclass(frozen=True)
class Handedness:
    """The share of hands whose side is right, of those where both label and prediction name one."""

    hands: int
    right: float


@dataclass(frozen=True)
class Figures:
    """All of an evaluation.

    Attributes:
        handpose: the version.
        labels, predictions: what they were: `source`, `format`, `images` and `hands`; or a network's `weights`,
            `detector`, `views` and `engine`.
        settings: what was measured.
        images_without_predictions: labelled images all of whose hands count as missed.
        images_without_labels: predicted images, which do not count.
        handedness: None where nothing names a side.
    """

    handpose: str
    labels: Mapping[str, Any]
    predictions: Mapping[str, Any]
    settings: Mapping[str, Any]
    images_without_predictions: int
    images_without_labels: int
    pose: Pose
    end_to_end: EndToEnd
    error_split: ErrorSplit
    detection: Detection
    calibration: Calibration
    handedness: Handedness | None

    def __getitem__(self, name: str) -> Figure:
        """Return a figure end to end by its name, such as "pck@0.1/bbox"; raise KeyError, with the names there are."""
        if name not in self.end_to_end.metrics:
            raise KeyError(f"{name!r} was not measured. There are: {', '.join(self.end_to_end.metrics)}")
        return self.end_to_end.metrics[name]

    def to_json(self) -> dict[str, Any]:
        """Return what `handpose evaluate --json` prints: numbers, texts, lists and dicts of them."""
        return {**asdict(self), "detection": self.detection.to_json()}
