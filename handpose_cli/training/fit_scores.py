"""Fit what a keypoint network's scores are worth, and write it into its contract (`engine.contract.Calibration`):

    python -m handpose_cli.training.fit_scores WEIGHTS --keypoints [FORMAT:]LABELS --boxes [FORMAT:]LABELS

WEIGHTS is a bundled network, a file or a run folder. The labels with keypoints teach what a joint's score is worth,
those in which every hand has a box what a hand's is, beside the score of --detector, which also says where hands are.
Take other photographs than the network was trained on: on those it is surer than it will be.
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from handpose_cli import engine, weights
from handpose_cli.annotator.pipeline import box_of
from handpose_cli.annotator.pose import find_in_crops
from handpose_cli.annotator.proposals import Candidate, places_of
from handpose_cli.annotator.regions import detect, whole
from handpose_cli.boxes import iou
from handpose_cli.engine import contract_file
from handpose_cli.engine.contract import Calibration, Detector, KeypointNetwork, log_odds
from handpose_cli.formats.errors import FormatError
from handpose_cli.labels.file_matching import by_image
from handpose_cli.labels.source import Source
from handpose_cli.media.picture import Picture
from handpose_cli.training.data.images import with_images
from handpose_cli.training.data.samples import Sample, read_labelled, read_sample, read_samples, size_of

VIEWS = (1, 2, 3, 4)
HANDS = 1000  # of the labels with keypoints, at most
RIGHT = 0.1  # error, over the longer side of the hand's box, up to which a joint is right
IS_HAND = 0.5  # least intersection over union of a hand's box with a labelled one


def fit_joints(
    network: KeypointNetwork, detector: Detector, samples: Sequence[Sample]
) -> dict[int, tuple[float, float]]:
    """Return `Calibration.joints`, fitted on labelled hands."""
    samples = random.Random(0).sample(list(samples), min(HANDS, len(samples)))
    hands = [(sample, place) for sample in samples if (place := _found_at(sample, network, detector)) is not None]
    if not hands:
        raise SystemExit("the detector finds none of the hands that have keypoints: take another --detector")
    fitted = {}
    for views in VIEWS:
        scores, answers = joints_of(network, hands, views)
        factor, constant = fit(np.array([[log_odds(score), 1.0] for score in scores]), answers).round(3).tolist()
        fitted[views] = (factor, constant)
    return fitted


def joints_of(
    network: KeypointNetwork, hands: Sequence[tuple[Sample, Candidate]], views: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return each labelled joint's own score, and whether the joint was right: float64 and bool [n].

    Args:
        hands: with the place where the detector found each, where it is looked at as by `predict`.
    """
    scores, answers = [], []
    for sample, place in hands:
        assert sample.hand is not None and sample.hand.keypoints is not None
        found = find_in_crops(network, [(place.picture, place.crop)], views)
        error = np.linalg.norm(found.keypoints[0] - sample.hand.keypoints, axis=1) / max(sample.box[2:].max(), 1.0)
        labelled = np.isfinite(error)
        scores.append(found.scores[0][labelled])
        answers.append(error[labelled] < RIGHT)
    return np.concatenate(scores).astype(np.float64), np.concatenate(answers)


def _found_at(sample: Sample, network: KeypointNetwork, detector: Detector) -> Candidate | None:
    """Return where the detector finds a labelled hand, or None if it does not."""
    picture = Picture(read_sample(sample))
    (boxes,) = detect(detector, [whole(picture)], detector.least_score)
    overlap = iou(sample.box[None].astype(np.float32), boxes.boxes)[0]
    if overlap.max(initial=0.0) < IS_HAND:
        return None
    return places_of(picture, boxes, network)[int(overlap.argmax())]


def fit_hand(
    network: KeypointNetwork, detector: Detector, joints: dict[int, tuple[float, float]], source: Source
) -> dict[int, tuple[float, float, float, float]]:
    """Return `Calibration.hand`, fitted on photographs in which every hand has a box."""
    by_views = {}
    for views in VIEWS:
        evidence = detections(network, detector, Calibration(joints, {}), source, views)
        terms, answers = map(np.array, zip(*evidence, strict=True))
        says = np.ptp(terms[:, 2]) > 0  # whether the network says what is a hand
        used = [0, 1, 2, 3] if says else [0, 1, 3]
        fitted = np.zeros(4)
        fitted[used] = fit(terms[:, used], answers)
        box, mean, is_hand, constant = fitted.round(3).tolist()
        by_views[views] = (box, mean, is_hand, constant)
    return by_views


def detections(
    network: KeypointNetwork, detector: Detector, calibration: Calibration, source: Source, views: int
) -> Iterator[tuple[list[float], bool]]:
    """Yield the evidence of `Calibration.hand_score` for each detection, and whether it is a hand.

    Where labels do not have every hand, what is at none of theirs may be one: it is left out.
    """
    for record, path in with_images(source, by_image(source.read()).values()):
        image = read_labelled(path, size_of(record))
        picture = Picture(image)
        (boxes,) = detect(detector, [whole(picture)], detector.least_score)
        if not len(boxes.boxes):
            continue
        found = find_in_crops(network, [(picture, place.crop) for place in places_of(picture, boxes, network)], views)
        joints = calibration.joint_scores(found.evidence, views)
        hands = np.reshape([hand.box for hand in record.hands], (-1, 4)).astype(np.float32)
        height, width = image.shape[:2]
        published = np.stack([box_of(points, width, height) for points in found.keypoints])
        overlap = iou(published, hands).max(axis=1, initial=0.0)
        for i, score in enumerate(boxes.scores):
            right = bool(overlap[i] >= IS_HAND)
            if not right and not record.exhaustive:
                continue
            is_hand = 0.5 if found.is_hand is None else float(found.is_hand[i])
            evidence = (float(score), float(joints[i].mean()), is_hand)
            yield [*map(log_odds, evidence), 1.0], right


def fit(terms: np.ndarray, answers: np.ndarray, steps: int = 50) -> np.ndarray:
    """Return the weights of a logistic regression, by Newton's method.

    Args:
        terms: float64 [n, k].
        answers: bool [n].
    """
    weights = np.zeros(terms.shape[1])
    for _ in range(steps):
        probability = 1 / (1 + np.exp(-terms @ weights))
        gradient = terms.T @ (answers - probability) - 1e-3 * weights
        curvature = (terms * (probability * (1 - probability))[:, None]).T @ terms + 1e-3 * np.eye(len(weights))
        weights = weights + np.linalg.solve(curvature, gradient)
    return weights


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m handpose_cli.training.fit_scores",
        description="Fit what a keypoint network's scores are worth, and write it into its contract, the .json beside "
        "it. Take other photographs than the network was trained on: on those it is surer than it will be.",
    )
    parser.add_argument("weights", metavar="WEIGHTS", help="a bundled network, a file or a run folder")
    parser.add_argument(
        "--keypoints",
        required=True,
        metavar="[FORMAT:]LABELS",
        help="labels with keypoints, which teach what a joint's score is worth",
    )
    parser.add_argument(
        "--boxes",
        required=True,
        metavar="[FORMAT:]LABELS",
        help="labels in which every hand has a box, which teach what a hand's score is worth",
    )
    parser.add_argument(
        "--detector", default=weights.DETECTOR, help="the detector that says where hands are; default: %(default)s"
    )
    args = parser.parse_args(arguments)
    try:
        _fit_and_write(args.weights, args.detector, args.keypoints, args.boxes)
    except (FormatError, weights.WeightsError) as error:
        raise SystemExit(str(error)) from error


def _fit_and_write(name: str, detector_name: str, keypoints: str, boxes: str) -> None:
    network = engine.load_keypoint_network("litert", name)
    detector = engine.load_detector("litert", detector_name)
    joints = fit_joints(network, detector, read_samples([keypoints]))
    hand = fit_hand(network, detector, joints, Source.parse(boxes))
    fitted = weights.find(name, "litert")
    path = weights.contract_path(fitted)
    digests = {**network.contract.weights, fitted.name: weights.sha256(fitted)}
    contract_file.write(replace(network.contract, calibration=Calibration(joints, hand), weights=digests), path)
    print(f"{path}: joints {joints}, hand {hand}")


if __name__ == "__main__":
    main()
