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

outside="1" marks a joint that is not labelled, occluded="1" a hidden one; a hand without keypoints is a <box>. Make the
task with the labels in <meta>, then upload the file. A video's hands with track ids are tracks, closed by outside="1"
in the next annotated frame where the hand is gone; a frame without hands, or with hands that are not tracked, is an
image named frame_000012, as CVAT names it. One file holds one video. Lost: boxes (they become the keypoints'), frame
times, joint scores, areas, head sizes, samples, failures. Pixels are rounded to 1/100.

Read are skeletons and boxes whose label has `hand` in it; `left` or `right` in it tell the handedness. CVAT's own
tracks do not tell which frames have no hands: such frames are not read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element, ParseError

import numpy as np
from defusedxml import DefusedXmlException
from defusedxml.ElementTree import iterparse

from handpose_cli.formats._cvat_writer import open_writer
from handpose_cli.formats._parsing import box_of, errors_at, hand_of, joint_index, numbers_of, side_of
from handpose_cli.formats.errors import FormatError
from handpose_cli.records import NUM_JOINTS, Hand, ImageRecord

KEEPS = frozenset({"size", "frame", "no_hands", "box_only", "score", "hidden", "outside", "handedness", "track_id"})
__all__ = ["KEEPS", "open_writer", "read", "recognises"]

SHAPES = ("skeleton", "box")


def recognises(path: Path, head: bytes) -> bool:
    return head.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"<") and b"<annotations" in head


def read(path: Path, images: Path | None = None) -> Iterator[ImageRecord]:
    """Yield a record for each image, and for each frame that has one or a hand in a track; the video's hands wait in
    memory until its last track.

    Raises:
        FormatError: if the file does not follow the format; the message names the file and the image or track.
    """
    video: str | None = None
    size: tuple[int | None, int | None] = (None, None)
    frames: dict[int, list[Hand]] = {}
    hands: list[Hand] = []
    for holder, shape in _parts(path):
        place, still = f"{path}: {holder.tag} {holder.get('name', holder.get('id'))}", None
        if shape is not None and holder.tag == "track":
            place += f", frame {shape.get('frame')}"
        with errors_at(place):
            hand = None if shape is None else _hand(shape, shape.get("label", holder.get("label", "")))
            if shape is not None and hand is not None and holder.tag == "track":
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
    fields: dict[str, Any] = {
        "score": float(numbers_of([told["score"]], (1,), "score")[0]) if told.get("score") else None
    }
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
