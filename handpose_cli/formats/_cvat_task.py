"""One CVAT task: the photos, or one video, written record by record."""

from __future__ import annotations

import re
import shutil
import tempfile
from array import array
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import count
from typing import IO
from xml.sax.saxutils import escape, quoteattr

import numpy as np

from handpose_cli.formats._cvat_labels import BOX_LABEL, LABEL, as_xml
from handpose_cli.formats._image_files import size_of
from handpose_cli.formats.coco import keypoints_and_marks
from handpose_cli.formats.errors import FormatError
from handpose_cli.records import KEYPOINT_NAMES, Hand, ImageRecord

_NOT_IN_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
Key = tuple[int, bool]  # a hand's track id, and whether it is the track of its box


class Task:
    """Writes images as records come; a video's tracks behind its last frame."""

    def __init__(self, video: str | None = None):
        """Begin the task of a video, or of photos."""
        # <meta> comes first and depends on the video, and a track's shapes stand together: both wait in files
        self._files = ExitStack()
        self._body, self._shapes = (self._files.enter_context(file()) for file in [tempfile.TemporaryFile] * 2)
        self._video, self._size = video, (0, 0)
        self._images = 0
        # where each one's shapes begin in the file, and how long they are, in turn
        self._tracks: dict[Key, array[int]] = {}
        self._alive: dict[Key, Hand] = {}
        self._next_group = count(1)
        self._groups: dict[int, int] = {}  # of each track id

    def write(self, record: ImageRecord) -> None:
        """Write a photo, or a frame of the video."""
        size = size_of(record)
        if record.frame is None:
            self._image(self._images, record.file, size, record.hands)
            self._images += 1
            return
        self._size = size
        tracked: dict[Key, Hand] = {}
        ids: set[int] = set()
        for hand in record.hands:
            if hand.track_id is not None:
                if hand.track_id in ids:
                    raise FormatError(f"{record.file}: frame {record.frame}: two hands with track id {hand.track_id}")
                ids.add(hand.track_id)
                tracked |= {(hand.track_id, is_box): hand for is_box in _pieces(hand)}
        loose = [hand for hand in record.hands if hand.track_id is None]
        if loose or not tracked:
            self._image(record.frame, f"frame_{record.frame:06d}", size, loose)
        for key, hand in self._alive.items():
            if key not in tracked:
                self._add(key, _shape(hand, key[1], record.frame, gone=True))
        for key, hand in tracked.items():
            self._add(key, _shape(hand, key[1], record.frame))
        self._alive = tracked

    def finish(self, file: IO[bytes]) -> None:
        """Write the whole task to a file."""
        self._end_tracks()
        file.write(_head(self._video, self._size).encode())
        self._body.seek(0)
        shutil.copyfileobj(self._body, file)
        file.write(b"</annotations>\n")

    def close(self) -> None:
        """Drop what waits."""
        self._files.close()

    def _image(self, number: int, name: str, size: tuple[int, int], hands: list[Hand]) -> None:
        shapes = "".join(shape for hand in hands for shape in self._loose(hand))
        head = f'<image id="{number}" name={quoteattr(_for_xml(name))} width="{size[0]}" height="{size[1]}">'
        self._body.write(f"{head}\n{shapes}</image>\n".encode())

    def _loose(self, hand: Hand) -> Iterator[str]:
        pieces = _pieces(hand)
        group = next(self._next_group) if len(pieces) > 1 else None
        return (_shape(hand, is_box, group=group) for is_box in pieces)

    def _add(self, key: Key, shape: str) -> None:
        place = self._shapes.tell(), self._shapes.write(shape.encode())
        self._tracks.setdefault(key, array("q")).extend(place)

    def _end_tracks(self) -> None:
        for track_id, is_box in sorted(self._tracks):
            group = ""
            if (track_id, not is_box) in self._tracks:
                if track_id not in self._groups:
                    self._groups[track_id] = next(self._next_group)
                group = f' group_id="{self._groups[track_id]}"'
            label = BOX_LABEL if is_box else LABEL
            self._body.write(f'<track id="{track_id}" label="{label}" source="auto"{group}>\n'.encode())
            places = self._tracks[track_id, is_box]
            for start, length in zip(places[::2], places[1::2], strict=True):
                self._shapes.seek(start)
                self._body.write(self._shapes.read(length))
            self._body.write(b"</track>\n")


def _head(video: str | None, size: tuple[int, int]) -> str:
    source = (
        ""
        if video is None
        else (
            f"<original_size><width>{size[0]}</width><height>{size[1]}</height></original_size>\n"
            f"<source>{escape(_for_xml(video))}</source>\n"
        )
    )
    return (
        f'<?xml version="1.0" encoding="utf-8"?>\n<annotations>\n<version>1.1</version>\n<meta>\n<task>\n'
        f"<mode>{'annotation' if video is None else 'interpolation'}</mode>\n<labels>\n{as_xml()}</labels>\n"
        f"{source}</task>\n</meta>\n"
    )


def _for_xml(name: str) -> str:
    """Return a name; raise FormatError if it has characters that no XML file can have."""
    if _NOT_IN_XML.search(name):
        raise FormatError(f"{name!r}: a name with control characters cannot be in XML. Rename the file")
    return name


def _pieces(hand: Hand) -> tuple[bool, ...]:
    """Return what a hand is written as: a skeleton (False), a box (True), or both if the box is not the joints'."""
    if hand.keypoints is None or not np.isfinite(hand.keypoints).all(axis=1).any():
        return (True,)
    return (False, True) if hand.has_own_box else (False,)


def _shape(hand: Hand, is_box: bool, frame: int | None = None, gone: bool = False, group: int | None = None) -> str:
    """Return a hand's element: in an image, or in a frame of a track, perhaps one in which it is no longer there."""
    key = "" if frame is None else ' keyframe="1"'
    source = "manual" if hand.score is None else "auto"
    label = BOX_LABEL if is_box else LABEL
    head = f'label="{label}" source="{source}"' if frame is None else f'frame="{frame}"{key}'
    attributes = {"score": None if hand.score is None else f"{hand.score:.4f}", "handedness": hand.handedness}
    listed = "".join(f'<attribute name="{name}">{value}</attribute>\n' for name, value in attributes.items() if value)
    end = 'z_order="0"' if group is None else f'z_order="0" group_id="{group}"'
    x, y, w, h = hand.box
    if is_box:
        corners = f'xtl="{x:.2f}" ytl="{y:.2f}" xbr="{x + w:.2f}" ybr="{y + h:.2f}"'
        return f'<box {head} outside="{gone:d}" occluded="0" {corners} {end}>\n{listed}</box>\n'
    points, marks = keypoints_and_marks(hand)
    points = np.where(marks[:, None] > 0, points, (x + w / 2, y + h / 2))  # CVAT wants a place of each
    of_joint = key or f' source="{source}"'
    joints = "".join(
        f'<points label="{joint}"{of_joint} outside="{gone or mark == 0:d}" occluded="{mark == 1:d}" '
        f'points="{px:.2f},{py:.2f}"></points>\n'
        for joint, (px, py), mark in zip(KEYPOINT_NAMES, points, marks, strict=True)
    )
    return f"<skeleton {head} {end}>\n{joints}{listed}</skeleton>\n"
