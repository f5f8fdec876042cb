"""Annotated copies: pictures and H.264 videos with the hands drawn on, in folders that mirror the inputs'."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from fractions import Fraction
from itertools import chain
from pathlib import Path
from typing import IO, TYPE_CHECKING

import cv2
import numpy as np

from handpose_cli.files import atomic, remove
from handpose_cli.media.errors import EncodingError
from handpose_cli.media.suffixes import is_video
from handpose_cli.processors import threads_for_libraries

if TYPE_CHECKING:
    import av

KEPT_SUFFIXES = (".jpg", ".jpeg", ".png", ".webp")
# most pixels along a side
_LONGEST = {".jpg": 65_500, ".jpeg": 65_500, ".webp": 16_383, ".png": 1_000_000}
_LONGEST_VIDEO = 16_384
_SQUARE = Fraction(1)  # a pixel that is as wide as high
_ENCODER = "libx264"
_BT709, _BT601 = 1, 6  # as H.264 numbers them
_CLOCK = 90_000  # ticks a second, as usual in MP4: any frame time is kept to 6 microseconds
_IN_FRAGMENTS = {"movflags": "hybrid_fragmented", "frag_duration": "2000000"}  # microseconds; whole at the end
_LONGEST_PAUSE = 3600  # seconds from one frame to the next; MP4 cannot hold one of more than 13 hours


def copy_path(folder: Path, file: str) -> Path:
    """Return where the annotated copy of an input lies.

    A video's is an MP4 and gets ".mp4" behind its name if it has another ending; a picture that is no JPEG, PNG or WebP
    becomes a JPEG and gets ".jpg" behind its name.

    Args:
        folder: of all copies.
        file: the input's name in the results.
    """
    path = folder / file
    suffixes, added = ((".mp4",), ".mp4") if is_video(path) else (KEPT_SUFFIXES, ".jpg")
    return path if path.suffix.lower() in suffixes else path.with_name(path.name + added)


def has_copy(folder: Path, file: str) -> bool:
    """Return whether there is an annotated copy of an input, or a folder with those of its pages.

    One without a byte is none: a power cut leaves such.
    """
    copy = copy_path(folder, file)
    return (copy.is_file() and copy.stat().st_size > 0) or (folder / file).is_dir()


def remove_copies(folder: Path, file: str) -> None:
    """Remove an input's annotated copy, or the folder with those of its pages, if there is one."""
    if not folder.is_dir():  # most runs make no copies
        return
    remove(copy_path(folder, file))
    if (folder / file).is_dir():
        remove(folder / file)


def save_image(folder: Path, file: str, image: np.ndarray) -> None:
    """Save an annotated picture (uint8 [h, w, 3], RGB) at its `copy_path`, smaller if its format cannot hold it."""
    save_copy(folder, file, None, encode_copy(file, None, image))


def encode_copy(file: str, page: int | None, image: np.ndarray, profile: bytes = b"") -> bytes:
    """Return an annotated picture (uint8 [h, w, 3], RGB) as `save_copy` takes it, smaller if its format needs that.

    Args:
        file: the input's name in the results.
        page: of a file of several pictures, from 0, for a folder that is named like the input; None: of a picture.
        profile: what the colours mean (ICC), which the copy then says too, if its format can hold it.
    """
    suffix = _place(Path(), file, page).suffix.lower()
    bgr = cv2.cvtColor(_within(image, _LONGEST[suffix]), cv2.COLOR_RGB2BGR)
    options = [cv2.IMWRITE_JPEG_QUALITY, 90]
    if profile:
        known = [cv2.IMAGE_METADATA_ICCP], [np.frombuffer(profile, np.uint8)]
        is_done, encoded = cv2.imencodeWithMetadata(suffix, bgr, *known, options)
        if is_done:
            return bytes(encoded)
    _, encoded = cv2.imencode(suffix, bgr, options)
    return encoded.tobytes()


def save_copy(folder: Path, file: str, page: int | None, encoded: bytes) -> None:
    """Save what `encode_copy` made."""
    with atomic(_place(folder, file, page), "wb", outlasts_power=False) as out:  # of very many files
        out.write(encoded)


def _place(folder: Path, file: str, page: int | None) -> Path:
    return copy_path(folder, file) if page is None else folder / file / f"{page:06d}.jpg"


def write_video(
    path: Path,
    frames: Iterable[tuple[float, np.ndarray]],
    fps: float,
    pixel_aspect: Fraction = _SQUARE,
    is_live: bool = False,
) -> None:
    """Write an annotated video, which appears under its name when it is complete; without frames there is none.

    The first frame is at 0, and the others are as far from it as they were; only where a stream's clock starts again or
    jumps ahead by more than an hour, the next frame follows after one frame's time. The last frame is shown for one
    frame's time. Odd sides get another row or column of pixels, since H.264 stores colour for blocks of 2 x 2, and
    where the pictures change their size all get that of the first.

    Args:
        path: see `copy_path`.
        frames: times in seconds, and pictures uint8 [h, w, 3], RGB.
        fps: the frame rate, frames a second; 0 if it is not known.
        pixel_aspect: width over height of a pixel, as players are to show it.
        is_live: the frames cannot be had again: what a killed process leaves plays, but for its last seconds.

    Raises:
        OSError: if the file cannot be written.
        EncodingError: if FFmpeg cannot encode it, as without libx264, or without threads for it.
    """
    import av

    try:
        _write_video(path, frames, fps, pixel_aspect, _IN_FRAGMENTS if is_live else {})
    except av.codec.codec.UnknownCodecError as error:
        raise EncodingError(f"PyAV's FFmpeg has no {_ENCODER}, which encodes H.264") from error
    except av.FFmpegError as error:  # of the disk, Python's own errors come
        raise EncodingError(f"FFmpeg cannot encode it: {error.strerror}") from error


def _write_video(
    path: Path,
    frames: Iterable[tuple[float, np.ndarray]],
    fps: float,
    pixel_aspect: Fraction,
    options: dict[str, str],
) -> None:
    iterator = iter(frames)
    first = next(iterator, None)
    if first is None:
        return
    fps = min(max(fps, 0.1), 1000) if fps else 30.0  # damaged heads say anything
    step = round(_CLOCK / fps)
    with atomic(path, "wb") as file:
        image = _within(first[1], _LONGEST_VIDEO)
        with _encoder(file, image, fps, pixel_aspect, options) as (container, stream):
            ticks = shift = 0
            for number, (time, pixels) in enumerate(chain([first], iterator)):
                now = round(time * _CLOCK) + shift
                if number == 0:
                    shift, now = -now, 0
                elif not ticks - _CLOCK < now < ticks + _LONGEST_PAUSE * _CLOCK:
                    shift, now = shift + ticks + step - now, ticks + step
                elif now <= ticks:  # two frames cannot have one time
                    now = ticks + 1
                ticks = now
                frame = _frame(pixels, image.shape)
                frame.pts, frame.time_base, frame.duration = ticks, Fraction(1, _CLOCK), step
                container.mux(stream.encode(frame))
            container.mux(stream.encode())


def _within(image: np.ndarray, longest: int) -> np.ndarray:
    """Return an image, smaller if one of its sides is longer than so many pixels."""
    scale = longest / max(image.shape[:2])
    if scale >= 1:
        return image
    height, width = (max(1, int(side * scale)) for side in image.shape[:2])
    resized: np.ndarray = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)
    return resized


def _frame(image: np.ndarray, shape: tuple[int, ...]) -> av.VideoFrame:
    """Return an image, of this shape, as a frame with even sides."""
    import av
    from av.video.reformatter import Colorspace

    height, width = shape[:2]
    if image.shape != shape:
        image = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)
    if height % 2 or width % 2:
        image = cv2.copyMakeBorder(image, 0, height % 2, 0, width % 2, cv2.BORDER_REPLICATE)
    # left to the encoder, the conversion is not the same each time
    rgb = av.VideoFrame.from_ndarray(image, format="rgb24")
    return rgb.reformat(format="yuv420p", dst_colorspace=Colorspace.ITU709 if _is_hd(shape) else Colorspace.ITU601)


def _is_hd(shape: tuple[int, ...]) -> bool:
    """Return whether players that do not read a video's tags take its colours for BT.709 rather than BT.601."""
    return shape[0] > 576 or shape[1] >= 1280


@contextmanager
def _encoder(
    file: IO[bytes], image: np.ndarray, fps: float, pixel_aspect: Fraction, options: dict[str, str]
) -> Iterator[tuple[av.container.OutputContainer, av.VideoStream]]:
    """Open an MP4 with one H.264 stream for pictures of an image's size."""
    import av
    from av.video.reformatter import ColorRange

    container = av.open(file, "w", format="mp4", options=options)
    try:
        stream = container.add_stream(_ENCODER, rate=Fraction(fps).limit_denominator(1001))
        stream.width, stream.height = (n + n % 2 for n in (image.shape[1], image.shape[0]))
        stream.pix_fmt = "yuv420p"  # what browsers play
        # with B-frames an MP4's index has no place for the last frame's duration, and with the macroblock tree the same
        # pictures do not always give the same bytes
        stream.options = {"crf": "20", "preset": "veryfast", "bf": "0", "mbtree": "0"}
        context = stream.codec_context
        context.time_base, context.thread_count = Fraction(1, _CLOCK), threads_for_libraries()
        context.colorspace = _BT709 if _is_hd(image.shape) else _BT601
        context.color_primaries, context.color_trc, context.color_range = _BT709, _BT709, ColorRange.MPEG
        if pixel_aspect != _SQUARE:
            context.sample_aspect_ratio = pixel_aspect
        yield container, stream
    except BaseException:
        with suppress(av.FFmpegError, OSError):
            container.close()
        raise
    container.close()
