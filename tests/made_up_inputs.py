"""Folders of small inputs for tests: pictures of hands, a clip, and files that are damaged in a dozen ways."""

from __future__ import annotations

import random
from pathlib import Path

import av
import cv2
import numpy as np
from conftest import SAMPLES

PICTURES = sorted(path for path in SAMPLES.glob("*.jpg"))


def small_picture(number: int, side: int = 120) -> np.ndarray:
    """A small copy of a sample, BGR, different for each number."""
    image = cv2.imread(str(PICTURES[number % len(PICTURES)]))
    scale = side / max(image.shape[:2])
    image = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    cv2.putText(image, str(number), (2, 12), cv2.FONT_HERSHEY_SIMPLEX, 0.4, (255, 255, 255))
    return image


def encoded(number: int, suffix: str = ".jpg") -> bytes:
    return cv2.imencode(suffix, small_picture(number))[1].tobytes()


def write_clip(path: Path, frames: int = 20, side: int = 160, skip: int = 0, gop: int | None = None) -> None:
    """Write the first frames of the sample clip, small; the container follows the suffix.

    Args:
        gop: frames from one key frame to the next; None: as the encoder likes.
    """
    with av.open(str(SAMPLES / "moving_hand.mp4")) as source, av.open(str(path), "w") as target:
        stream = target.add_stream("libx264", rate=24)
        stream.width, stream.height, stream.pix_fmt = side, side, "yuv420p"
        stream.gop_size = gop or stream.gop_size
        stream.options = {"mbtree": "0"}  # with it, the bytes are not always the same
        for index, frame in enumerate(source.decode(video=0)):
            if index >= skip + frames:
                break
            if index >= skip:
                pixels = frame.reformat(side, side, "rgb24").to_ndarray()
                target.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24").reformat(format="yuv420p")))
        target.mux(stream.encode())


def _declared_huge() -> bytes:
    data = bytearray(encoded(0, ".png"))
    data[16:24] = (60_000).to_bytes(4, "big") * 2
    return bytes(data)


# name of the damage: (suffix, content)
BAD = {
    "empty": (".jpg", lambda: b""),
    "text": (".jpg", lambda: b"hello"),
    "page": (".jpg", lambda: b"<html><body>404</body></html>"),
    "cut": (".jpg", lambda: encoded(1)[:600]),
    "head only": (".jpg", lambda: encoded(2)[:4]),
    "zeros": (".png", lambda: bytes(5000)),
    "noise": (".webp", lambda: random.Random(0).randbytes(5000)),
    "cut webp": (".webp", lambda: encoded(3, ".webp")[:200]),
    "cut png": (".png", lambda: encoded(4, ".png")[:-300]),
    "huge": (".png", _declared_huge),
    "text clip": (".mp4", lambda: b"no film"),
    "link": (".jpg", None),  # to nothing
}


def write_inputs(folder: Path, count: int, clips: int = 0, seed: int = 0) -> None:
    """Write so many inputs, every tenth a damaged one, in random order into folders."""
    rng = random.Random(seed)
    bad = list(BAD.items())
    for number in rng.sample(range(count), count):
        path = folder / ("abc"[number % 3]) / f"{number:04d}"
        path.parent.mkdir(parents=True, exist_ok=True)
        if number % 10 == 3:
            name, (suffix, content) = bad[number // 10 % len(bad)]
            path = path.with_name(f"{path.name} {name}{suffix}")
            if content is None:
                path.symlink_to("nowhere")
            else:
                path.write_bytes(content())
        elif number < clips:
            write_clip(path.with_suffix(".mp4"), frames=12, skip=3 * number)
        else:
            path.with_suffix(".jpg").write_bytes(encoded(number))
