"""`cvat`: CVAT XML 1.1 ("CVAT for images", "CVAT for video"): skeletons and tracks of them.

    <annotations><version>1.1</version>
     <meta><task>... <labels> the skeleton label `hand`, with a sub-label 0 to 20 for each joint </labels>
      <original_size><width>640</width><height>480</height></original_size> <source>v.mp4</source></task></meta>
     <image id="0" name="a/b.jpg" width="640" height="480">
      <skeleton label="hand" source="auto" z_order="0">
       <points label="0" source="auto" outside="0" occluded="0" points="12.00,34.00"></points> ... 21 times
       <attribute name="score">0.9</attribute><attribute name="handedness">left</attribute></skeleton></image>
     <track id="3" label="hand" source="auto">
      <skeleton frame="0" keyframe="1" z_order="0"><points label="0" keyframe="1" outside="0" .../> ...</skeleton> ...
     </track></annotations>

outside="1" marks a joint that is not labelled, occluded="1" a hidden one; a hand without keypoints is a <box>. A task is
made with the labels in <meta>, then takes the file. A video's hands with track ids are tracks, which end where the hand
is gone in the next frame; its other frames, without hands or with hands that are not tracked, are images named
frame_000012, as CVAT names them. A file holds one video. Lost: boxes (they become the keypoints'), frame times, joint
scores, areas, head sizes, samples, failures. Pixels are rounded to 1/100.

Read are skeletons and boxes whose label has `hand` in it; `left` or `right` in it give the handedness. Frames of a
video where only tracks are kept are known by their hands alone.
"""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any
from xml.etree.ElementTree import Element, ParseError
from xml.sax.saxutils import escape, quoteattr

import numpy as np
from defusedxml import DefusedXmlException
from defusedxml.ElementTree import iterparse

from handpose_cli.files import atomic
from handpose_cli.formats.coco import keypoints_and_marks
from handpose_cli.formats.deeplabcut import joint_index
from handpose_cli.formats.errors import FormatError
from handpose_cli.formats.parsing import box_of, errors_at, hand_of, numbers_of
from handpose_cli.formats.yolo_pose import side_of, size_of
from handpose_cli.records import FINGERS, NUM_JOINTS, SKELETON, Hand, ImageRecord

KEEPS = frozenset({"size", "frame", "no_hands", "box_only", "score", "hidden", "outside", "handedness", "track_id"})
SHAPES = ("skeleton", "box")


def recognises(path: Path, head: bytes) -> bool:
    return head.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"<") and b"<annotations" in head


def read(path: Path, images: Path | None = None) -> Iterator[ImageRecord]:
    """Yield a record for each image, and for each frame that has one or a hand in a track; the video's hands wait in
    memory until its last track.

    Raises:
        FormatError: if the file does not follow the format; the message names the file and the image or track.
    """
    video, size = None, (None, None)
    frames: dict[int, list[Hand]] = {}
    hands: list[Hand] = []
    for holder, shape in _parts(path):
        place, still = f"{path}: {holder.tag} {holder.get('name', holder.get('id'))}", None
        if shape is not None and holder.tag == "track":
            place += f", frame {shape.get('frame')}"
        with errors_at(place):
            hand = None if shape is None else _hand(shape, shape.get("label", holder.get("label", "")))
            if hand is not None and holder.tag == "track":
                if video is None:
                    raise ValueError("its video is not known: <meta> needs one <source>. Export tasks one by one")
                hand.track_id = int(holder.attrib["id"])
                frames.setdefault(int(shape.attrib["frame"]), []).append(hand)
            elif hand is not None:
                hands.append(hand)
            elif holder.tag == "meta":
                video, size = _video(holder)
            elif holder.tag == "image" and shape is None:
                size_here = int(holder.attrib["width"]), int(holder.attrib["height"])
                numbered = re.fullmatch(r"frame_(\d+)", holder.attrib["name"])
                if video and numbered:
                    frames.setdefault(int(numbered[1]), []).extend(hands)
                    size = size_here
                else:
                    still = ImageRecord(holder.attrib["name"], *size_here, hands)
                hands = []
        if still is not None:
            yield from _frames(frames, video, size)
            frames = {}
            yield still
    yield from _frames(frames, video, size)


def _parts(path: Path) -> Iterator[tuple[Element, Element | None]]:
    """Yield each image or track with each shape in it, then once more, as <meta>, at its end with None."""
    opened: list[Element] = []
    try:
        for event, element in iterparse(path, events=("start", "end")):
            if event == "start":
                opened.append(element)
                if opened[0].tag != "annotations":
                    raise FormatError(f"{path}: expected <annotations>. Received: <{element.tag}>")
                continue
            opened.pop()
            if len(opened) == 2 and opened[1].tag in ("image", "track"):
                if element.tag in SHAPES:
                    yield opened[1], element
            elif len(opened) == 1:
                yield element, None
            if opened and opened[-1].tag in ("annotations", "image", "track"):
                opened[-1].remove(element)  # or the whole file would stay in memory
    except DefusedXmlException as error:
        raise FormatError(f"{path}: not read, since it defines entities, which CVAT never does") from error
    except OSError as error:
        raise FormatError(f"{path}: cannot be read: {error.strerror}") from error
    except FormatError:
        raise
    except (ParseError, LookupError, ValueError) as error:
        raise FormatError(f"{path}: cannot be read as XML: {error}") from error


def _frames(frames: dict[int, list[Hand]], video: str | None, size: tuple[Any, Any]) -> Iterator[ImageRecord]:
    for index in sorted(frames):
        yield ImageRecord(str(video), *size, frames[index], frame=index)


def _video(meta: Element) -> tuple[str | None, tuple[Any, Any]]:
    """Return the name and size of the only video that <meta> tells of; None if it tells of none or several."""
    sources = {source.text for source in meta.iter("source")}
    sizes = [(int(s.findtext("width", "")), int(s.findtext("height", ""))) for s in meta.iter("original_size")]
    return (sources.pop() if len(sources) == 1 else None), (sizes[0] if sizes else (None, None))


def _hand(shape: Element, label: str) -> Hand | None:
    """Return the hand of a shape; None if it is another thing's, or says that the hand is gone."""
    if "hand" not in label.lower() or shape.get("outside") == "1":
        return None
    told = {attribute.get("name"): (attribute.text or "").strip().lower() for attribute in shape.iter("attribute")}
    side = told.get("handedness") or "unknown"
    if side not in ("left", "right", "unknown"):
        raise ValueError(f"handedness must be left, right or unknown. Received: {side}")
    fields = {"score": float(told["score"]) if told.get("score") else None}
    fields["handedness"] = side_of(label) if side == "unknown" else side
    if shape.tag == "box":
        x, y, right, bottom = (float(shape.attrib[name]) for name in ("xtl", "ytl", "xbr", "ybr"))
        return Hand(box_of([x, y, right - x, bottom - y]), **fields)
    points, marks = np.zeros((NUM_JOINTS, 2)), np.zeros(NUM_JOINTS)
    labels = [str(joint.get("label")) for joint in shape.iter("points")]
    first = 1 if str(NUM_JOINTS) in labels and "0" not in labels else 0  # CVAT numbers new sub-labels from 1
    for label, joint in zip(labels, shape.iter("points"), strict=True):
        index = joint_index(str(int(label) - first) if first and label.isdigit() else label)
        if joint.get("outside") != "1":
            points[index] = numbers_of(joint.attrib["points"].split(","), (2,), f"points of {label}")
            marks[index] = 1 if joint.get("occluded") == "1" else 2
    return hand_of(points, marks, **fields) if marks.any() else None


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
        f'<circle r="1.5" stroke="black" fill="#b3b3b3" cx="{places[i][0]:.1f}" cy="{places[i][1]:.1f}" stroke-width="0.1" '
        f'data-type="element node" data-element-id="{i + 1}" data-node-id="{i + 1}" data-label-name="{i}"></circle>'
        for i in range(NUM_JOINTS)
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
            raise FormatError(f"{record.file}: a second video, after {self._video}. CVAT needs a file for each: convert "
                              "them one by one")  # fmt: skip
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
    joints = "".join(
        f'<points label="{joint}"{key or f' source="{source}"'} outside="{gone or mark == 0:d}" occluded="{mark == 1:d}" '
        f'points="{px:.2f},{py:.2f}"></points>\n'
        for joint, ((px, py), mark) in enumerate(zip(points, marks, strict=True))
    )
    return f'<skeleton {head} z_order="0">\n{joints}{listed}</skeleton>\n'
