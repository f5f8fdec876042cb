"""Folders of photos and a clip for the speed benchmarks, made from `samples/`."""

from __future__ import annotations

import json
from pathlib import Path

import av
import cv2
import numpy as np

SAMPLES = Path(__file__).parents[2] / "samples"
NOISE = 4.0  # of a camera's sensor, in grey levels: JPEGs of real size, so that decoding takes as long as with photos


def write_photos(folder: Path, count: int, width: int, height: int) -> int:
    """Write JPEGs of one or two hands each, before one background; return how many hands there are."""
    folder.mkdir(parents=True)
    random = np.random.default_rng(0)
    hands = _hands()
    background = _covering(cv2.imread(str(SAMPLES / "no_hand.jpg")), width, height)
    written = 0
    for number in range(count):
        photo = background.copy()
        halves = [0, 1] if number % 2 else [int(random.integers(2))]
        for half in halves:
            side = int(min(height, width // 2) * random.uniform(0.7, 1.0))
            hand = cv2.resize(hands[random.integers(len(hands))], (side, side), interpolation=cv2.INTER_AREA)
            x = half * (width // 2) + int(random.integers(width // 2 - side + 1))
            y = int(random.integers(height - side + 1))
            photo[y : y + side, x : x + side] = hand[:, ::-1] if random.integers(2) else hand
        noisy = photo + random.normal(0, NOISE, photo.shape)
        jpeg = noisy.clip(0, 255).astype(np.uint8)
        cv2.imwrite(str(folder / f"{number:05d}.jpg"), jpeg, [cv2.IMWRITE_JPEG_QUALITY, 90])
        written += len(halves)
    return written


def write_clip(path: Path, frames: int) -> int:
    """Write `moving_hand.mp4` forth and back until it is long enough; return how many frames show the hand."""
    with av.open(str(SAMPLES / "moving_hand.mp4")) as source:
        pictures = [frame.to_ndarray(format="rgb24") for frame in source.decode(video=0)]
    forth_and_back = pictures + pictures[-2:0:-1]
    with av.open(str(path), "w") as target:
        height, width = pictures[0].shape[:2]
        stream = target.add_stream("libx264", rate=30)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for number in range(frames):
            picture = av.VideoFrame.from_ndarray(forth_and_back[number % len(forth_and_back)], format="rgb24")
            target.mux(stream.encode(picture))
        target.mux(stream.encode())
    return frames


def _hands() -> list[np.ndarray]:
    """Return the square samples, of one hand each."""
    labels = json.loads((SAMPLES / "labels.json").read_text(encoding="utf-8"))
    names = [e["file"] for e in labels if e["file"].endswith(".jpg") and e["width"] == e["height"]]
    return [cv2.imread(str(SAMPLES / name)) for name in names]


def _covering(image: np.ndarray, width: int, height: int) -> np.ndarray:
    scale = max(width / image.shape[1], height / image.shape[0])
    return cv2.resize(image, None, fx=scale, fy=scale)[:height, :width]
