"""Read videos frame by frame with PyAV."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np

from handpose_cli.sources.errors import UnreadableError

av.logging.set_level(None)  # what goes wrong is reported by the exceptions below


@dataclass
class VideoFrame:
    """One decoded frame: its index from 0, its presentation time in seconds, and its pixels (uint8 [h, w, 3], RGB)."""

    index: int
    time: float
    pixels: np.ndarray


def frame_rate(path: Path) -> float:
    """Return the average frame rate of a video.

    Raises:
        UnreadableError: if the file is no video.
    """
    with _open(path) as container:
        return float(container.streams.video[0].average_rate or 0)


def read_video(path: Path, every: int = 1) -> Iterator[VideoFrame]:
    """Yield every n-th frame of a video, turned upright as its rotation metadata says.

    Raises:
        UnreadableError: if the file is no video, or when decoding fails; frames before the damage have been yielded.
    """
    with _open(path) as container:
        stream = container.streams.video[0]
        stream.thread_type = "AUTO"
        index = -1
        try:
            for index, frame in enumerate(container.decode(stream)):
                if index % every == 0:
                    # raw streams have no times
                    time = index / float(stream.average_rate or 30) if frame.time is None else float(frame.time)
                    # metadata counts anticlockwise, as np.rot90 does
                    pixels = np.rot90(frame.to_ndarray(format="rgb24"), frame.rotation // 90)
                    yield VideoFrame(index, time, np.ascontiguousarray(pixels))
        except av.FFmpegError as error:
            where = f"damaged after frame {index}" if index >= 0 else "not a video that can be decoded"
            raise UnreadableError(f"{where}: {error.strerror}") from error
        if index < 0:
            raise UnreadableError("a video without frames")


def _open(path: Path):
    try:
        if path.stat().st_size == 0:
            raise UnreadableError("empty file (0 bytes)")
        container = av.open(str(path))
    except (av.FFmpegError, OSError) as error:
        raise UnreadableError(f"not a video that can be decoded: {error.strerror}") from error
    if not container.streams.video:
        container.close()
        raise UnreadableError("no video stream in the file")
    return container
