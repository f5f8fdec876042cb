"""Inputs to frames: one for a still image, many for a video."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from handpose_cli.media.discover import Input
from handpose_cli.media.errors import UnreadableError
from handpose_cli.media.picture import Picture

if TYPE_CHECKING:
    from handpose_cli.media.videos import VideoFrame


@dataclass
class Frame:
    """One picture to annotate.

    Attributes:
        file: the input's name in the results.
        read: returns the upright picture or raises UnreadableError. A still image is only read here, and a video's
            frame only converted to RGB here, so that several threads do it at once.
        index, time, fps: frame number from 0, presentation time in seconds and the video's average frame rate; None for
            a still image, and for the frame that stands for a video's failure.
    """

    file: str
    read: Callable[[], Picture]
    index: int | None = None
    time: float | None = None
    fps: float | None = None


def frames(
    inputs: Iterable[Input], every: int = 1, start: float | None = None, end: float | None = None
) -> Iterator[Frame]:
    """Yield the frames of all inputs in order; for a video that is damaged, a last one that fails.

    Args:
        every, start, end: which frames of videos, see `videos.read_video`.
    """
    for entry in inputs:
        if not entry.is_video:
            yield Frame(entry.name, partial(_read_image, entry))
            continue
        from handpose_cli.media.videos import read_video  # PyAV takes 0.2 s to import

        try:
            for frame in read_video(entry.path, every, start, end):
                yield Frame(entry.name, partial(_convert, frame), frame.index, frame.time, frame.fps)
        except UnreadableError as error:
            yield Frame(entry.name, partial(_fail, error))


def _read_image(entry: Input) -> Picture:
    from handpose_cli.media.images import open_image

    return open_image(entry.path)


def _convert(frame: VideoFrame) -> Picture:
    return Picture(frame.pixels)


def _fail(error: UnreadableError) -> Picture:
    raise error
