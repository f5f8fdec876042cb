"""`mmpose`: OneHand10K, Panoptic hands, FreiHAND and others in the COCO-like files that MMPose offers, read only.

COCO's layout with one difference: v is 0 (not labelled) or 1, and 1 means visible. `head_size` is kept where there is
one. Nothing in such a file sets it apart from COCO's own, where 1 means hidden, so it is never recognised: name it.

The categories' names say which keypoint is which, so MMPose's files of RHD and InterHand2.6M are right if they have
them; where a file has none, the order is taken to be FreiHAND's.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from handpose_cli.formats import coco
from handpose_cli.formats.plugin import NO_OPTIONS, ReadOptions
from handpose_cli.records import ImageRecord


def recognises(path: Path, head: bytes) -> bool:
    return False


def read(path: Path, images: Path | None = None, options: ReadOptions = NO_OPTIONS) -> Iterator[ImageRecord]:
    """Yield a record for each image, in the file's order, with hands or without.

    Memory grows with the annotations (about 1 KB each), not with the file.

    Raises:
        FormatError: if the file does not follow the format; the message names the file and the annotation or image.
    """
    yield from coco.read_hands(path, options, labelled=0)
