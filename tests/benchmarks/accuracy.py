"""How good the networks are on labelled photographs; run by hand:

    python tests/benchmarks/accuracy.py LABELLED_FOLDER [--weights W] [--engine litert|keras]

The folder has `labels.json` (label-list with keypoints and boxes) and, if there are any, `boxes.json` (every hand of
each image boxed) and `fingertips/labels.json` (thumb tip "4" and index tip "8" marked by people, and a box).
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np

from handpose_cli import engine
from handpose_cli.annotator.detector import detect
from handpose_cli.annotator.pipeline import Networks, Settings, annotate
from handpose_cli.annotator.pose import find_keypoints
from handpose_cli.evaluation.detection import average_precision, iou
from handpose_cli.evaluation.metrics import distances, longer_sides, pck
from handpose_cli.formats import label_list
from handpose_cli.sources.frames import Frame
from handpose_cli.sources.images import read_image

LEAST_SCORE = 0.02  # of the boxes in the precision-recall curve


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--weights", default="hourglass-lite")
    parser.add_argument("--engine", default="litert")
    options = parser.parse_args()
    hourglass = engine.load_hourglass(options.engine, options.weights)
    size = hourglass.input_shape[0]

    def pose(image, box):
        keypoints, scores = find_keypoints(hourglass, size, [(image, box)])
        return keypoints[0], scores[0]

    given_boxes(options.folder, pose)
    if (options.folder / "boxes.json").exists():
        end_to_end(options.folder, Networks(engine.load_detector(options.engine), hourglass, size))
    if (options.folder / "fingertips" / "labels.json").exists():
        fingertips(options.folder / "fingertips", pose)


def given_boxes(folder: Path, pose) -> None:
    labelled, predicted, confidence = [], [], []
    for record in label_list.read(folder / "labels.json"):
        image = read_image(folder / record.file)
        for hand in record.hands:
            keypoints, scores = pose(image, hand.box)
            labelled.append(hand.keypoints)
            predicted.append(keypoints)
            confidence.append(scores)
    labelled, predicted, confidence = np.array(labelled), np.array(predicted), np.array(confidence)
    error, norm = distances(predicted, labelled), longer_sides(labelled)
    print(f"given boxes, {len(labelled)} hands, norm: longer side of the labelled keypoints' box")
    print("  " + ", ".join(f"pck@{t}/bbox {pck(error, norm, t):.4f}" for t in (0.05, 0.1, 0.2)))
    print(f"  epe/bbox {(error / norm[:, None]).mean():.4f}, median {np.median(error / norm[:, None]):.4f}")
    right = error < 0.1 * norm[:, None]
    print("  joint score: share with error < 0.1")
    for low, high in ((0, 0.2), (0.2, 0.4), (0.4, 0.6), (0.6, 0.8), (0.8, 0.9), (0.9, 1.01)):
        inside = (confidence >= low) & (confidence < high)
        if inside.any():
            print(f"    {low:.1f}-{min(high, 1):.1f}: {right[inside].mean():.3f} of {inside.sum()} joints")


def end_to_end(folder: Path, networks: Networks) -> None:
    by_detector, by_hand = [], []
    for record in label_list.read(folder / "boxes.json"):
        image = read_image(folder / record.file)
        boxes, scores = detect(networks.detector, image, LEAST_SCORE)
        truth = np.array([hand.box for hand in record.hands]).reshape(-1, 4)
        by_detector.append((boxes, scores, truth))
        (annotated,) = annotate([Frame(record.file, lambda image=image: image)], networks, Settings(LEAST_SCORE))
        hands = annotated.record.hands
        by_hand.append((np.array([h.box for h in hands]).reshape(-1, 4), np.array([h.score for h in hands]), truth))
    for name, images in (("detector's score", by_detector), ("hand score, as predict writes them", by_hand)):
        print(
            f"boxes by the {name}: AP.3 {average_precision(images, 0.3):.4f}, AP.5 {average_precision(images, 0.5):.4f}"
        )
        total = sum(len(truth) for _, _, truth in images)
        for threshold in (0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5):
            found = said = 0
            for boxes, scores, truth in images:
                kept = boxes[scores >= threshold]
                said += len(kept)
                if len(kept) and len(truth):
                    found += int((iou(kept, truth).max(axis=0) >= 0.3).sum())
            print(
                f"    score >= {threshold}: recall {found / total:.3f}, precision {found / max(said, 1):.3f} (IoU .3)"
            )


def fingertips(folder: Path, pose) -> None:
    errors: dict[str, list[float]] = {"4": [], "8": []}
    for entry in json.loads((folder / "labels.json").read_text()):
        keypoints, _ = pose(read_image(folder / entry["image"]), np.array(entry["box"], np.float32))
        for joint, point in entry["keypoints"].items():
            errors[joint].append(float(np.linalg.norm(keypoints[int(joint)] - point) / max(entry["box"][2:])))
    for joint, name in (("4", "thumb tip"), ("8", "index tip")):
        values = np.array(errors[joint])
        print(
            f"{name} against {len(values)} human marks, of the box's longer side: mean {values.mean():.4f}, "
            f"median {np.median(values):.4f}, within .05: {(values < 0.05).mean():.3f}"
        )


if __name__ == "__main__":
    main()
