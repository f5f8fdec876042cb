"""Folders of photos and a clip for the speed benchmarks, made from `samples/`."""

from __future__ import annotations

from pathlib import Path

import av
import cv2
import numpy as np

SAMPLES = Path(__file__).parents[2] / "samples"
# samples whose hands both tools find, so that both do the whole work
FOUND_BY_BOTH = (
    "flat_hand_dark_skin.jpg", "open_palm_sleeve.jpg", "pinch_field.jpg", "pointing_indoors.jpg", "spread_street.jpg",
)  # fmt: skip
NOISE = 4.0  # of a camera's sensor, in grey levels: JPEGs of real size, so that decoding takes as long as with photos


def write_photos(folder: Path, count: int, width: int, height: int) -> None:
    """Write JPEGs of one and two hands in turn."""
    folder.mkdir(parents=True)
    random = np.random.default_rng(0)
    hands = [cv2.imread(str(SAMPLES / name)) for name in FOUND_BY_BOTH]
    for number in range(count):
        parts = 1 + number % 2
        photo = np.hstack([_photo(hands[random.integers(len(hands))], width // parts, height, random)
                           for _ in range(parts)])  # fmt: skip
        noisy = photo + random.normal(0, NOISE, photo.shape)
        jpeg = noisy.clip(0, 255).astype(np.uint8)
        cv2.imwrite(str(folder / f"{number:05d}.jpg"), jpeg, [cv2.IMWRITE_JPEG_QUALITY, 90])


def write_clip(path: Path, frames: int, two_hands: bool = False) -> None:
    """Write `moving_hand.mp4` forth and back until it is long enough: 480 x 480 at 30 frames/s, H.264.

    Args:
        two_hands: beside each other, enlarged, the second one mirrored and half of the way later: 1280 x 720.
    """
    with av.open(str(SAMPLES / "moving_hand.mp4")) as source:
        pictures = [frame.to_ndarray(format="rgb24") for frame in source.decode(video=0)]
    forth_and_back = pictures + pictures[-2:0:-1]
    if two_hands:
        large = [cv2.resize(picture, (720, 720))[:, 40:-40] for picture in forth_and_back]
        later = large[len(pictures) // 2 :] + large[: len(pictures) // 2]
        forth_and_back = [np.hstack([one, other[:, ::-1]]) for one, other in zip(large, later, strict=True)]
    with av.open(str(path), "w") as target:
        height, width = forth_and_back[0].shape[:2]
        stream = target.add_stream("libx264", rate=30)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for number in range(frames):
            picture = av.VideoFrame.from_ndarray(forth_and_back[number % len(forth_and_back)], format="rgb24")
            target.mux(stream.encode(picture))
        target.mux(stream.encode())


def _photo(hand: np.ndarray, width: int, height: int, random: np.random.Generator) -> np.ndarray:
    """Return a square picture of a hand, or its mirror image, cut to a photo's shape about its middle."""
    side = int(max(width, height) * random.uniform(1.0, 1.1))
    photo = cv2.resize(hand, (side, side), interpolation=cv2.INTER_AREA if side < len(hand) else cv2.INTER_CUBIC)
    x, y = (side - width) // 2, (side - height) // 2
    photo = photo[y : y + height, x : x + width]
    return photo[:, ::-1] if random.integers(2) else photo
