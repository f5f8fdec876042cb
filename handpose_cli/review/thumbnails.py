"""Small pictures of hands, cut from their images with the skeleton drawn on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace

import cv2
import numpy as np

from handpose_cli.crop import crop_around
from handpose_cli.drawing import BOX_COLOUR, draw_skeleton
from handpose_cli.media.damaged import note_damaged
from handpose_cli.media.errors import UnreadableError
from handpose_cli.media.frames import frames
from handpose_cli.media.inputs import Input
from handpose_cli.media.remote import ask_version
from handpose_cli.records import Hand
from handpose_cli.review.choice import Shown

SIDE = 200  # pixels
MARGIN = 1.5  # side of the picture over the longer side of the box
QUALITY = 72
MOST_FETCHED = 2**30  # bytes of files at URLs that are read once more for their pictures


def thumbnails(shown: Sequence[Shown], find: Callable[[str], str | None]) -> list[bytes | None]:
    """Return a JPEG of each hand; None where its image cannot be had.

    Each file is read once, and a video decoded up to the last frame that is needed. What is at a URL is fetched for it,
    one file after the other, the first hands' first, and `MOST_FETCHED` bytes of them in all.

    Args:
        find: returns the path or URL of an input by its name in the records; None if it is not there.
    """
    made: list[bytes | None] = [None] * len(shown)
    wanted: dict[str, dict[int | None, list[int]]] = {}
    for number, one in enumerate(shown):
        wanted.setdefault(one.record.file, {}).setdefault(one.record.frame, []).append(number)
    left = MOST_FETCHED
    for file, of_file in wanted.items():
        place = find(file)
        if place is None:
            continue
        entry = Input(file, place)
        if entry.is_remote:
            known = ask_version(entry)
            if known is None or known.size > left:
                continue
            entry, left = entry._replace(version=known), left - known.size
        last = max((frame for frame in of_file if frame is not None), default=None)
        for frame in frames([entry], pages=last is not None and not entry.is_video):
            if numbers := of_file.get(frame.index):
                with suppress(UnreadableError):
                    picture = frame.read()
                    if picture.is_damaged:
                        note_damaged(file)
                    pixels = picture.pixels
                    for number in numbers:
                        made[number] = thumbnail(pixels, shown[number].hand)
            if last is not None and (frame.index is None or frame.index >= last):
                break
    return made


def thumbnail(image: np.ndarray, hand: Hand) -> bytes:
    """Return a JPEG of a hand in its image (uint8 [h, w, 3], RGB)."""
    crop = crop_around(hand.box, SIDE, scale=MARGIN)
    canvas = crop.cut(image, fill=(60, 60, 60))
    corners = crop.to_crop(np.array([hand.box[:2], hand.box[:2] + hand.box[2:]])).round().astype(int).tolist()
    cv2.rectangle(canvas, corners[0], corners[1], BOX_COLOUR, 1)
    if hand.keypoints is not None and np.isfinite(hand.keypoints).all(axis=1).any():
        draw_skeleton(canvas, replace(hand, keypoints=crop.to_crop(hand.keypoints)))
    return cv2.imencode(".jpg", canvas[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, QUALITY])[1].tobytes()
