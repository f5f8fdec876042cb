"""Inputs to frames: one for a still image, many for a video."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from typing import TYPE_CHECKING

from handpose_cli.media.errors import InexactError, UnreadableError, unreadable_if_unforeseen
from handpose_cli.media.inputs import Input
from handpose_cli.media.pages import open_pages, page_count
from handpose_cli.media.picture import Picture
from handpose_cli.media.remote import fetched
from handpose_cli.media.suffixes import PAGED_SUFFIXES

if TYPE_CHECKING:
    from handpose_cli.media.stretch import Stretch
    from handpose_cli.media.videos import VideoFrame


@dataclass
class Frame:
    """One picture to annotate.

    Attributes:
        file: the input's name in the results.
        read: returns the upright picture or raises UnreadableError. A still image is only read here, and a video's
            frame only converted to RGB here, so that several threads do it at once.
        index, time, fps: frame number from 0, presentation time in seconds and the video's average frame rate; None for
            a still image, and for the frame that stands for a video's failure. Pages have a number alone.
        pixel_aspect: width over height of a video's pixels, as players show them; other pictures' are taken for square.
    """

    file: str
    read: Callable[[], Picture]
    index: int | None = None
    time: float | None = None
    fps: float | None = None
    pixel_aspect: Fraction = Fraction(1)


def frames(
    inputs: Iterable[Input],
    every: int = 1,
    start: float | None = None,
    end: float | None = None,
    pages: bool = False,
) -> Iterator[Frame]:
    """Yield the frames of all inputs in order; for a video that is damaged, a last one that fails.

    Args:
        every, start, end: which frames of videos, see `videos.read_video`.
        pages: whether to give each picture of an image file that has several, and not only the first.
    """
    for entry in inputs:
        if not entry.is_video:
            if pages and entry.suffix in PAGED_SUFFIXES:
                yield from _pages(entry)
            else:
                yield Frame(entry.name, partial(_read_image, entry))
            continue
        from handpose_cli.media.videos import read_video  # PyAV takes 0.2 s to import

        try:
            with fetched(entry) as path, unreadable_if_unforeseen():
                for frame in read_video(path, every, start, end):
                    yield _of_video(entry, frame)
        except UnreadableError as error:
            yield Frame(entry.name, partial(_fail, str(error), error.transient))


def stretch_frames(entry: Input, stretch: Stretch) -> Iterator[Frame]:
    """Yield the frames of a stretch of a video; raise InexactError as `read_stretch` does."""
    from handpose_cli.media.stretches import read_stretch

    try:
        with fetched(entry, keep=True) as path, unreadable_if_unforeseen():
            for frame in read_stretch(path, stretch):
                yield _of_video(entry, frame)
    except UnreadableError as error:
        raise InexactError from error


def _of_video(entry: Input, frame: VideoFrame) -> Frame:
    return Frame(entry.name, partial(_convert, frame), frame.index, frame.time, frame.fps, frame.pixel_aspect)


def _pages(entry: Input) -> Iterator[Frame]:
    from handpose_cli.media.images import MOST_PIXELS, open_image

    try:
        with fetched(entry) as path, unreadable_if_unforeseen():
            if page_count(path) == 1:
                yield Frame(entry.name, partial(_itself, open_image(path)))
                return
            for index, picture in enumerate(open_pages(path, MOST_PIXELS)):
                yield Frame(entry.name, partial(_itself, picture), index)
    except UnreadableError as error:
        yield Frame(entry.name, partial(_fail, str(error), error.transient))


def _read_image(entry: Input) -> Picture:
    from handpose_cli.media.images import open_image

    with fetched(entry) as path, unreadable_if_unforeseen():
        return open_image(path)


def _itself(picture: Picture) -> Picture:
    return picture


def _convert(frame: VideoFrame) -> Picture:
    return Picture(frame.pixels)


def _fail(message: str, transient: bool) -> Picture:
    """Raise an error anew: the one that came up would keep its decoder, and all pictures beside it, in memory."""
    raise UnreadableError(message, transient)
