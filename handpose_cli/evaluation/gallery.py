"""Pictures of the worst hands: what people labelled and what was predicted, in one crop."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import cv2
import numpy as np

from handpose_cli.crop import crop_around
from handpose_cli.drawing import draw_plain_skeleton
from handpose_cli.evaluation import metrics
from handpose_cli.evaluation.matching import Pair
from handpose_cli.evaluation.scores import errors_of, lengths
from handpose_cli.evaluation.settings import EvaluateSettings
from handpose_cli.labels.file_matching import Key
from handpose_cli.media.damaged import note_damaged
from handpose_cli.media.errors import UnreadableError
from handpose_cli.media.frames import frames
from handpose_cli.media.inputs import Input
from handpose_cli.records import Hand

LABEL_COLOUR, PREDICTION_COLOUR = (60, 220, 90), (255, 120, 20)  # RGB
SIDE = 260  # pixels
MARGIN = 1.4  # side of the picture over the longer side of the boxes


def worst_found(pairs: Sequence[Pair], settings: EvaluateSettings, most: int) -> list[tuple[Pair, float]]:
    """Return the found hands with the largest mean error, over the norm, and that error; the worst first."""
    found = [pair for pair in pairs if pair.prediction is not None]
    errors = metrics.found(errors_of(found, settings.visible_only)) / lengths(found, settings.norms[0])[:, None]
    with_error = [
        (pair, float(np.nanmean(row))) for pair, row in zip(found, errors, strict=True) if np.isfinite(row).any()
    ]
    return sorted(with_error, key=lambda item: -item[1])[:most]


def pictures(folder: Path, hands: Iterable[tuple[Key, Hand | None, Hand | None]]) -> list[bytes | None]:
    """Return a JPEG of each hand's surroundings, with its label and its prediction drawn.

    Args:
        folder: where the images are.
        hands: file and frame, the label and the prediction, at least one of the two.

    Returns:
        JPEG bytes; None where the image cannot be read.
    """
    hands = list(hands)
    made: list[bytes | None] = [None] * len(hands)
    wanted: dict[Key, list[int]] = {}
    for number, (key, _, _) in enumerate(hands):
        wanted.setdefault(key, []).append(number)
    for file in sorted({file for file, _ in wanted}):
        for frame in frames([Input(file, str(folder / file))]):
            numbers = wanted.get((file, frame.index), ())
            if not numbers:
                continue
            try:
                picture = frame.read()
            except UnreadableError:
                continue
            if picture.is_damaged:
                note_damaged(file)
            for number in numbers:
                made[number] = _picture(picture.pixels, *hands[number][1:])
    return made


def _picture(image: np.ndarray, label: Hand | None, prediction: Hand | None) -> bytes:
    shown = [hand for hand in (label, prediction) if hand is not None]
    low = np.min([hand.box[:2] for hand in shown], axis=0)
    high = np.max([hand.box[:2] + hand.box[2:] for hand in shown], axis=0)
    crop = crop_around(np.concatenate([low, high - low]), SIDE, scale=MARGIN)
    canvas = crop.cut(image, fill=(40, 40, 40))
    for hand, colour in ((label, LABEL_COLOUR), (prediction, PREDICTION_COLOUR)):
        if hand is None:
            continue
        corners = crop.to_crop(np.array([hand.box[:2], hand.box[:2] + hand.box[2:]])).round().astype(int).tolist()
        cv2.rectangle(canvas, corners[0], corners[1], colour, 1)
        if hand.keypoints is not None:
            draw_plain_skeleton(canvas, crop.to_crop(hand.keypoints), colour)
    return cv2.imencode(".jpg", canvas[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 80])[1].tobytes()
