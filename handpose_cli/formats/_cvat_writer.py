"""Writes what `formats.cvat` reads."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO
from xml.sax.saxutils import escape, quoteattr

import numpy as np

from handpose_cli.files import atomic
from handpose_cli.formats._image_files import size_of
from handpose_cli.formats.coco import keypoints_and_marks
from handpose_cli.formats.errors import FormatError
from handpose_cli.records import FINGERS, NUM_JOINTS, SKELETON, Hand, ImageRecord

LABEL = "hand"
COLOUR = "#32b7fa"


def _svg() -> str:
    """Return the drawing of an open hand that CVAT needs of a skeleton label, on 100 x 100."""
    places = {0: (50.0, 95.0)}
    for joints, degrees, base in zip(FINGERS.values(), (-55, -25, -5, 12, 28), (25, 42, 44, 42, 38), strict=True):
        for step, joint in enumerate(joints):
            x, y = np.sin(np.radians(degrees)), np.cos(np.radians(degrees))
            places[joint] = 50 + (base + 13 * step) * x, 95 - (base + 13 * step) * y
    lines = [
        '<line x1="{:.1f}" y1="{:.1f}" x2="{:.1f}" y2="{:.1f}" stroke="black" data-type="edge" data-node-from="{}" '
        'stroke-width="0.5" data-node-to="{}"></line>'.format(*places[a], *places[b], a + 1, b + 1)
        for a, b in SKELETON
    ]
    circles = [
        '<circle r="1.5" stroke="black" fill="#b3b3b3" cx="{0:.1f}" cy="{1:.1f}" stroke-width="0.1" '
        'data-type="element node" data-element-id="{2}" data-node-id="{2}" data-label-name="{3}"></circle>'.format(
            *places[joint], joint + 1, joint
        )
        for joint in range(NUM_JOINTS)
    ]
    return "".join(lines + circles)


def _meta(video: str | None, size: tuple[int, int]) -> str:
    attributes = [("score", "text", ""), ("handedness", "select", "unknown\nleft\nright")]
    listed = "".join(
        f"<attribute><name>{name}</name><mutable>True</mutable><input_type>{kind}</input_type>"
        f"<default_value>{values.partition(chr(10))[0]}</default_value><values>{values}</values></attribute>\n"
        for name, kind, values in attributes
    )
    points = "".join(
        f"<label><name>{joint}</name><color>{COLOUR}</color><type>points</type><attributes></attributes>"
        f"<parent>{LABEL}</parent></label>\n"
        for joint in range(NUM_JOINTS)
    )
    source = (
        ""
        if video is None
        else (
            f"<original_size><width>{size[0]}</width><height>{size[1]}</height></original_size>\n"
            f"<source>{escape(video)}</source>\n"
        )
    )
    return (
        f'<?xml version="1.0" encoding="utf-8"?>\n<annotations>\n<version>1.1</version>\n<meta>\n<task>\n'
        f"<mode>{'annotation' if video is None else 'interpolation'}</mode>\n<labels>\n<label><name>{LABEL}</name>"
        f"<color>{COLOUR}</color><type>skeleton</type>\n<attributes>\n{listed}</attributes>\n"
        f"<svg>{escape(_svg())}</svg></label>\n{points}</labels>\n{source}</task>\n</meta>\n"
    )


@contextmanager
def open_writer(path: Path, images: Path | None = None) -> Iterator[Writer]:
    """Open a file for writing record by record; it appears when the block ends without an error."""
    # <meta> comes first and depends on the video, and a track's shapes stand together: both wait in files of their own
    with atomic(path, "wb") as file, tempfile.TemporaryFile() as body, tempfile.TemporaryFile() as shapes:
        writer = Writer(body, shapes)
        yield writer
        file.write(writer.finish().encode())
        body.seek(0)
        shutil.copyfileobj(body, file)
        file.write(b"</annotations>\n")


class Writer:
    """Writes images as records come; a video's tracks behind its last frame."""

    def __init__(self, body: IO[bytes], shapes: IO[bytes]):
        self._body, self._shapes = body, shapes
        self._images = 0
        self._video: str | None = None
        self._size = (0, 0)
        self._tracks: dict[tuple[int, bool], list[tuple[int, int]]] = {}  # where each one's shapes are in the file
        self._alive: dict[tuple[int, bool], Hand] = {}

    def write(self, record: ImageRecord) -> None:
        if record.failure is not None:
            return
        size = size_of(record)
        if record.frame is None:
            self._end_tracks()
            self._image(self._images, record.file, size, record.hands)
            self._images += 1
            return
        if self._video not in (None, record.file):
            raise FormatError(
                f"{record.file}: after {self._video}: a CVAT task has one video. Convert clips one by one"
            )
        self._video, self._size = record.file, size
        tracked: dict[tuple[int, bool], Hand] = {}
        for hand in record.hands:
            if hand.track_id is not None:
                key = hand.track_id, _is_box(hand)
                if key in tracked:
                    raise FormatError(f"{record.file}: frame {record.frame}: two hands with track id {hand.track_id}")
                tracked[key] = hand
        loose = [hand for hand in record.hands if hand.track_id is None]
        if loose or not tracked:
            self._image(record.frame, f"frame_{record.frame:06d}", size, loose)
        for key, hand in self._alive.items():
            if key not in tracked:
                self._add(key, _shape(hand, record.frame, gone=True))
        for key, hand in tracked.items():
            self._add(key, _shape(hand, record.frame))
        self._alive = tracked

    def finish(self) -> str:
        """End the tracks; return what stands before the images."""
        self._end_tracks()
        return _meta(self._video, self._size)

    def _image(self, number: int, name: str, size: tuple[int, int], hands: list[Hand]) -> None:
        shapes = "".join(map(_shape, hands))
        head = f'<image id="{number}" name={quoteattr(name)} width="{size[0]}" height="{size[1]}">'
        self._body.write(f"{head}\n{shapes}</image>\n".encode())

    def _add(self, key: tuple[int, bool], shape: str) -> None:
        self._tracks.setdefault(key, []).append((self._shapes.tell(), self._shapes.write(shape.encode())))

    def _end_tracks(self) -> None:
        for key in sorted(self._tracks):
            self._body.write(f'<track id="{key[0]}" label="{LABEL}" source="auto">\n'.encode())
            for start, length in self._tracks[key]:
                self._shapes.seek(start)
                self._body.write(self._shapes.read(length))
            self._body.write(b"</track>\n")
        self._tracks, self._alive = {}, {}
        self._shapes.seek(0)
        self._shapes.truncate()


def _is_box(hand: Hand) -> bool:
    return hand.keypoints is None or not np.isfinite(hand.keypoints).all(axis=1).any()


def _shape(hand: Hand, frame: int | None = None, gone: bool = False) -> str:
    """Return a hand's element: in an image, or in a frame of a track, perhaps one in which it is no longer there."""
    key = "" if frame is None else ' keyframe="1"'
    source = "manual" if hand.score is None else "auto"
    head = f'label="{LABEL}" source="{source}"' if frame is None else f'frame="{frame}"{key}'
    told = {"score": None if hand.score is None else f"{hand.score:.4f}", "handedness": hand.handedness}
    listed = "".join(f'<attribute name="{name}">{value}</attribute>\n' for name, value in told.items() if value)
    x, y, w, h = hand.box
    if _is_box(hand):
        corners = f'xtl="{x:.2f}" ytl="{y:.2f}" xbr="{x + w:.2f}" ybr="{y + h:.2f}"'
        return f'<box {head} outside="{gone:d}" occluded="0" {corners} z_order="0">\n{listed}</box>\n'
    points, marks = keypoints_and_marks(hand)
    points = np.where(marks[:, None] > 0, points, (x + w / 2, y + h / 2))  # CVAT wants a place of each
    of_joint = key or f' source="{source}"'
    joints = "".join(
        f'<points label="{joint}"{of_joint} outside="{gone or mark == 0:d}" occluded="{mark == 1:d}" '
        f'points="{px:.2f},{py:.2f}"></points>\n'
        for joint, ((px, py), mark) in enumerate(zip(points, marks, strict=True))
    )
    return f'<skeleton {head} z_order="0">\n{joints}{listed}</skeleton>\n'
