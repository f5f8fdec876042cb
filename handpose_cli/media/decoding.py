"""Decode a video's stream, damaged or not, to the same frames whatever the number of processors."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import av
import av.container

from handpose_cli.media.cut_short import declared_size
from handpose_cli.media.errors import NO_MEMORY, UnreadableError
from handpose_cli.media.ogg import count_damaged
from handpose_cli.media.opening import check_bytes, check_file, is_web_page
from handpose_cli.processors import threads_for_libraries

MOST_PIXELS = 2**27  # of a frame: four times 8K; damaged heads claim any size
_REORDERED = 4  # frames that may be shown before one that was decoded earlier
_MOST_FRUITLESS = 10_000  # packets without a frame, before reading on is given up
# Formats of which damage shows in the decoder's marks alone. libavcodec 62 now and then loses these when it decodes
# several frames, or slices of one, at once.
_MARKED = frozenset({"mpegts", "mpeg", "asf", "avi"})
_UNMARKED = frozenset({"hevc", "mjpeg"})  # decoders that make up what is damaged, and mark nothing
_IN_ERRORS = frozenset({"mjpeg"})  # of these, those of which it shows in errors, whatever the format
_ALONE = frozenset({"vp8"})  # decoders that notice no damage, and make up other pictures by the number of threads
_INDEXED = frozenset({"mov,mp4,m4a,3gp,3g2,mj2", "avi"})  # with an index of all packets
# titles and the like that are no UTF-8 are no reason not to read a video; from PyAV 19 on they never are
_LENIENT = {"metadata_errors": "replace"} if int(av.__version__.partition(".")[0]) < 19 else {}


class _Doubt(Exception):
    """Several frames were decoded at once, and one of them was damaged: it may not be the only one that is lost.

    Its argument is the decoder's error, if there was one.
    """


def open_video(path: Path) -> av.container.InputContainer:
    """Open a video; raise UnreadableError if it is none."""
    if check_file(path).st_size == 0:
        raise UnreadableError("empty file (0 bytes)")
    try:
        return av.open(str(path), **_LENIENT)
    except (av.FFmpegError, OSError, MemoryError) as error:
        if passing := _passing(error):
            raise UnreadableError("".join(passing), transient=True) from error
        with suppress(OSError), path.open("rb") as file:
            if is_web_page(file.read(200)):
                raise UnreadableError("a web page (HTML), not a video") from error
        check_bytes(path)
        raise UnreadableError(f"not a video that can be decoded: {getattr(error, 'strerror', error)}") from error


def main_stream(container: av.container.InputContainer) -> av.VideoStream:
    """Return the stream that players show: of those that are no cover pictures the default one, else the largest.

    Raises:
        UnreadableError: if there is none, none that can be decoded, or it is too large.
    """
    kinds = av.stream.Disposition
    streams = [stream for stream in container.streams.video if not stream.disposition & kinds.attached_pic]
    if not streams:
        raise UnreadableError("no video stream in the file")
    decodable = [stream for stream in streams if stream.codec_context is not None]
    if not decodable:
        raise UnreadableError("not a video that can be decoded: there is no decoder for its codec")
    stream = max(decodable, key=lambda s: (bool(s.disposition & kinds.default), s.width * s.height))
    if stream.width * stream.height > MOST_PIXELS:
        size = f"{stream.width} x {stream.height} pixels"
        raise UnreadableError(f"too large to be read: {size}; the limit is {MOST_PIXELS} in all")
    stream.codec_context.thread_count = threads_for_libraries()
    # else libavcodec leaves columns that a stream cuts off on the left, for which its memory would have to be aligned
    stream.codec_context.flags |= av.codec.context.Flags.unaligned
    stream.codec_context.options = {"max_pixels": str(MOST_PIXELS)}  # the stream may differ from the head
    return stream


def decode_alone(stream: av.VideoStream) -> None:
    """Have a stream decoded on one thread."""
    stream.thread_type = "NONE"
    stream.codec_context.thread_count = 1  # libdav1d does not ask for the type


class Decoding:
    """Decodes a video, and notes what is wrong with it; iterate over it once.

    Attributes:
        failure: the first damage, in a line; None if all is well.
        transient: see `UnreadableError`.
    """

    def __init__(self, container: av.container.InputContainer, path: Path):
        self.failure: str | None = None
        self.transient = False
        self._container, self._path = container, path
        self._at_once = False
        self._decoded = self._packets = self._discarded = 0

    def __iter__(self) -> Iterator[av.VideoFrame]:
        """Yield the frames that can be decoded.

        A file that may be damaged is decoded frame by frame, from where several at once are in doubt: of these
        libavcodec loses some, more or fewer by the number of processors. (And now and then it loses the mark of a frame
        whose damage it has mended; then the frames are the same, without a failure. In one of twenty damaged HEVC
        streams it notices nothing, and what it makes up differs by that number.)
        """
        stream = main_stream(self._container)
        codec = stream.codec_context.name
        marked = (self._container.format.name in _MARKED and codec not in _IN_ERRORS) or codec in _ALONE
        self._at_once = not marked and not declared_size(self._path)
        if self._at_once:  # what is damaged is an error then, where libavcodec otherwise makes something up
            stream.thread_type = "AUTO"
            stream.codec_context.options |= {"err_detect": "explode"}
        else:
            decode_alone(stream)
        try:
            yield from self._frames(self._container, stream)
            self._end(self._container, stream)
        except _Doubt as doubt:
            yield from self._one_by_one(self._decoded)
            if self.failure is None and doubt.args and codec in _UNMARKED:
                self.failure = "damaged: some frames may be wrong, and it is not known which"
        if self.failure is not None and not self.transient:
            check_bytes(self._path)

    def _one_by_one(self, done: int) -> Iterator[av.VideoFrame]:
        """Yield the frames behind so many, decoded on one thread."""
        self.failure, self.transient, self._at_once = None, False, False
        self._decoded = self._packets = self._discarded = 0
        with open_video(self._path) as container:
            stream = main_stream(container)
            decode_alone(stream)
            for index, picture in enumerate(self._frames(container, stream)):
                if index >= done:
                    yield picture
            self._end(container, stream)

    def _frames(self, container: av.container.InputContainer, stream: av.VideoStream) -> Iterator[av.VideoFrame]:
        fruitless, waiting = 0, deque[av.VideoFrame]()
        try:
            for packet in container.demux(stream):
                if packet.size == 0 and packet.dts is None:  # PyAV's own, at the end
                    break
                self._packets += 1
                self._discarded += packet.is_discard
                fruitless += 1
                for picture in self._decode(stream, packet):
                    waiting.append(self._checked(picture))
                    fruitless = 0
                while len(waiting) > self._lag(stream):
                    yield waiting.popleft()
                    self._decoded += 1
                if fruitless > _MOST_FRUITLESS:
                    self._note("nothing more can be decoded")
                    return
        except (av.FFmpegError, OSError, MemoryError) as error:
            self._note(str(getattr(error, "strerror", error)), _passing(error))
        except IndexError:  # PyAV 18.1 stumbles at the very end over streams that were not there at the beginning
            pass
        waiting.extend(map(self._checked, self._held(stream, len(waiting))))
        for picture in waiting:
            yield picture
            self._decoded += 1

    def _lag(self, stream: av.VideoStream) -> int:
        """Return how many frames wait for those behind them: of several at once, an error shows only so much later."""
        return stream.codec_context.thread_count + _REORDERED if self._at_once else 0

    def _held(self, stream: av.VideoStream, waiting: int) -> list[av.VideoFrame]:
        """Return what the decoder still holds at the end; some may be lost there without an error."""
        end = av.Packet()
        end.time_base = stream.time_base
        held = self._decode(stream, end)
        if self._at_once and self._decoded + waiting + len(held) < self._packets - self._discarded:
            raise _Doubt
        return held

    def _decode(self, stream: av.VideoStream, packet: av.Packet) -> list[av.VideoFrame]:
        try:
            frames: list[av.VideoFrame] = stream.codec_context.decode(packet)
            return frames
        except EOFError:  # the decoder has seen the end already
            return []
        except (av.FFmpegError, MemoryError) as error:
            # an OSError is no file's here; but to open the decoder takes threads, for which there may be no memory
            short = isinstance(error, MemoryError) or (isinstance(error, BlockingIOError) and not self._packets > 1)
            self._note(str(getattr(error, "strerror", error)), (NO_MEMORY, "") if short else None)
        except ValueError:
            self._note("there is no decoder for its codec")
        return []

    def _checked(self, picture: av.VideoFrame) -> av.VideoFrame:
        if picture.is_corrupt:
            self._note("parts of the next one are missing")
        return picture

    def _note(self, reason: str, passing: tuple[str, str] | None = None) -> None:
        if self._at_once:
            raise _Doubt(*([] if passing else [reason]))
        if self.failure is None:
            what, why = passing or ("damaged" if self._decoded else "damaged at the start", f": {reason}")
            where = f" after frame {self._decoded - 1}" if self._decoded else ""
            self.failure, self.transient = f"{what}{where}{why}", passing is not None

    def _end(self, container: av.container.InputContainer, stream: av.VideoStream) -> None:
        """Note what is missing, as all that there is has been decoded."""
        if self.transient:
            return
        if not self._decoded:
            reason = (self.failure or "").partition(": ")[2]
            self.failure = f"not a video that can be decoded: {reason}" if reason else "a video without frames"
            return
        # (with edit lists worked in, so unlike the frame count in the head)
        indexed = len(stream.index_entries) if container.format.name in _INDEXED else 0
        if self._packets < indexed:
            self.failure = f"cut short or damaged: {self._decoded} of {indexed - self._discarded} frames"
        elif self.failure is None:
            with suppress(OSError):
                if declared := declared_size(self._path):
                    self.failure = f"cut short: {self._path.stat().st_size} of {declared} bytes"
                elif container.format.name == "ogg" and (damaged := count_damaged(self._path)):
                    self.failure = f"damaged: {damaged} of its pages, with what frames they have"


def _passing(error: Exception) -> tuple[str, str] | None:
    """Return in words what an error was, before and behind where it was, if trying again may help; else None."""
    if isinstance(error, MemoryError):
        return NO_MEMORY, ""
    if isinstance(error, OSError) and not isinstance(error, BlockingIOError):  # which damage is, to some formats
        return "cannot be read", f": {error.strerror or error}"
    return None
