"""`label-list`: a JSON list with one object for each image, the plainest form that labels come in.

    [{"image": "images/0001.jpg", "width": 192, "height": 192, "keypoints": [[x, y] x21], "spread": [21 numbers]}, ...]

or, with any number of hands (as in `samples/labels.json`):

    [{"file": "a.jpg", "width": 576, "height": 576, "hands": [{"keypoints": ..., "box": ..., "handedness": "left"}]},
     {"file": "b.mp4", "width": 480, "height": 480, "fps": 24, "frames": [{"frame": 0, "hands": [...]}, ...]}]

or, where only boxes are known:

    [{"file": "a.jpg", "width": 576, "height": 576, "boxes": [[x, y, width, height], ...]}, ...]

Keypoints are pixels of the upright image in FreiHAND order. Optional for each hand: `box` [x, y, width, height],
`handedness`, and `spread` [21]: how far several labellers of the joint disagree, as a fraction of the hand's size.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from handpose_cli.formats.errors import FormatError
from handpose_cli.formats.json_entries import box_of, read_json, records_of
from handpose_cli.records import NUM_JOINTS, Hand, ImageRecord, box_around

# A joint whose labellers disagree by this fraction of the hand's size is trusted half as much as an undisputed one.
HALF_TRUST_SPREAD = 0.05


def read(path: Path) -> Iterator[ImageRecord]:
    """Yield a record for each image, and for each labelled frame of each video, in the file's order.

    Raises:
        FormatError: if the file is not a list of such objects; the message names the file and the entry's index.
    """
    entries = read_json(path)
    if not isinstance(entries, list):
        raise FormatError(f"{path}: expected a JSON list of images. Received: {type(entries).__name__}")
    yield from records_of(path, entries, _records)


def _records(entry: dict) -> Iterator[ImageRecord]:
    file = entry["image"] if "image" in entry else entry["file"]
    width, height = int(entry["width"]), int(entry["height"])
    if "frames" in entry:
        for frame in entry["frames"]:
            index = int(frame["frame"])
            hands = [_hand(hand) for hand in frame["hands"]]
            yield ImageRecord(file, width, height, hands, frame=index, time=index / float(entry["fps"]))
    else:
        described = [{"box": box} for box in entry["boxes"]] if "boxes" in entry else entry.get("hands", [entry])
        yield ImageRecord(file, width, height, [_hand(hand) for hand in described])


def _hand(entry: dict) -> Hand:
    box = box_of(entry["box"]) if "box" in entry else None
    if box is not None and "keypoints" not in entry:
        return Hand(box, handedness=entry.get("handedness"))
    keypoints = np.asarray(entry["keypoints"], np.float32)
    if keypoints.shape != (NUM_JOINTS, 2) or not np.isfinite(keypoints).all():
        raise ValueError(f"keypoints must be {NUM_JOINTS} pairs of finite numbers. Received shape: {keypoints.shape}")
    trust = None
    if "spread" in entry:
        spread = np.asarray(entry["spread"], np.float32)
        if spread.shape != (NUM_JOINTS,):
            raise ValueError(f"spread must be {NUM_JOINTS} numbers. Received shape: {spread.shape}")
        trust = 1 / (1 + (spread / HALF_TRUST_SPREAD) ** 2)
    return Hand(box_around(keypoints) if box is None else box, keypoints, trust, handedness=entry.get("handedness"))
