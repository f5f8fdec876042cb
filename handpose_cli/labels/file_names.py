"""What a file's name says, however a program spelled it: its folders, and which frame of which video it is.

`C:\\set\\a.jpg`, `./set/a.jpg`, `set//a.jpg`, `file:///set/a.jpg` and `set%2Fa.jpg` have the same parts, and so have
accents as one character or as two. An image in a folder that is named like a video, or a
file of several pages, is a frame of it, counted from 0: `v.mp4/000012.jpg`, as this tool names extracted frames, and
`v.mp4/frame_000012.jpg` are frame 12 of `v.mp4`.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from pathlib import PurePosixPath
from urllib.parse import unquote

from handpose_cli.media.suffixes import IMAGE_SUFFIXES, PAGED_SUFFIXES, VIDEO_SUFFIXES

Parts = tuple[str, ...]

_DRIVE = re.compile(r"[A-Za-z]:(?=/)")
_FRAME = re.compile(r"(?:frame|img|image)?[ _-]*(\d{1,12})", re.IGNORECASE)  # its whole name, in a video's folder
_SAID_FRAME = re.compile(r"(.*?)[ ._-]*(?<![a-z])frame[ _-]*\d{1,12}", re.IGNORECASE)
_DEEPLABCUT = re.compile(r"img\d+", re.IGNORECASE)
# Roboflow's names: a_jpg.rf.HASH.jpg for each augmented version of a.jpg, v_mp4-12_jpg.rf.HASH.jpg for a frame of v.mp4
_ROBOFLOW = re.compile(
    r"(?P<stem>.+?)(_(?P<video>mp4|m4v|mov|avi|mkv|webm|wmv)-\d+)?_(?P<image>[a-z0-9]{2,5})\.rf\.[a-z0-9]{16,}\.[a-z0-9]+",
    re.IGNORECASE,
)
# names of folders that are of no single video
_ANY_FOLDER = re.compile(
    r"(images?|imgs?|frames?|jpe?gs?|pngs?|photos?|pictures?|data|dataset|train|val|valid|validation|test|all|labels?|"
    r"annotations?|rgb|color|labeled-data|obj_(train|valid|test)_data|job_\d+|task_\d+|default)",
    re.IGNORECASE,
)


@lru_cache(1 << 12)  # a video's frames all have its name
def parts_of(name: str) -> Parts:
    """Return the folders and the file's name; drive letters, `.`, `..` and the root are no part of it."""
    try:
        text = unquote(name, errors="strict")
    except UnicodeDecodeError:  # % is part of the name
        text = name
    text = unicodedata.normalize("NFC", text).replace("\\", "/").removeprefix("file://").lstrip("/")
    parts: list[str] = []
    for part in _DRIVE.sub("", text, count=1).split("/"):
        if part == "..":
            del parts[-1:]
        elif part not in ("", "."):
            parts.append(part)
    return tuple(parts) or (name,)


def stem_of(name: str) -> str:
    """Return a file's name without an image's or a video's suffix."""
    path = PurePosixPath(name)
    return path.stem if path.suffix.lower() in IMAGE_SUFFIXES | VIDEO_SUFFIXES else path.name


def place_of(file: str, frame: int | None) -> tuple[Parts, int | None]:
    """Return the parts of an image's or a video's name, and the frame, from 0, if it is one of a video."""
    parts = parts_of(file)
    if frame is None and len(parts) > 1 and PurePosixPath(parts[-2]).suffix.lower() in VIDEO_SUFFIXES | PAGED_SUFFIXES:
        numbered = _FRAME.fullmatch(stem_of(parts[-1]))
        if numbered:
            return parts[:-1], int(numbered[1])
    return parts, frame


def uploaded(file: str) -> str:
    """Return the name of the photograph or video that Roboflow made a file of; of others their own."""
    made = _ROBOFLOW.fullmatch(file)
    return file if made is None else f"{made['stem']}.{made['video'] or made['image']}"


def clip_of(file: str, frame: int | None) -> str | None:
    """Return the name of the video that a file is a frame of; None if its name does not say that it is one.

    Beside the names of `place_of` these are `walk/frame_000012.jpg` and `walk_frame12.png` of `walk`, and DeepLabCut's
    `labeled-data/walk/img0012.png`. A `frame_000012.jpg` alone, or in a folder `images`, is of nobody knows which.
    """
    parts, number = place_of(file, frame)
    if number is not None:
        return "/".join(parts)
    stem = stem_of(parts[-1])
    said = _SAID_FRAME.fullmatch(stem)
    if said and said[1]:
        return "/".join([*parts[:-1], said[1]])
    folders = list(parts[:-1])
    if said or (_DEEPLABCUT.fullmatch(stem) and "labeled-data" in folders):
        while folders and _ANY_FOLDER.fullmatch(folders[-1]):
            folders.pop()
        return "/".join(folders) or None
    return None
