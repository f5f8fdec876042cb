"""`cvat`: CVAT XML 1.1 ("CVAT for images", "CVAT for video"): skeletons and tracks of them.

    <annotations><version>1.1</version>
     <meta><task>... <labels> the label `hand` with a sub-label for each joint, and `hand_box` </labels>
      <original_size><width>640</width><height>480</height></original_size> <source>v.mp4</source></task></meta>
     <image id="0" name="a/b.jpg" width="640" height="480">
      <skeleton label="hand" source="auto" z_order="0" group_id="1">
       <points label="wrist" source="auto" outside="0" occluded="0" points="12.00,34.00"></points> ... 21 times
       <attribute name="score">0.9</attribute><attribute name="handedness">left</attribute></skeleton>
      <box label="hand_box" xtl="1.00" ytl="2.00" xbr="60.00" ybr="70.00" ... group_id="1"></box></image>
     <track id="3" label="hand" source="auto">
      <skeleton frame="0" keyframe="1" z_order="0"><points label="wrist" keyframe="1" .../> ...</skeleton> ...
     </track></annotations>

outside="1" marks a joint that is not labelled, occluded="1" a hidden one. A box that is not the joints' box goes with
the skeleton in a group of shapes; a hand without keypoints is a box alone. Make the task with the labels in
NAME.labels.json, which is written beside (paste it under Raw), then upload the file. A video's hands with track ids are
tracks, closed by outside="1" in the next annotated frame where the hand is gone; a frame without hands, or with hands
that are not tracked, is an image named frame_000012, as CVAT names it. A CVAT task is of photos or of one video: of
several, the photos go to NAME.xml, each video to NAME.video-VIDEO.xml. Lost: frame times, joint scores, areas, head
sizes, samples, failures. Pixels are rounded to 1/100.

Read are skeletons, boxes (the upright one around a rotated box) and point sets of 21 whose label is a hand's (`hand`,
`left_hand`); the label or an attribute (handedness) tells which. A box in a group with skeletons is the box of the one
it overlaps most, one without a group that of the only skeleton in it, unless its label is `hand_box`. <meta>'s sub-
labels say which joint is which: by names, 0 to 20 or 1 to 21; where it has none, those of all skeletons do. A ZIP
export is read as it is. A "for video" export of photos has no names of theirs: they are the images in `images` (or in
the ZIP), sorted as CVAT does. Where tasks of a project have images of one name, all names begin with their subset, or
else with `task_` and a number. What else is there is counted. CVAT's own tracks do not show which frames have no hands:
such frames are not read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from xml.etree.ElementTree import Element

from handpose_cli.formats._cvat_groups import Found, Joined
from handpose_cli.formats._cvat_shapes import Shapes
from handpose_cli.formats._cvat_writer import open_writer, outputs, videos_beside
from handpose_cli.formats._cvat_xml import ZIP, Video, images_in, is_cvat_zip, meta_of, parts, set_apart
from handpose_cli.formats._image_files import images_under
from handpose_cli.formats._notes import LeftOut, say
from handpose_cli.formats._parsing import errors_at
from handpose_cli.formats.errors import FormatError
from handpose_cli.formats.plugin import NO_OPTIONS, ReadOptions
from handpose_cli.records import ImageRecord

KEEPS = frozenset(
    {"size", "frame", "no_hands", "box", "box_only", "score", "hidden", "outside", "handedness", "track_id"}
)
__all__ = ["KEEPS", "open_writer", "outputs", "read", "recognises"]

Frames = dict[tuple[str, int], list[Found]]  # by video and frame


def recognises(path: Path, head: bytes) -> bool:
    if head.startswith(ZIP):
        return is_cvat_zip(path)
    return head.lstrip().startswith(b"<") and b"<annotations" in head


def read(path: Path, images: Path | None = None, options: ReadOptions = NO_OPTIONS) -> Iterator[ImageRecord]:
    """Yield a record for each image, and for each frame that has one or a hand in a track; a video's hands wait in
    memory until the last track.

    Args:
        path: the XML, or the ZIP of an export; files of videos that were written with it are read with it.
        images: in their order they are the frames of a "for video" export of photos, which does not name them.

    Raises:
        FormatError: if the file does not follow the format; the message names the file and the image or track.
    """
    beside = videos_beside(path)
    if beside:
        say(f"{path}: read with the videos beside it: {', '.join(video.name for video in beside)}")
    for file in (path, *beside):
        with LeftOut(file) as left_out:
            yield from _read(file, images, Shapes(file, options, left_out))


def _read(path: Path, images: Path | None, shapes: Shapes) -> Iterator[ImageRecord]:
    frames: Frames = {}
    videos: dict[str, Video] = {}
    photos: list[str] | None = None  # that are the frames of tracks
    found: list[Found] = []
    partial: set[tuple[str, int]] = set()  # frames of which hands are left out
    left = 0  # how many were, up to the image or shape before
    for holder, shape in parts(path):
        still = None
        with errors_at(_place(path, holder, shape)):
            video = shapes.meta.video_of(holder)
            one = None if shape is None else shapes.find(shape, shape.get("label", holder.get("label", "")))
            whole = shapes.left_out.hands == left
            if holder.tag == "track" and shape is not None and not whole:
                partial.add((video.name or "", int(shape.attrib["frame"])))
            if holder.tag == "track" or shape is None:
                left = shapes.left_out.hands
            if shape is not None and one is not None and holder.tag == "track":
                if video.name is None and photos is None:
                    photos = _photos(path, images, video, len(shapes.meta.videos))
                frame = int(shape.attrib["frame"])
                if video.name is None and photos is not None and not 0 <= frame < len(photos):
                    raise ValueError(f"there are but {len(photos)} images for it")
                one.hand.track_id = int(holder.attrib["id"])
                one.group = one.group or holder.get("group_id", "").removeprefix("0")
                frames.setdefault((video.name or "", frame), []).append(one)
                videos[video.name or ""] = video
            elif one is not None:
                found.append(one)
            elif holder.tag == "meta":
                shapes.meta = meta_of(holder)
                set_apart(path, shapes.meta)
            elif holder.tag == "image" and shape is None:
                size = int(holder.attrib["width"]), int(holder.attrib["height"])
                numbered = re.fullmatch(r"frame_(\d+)", holder.attrib["name"])
                hands, found = found, []
                if video.name and numbered:
                    for loose in hands:
                        loose.group = loose.group and f"image {loose.group}"
                    frames.setdefault((video.name, int(numbered[1])), []).extend(hands)
                    if not whole:
                        partial.add((video.name, int(numbered[1])))
                    video.size = size
                    videos[video.name] = video
                else:
                    still = ImageRecord(
                        video.folder + holder.attrib["name"], *size, shapes.joined.hands(hands), exhaustive=whole
                    )
        if still is not None:
            yield from _frames(frames, videos, photos, partial, shapes.joined)
            frames = {}
            yield still
    yield from _frames(frames, videos, photos, partial, shapes.joined)
    shapes.joined.say(path)


def _place(path: Path, holder: Element, shape: Element | None) -> str:
    place = f"{path}: {holder.tag} {holder.get('name', holder.get('id'))}"
    return f"{place}, frame {shape.get('frame')}" if shape is not None and holder.tag == "track" else place


def _photos(path: Path, images: Path | None, video: Video, tasks: int) -> list[str]:
    """Return the names of the photos that are a task's frames, which its export "for video" does not have."""
    if tasks > 1:
        raise ValueError("its video is not known: <meta> needs one <source>. Export tasks one by one")
    photos = images_under(images) if images is not None else images_in(path)
    if not photos:
        raise FormatError(
            f'{path}: its tracks are in frames without names: <meta> has no <source>. Export photos as "CVAT for '
            f'images"',
            "images",
        )
    if video.frames is not None and video.frames != len(photos):
        where = path if images is None else images
        raise FormatError(f"{where}: {len(photos)} images, but the task in {path} has {video.frames}", "images")
    return photos


def _frames(
    frames: Frames, videos: dict[str, Video], photos: list[str] | None, partial: set[tuple[str, int]], joined: Joined
) -> Iterator[ImageRecord]:
    for name, index in sorted(frames):
        hands, whole = joined.hands(frames[name, index]), (name, index) not in partial
        if name:
            yield ImageRecord(name, *videos[name].size, hands, frame=index, exhaustive=whole)
        elif photos is not None:
            for hand in hands:
                hand.track_id = None  # the photos are no sequence
            yield ImageRecord(photos[index], None, None, hands, exhaustive=whole)
