"""Live pictures of a camera: always the newest one, so that what is shown does not lag behind."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from handpose_cli.media.errors import UnreadableError
from handpose_cli.media.remote import public
from handpose_cli.media.suffixes import CAMERA
from handpose_cli.quiet import quiet_stderr

_PATIENCE = 10_000  # milliseconds that a network camera has to answer


@dataclass(frozen=True)
class LiveFrame:
    """A picture of a camera.

    Attributes:
        index: how many pictures the camera gave before this one; numbers are missing where pictures were dropped.
        time: seconds since the camera was opened, when the picture came.
        pixels: uint8 [h, w, 3], RGB, upright.
    """

    index: int
    time: float
    pixels: np.ndarray


class Camera:
    """An open camera, to be iterated over for its newest picture each time; use `open_camera`.

    Attributes:
        dropped: how many pictures came and went while one before them was worked on.
        broke_off: whether the camera gave no more pictures, though nobody stopped it; never so of a file, which ends.
    """

    def __init__(self, capture: cv2.VideoCapture, first: np.ndarray, seconds: float | None):
        self.dropped = 0
        self.broke_off = False
        self._capture = capture
        self._seconds = seconds  # from picture to picture of a file, 0 if unknown; None: the camera sets the pace
        self._started = time.monotonic()
        self._newest: tuple[int, float, np.ndarray] | None = (0, 0.0, first)
        self._ended = False
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._read, name="camera", daemon=True)
        self._thread.start()

    def __iter__(self) -> Iterator[LiveFrame]:
        """Yield the newest picture that was not given before, as soon as there is one, until the stream ends."""
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._newest is not None or self._ended)
                if self._newest is None:
                    return
                (index, seconds, picture), self._newest = self._newest, None
            yield LiveFrame(index, seconds, cv2.cvtColor(picture, cv2.COLOR_BGR2RGB))

    def now(self) -> float:
        """Return the seconds since the camera was opened."""
        return time.monotonic() - self._started

    def stop(self) -> None:
        """End the iteration, from any thread; the camera is free again shortly after."""
        with self._changed:
            self._newest, self._ended = None, True
            self._changed.notify_all()

    def close(self) -> None:
        """Stop, and wait until the camera is free; one that hangs is left to itself."""
        self.stop()
        self._thread.join(timeout=2)

    def _read(self) -> None:
        """Keep the newest picture, on a thread of its own, which alone touches the capture."""
        index, is_read = 0, True
        try:
            while is_read and not self._ended:
                index += 1
                if self._seconds:
                    time.sleep(max(0.0, self._started + index * self._seconds - time.monotonic()))
                is_read, picture = self._capture.read()
                with self._changed:
                    self.broke_off = not is_read and not self._ended and self._seconds is None
                    if is_read and not self._ended:
                        self.dropped += self._newest is not None
                        self._newest = index, time.monotonic() - self._started, picture
                        self._changed.notify_all()
        finally:  # whatever happens, who waits for a picture learns that there will be none
            with self._changed:
                self._ended = True
                self._changed.notify_all()
            self._capture.release()


@contextmanager
def open_camera(source: str) -> Iterator[Camera]:
    """Open a camera and close it at the end.

    Args:
        source: `camera:0` (a number), `camera:/dev/video2`, `camera:rtsp://...` (what FFmpeg can open), or
            `camera:clip.mp4`, a video in place of a camera, played at its own frame rate.

    Raises:
        UnreadableError: if there is no such camera, or it gives no picture.
    """
    name = source.removeprefix(CAMERA)
    if not name:
        raise UnreadableError("no camera is named: write camera:0 for the first one")
    is_file = not name.isdigit() and Path(name).is_file()
    with quiet_stderr():  # FFmpeg and GStreamer print what they think of it
        capture = _capture(name, is_file)
        first = capture.read()[1] if capture.isOpened() else None
    if first is None:
        opened = capture.isOpened()
        capture.release()
        reason = "it gives no picture" if opened else "it cannot be opened"
        raise UnreadableError(f"no camera {public(source).removeprefix(CAMERA)}: {reason}", transient=True)
    rate = capture.get(cv2.CAP_PROP_FPS)
    camera = Camera(capture, first, None if not is_file else 1 / rate if rate > 0 else 0.0)
    try:
        yield camera
    finally:
        camera.close()


def _capture(name: str, is_file: bool) -> cv2.VideoCapture:
    if name.isdigit():
        return cv2.VideoCapture(int(name))
    if "://" in name and not is_file:
        return cv2.VideoCapture(name, cv2.CAP_FFMPEG, [cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, _PATIENCE])
    return cv2.VideoCapture(name)
