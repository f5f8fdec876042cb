"""Stretches of a long video that can be decoded by themselves, to the same frames as by decoding it from its start.

A video is divided only where that is certain: every packet has a time and is shown, and a stretch is decoded from a key
frame that nothing reaches across (IDR in H.264 and H.265). Who decodes it checks each frame's time, and any damage or
surprise is an `InexactError`: then the video has to be decoded from its start.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av

from handpose_cli.media.cut_short import declared_size
from handpose_cli.media.decoding import decode_alone, main_stream, open_video
from handpose_cli.media.errors import InexactError, UnreadableError, unreadable_if_unforeseen
from handpose_cli.media.stretch import Stretch
from handpose_cli.media.upright import DisplayMatrices
from handpose_cli.media.videos import VideoFrame

_CONTAINERS = frozenset({"mov,mp4,m4a,3gp,3g2,mj2", "matroska,webm"})  # their packets have times, and can be sought
# by codec, the kinds of NAL units that begin a picture across which nothing refers (table 7-1 of H.264, and of H.265);
# None: key frames are such pictures anyway
_RESTARTS: dict[str, frozenset[int] | None] = {
    "h264": frozenset({5}),
    "hevc": frozenset({19, 20}),
    "vp9": None,
    "mjpeg": None,
}
_PICTURES = {"h264": range(1, 6), "hevc": range(0, 32)}  # kinds of NAL units that have a picture


def divide_video(
    path: Path, every: int, start: float | None, end: float | None, least: int, multiple: int
) -> list[Stretch]:
    """Return stretches that have all frames of a video up to `end`, in turn; none if it cannot be divided for certain.

    The whole file is read but not decoded.

    Args:
        every, start, end: which frames are wanted, see `videos.read_video`.
        least: frames of a stretch; as many again are decoded before it, at most, to get from a key frame to it.
        multiple: each stretch but the last has a multiple of so many wanted frames.
    """
    try:
        if declared_size(path):
            return []
        with unreadable_if_unforeseen(), open_video(path) as container:
            shown = _shown(container)
            if shown is None:
                return []
            ticks, restarts, base = shown
            origin = max(0.0, (container.start_time or 0) / av.time_base)
    except (av.FFmpegError, UnreadableError, OSError, IndexError):
        return []
    slack = 1e-6 if origin else 0.0  # as `read_video` has it
    times = [float(tick * base) for tick in ticks]
    first = 0 if start is None else bisect_left(times, origin + start - slack)
    stop = len(ticks) if end is None else bisect_left(times, origin + end - slack)
    wanted = range(first, stop, every)
    if not wanted:
        return []
    # one frame more is read to know that `end` is reached
    bounds = _bounds(min(stop + 1, len(ticks)), wanted, restarts, least, multiple)
    stretches = []
    for low, high in pairwise(bounds):
        key = restarts[bisect_right(restarts, low) - 1]
        chosen = wanted[_count(wanted, low) : _count(wanted, high)]
        stretches.append(Stretch(key, tuple(ticks[key:high]), chosen))
    return stretches


def _shown(container: av.container.InputContainer) -> tuple[list[int], list[int], Fraction] | None:
    """Return the times of a video's frames as they are shown, the numbers of those to begin at, and the time base."""
    stream = main_stream(container)
    if container.format.name not in _CONTAINERS or stream.codec_context.name not in _RESTARTS:
        return None
    ticks, keys = [], []
    for packet in container.demux(stream):
        if packet.size == 0 and packet.dts is None:  # PyAV's own, at the end
            break
        if packet.pts is None or packet.is_corrupt or packet.is_discard:
            return None
        ticks.append(packet.pts)
        if packet.is_keyframe and _restarts(packet, stream.codec_context):
            keys.append(packet.pts)
    ticks.sort()
    if len(set(ticks)) < len(ticks) or not keys or keys[0] != ticks[0]:
        return None
    return ticks, sorted(bisect_left(ticks, key) for key in keys), stream.time_base


def _restarts(packet: av.Packet, codec: av.VideoCodecContext) -> bool:
    """Return whether decoding can begin at a key frame as if nothing had been before."""
    kinds = _RESTARTS[codec.name]
    if kinds is None:
        return True
    head, data = codec.extradata or b"", bytes(packet)
    at_length = 4 if codec.name == "h264" else 21
    if len(head) <= at_length or head[0] != 1:
        return False
    size, at = (head[at_length] & 3) + 1, 0  # of the length before each NAL unit
    while at + size < len(data):
        first = data[at + size]
        kind = first & 0x1F if codec.name == "h264" else first >> 1 & 0x3F
        if kind in _PICTURES[codec.name]:
            return kind in kinds
        at += size + int.from_bytes(data[at : at + size], "big")
    return False


def _bounds(count: int, wanted: range, restarts: list[int], least: int, multiple: int) -> list[int]:
    """Return the numbers of the frames at which stretches begin, and where the last one ends."""
    bounds, step = [0], wanted.step * multiple
    while True:
        low = bounds[-1] + least
        if low > wanted.start:  # up to a multiple of wanted frames
            low = wanted.start + math.ceil((low - wanted.start) / step) * step
        while low < count and low - restarts[bisect_right(restarts, low) - 1] > least:
            low += step if low >= wanted.start else 1
        if low >= min(count, wanted.stop):
            return [*bounds, count]
        bounds.append(low)


def _count(wanted: range, before: int) -> int:
    """Return how many of the wanted numbers are smaller than another."""
    return len(range(wanted.start, min(before, wanted.stop), wanted.step))


def read_stretch(path: Path, stretch: Stretch) -> Iterator[VideoFrame]:
    """Yield the chosen frames of a stretch, as `videos.read_video` would.

    All of it is decoded, even if no frame is chosen, so that damage shows. On one thread: several may lose its marks.

    Raises:
        InexactError: if that cannot be done; frames before have been yielded.
    """
    try:
        with open_video(path) as container:
            stream = main_stream(container)
            decode_alone(stream)
            stream.codec_context.options |= {"err_detect": "explode"}
            fps = float(stream.average_rate or 0)
            matrices = DisplayMatrices()
            for offset, picture in enumerate(_decoded(container, stream, stretch)):
                index, matrix = stretch.key + offset, matrices.of(picture)
                if matrices.held:  # of a frame that may be in another stretch
                    raise InexactError
                if index in stretch.chosen:
                    seconds = float(picture.pts * picture.time_base)
                    aspect = stream.sample_aspect_ratio
                    yield VideoFrame(index, seconds, fps, picture, matrix, aspect)
    except (av.FFmpegError, UnreadableError, OSError, ValueError, IndexError) as error:
        raise InexactError from error


def _decoded(
    container: av.container.InputContainer, stream: av.VideoStream, stretch: Stretch
) -> Iterator[av.VideoFrame]:
    """Yield the stretch's frames from its key frame on, each at its time."""
    expected = iter(stretch.ticks)
    begin, left = stretch.ticks[0], len(stretch.ticks)
    if stretch.key:
        container.seek(begin, stream=stream)
    begun = False
    for packet in container.demux(stream):
        if not begun:
            begun = packet.pts == begin and packet.is_keyframe
            if not begun and (packet.pts is None or packet.pts > stretch.ticks[-1]):
                raise InexactError
        for picture in stream.codec_context.decode(packet) if begun else ():
            if picture.is_corrupt or picture.pts is None:
                raise InexactError
            if picture.pts < begin:  # shown before the key frame, stored behind it
                continue
            if picture.pts != next(expected):
                raise InexactError
            yield picture
            left -= 1
            if not left:
                return
    raise InexactError
