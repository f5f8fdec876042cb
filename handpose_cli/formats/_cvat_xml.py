"""CVAT's XML, bare or in the ZIP of an export: its shapes one by one, and what its <meta> says."""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any
from xml.etree.ElementTree import Element, ParseError
from zipfile import BadZipFile, ZipFile

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import iterparse

from handpose_cli.formats._notes import say
from handpose_cli.formats.errors import FormatError
from handpose_cli.media.suffixes import IMAGE_SUFFIXES

ZIP = b"PK\x03\x04"
SHAPES = ("skeleton", "box", "points", "polygon", "polyline", "ellipse", "cuboid", "mask")
Size = tuple[int | None, int | None]


@dataclass
class Video:
    """A task's video: its name, None if the task is of photos or its name is not said, and its size."""

    name: str | None = None
    size: Size = (None, None)
    frames: int | None = None  # how many images the task has, as far as that is known
    subset: str = ""
    folder: str = ""  # what the names of its images begin with, see `set_apart`


@dataclass
class Meta:
    """What <meta> says.

    Attributes:
        videos: of each task, by its number as text.
        joints: the names of each skeleton label's sub-labels.
    """

    videos: dict[str, Video] = field(default_factory=dict)
    joints: dict[str, list[str]] = field(default_factory=dict)

    def video_of(self, holder: Element) -> Video:
        """Return the video that an image or a track is of."""
        task = holder.get("task_id", "")
        if task in self.videos:
            return self.videos[task]
        return next(iter(self.videos.values())) if len(self.videos) == 1 else Video()


def meta_of(element: Element) -> Meta:
    """Read <meta>; raise ValueError if a number in it is none."""
    meta = Meta()
    tasks = [part for part in element.iter() if part.tag in ("task", "job")] or [element]
    for number, task in enumerate(tasks):
        size = next(((_whole(s, "width"), _whole(s, "height")) for s in task.iter("original_size")), (None, None))
        names = {source.text for source in task.iter("source") if source.text}
        subset = (task.findtext("subset") or "").strip()
        video = Video(names.pop() if len(names) == 1 else None, size, _whole(task, "size"), subset)
        meta.videos[task.findtext("id") or f"-{number}"] = video
    for label in element.iter("label"):
        parent, name = label.findtext("parent"), label.findtext("name")
        if parent and name is not None and name not in meta.joints.setdefault(parent, []):
            meta.joints[parent].append(name)
    return meta


def set_apart(path: Path, meta: Meta) -> None:
    """Where tasks of a project have images or videos of one name, have all begin with their subset, as in CVAT's ZIP.

    If that is not enough, with their task's number. Say so.
    """
    if len(meta.videos) < 2:
        return
    names = {task: {video.name} if video.name else set() for task, video in meta.videos.items()}
    for holder, shape in parts(path):
        task = holder.get("task_id", "")
        if holder.tag == "image" and shape is None and task in names and not meta.videos[task].name:
            names[task].add(holder.get("name", ""))
    subsets = {task: f"{video.subset}/" if video.subset else "" for task, video in meta.videos.items()}
    if _are_apart(names, dict.fromkeys(names, "")):
        return
    what, folders = ("subset", subsets) if _are_apart(names, subsets) else ("task", {t: f"task_{t}/" for t in names})
    for task, video in meta.videos.items():
        video.folder = folders[task]
        video.name = video.name and video.folder + video.name
    example = min(folders[task] + name for task, of_task in names.items() for name in of_task)
    say(f"{path}: tasks with images or videos of one name: names begin with their {what}, such as {example}")


def _are_apart(names: dict[str, set[str]], folders: dict[str, str]) -> bool:
    in_folders = [folders[task] + name for task, of_task in names.items() for name in of_task]
    return len(in_folders) == len(set(in_folders))


def _whole(element: Element, tag: str) -> int | None:
    text = (element.findtext(tag) or "").strip()
    return int(text) if text else None


def is_cvat_zip(path: Path) -> bool:
    """Return whether a file is a ZIP with CVAT's XML in it."""
    try:
        with ZipFile(path) as archive:
            name = _xml_in(archive)
            if name is None:
                return False
            with archive.open(name) as file:
                return b"<annotations" in file.read(1 << 12)
    except (BadZipFile, OSError, RuntimeError, NotImplementedError, EOFError, ValueError, zlib.error):
        return False


def _xml_in(archive: ZipFile) -> str | None:
    names = [name for name in archive.namelist() if name.lower().endswith(".xml") and "__MACOSX" not in name]
    named = [name for name in names if name.rpartition("/")[2] == "annotations.xml"]
    return named[0] if len(named) == 1 else names[0] if len(names) == 1 else None


def images_in(path: Path) -> list[str]:
    """Return the names of the images in an export's ZIP, without the folder `images`; none of an XML file."""
    if not _is_zip(path):
        return []
    with ZipFile(path) as archive:
        names = [name for name in archive.namelist() if Path(name).suffix.lower() in IMAGE_SUFFIXES]
    return sorted(re.sub(r"^(.*/)?images/", "", name, count=1) for name in names if "__MACOSX" not in name)


def _is_zip(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(len(ZIP)) == ZIP


@contextmanager
def _opened(path: Path) -> Iterator[IO[bytes]]:
    if not _is_zip(path):
        with path.open("rb") as file:
            yield file
        return
    with ZipFile(path) as archive:
        name = _xml_in(archive)
        if name is None:
            raise FormatError(f"{path}: expected one annotations.xml in it")
        with archive.open(name) as member:
            yield member


def parts(path: Path) -> Iterator[tuple[Element, Element | None]]:
    """Yield each image or track with each shape in it, then once more, as <meta>, at its end with None.

    Raises:
        FormatError: if the file is not CVAT's XML, or a ZIP with it.
    """
    opened: list[Element] = []
    try:
        with _opened(path) as file:
            for event, element in iterparse(file, events=("start", "end")):
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
    except FormatError:
        raise
    except (BadZipFile, RuntimeError, NotImplementedError, EOFError, zlib.error) as error:
        raise FormatError(f"{path}: cannot be read as ZIP: {error or 'it is cut'}") from error
    except OSError as error:
        raise FormatError(f"{path}: cannot be read: {error.strerror or error}") from error
    except (ParseError, LookupError, ValueError) as error:
        raise FormatError(f"{path}: cannot be read as XML: {error}") from error


def attributes_of(shape: Element) -> dict[str, Any]:
    """Return a shape's attributes by their names; a checkbox's as a bool."""
    found: dict[str, Any] = {}
    for attribute in shape.iter("attribute"):
        text = (attribute.text or "").strip()
        found[str(attribute.get("name"))] = {"true": True, "false": False}.get(text.lower(), text)
    return found
