"""Read videos frame by frame with PyAV."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import av
import av.container
import numpy as np

from handpose_cli.media.cut_short import declared_size
from handpose_cli.media.errors import UnreadableError
from handpose_cli.media.upright import turned_upright

av.logging.set_level(None)  # what goes wrong is reported by the exceptions below

MOST_PIXELS = 2**27  # of a frame: four times 8K; damaged heads claim any size
_MOST_FRUITLESS = 10_000  # packets without a frame, before reading on is given up
# Formats of which damage shows in the decoder's marks alone. libavcodec 62 now and then loses these when it decodes
# several frames at once, so there it decodes slices at once.
_BY_SLICES = frozenset({"mpegts", "mpeg", "asf", "avi"})


@dataclass
class VideoFrame:
    """One decoded frame.

    Attributes:
        index: number of the frame in the whole stream, from 0, in the order of presentation.
        time: presentation time in seconds.
        fps: the stream's average frame rate; 0 if it is not known.
        picture: as the decoder gave it, half as large as its RGB pixels.
    """

    index: int
    time: float
    fps: float
    picture: av.VideoFrame

    @property
    def pixels(self) -> np.ndarray:
        """The upright picture, uint8 [h, w, 3], RGB; converted anew at each call, on one thread, without the GIL.

        Different frames may be converted on different threads, also when their video is closed already.

        Raises:
            UnreadableError: if its pixels are of a kind that cannot be converted.
        """
        try:
            rgb = self.picture.to_ndarray(format="rgb24", threads=1)
        except (av.FFmpegError, ValueError) as error:
            raise UnreadableError(f"frame {self.index} cannot be converted to RGB: {error}") from error
        return turned_upright(rgb, self.picture)


def frame_rate(path: Path) -> float:
    """Return the average frame rate of a video, 0 if it is not known.

    Raises:
        UnreadableError: if the file is no video.
    """
    with _open(path) as container:
        return float(_stream(container).average_rate or 0)


def read_video(
    path: Path, every: int = 1, start: float | None = None, end: float | None = None
) -> Iterator[VideoFrame]:
    """Yield the frames of a video that are shown from `start` on and before `end`; of these the first and every n-th.

    The whole stream is decoded up to `end`, so indices are exact. Times are those of the stream, as ffprobe tells them
    (`best_effort_timestamp_time`): they need not begin at 0 (in .ts and .mpg files they hardly ever do), and frames
    that an edit list cuts off are no frames. Streams without times get them from the frame rate. Reading stops at the
    first frame at or after `end`, even if later ones have earlier times, as in joined files.

    Damage does not end the reading: as in a player, what can be decoded further on follows, and the error that tells of
    the damage comes last. Behind the damage indices count what was decoded; times are exact still.

    Args:
        every: n.
        start, end: seconds of presentation time; None: no limit.

    Raises:
        UnreadableError: if the file is no video, is damaged or ends early, or if no frame lies between the times; what
            frames there are have been yielded before.
    """
    low, high = -math.inf if start is None else start, math.inf if end is None else end
    reader = _Reader()
    chosen, first, last = 0, math.nan, math.nan
    with _open(path) as container:
        stream = _stream(container)
        fps = float(stream.average_rate or 0)
        clock = _Clock(1 / (fps or 30), trust_pts=container.format.name != "avi")
        for index, picture in enumerate(reader.frames(container, stream)):
            last = clock.time(picture)
            first = last if index == 0 else first
            if last >= high:
                break
            if last >= low:
                if chosen % every == 0:
                    yield VideoFrame(index, last, fps, picture)
                chosen += 1
        else:
            reader.end(container, stream, path)
    if reader.failure is not None:
        raise UnreadableError(reader.failure, reader.transient)
    if not chosen:
        asked = " and ".join(
            f"{word} {time:g} s" for word, time in (("from", start), ("before", end)) if time is not None
        )
        raise UnreadableError(f"no frame {asked}: those read are at {first:.3f} to {last:.3f} s")


class _Reader:
    """Decodes a stream, and notes what is wrong with it.

    Attributes:
        failure: the first damage, in a line; None if all is well.
        transient: see `UnreadableError`.
    """

    def __init__(self) -> None:
        self.failure: str | None = None
        self.transient = False
        self._decoded = self._packets = self._discarded = 0

    def frames(self, container: av.container.InputContainer, stream: av.VideoStream) -> Iterator[av.VideoFrame]:
        """Yield the frames that can be decoded."""
        fruitless = 0
        try:
            for packet in container.demux(stream):
                is_last = packet.size == 0 and packet.dts is None  # PyAV's own, to get what the decoder still holds
                self._packets += not is_last
                self._discarded += packet.is_discard
                fruitless += 1
                for picture in self._decode(packet):
                    if picture.is_corrupt:
                        self._note("parts of the next one are missing")
                    yield picture
                    self._decoded += 1
                    fruitless = 0
                if fruitless > _MOST_FRUITLESS:
                    self._note("nothing more can be decoded")
                    return
        except av.FFmpegError as error:
            self._note(error.strerror, _of_file_system(error))
        except IndexError:  # PyAV 18.1 stumbles at the very end over streams that were not there at the beginning
            pass

    def _decode(self, packet: av.Packet) -> list[av.VideoFrame]:
        try:
            return packet.decode()
        except av.FFmpegError as error:
            self._note(error.strerror)
        except ValueError:
            self._note("there is no decoder for its codec")
        return []

    def _note(self, reason: str, transient: bool = False) -> None:
        if self.failure is None:
            where = f"damaged after frame {self._decoded - 1}" if self._decoded else "damaged at the start"
            self.failure, self.transient = f"{where}: {reason}", transient

    def end(self, container: av.container.InputContainer, stream: av.VideoStream, path: Path) -> None:
        """Note what is missing, as all that there is has been decoded."""
        if not self._decoded:
            reason = (self.failure or "").partition(": ")[2]
            self.failure = f"not a video that can be decoded: {reason}" if reason else "a video without frames"
            return
        # these two have an index of all packets (with edit lists worked in, so unlike the frame count in the head)
        indexed = len(stream.index_entries) if container.format.name in ("mov,mp4,m4a,3gp,3g2,mj2", "avi") else 0
        if self._packets < indexed:
            self.failure = f"cut short or damaged: {self._decoded} of {indexed - self._discarded} frames"
        elif self.failure is None and (declared := declared_size(path)):
            self.failure = f"cut short: {path.stat().st_size} of {declared} bytes"


class _Clock:
    """Tells frames' times as libavformat's "best effort" does: by their pts, or by their dts where these are in better
    order (AVI has no pts, and what libavformat makes up is wrong with B-frames), or else by the frame rate.
    """

    def __init__(self, step: float, trust_pts: bool = True):
        self._step = step  # from frame to frame, in seconds
        self._faults = {"pts": 0 if trust_pts else 1, "dts": 0}
        self._last = {"pts": -math.inf, "dts": -math.inf}
        self._known, self._since = 0.0, -1  # the last known time, and the frames since then; -1: none was before

    def time(self, frame: av.VideoFrame) -> float:
        """Return the time of the next frame, in seconds."""
        ticks = {"pts": frame.pts, "dts": frame.dts}
        for name, value in ticks.items():
            if value is not None:
                self._faults[name] += value <= self._last[name]
                self._last[name] = value
        better = "pts" if ticks["pts"] is not None and self._faults["pts"] <= self._faults["dts"] else "dts"
        value = ticks[better]
        self._since += 1
        if value is None or frame.time_base is None:
            return self._known + self._since * self._step
        time = float(value * frame.time_base)
        if self._since == 1 and time > self._known:
            self._step = time - self._known
        self._known, self._since = time, 0
        return time


# titles and the like that are no UTF-8 are no reason not to read a video; from PyAV 19 on they never are
_LENIENT = {"metadata_errors": "replace"} if int(av.__version__.partition(".")[0]) < 19 else {}


def _open(path: Path) -> av.container.InputContainer:
    try:
        if path.stat().st_size == 0:
            raise UnreadableError("empty file (0 bytes)")
        return av.open(str(path), **_LENIENT)
    except (av.FFmpegError, OSError) as error:
        reason = error.strerror or str(error)
        raise UnreadableError(f"not a video that can be decoded: {reason}", _of_file_system(error)) from error


def _stream(container: av.container.InputContainer) -> av.VideoStream:
    """Return the first video stream that is no cover picture, ready to be decoded on several threads."""
    for stream in container.streams.video:
        if not stream.disposition & av.stream.Disposition.attached_pic:
            if stream.codec_context is None:
                raise UnreadableError("not a video that can be decoded: there is no decoder for its codec")
            if stream.width * stream.height > MOST_PIXELS:
                size = f"{stream.width} x {stream.height} pixels"
                raise UnreadableError(f"too large to be read: {size}; the limit is {MOST_PIXELS} in all")
            stream.thread_type = "SLICE" if container.format.name in _BY_SLICES else "AUTO"
            stream.codec_context.options = {"max_pixels": str(MOST_PIXELS)}  # the stream may tell others than the head
            return stream
    raise UnreadableError("no video stream in the file")


def _of_file_system(error: Exception) -> bool:
    return isinstance(error, OSError) and not isinstance(error, BlockingIOError)
