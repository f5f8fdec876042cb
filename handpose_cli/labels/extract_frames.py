"""Write the frames of videos that labels refer to as images, under the names that label files give them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import cv2
import numpy as np

from handpose_cli.files import atomic
from handpose_cli.formats.errors import FormatError
from handpose_cli.formats.fields import image_name
from handpose_cli.labels.file_names import place_of
from handpose_cli.media.errors import UnreadableError
from handpose_cli.media.suffixes import IMAGE_SUFFIXES
from handpose_cli.records import ImageRecord

QUALITY = 95  # of JPEG: the frames may be trained on
EXAMPLES = 3


class FrameFiles:
    """The images of frames that a set of labels needs.

    Args:
        folder: to write them to.
        videos: where the videos are.
        overwrite: whether images that are there may be replaced.
    """

    def __init__(self, folder: Path, videos: Path, overwrite: bool = False):
        self._folder, self._videos, self._overwrite = folder, videos, overwrite
        self._wanted: dict[Path, dict[int, set[str]]] = {}

    @property
    def wanted(self) -> int:
        """How many videos have frames that are to be written."""
        return len(self._wanted)

    def noted(self, records: Iterable[ImageRecord]) -> Iterator[ImageRecord]:
        """Yield the records, and note whose images are to be written: of frames, and of `v.mp4/000012.jpg`.

        Raises:
            FormatError: if a video is missing, or an image is there already and may not be replaced.
        """
        for record in records:
            parts, frame = place_of(record.file, record.frame)
            if frame is not None and record.failure is None:
                video = record.file if record.frame is not None else "/".join(parts)
                self.note(video, frame, image_name(record))
            yield record

    def note(self, video: str, frame: int, name: str) -> None:
        """Note that a frame is to be written as an image; see `noted`."""
        path = self._videos / video
        if path not in self._wanted and not path.is_file():
            raise FormatError(f"no such video, whose frames are to be extracted: {path}", "images")
        image = self._folder / name
        if not image.resolve().is_relative_to(self._folder.resolve()):
            raise FormatError(f"{name}: a name that leads out of the folder to write")
        if image.suffix.lower() not in IMAGE_SUFFIXES:
            raise FormatError(f"{name}: a frame's image needs a suffix such as .jpg")
        if image.exists() and not self._overwrite:
            raise FormatError(f"{image} exists", "frames_exist")
        self._wanted.setdefault(path, {}).setdefault(frame, set()).add(name)

    def write(self) -> tuple[int, int]:
        """Read each video once and write its images, each when it is complete; return how many images and videos.

        Raises:
            FormatError: at the end, if a video could not be read or lacks frames; the others are written.
        """
        images, problems = 0, []
        for path, frames in self._wanted.items():
            left = dict(frames)
            try:
                images += self._of_video(path, left)
            except UnreadableError as error:
                if left:
                    problems.append(f"{path}: {error}")
            if left:
                listed = ", ".join(map(str, sorted(left)[:EXAMPLES])) + (" ..." if len(left) > EXAMPLES else "")
                problems.append(f"{path}: {len(left)} of {len(frames)} frames are not in it: {listed}")
        if problems:
            raise FormatError(f"{images} frames written to {self._folder}, but {'; '.join(problems)}")
        return images, len(self._wanted)

    def _of_video(self, path: Path, left: dict[int, set[str]]) -> int:
        """Write those of a video's frames that are left to do, and take them out; return how many images."""
        from handpose_cli.media.videos import read_video  # PyAV takes 0.2 s to import

        images = 0
        for frame in read_video(path):
            for name in sorted(left.pop(frame.index, ())):
                _save(self._folder / name, frame.pixels)
                images += 1
            if not left:
                break
        return images


def _save(path: Path, pixels: np.ndarray) -> None:
    try:
        written, encoded = cv2.imencode(path.suffix.lower(), pixels[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
    except cv2.error:
        written = False
    if not written:
        raise FormatError(f"{path.name}: images of this kind are not written; use .jpg or .png")
    with atomic(path, "wb", outlasts_power=False) as file:  # of very many files
        file.write(encoded.tobytes())
