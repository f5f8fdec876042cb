"""Where the images of labels are: beside them, also those that were made of videos' frames."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from handpose_cli.formats._notes import say
from handpose_cli.formats._placed_images import images_beside
from handpose_cli.formats.errors import FormatError
from handpose_cli.formats.fields import image_name
from handpose_cli.labels.source import Source
from handpose_cli.media.errors import UnreadableError
from handpose_cli.media.images import image_size
from handpose_cli.records import ImageRecord


def with_images(source: Source, records: Iterable[ImageRecord]) -> Iterator[tuple[ImageRecord, Path]]:
    """Yield the records of a source, each with its image: where the labels say, or in `NAME.images` beside them.

    A frame of a video has the image that `convert-labels` makes of it, `v.mp4/000012.jpg`, with `--extract-frames` or
    `--copy-images`; those that have none are left out, and counted in a line.

    Raises:
        FormatError: if an image is missing, or its head says that it cannot be read or is of another size: that would
            end a run at the image's turn.
    """
    folders, frames = (source.folder, images_beside(source.path)), 0
    for record in records:
        name = image_name(record)
        image = next((folder / name for folder in folders if (folder / name).is_file()), None)
        if image is not None:
            _check(record, image)
            yield record, image
        elif record.frame is None:
            raise FormatError(f"{source.path}: no such image: {source.folder / name}", "beside")
        else:
            frames += 1
    if frames:
        say(f"{source.path}: left out: {frames} labelled frames of videos", "frames")


def _check(record: ImageRecord, image: Path) -> None:
    try:
        size = image_size(image)
    except UnreadableError as error:
        raise FormatError(f"{image}: {error}") from error
    if record.width and record.height:
        refuse_other_size(image, (record.width, record.height), size)


def refuse_other_size(image: Path, labelled: tuple[int, int], size: tuple[int, int]) -> None:
    """Raise FormatError if an image is not as large, width and height in pixels, as its labels say."""
    if labelled != size:
        labels, found = (f"{width} x {height}" for width, height in (labelled, size))
        raise FormatError(f"{image}: its labels are for {labels} pixels, the image is {found}")
