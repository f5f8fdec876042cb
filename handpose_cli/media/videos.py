"""Read videos frame by frame with PyAV."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import av.container
import numpy as np

from handpose_cli.media.clock import Clock
from handpose_cli.media.decoding import Decoding, main_stream, open_video
from handpose_cli.media.errors import NO_FRAME, NO_MEMORY, UnreadableError
from handpose_cli.media.upright import DisplayMatrices, Matrix, turned_upright

# formats without a clock, or with that of fields, to which libavformat gives 25 frames a second or a senseless rate
_CODEC_KNOWS_RATE = frozenset({"h264", "hevc", "vvc", "mpegvideo", "dv", "gxf"})
_HIGHEST_RATE = 1000  # of the codec's; in its place encoders may write the ticks that they count in


@dataclass
class VideoFrame:
    """One decoded frame.

    Attributes:
        index: number of the frame in the whole stream, from 0, in the order of presentation.
        time: presentation time in seconds.
        fps: the stream's average frame rate; 0 if it is not known.
        picture: as the decoder gave it, half as large as its RGB pixels.
        matrix: how it is shown, see `upright`.
        stored_aspect: width over height of the picture's pixels, before it is turned; None if it is not known.
    """

    index: int
    time: float
    fps: float
    picture: av.VideoFrame
    matrix: Matrix
    stored_aspect: Fraction | None

    @property
    def pixel_aspect(self) -> Fraction:
        """Width over height of the upright picture's pixels."""
        a, b, *_ = self.matrix
        aspect = self.stored_aspect or Fraction(1)
        return aspect if abs(a) >= abs(b) else 1 / aspect

    @property
    def pixels(self) -> np.ndarray:
        """The upright picture, uint8 [h, w, 3], RGB; converted at each call, on one thread, without the GIL.

        Different frames may be converted on different threads, also when their video is closed already.

        Raises:
            UnreadableError: if its pixels are of a kind that cannot be converted.
        """
        try:
            rgb = self.picture.to_ndarray(format="rgb24", threads=1)
        except MemoryError as error:
            raise UnreadableError(NO_MEMORY, transient=True) from error
        except (av.FFmpegError, ValueError) as error:
            raise UnreadableError(f"frame {self.index} cannot be converted to RGB: {error}") from error
        return turned_upright(rgb, self.matrix)


def frame_rate(path: Path) -> float:
    """Return the average frame rate of a video, 0 if it is not known.

    Raises:
        UnreadableError: if the file is no video.
    """
    with open_video(path) as container:
        return _rate(container, main_stream(container))


def _rate(container: av.container.InputContainer, stream: av.VideoStream) -> float:
    own = stream.codec_context.framerate if container.format.name in _CODEC_KNOWS_RATE else None
    return float((own if own and own <= _HIGHEST_RATE else stream.average_rate) or 0)


def read_video(
    path: Path, every: int = 1, start: float | None = None, end: float | None = None
) -> Iterator[VideoFrame]:
    """Yield the frames of a video that are shown from `start` on and before `end`; of these the first and every n-th.

    The whole stream is decoded up to `end`, so indices are exact. Times are those of the stream, as ffprobe gives them
    (`best_effort_timestamp_time`): they need not begin at 0 (in .ts and .mpg files they hardly ever do), and frames
    that an edit list cuts off are no frames. Streams without times get them from the frame rate. Reading stops at the
    first frame at or after `end`, even if later ones have earlier times, as in joined files.

    Damage does not end the reading: as in a player, what can be decoded further on follows, and the error about the
    damage comes last. Behind the damage indices count what was decoded; times are exact still.

    Args:
        every: n.
        start, end: seconds since the video's beginning, as players show them; None: no limit.

    Raises:
        UnreadableError: if the file is no video, is damaged or ends early, or if no frame lies between the times; what
            frames there are have been yielded before.
    """
    chosen, first, last = 0, math.nan, math.nan
    with open_video(path) as container:
        decoding = Decoding(container, path)
        stream = main_stream(container)
        fps = _rate(container, stream)
        matrices = DisplayMatrices()
        clock = Clock(1 / (fps or 30), trust_pts=container.format.name != "avi")
        origin = max(0.0, (container.start_time or 0) / av.time_base)
        slack = 1e-6 if origin else 0.0  # the origin is in whole microseconds
        low = -math.inf if start is None else origin + start - slack
        high = math.inf if end is None else origin + end - slack
        for index, picture in enumerate(decoding):
            last, matrix = clock.time(picture), matrices.of(picture)
            first = last if index == 0 else first
            if last >= high:
                break
            if last >= low:
                if chosen % every == 0:
                    yield VideoFrame(index, last, fps, picture, matrix, stream.sample_aspect_ratio)
                chosen += 1
    if decoding.failure is not None:
        raise UnreadableError(decoding.failure, decoding.transient)
    if not chosen:
        asked = " and ".join(
            f"{word} {time:g} s" for word, time in (("from", start), ("before", end)) if time is not None
        )
        raise UnreadableError(f"{NO_FRAME} {asked}: those read are at {first - origin:.3f} to {last - origin:.3f} s")
