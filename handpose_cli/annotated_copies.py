"""Annotated copies: pictures and H.264 videos with the hands drawn on, in folders that mirror the inputs'."""

from __future__ import annotations

from contextlib import suppress
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np

from handpose_cli.files import atomic

KEPT_SUFFIXES = (".jpg", ".jpeg", ".png", ".webp")
MOST_PIXELS = 16_383  # along a side: WebP's limit; JPEG's is 65,535
_CLOCK = 90_000  # ticks a second, as usual in MP4: any frame time is kept to 11 microseconds


def save_image(folder: Path, file: str, image: np.ndarray) -> None:
    """Save an annotated picture (uint8 [h, w, 3], RGB) as `folder/file`.

    Formats besides JPEG, PNG and WebP get ".jpg" behind their name, and pictures too large for theirs ".png".
    """
    path = folder / file
    if path.suffix.lower() not in KEPT_SUFFIXES:
        path = path.with_name(path.name + ".jpg")
    if max(image.shape[:2]) > MOST_PIXELS:
        path = path.with_name(path.name + ".png")
    bgr = cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
    _, encoded = cv2.imencode(path.suffix.lower(), bgr, [cv2.IMWRITE_JPEG_QUALITY, 90])
    with atomic(path, "wb") as out:
        out.write(encoded.tobytes())


class VideoCopies:
    """Writes the frames of one video after the other; a new file name ends the video before it."""

    def __init__(self, folder: Path):
        self._folder = folder
        self._file: str | None = None
        self._shape: tuple[int, ...] = ()
        self._last = -1  # the last frame's time, in ticks

    def add(self, file: str, time: float, fps: float, image: np.ndarray) -> None:
        """Add an annotated frame (uint8 [h, w, 3], RGB), shown from `time` (seconds) on."""
        if file != self._file:
            self.close()
            self._open(file, fps, image)
        if image.shape != self._shape:  # a stream may change its size on the way
            image = cv2.resize(image, (self._shape[1], self._shape[0]), interpolation=cv2.INTER_AREA)
        height, width = image.shape[:2]
        if (height % 2, width % 2) != (0, 0):  # H.264 stores colour for blocks of 2 x 2 pixels
            image = cv2.copyMakeBorder(image, 0, height % 2, 0, width % 2, cv2.BORDER_REPLICATE)
        frame = self._av.VideoFrame.from_ndarray(image, format="rgb24")
        self._last = max(round(time * _CLOCK), self._last + 1)  # joined streams may start their times again
        frame.pts, frame.time_base = self._last, Fraction(1, _CLOCK)
        self._container.mux(self._stream.encode(frame))

    def close(self) -> None:
        """End the current video: now it appears under its name."""
        if self._file is not None:
            self._container.mux(self._stream.encode())
            self._container.close()
            self._output.__exit__(None, None, None)
            self._file = None

    def discard(self) -> None:
        """Drop the current video, which is not complete."""
        if self._file is not None:
            with suppress(self._av.FFmpegError):
                self._container.close()
            self._output.__exit__(InterruptedError, InterruptedError(), None)
            self._file = None

    def _open(self, file: str, fps: float, image: np.ndarray) -> None:
        import av

        self._av = av
        path = self._folder / file
        self._output = atomic(path if path.suffix.lower() == ".mp4" else path.with_name(path.name + ".mp4"), "wb")
        self._container = av.open(self._output.__enter__(), "w", format="mp4")
        self._stream = self._container.add_stream("libx264", rate=Fraction(fps or 30).limit_denominator(1001))
        self._stream.width, self._stream.height = (n + n % 2 for n in (image.shape[1], image.shape[0]))
        self._stream.pix_fmt = "yuv420p"  # what browsers play
        self._stream.options = {"crf": "20", "preset": "veryfast"}
        self._stream.codec_context.time_base = Fraction(1, _CLOCK)
        self._file, self._shape, self._last = file, image.shape, -1
