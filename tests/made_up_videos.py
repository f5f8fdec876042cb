"""Small videos for tests, of which every frame can be told by its grey."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import chain
from pathlib import Path
from typing import Any

import av
import numpy as np

from handpose_cli.media.errors import UnreadableError
from handpose_cli.media.videos import VideoFrame, read_video


def grey_of(index: int) -> int:
    """The grey of a frame: 20 steps, over and over."""
    return 12 * (index % 20)


def make_video(
    path: Path,
    count: int = 7,
    size: tuple[int, int] = (64, 48),
    fps: int = 25,
    times: Sequence[Fraction] | None = None,
    codec: str = "libx264",
    format: str | None = None,
    pixel_aspect: Fraction | None = None,
    **options: str,
) -> Path:
    """Write a video with a white top left corner, and of B-frames too if it is H.264.

    Args:
        size: width and height.
        times: of the frames, in seconds, instead of the count and the frame rate.
        format: container; by default as the suffix says.
        options: of the container.
    """
    times = [Fraction(i, fps) for i in range(count)] if times is None else times
    with av.open(str(path), "w", format=format, options=options) as container:
        stream = container.add_stream(codec, rate=fps)
        stream.width, stream.height, stream.pix_fmt, stream.gop_size = *size, "yuv420p", 30
        stream.codec_context.time_base = Fraction(1, fps if codec == "mpeg4" else 90_000)
        if pixel_aspect is not None:
            stream.codec_context.sample_aspect_ratio = pixel_aspect
        if codec == "libx264":
            stream.options = {"crf": "10", "bf": "3", "threads": "1"}
        for index, time in enumerate(times):
            pixels = np.full((size[1], size[0], 3), grey_of(index), np.uint8)
            pixels[: size[1] // 3, : size[0] // 4] = 255
            frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
            frame.time_base = stream.codec_context.time_base
            frame.pts = round(time / frame.time_base)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def noisy_video(path: Path, count: int = 60, codec: str = "", **options: str) -> Path:
    """Write a video that is some hundred kilobytes long, so that it can be damaged here or there."""
    random = np.random.default_rng(0)
    with av.open(str(path), "w", options=options) as container:
        stream = container.add_stream(codec or ("mpeg4" if path.suffix == ".avi" else "libx264"), rate=25)
        if codec == "libx265":
            stream.options = {"x265-params": "log-level=none:wpp=0"}
        stream.width, stream.height, stream.gop_size = 96, 64, 12
        stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
        for _ in range(count):
            pixels = random.integers(0, 256, (64, 96, 3), np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        container.mux(stream.encode())
    return path


def move(source: Path, target: Path, seconds: Fraction) -> Path:
    """Write a video's packets anew, all shown so much later; MP4 cuts off by an edit list what comes before 0."""
    with av.open(str(source)) as old, av.open(str(target), "w") as new:
        (stream,) = old.streams.video
        copy = new.add_stream_from_template(stream)
        for packet in old.demux(stream):
            if packet.dts is not None:
                ticks = round(seconds / packet.time_base)
                packet.pts, packet.dts, packet.stream = packet.pts + ticks, packet.dts + ticks, copy
                new.mux(packet)
    return target


def damage_packet(path: Path, number: int) -> None:
    """Put zeros in place of what one of a video's packets holds, counted by their places in the file."""
    with av.open(str(path)) as container:
        at, size = sorted((packet.pos, packet.size) for packet in container.demux(video=0) if packet.size)[number]
    data = bytearray(path.read_bytes())
    data[at + 4 : at + size] = bytes(size - 4)
    path.write_bytes(data)


def set_matrix(path: Path, a: int, b: int, c: int, d: int) -> None:
    """Write the display matrix of an MP4's track (ISO/IEC 14496-12, 8.3.2): each is -1, 0 or 1."""
    data = bytearray(path.read_bytes())
    at = data.index(b"tkhd") + 44
    assert data[at : at + 4] == b"\x00\x01\x00\x00"
    fixed = [a << 16, b << 16, 0, c << 16, d << 16, 0, 0, 0, 1 << 30]
    data[at : at + 36] = b"".join(value.to_bytes(4, "big", signed=True) for value in fixed)
    path.write_bytes(data)


def turn_stream(source: Path, target: Path) -> Path:
    """Write an H.264 video's packets anew, with the message that it is shown turned by a quarter in its first one."""
    with av.open(str(source)) as old, av.open(str(target), "w") as new:
        (stream,) = old.streams.video
        copy = new.add_stream_from_template(stream)
        told = av.bitstream.BitStreamFilterContext("h264_metadata=display_orientation=insert:rotate=90", stream, copy)
        for packet in chain((packet for packet in old.demux(stream) if packet.size), [None]):
            for each in told.filter(packet):
                each.stream = copy
                new.mux(each)
    return target


def read_all(path: Path, **options: Any) -> tuple[list[VideoFrame], UnreadableError | None]:
    """Return the frames, and the error that came behind them (None if there was none)."""
    found = []
    try:
        for frame in read_video(path, **options):
            found.append(frame)
    except UnreadableError as error:
        return found, error
    return found, None
