"""Draw hands on images: the box, the score, and the skeleton coloured by finger."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np

from handpose_cli.colours import JOINT_COLOURS
from handpose_cli.records import SKELETON, Hand

BOX_COLOUR = (0, 255, 255)
UNSURE = 0.3  # joints with lower scores are drawn hollow and their bones thin

_FAR = 100_000  # pixels; what lies further out would overflow OpenCV's fixed point
_SHIFT = 4  # OpenCV draws with 4 fractional bits


COLOURINGS = ("finger", "hand", "score")
# of hands, by their track or, where hands are not tracked, their place in the image
HAND_COLOURS = (
    (255, 160, 40), (70, 170, 255), (110, 225, 90), (255, 95, 165), (170, 130, 255), (60, 220, 205), (255, 225, 70),
    (235, 110, 80),
)  # fmt: skip
# of scores 0, 0.5 and 1: Okabe and Ito's vermilion, yellow and bluish green, lighter; colour-blind people tell them
# apart
SCORE_COLOURS = np.array([(235, 85, 25), (245, 230, 75), (40, 190, 140)], float)


@dataclass(frozen=True)
class DrawStyle:
    """How hands are drawn.

    Attributes:
        colours: of skeletons, of `COLOURINGS`: by finger, by hand, or by the joints' scores.
        box, score: whether the box and the hand's score are drawn.
        side_by_side: whether frames of smoothed videos show what was found beside what it was smoothed to.
    """

    colours: str = "finger"
    box: bool = True
    score: bool = True
    side_by_side: bool = False

    @classmethod
    def without(cls, parts: Iterable[str], colours: str, side_by_side: bool = False) -> DrawStyle:
        """Return the style without some of its parts, by their names."""
        hidden = set(parts)
        return cls(colours, "box" not in hidden, "score" not in hidden, side_by_side)

    def describe(self) -> str:
        """Return what is not as usual, in words."""
        hidden = [name for name, shown in (("box", self.box), ("score", self.score)) if not shown]
        return ", ".join(
            [f"coloured by {self.colours}"] * (self.colours != "finger")
            + [f"without {' and '.join(hidden)}"] * bool(hidden)
            + ["side by side"] * self.side_by_side
        )


PLAIN = DrawStyle()


def draw_hands(image: np.ndarray, hands: Iterable[Hand], style: DrawStyle = PLAIN) -> np.ndarray:
    """Return a copy of an image (uint8 [h, w, 3], RGB) with hands drawn on it.

    Line widths follow the size of each hand, so that a small hand is not buried under its skeleton.
    """
    canvas = image.copy()
    for number, hand in enumerate(hands):
        colours = joint_colours(hand, style.colours, number)
        of_box = BOX_COLOUR if style.colours != "hand" else colours[0]
        if style.box:
            _draw_box(canvas, hand, of_box)
        if style.score and hand.score is not None:
            _draw_score(canvas, hand, of_box)
        if hand.keypoints is not None:
            draw_skeleton(canvas, hand, colours)
    return canvas


def draw_side_by_side(image: np.ndarray, hands: Sequence[Hand], style: DrawStyle = PLAIN) -> np.ndarray:
    """Return an image (uint8 [h, w, 3], RGB) twice as wide: with the hands as they were found, and as smoothed.

    Hands that smoothing put into gaps are on the right alone.
    """
    found = [
        hand if hand.raw_keypoints is None else replace(hand, keypoints=hand.raw_keypoints)
        for hand in hands
        if not hand.interpolated
    ]
    halves = draw_hands(image, found, style), draw_hands(image, hands, style)
    for half, caption in zip(halves, ("found", "smoothed"), strict=True):
        scale = max(min(half.shape[:2]) / 800, 0.4)
        _write(half, caption, (round(12 * scale), half.shape[0] - round(12 * scale)), scale, BOX_COLOUR)
    return np.hstack(halves)


def joint_colours(hand: Hand, colours: str, number: int = 0) -> list[tuple[int, int, int]]:
    """Return the colour (RGB) of each joint.

    Args:
        colours: of `COLOURINGS`.
        number: the hand's place in its image.
    """
    if colours == "hand":
        place = number if hand.track_id is None else hand.track_id - 1
        return [HAND_COLOURS[place % len(HAND_COLOURS)]] * len(JOINT_COLOURS)
    if colours == "score":
        scores = np.ones(len(JOINT_COLOURS)) if hand.keypoint_scores is None else hand.keypoint_scores
        steps = np.linspace(0, 1, len(SCORE_COLOURS))
        mixed = np.stack([np.interp(scores, steps, SCORE_COLOURS[:, i]) for i in range(3)], axis=1)
        return [(round(r), round(g), round(b)) for r, g, b in mixed.tolist()]
    return JOINT_COLOURS


def _draw_box(canvas: np.ndarray, hand: Hand, colour: tuple[int, int, int]) -> None:
    x, y, width, height = (round(float(v)) for v in np.clip(hand.box, -_FAR, _FAR))
    cv2.rectangle(canvas, (x, y), (x + width, y + height), colour, _thickness(canvas))


def _thickness(canvas: np.ndarray) -> int:
    shorter = min(int(canvas.shape[0]), int(canvas.shape[1]))
    return max(1, round(shorter / 400))


def _draw_score(canvas: np.ndarray, hand: Hand, colour: tuple[int, int, int]) -> None:
    text, font, thickness = f"{hand.score:.2f}", cv2.FONT_HERSHEY_SIMPLEX, _thickness(canvas)
    x, y = (round(float(v)) for v in np.clip(hand.box[:2], -_FAR, _FAR))
    scale = max(min(canvas.shape[:2]) / 1000, 0.4)
    (_, height), below = cv2.getTextSize(text, font, scale, thickness)
    corner = (max(x, 0), y - below if y - below - height >= 0 else max(y, 0) + height + below)
    _write(canvas, text, corner, scale, colour)


def _write(canvas: np.ndarray, text: str, corner: tuple[int, int], scale: float, colour: tuple[int, int, int]) -> None:
    """Write a text with a dark rim, readable on any background; `corner` is its lower left one."""
    for ink, extra in (((0, 0, 0), 2), (colour, 0)):
        thickness = _thickness(canvas) + extra
        cv2.putText(canvas, text, corner, cv2.FONT_HERSHEY_SIMPLEX, scale, ink, thickness, cv2.LINE_AA)


def draw_skeleton(
    canvas: np.ndarray, hand: Hand, colours: Sequence[tuple[int, int, int]] = tuple(JOINT_COLOURS)
) -> None:
    """Draw a hand's skeleton onto an image (uint8 [h, w, 3], RGB); joints that score low are hollow.

    Args:
        colours: of each joint, and of the bone that ends there.
    """
    keypoints = np.asarray(hand.keypoints)
    labelled = np.isfinite(keypoints).all(axis=1)
    if not labelled.any():
        return
    points = np.clip(np.nan_to_num(keypoints), -_FAR, _FAR)
    scores = np.ones(len(points)) if hand.keypoint_scores is None else hand.keypoint_scores
    thickness = max(1, round(float(np.ptp(points[labelled], axis=0).max()) / 90))
    fixed = [tuple(int(v) for v in np.round(point * 2**_SHIFT)) for point in points]
    for start, end in SKELETON:
        if not (labelled[start] and labelled[end]):
            continue
        sure = min(scores[start], scores[end]) >= UNSURE
        cv2.line(canvas, fixed[start], fixed[end], colours[end], thickness if sure else 1, cv2.LINE_AA, _SHIFT)
    radius = round((thickness + 1) * 2**_SHIFT)
    for point, colour, score, is_labelled in zip(fixed, colours, scores, labelled, strict=True):
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
