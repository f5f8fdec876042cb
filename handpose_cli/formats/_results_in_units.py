"""Results whose file says neither the unit nor the images' sizes: found out, and made into records in pixels."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import numpy as np

from handpose_cli.formats._image_files import image_size, video_size
from handpose_cli.formats._parsing import errors_at, hand_of, scores_of
from handpose_cli.formats._shares import Shares
from handpose_cli.formats.errors import FormatError
from handpose_cli.formats.fields import image_name
from handpose_cli.media.suffixes import is_video
from handpose_cli.records import NUM_JOINTS, ImageRecord


@dataclass
class FoundHand:
    """A hand as a file has it.

    Attributes:
        points: float64 [21, 2], x and y in the file's unit, NaN for a joint that it does not have.
        joint_scores: float64 [21], NaN for a joint without; None: the file has none.
    """

    points: np.ndarray
    score: float | None = None
    handedness: str | None = None
    track_id: int | None = None
    joint_scores: np.ndarray | None = None


@dataclass
class FoundImage:
    """An image or a frame as a file has it.

    Attributes:
        place: where in the file, for errors.
        file: empty if the file does not say.
        width, height: as the file has them.
    """

    place: str
    file: str
    frame: int | None = None
    width: int | None = None
    height: int | None = None
    hands: list[FoundHand] = field(default_factory=list)


def are_shares(found: Iterable[FoundImage]) -> bool:
    """Return whether all of a file's coordinates are shares of the image (0 to 1); False: pixels."""
    shares = Shares()
    for image in found:
        for hand in image.hands:
            shares.add(hand.points)
    return bool(shares)


def records_of(read: Callable[[], Iterator[FoundImage]], path: Path, images: Path | None) -> Iterator[ImageRecord]:
    """Yield the records in pixels; the file is read twice, since its unit is that of all of it.

    Raises:
        FormatError: if coordinates are shares and an image's size is neither in the file nor to be found.
    """
    shares = are_shares(read())
    folder = images if images is not None else path if path.is_dir() else path.parent
    size_at = lru_cache(1 << 10)(_size)
    for image in read():
        record = ImageRecord(image.file, image.width, image.height, frame=image.frame)
        if not record.width or not record.height:
            record.width, record.height = size_at(folder, record.file, image_name(record)) or (None, None)
        if shares and image.hands and not record.width:
            raise FormatError(
                f"{image.place}: coordinates from 0 to 1, and the size of {record.file} is neither in the file nor is "
                f"the image in {folder}",
                "images",
            )
        scale = np.array([record.width, record.height], float) if shares and image.hands else np.ones(2)
        with errors_at(image.place):
            for hand in image.hands:
                labelled = np.isfinite(hand.points).all(axis=1)
                if labelled.any():
                    record.hands.append(
                        hand_of(
                            np.where(labelled[:, None], hand.points * scale, 0),
                            np.where(labelled, 2, 0),
                            keypoint_scores=None
                            if hand.joint_scores is None
                            else scores_of(hand.joint_scores, labelled),
                            score=hand.score,
                            handedness=hand.handedness,
                            track_id=hand.track_id,
                        )
                    )
        yield record


def _size(folder: Path, file: str, image: str) -> tuple[int, int] | None:
    for name in (image, file, file.rsplit("/", 1)[-1]):
        path = folder / name
        try:
            there = path.is_file()
        except (OSError, ValueError):  # too long, or no name at all
            there = False
        if there:
            return video_size(path) if is_video(path) else image_size(path)
    return None


def no_joints() -> np.ndarray:
    """Return points [21, 2] of which none is there."""
    return np.full((NUM_JOINTS, 2), np.nan)
