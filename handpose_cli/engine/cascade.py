"""Two detectors, the quicker one first: the other looks only where it is needed.

After Viola and Jones, "Rapid Object Detection using a Boosted Cascade of Simple Features" (CVPR 2001), the other way
round: there the first stage ends the search where it sees nothing, here where it sees a hand well.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property

import numpy as np

from handpose_cli.boxes import iou
from handpose_cli.engine.contract import Boxes
from handpose_cli.engine.detector import DecodedBoxes

# A hand that scores this and is as large as this, over the image's longer side, is seen well: it is near, and the
# others in the image will be so too.
SURE, NEAR = 0.55, 0.2  # chosen on `dev_boxes`, see ssd-hand.md
SAME_HAND = 0.5  # intersection over union


class Cascade:
    """A detector that looks at those images in which a quicker one does not see a hand well (`contract.Detector`).

    Both see images in squares of the same size.
    """

    def __init__(self, first: DecodedBoxes, load_second: Callable[[], DecodedBoxes]):
        """The second one is loaded when it is first needed."""
        self.first, self._load_second = first, load_second

    @cached_property
    def second(self) -> DecodedBoxes:
        return self._load_second()

    @property
    def input_size(self) -> int:
        return self.first.input_size

    @property
    def least_score(self) -> float:
        return self.first.least_score

    def boxes(self, images: Sequence[np.ndarray], threshold: float) -> list[Boxes]:
        """Find the hands in images, see `contract.Detector`: one answer for each image, of either detector.

        Where hands point is known of the second one's boxes too, if the first found the same hands and says so.
        """
        found = self.first.boxes(images, threshold)
        again = [i for i, image in enumerate(images) if not _seen_well(found[i], image)]
        if again:
            for i, boxes in zip(again, self.second.boxes([images[i] for i in again], threshold), strict=True):
                found[i] = _with_rotations(boxes, found[i])
        return found


def _seen_well(found: Boxes, image: np.ndarray) -> bool:
    near = found.boxes[:, 2:].max(axis=1, initial=0.0) >= NEAR * max(image.shape[:2])
    return bool((near & (found.scores >= SURE)).any())


def _with_rotations(boxes: Boxes, others: Boxes) -> Boxes:
    """Return boxes with the rotations of others that show the same hands; NaN where none does."""
    if boxes.rotations is not None or others.rotations is None or not len(others.boxes):
        return boxes
    overlaps = iou(boxes.boxes, others.boxes)
    rotations = np.where(overlaps.max(axis=1) >= SAME_HAND, others.rotations[overlaps.argmax(axis=1)], np.nan)
    return boxes._replace(rotations=rotations.astype(np.float32))
