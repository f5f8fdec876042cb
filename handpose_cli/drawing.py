"""Draw hands on images: the box, the score, and the skeleton coloured by finger."""

from __future__ import annotations

from collections.abc import Iterable

import cv2
import numpy as np

from handpose_cli.records import FINGERS, SKELETON, Hand

# RGB, bright enough for skin and dark backgrounds
FINGER_COLOURS = {
    "thumb": (255, 90, 90),
    "index": (255, 200, 40),
    "middle": (80, 220, 80),
    "ring": (60, 180, 255),
    "little": (200, 110, 255),
}
WRIST_COLOUR = (255, 255, 255)
BOX_COLOUR = (0, 255, 255)
UNSURE = 0.3  # joints with lower scores are drawn hollow and their bones thin

JOINT_COLOURS = [WRIST_COLOUR] + [FINGER_COLOURS[finger] for finger in FINGERS for _ in range(4)]
_FAR = 100_000  # pixels; what lies further out would overflow OpenCV's fixed point
_SHIFT = 4  # OpenCV draws with 4 fractional bits


def draw_hands(image: np.ndarray, hands: Iterable[Hand]) -> np.ndarray:
    """Return a copy of an image (uint8 [h, w, 3], RGB) with hands drawn on it.

    Line widths follow the size of each hand, so that a small hand is not buried under its skeleton.
    """
    canvas = image.copy()
    for hand in hands:
        _draw_box(canvas, hand)
        if hand.keypoints is not None:
            draw_skeleton(canvas, hand)
    return canvas


def _draw_box(canvas: np.ndarray, hand: Hand) -> None:
    thickness = max(1, round(min(canvas.shape[:2]) / 400))
    x, y, width, height = (round(float(v)) for v in np.clip(hand.box, -_FAR, _FAR))
    cv2.rectangle(canvas, (x, y), (x + width, y + height), BOX_COLOUR, thickness)
    if hand.score is not None:
        scale = max(min(canvas.shape[:2]) / 1000, 0.4)
        (_, text_height), below = cv2.getTextSize(f"{hand.score:.2f}", cv2.FONT_HERSHEY_SIMPLEX, scale, thickness)
        corner = (max(x, 0), y - below if y - below - text_height >= 0 else max(y, 0) + text_height + below)
        for colour, extra in (((0, 0, 0), 2), (BOX_COLOUR, 0)):  # dark rim, readable on any background
            cv2.putText(
                canvas,
                f"{hand.score:.2f}",
                corner,
                cv2.FONT_HERSHEY_SIMPLEX,
                scale,
                colour,
                thickness + extra,
                cv2.LINE_AA,
            )


def draw_skeleton(canvas: np.ndarray, hand: Hand) -> None:
    """Draw a hand's skeleton onto an image (uint8 [h, w, 3], RGB): a colour a finger, joints that score low hollow."""
    keypoints = np.asarray(hand.keypoints)
    labelled = np.isfinite(keypoints).all(axis=1)
    points = np.clip(np.nan_to_num(keypoints), -_FAR, _FAR)
    scores = np.ones(len(points)) if hand.keypoint_scores is None else hand.keypoint_scores
    thickness = max(1, round(float(np.ptp(points[labelled], axis=0).max()) / 90))
    fixed = [tuple(int(v) for v in np.round(point * 2**_SHIFT)) for point in points]
    for start, end in SKELETON:
        if not (labelled[start] and labelled[end]):
            continue
        sure = min(scores[start], scores[end]) >= UNSURE
        cv2.line(canvas, fixed[start], fixed[end], JOINT_COLOURS[end], thickness if sure else 1, cv2.LINE_AA, _SHIFT)
    radius = round((thickness + 1) * 2**_SHIFT)
    for point, colour, score, is_labelled in zip(fixed, JOINT_COLOURS, scores, labelled, strict=True):
        if not is_labelled:
            continue
        fill = -1 if score >= UNSURE else 1
        cv2.circle(canvas, point, radius, (0, 0, 0), -1 if fill < 0 else 1, cv2.LINE_AA, _SHIFT)
        cv2.circle(canvas, point, radius - 2**_SHIFT // 2, colour, fill, cv2.LINE_AA, _SHIFT)


def draw_plain_skeleton(canvas: np.ndarray, keypoints: np.ndarray, colour: tuple[int, int, int]) -> None:
    """Draw a skeleton in one colour onto an image (uint8 [h, w, 3]), to compare it with another; NaN joints are not."""
    labelled = np.isfinite(keypoints).all(axis=1)
    fixed = [tuple(int(v) for v in np.round(p * 2**_SHIFT)) for p in np.clip(np.nan_to_num(keypoints), -_FAR, _FAR)]
    for start, end in SKELETON:
        if labelled[start] and labelled[end]:
            cv2.line(canvas, fixed[start], fixed[end], colour, 1, cv2.LINE_AA, _SHIFT)
    for point, is_labelled in zip(fixed, labelled, strict=True):
        if is_labelled:
            cv2.circle(canvas, point, 2 << _SHIFT, colour, -1, cv2.LINE_AA, _SHIFT)
