"""Which prediction belongs to which label: files by their names, hands by their boxes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from handpose_cli.evaluation.detection import iou
from handpose_cli.formats.convert import sample_of
from handpose_cli.formats.errors import FormatError
from handpose_cli.records import Hand, ImageRecord

# A prediction that overlaps a label by less is of something else (Bolya et al., "TIDE", ECCV 2020).
BACKGROUND_IOU = 0.1

Key = tuple[str, int | None]


@dataclass
class Pair:
    """A labelled hand and what was predicted for it.

    Attributes:
        file, frame, sample: where it is.
        label: the labelled hand.
        prediction: the predicted one, None if it was missed.
        iou: how the two boxes overlap, 0 to 1.
    """

    file: str
    frame: int | None
    sample: str
    label: Hand
    prediction: Hand | None
    iou: float = 0.0


def by_image(records: Iterable[ImageRecord]) -> dict[Key, ImageRecord]:
    """Return the records by file and frame; hands of an image that is listed more than once are joined."""
    found: dict[Key, ImageRecord] = {}
    for record in records:
        if record.failure is not None:
            continue
        key = record.file, record.frame
        if key in found:
            found[key].hands = found[key].hands + record.hands
        else:
            found[key] = record
    return found


def rename(predictions: dict[Key, ImageRecord], labels: dict[Key, ImageRecord]) -> dict[Key, ImageRecord]:
    """Return the predictions under the labels' file names, leaving out those of images without labels.

    Names may differ in the folders before them or in a missing suffix: `out/images/a.jpg`, `images/a.jpg` and `a` mean
    the same file, unless two labelled files could be meant.

    Raises:
        FormatError: if no prediction names a labelled file.
    """
    labelled = {file for file, _ in labels}
    by_stem: dict[str, set[str]] = {}
    for file in labelled:
        by_stem.setdefault(_stem(file), set()).add(file)
    meant: dict[str, str | None] = {}
    for file, _ in predictions:
        if file not in meant:
            likely = [other for other in by_stem.get(_stem(file), ()) if _may_be_same(file, other)]
            meant[file] = file if file in labelled else likely[0] if len(likely) == 1 else None
    renamed: dict[Key, ImageRecord] = {}
    for (file, frame), record in predictions.items():
        name = meant[file]
        if name is not None and (name, frame) in labels:
            renamed[name, frame] = record
    if not renamed and predictions and labels:
        raise FormatError(
            f"no prediction is of a labelled image: predictions are of files such as {min(meant)}, "
            f"labels of files such as {min(labelled)}"
        )
    return renamed


def _stem(file: str) -> str:
    return file.rsplit("/", 1)[-1].rsplit(".", 1)[0]


def _may_be_same(file: str, other: str) -> bool:
    short, long = sorted((file.split("/"), other.split("/")), key=len)
    *folders, name = short
    last = long[-1]
    if name != last and "." in name and "." in last:
        return False
    return folders == long[len(long) - len(short) : -1]


def match(key: Key, label: ImageRecord, predicted: list[Hand]) -> tuple[list[Pair], list[Hand]]:
    """Match an image's predicted with its labelled hands.

    The best-scored prediction chooses first, and takes the free label that its box overlaps most, by at least
    `BACKGROUND_IOU`.

    Returns:
        a pair for each labelled hand, and the predictions that are left over.
    """
    pairs = [Pair(*key, sample_of(label), hand, None) for hand in label.hands]
    extra = []
    overlaps = iou(
        np.reshape([hand.box for hand in predicted], (-1, 4)), np.reshape([hand.box for hand in label.hands], (-1, 4))
    )
    for i in np.argsort([-_score(hand) for hand in predicted], kind="stable"):
        free = [-1.0 if pair.prediction is not None else overlaps[i, j] for j, pair in enumerate(pairs)]
        best = int(np.argmax(free)) if free else -1
        if best >= 0 and free[best] >= BACKGROUND_IOU:
            pairs[best].prediction, pairs[best].iou = predicted[i], float(free[best])
        else:
            extra.append(predicted[i])
    return pairs, extra


def _score(hand: Hand) -> float:
    return 1.0 if hand.score is None else hand.score
