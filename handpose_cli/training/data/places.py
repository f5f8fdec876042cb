"""What to learn the hand score from: boxed hands, and places without one, the detector's false alarms and others."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from handpose_cli import engine
from handpose_cli.annotator.regions import detect, whole
from handpose_cli.boxes import share_inside
from handpose_cli.formats.errors import FormatError
from handpose_cli.formats.plugin import NO_OPTIONS, ReadOptions
from handpose_cli.labels.file_matching import by_image
from handpose_cli.labels.source import Source
from handpose_cli.media.picture import Picture
from handpose_cli.training.data.images import with_images
from handpose_cli.training.data.samples import Sample, in_their_images, read_labelled, size_of

ALARM = 0.5  # of what the detector's boxes must score to be looked at, for a false alarm worth learning from
ANYWHERE = 2  # random places in each image
FREE = 0.1  # largest share of a place that hands may cover


def find_places(sources: Iterable[str], seed: int, options: ReadOptions = NO_OPTIONS) -> Iterator[Sample]:
    """Yield hands that have a box alone (those with keypoints are for `read_samples`), and places without a hand.

    The latter only from images whose labels have every hand, see `records.ImageRecord.exhaustive`.

    Raises:
        FormatError: if an image is missing, cannot be read, or is of another size than the labels say, or if there is
            nothing of this.

    Args:
        sources: labels with boxes, `[FORMAT:]PATH`; images without hands are welcome.
        options: what a user says of their classes, where they have names.
    """
    sources = list(sources)
    nothing = bool(sources)
    detector = engine.load_detector("litert")
    rng = np.random.default_rng(seed)
    for source in (Source.parse(text).with_options(options) for text in sources):
        for record, path in with_images(source, by_image(in_their_images(source)).values()):
            size, boxed = size_of(record), [hand for hand in record.hands if hand.keypoints is None]
            all_known = record.exhaustive and len(boxed) == len(record.hands)
            yield from (Sample(path, hand, hand.box, size=size, exhaustive=all_known) for hand in boxed)
            nothing &= not boxed
            if not record.exhaustive:
                continue
            image = read_labelled(path, size)
            height, width = image.shape[:2]
            (found,) = detect(detector, [whole(Picture(image))], ALARM * detector.least_score)
            sides = rng.uniform(0.15, 0.6, ANYWHERE) * min(width, height)
            corners = rng.uniform(0, 1, (ANYWHERE, 2)) * (np.array([width, height]) - sides[:, None])
            anywhere = np.column_stack([corners, sides, sides])
            hands = np.reshape([hand.box for hand in record.hands], (-1, 4))
            boxes = np.concatenate([found.boxes, anywhere]).astype(np.float32)
            covered = share_inside(boxes, hands).max(axis=1, initial=0.0)
            for box, share in zip(boxes, covered, strict=True):
                if share < FREE:
                    yield Sample(path, None, box, size=size)
                    nothing = False
    if nothing:
        raise FormatError(f"no hands with a box alone and no places without one in: {', '.join(sources)}", "places")
