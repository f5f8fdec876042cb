"""Contact sheets of a run's annotated copies."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import cv2
import numpy as np

from handpose_cli.media.annotated_copies import copy_path
from handpose_cli.media.contact_sheets import HEIGHT, WIDTH, write_sheets
from handpose_cli.media.errors import UnreadableError
from handpose_cli.media.frames import frames
from handpose_cli.media.images import open_image
from handpose_cli.media.inputs import Input
from handpose_cli.media.suffixes import is_video
from handpose_cli.runs.settings import SHEETS, OutputSettings

OF_VIDEO = 6  # frames, evenly spaced


def write_contact_sheets(files: Iterable[str], counts: dict[str, int], output: OutputSettings) -> int:
    """Write sheets of the inputs' annotated copies, in their order; return how many pages.

    A file's pages each have a picture, a video some of its frames. Inputs that could not be read have none.

    Args:
        counts: how many records the videos among the inputs have.

    Raises:
        OSError: if a page cannot be written.
    """
    return write_sheets(output.copies / SHEETS, _pictures(files, counts, output.copies))


def _pictures(files: Iterable[str], counts: dict[str, int], copies: Path) -> Iterator[tuple[str, np.ndarray]]:
    for file in files:
        copy = copy_path(copies, file)
        if is_video(Path(file)):
            yield from _of_video(file, copy, counts.get(file, 0))
            continue
        of_pages = copies / file
        # desktops put files of their own into folders that they show
        found = sorted(p for p in of_pages.iterdir() if p.stem.isdigit()) if of_pages.is_dir() else [copy]
        for path in found:
            if path.is_file():
                name = file if len(found) == 1 else f"{file}, {int(path.stem)}"
                try:
                    yield name, _small(open_image(path).pixels)
                except UnreadableError:  # cut short on the disk
                    continue


def _of_video(file: str, copy: Path, count: int) -> Iterator[tuple[str, np.ndarray]]:
    if not copy.is_file() or not count:
        return
    wanted = {round(i * (count - 1) / max(1, min(OF_VIDEO, count) - 1)) for i in range(min(OF_VIDEO, count))}
    for number, frame in enumerate(frames([Input(copy.name, str(copy))])):
        if number in wanted and frame.index is not None:
            yield f"{file}, {frame.time:.1f} s", _small(frame.read().pixels)
        if number == max(wanted):
            return


def _small(image: np.ndarray) -> np.ndarray:
    """Return an image not much larger than it is shown, so that a page of them needs little memory."""
    scale = 2 * max(WIDTH / image.shape[1], HEIGHT / image.shape[0])
    if scale >= 1:
        return image
    size = round(image.shape[1] * scale), round(image.shape[0] * scale)
    return np.asarray(cv2.resize(image, (max(1, size[0]), max(1, size[1])), interpolation=cv2.INTER_AREA))
