"""Labelled and predicted hands for tests, and a folder in FreiHAND's layout."""

import json
from pathlib import Path

import cv2
import numpy as np

from handpose_cli.formats import load
from handpose_cli.records import Hand, ImageRecord, box_around


def open_hand(x: float = 100.0, y: float = 100.0, size: float = 80.0, **fields) -> Hand:
    """An open hand whose keypoints' box is about `size` wide and high, wrist down, thumb left."""
    angles = np.radians([-150, -115, -92, -70, -45])
    points = [np.array([0.5, 1.0])]
    for number, angle in enumerate(angles):
        direction = np.array([np.cos(angle), np.sin(angle)])
        lengths = np.array([0.2, 0.35, 0.47, 0.55]) if number == 0 else np.array([0.5, 0.72, 0.86, 0.97])
        points += [points[0] + length * direction for length in lengths]
    keypoints = (np.array(points) * size + [x, y]).astype(np.float32)
    return Hand(box_around(keypoints), keypoints=keypoints, **fields)


def moved(hand: Hand, by, **fields) -> Hand:
    """A copy of a hand with its keypoints (and box) elsewhere: `by` is [2] or [21, 2] pixels."""
    keypoints = (hand.keypoints + np.asarray(by)).astype(np.float32)
    return Hand(box_around(keypoints), keypoints=keypoints, **fields)


def write(path: Path, format_name: str, records) -> Path:
    with load(format_name).open_writer(path) as writer:
        for record in records:
            writer.write(record)
    return path


def image(name: str, *hands: Hand) -> ImageRecord:
    return ImageRecord(name, 400, 300, list(hands))


def blank(path: Path, width: int = 400, height: int = 300) -> None:
    """Write a black image."""
    cv2.imwrite(str(path), np.zeros((height, width, 3), np.uint8))


def make_freihand(folder: Path, poses: int = 6, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Write `training_K.json` and `training_xyz.json` as published; return K [n, 3, 3], xyz in metres [n, 21, 3]."""
    rng = np.random.default_rng(seed)
    flat = open_hand(0, 0, 1).keypoints - [0.5, 0.5]
    xyz = np.empty((poses, 21, 3))
    cameras = np.empty((poses, 3, 3))
    for i in range(poses):
        angle, depth = rng.uniform(-1, 1), rng.uniform(0.5, 0.9)
        turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        xyz[i, :, :2] = flat @ turn.T * 0.15 + rng.normal(0, 0.01, 2)
        xyz[i, :, 2] = depth + rng.normal(0, 0.01, 21)
        focal = rng.uniform(380, 480)
        cameras[i] = [[focal, 0, 112], [0, focal, 112], [0, 0, 1]]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "training_K.json").write_text(json.dumps(cameras.tolist()))
    (folder / "training_xyz.json").write_text(json.dumps(xyz.tolist()))
    return cameras, xyz


def placed(points, **fields) -> Hand:
    """A hand with these keypoints, and the box around them."""
    points = np.asarray(points, np.float32)
    return Hand(box_around(points), keypoints=points, **fields)
