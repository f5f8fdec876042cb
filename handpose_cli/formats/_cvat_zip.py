"""CVAT's ZIP of a task with its images: annotations.xml, labels.json to paste, and images/."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile, ZipInfo

from handpose_cli.files import atomic
from handpose_cli.formats import _cvat_labels
from handpose_cli.formats._cvat_task import Task
from handpose_cli.formats._notes import LeftOut
from handpose_cli.formats._placed_images import leads_out
from handpose_cli.formats.errors import FormatError
from handpose_cli.formats.fields import image_name
from handpose_cli.records import ImageRecord

_XML, _LABELS, _IMAGES = "annotations.xml", "labels.json", "images"


@contextmanager
def open_zip(path: Path, images: Path | None, place_images: str) -> Iterator[ZipWriter]:
    """Open a ZIP for writing; it appears when the block ends without an error. Frames of videos become images.

    Raises:
        FormatError: if links are wanted, which a ZIP cannot have.
    """
    if place_images == "link":
        raise FormatError(f"{path}: a ZIP has no links to images, only copies")
    task = Task()
    try:
        with atomic(path, "wb") as file, ZipFile(file, "w") as archive, LeftOut(path) as left_out:
            yield ZipWriter(archive, task, (images or Path()) if place_images else None, left_out)
            with archive.open(_entry(_XML, ZIP_DEFLATED), "w", force_zip64=True) as xml:
                task.finish(xml)
            archive.writestr(_entry(_LABELS, ZIP_DEFLATED), json.dumps(_cvat_labels.as_json(), indent=1))
    finally:
        task.close()


class ZipWriter:
    """Writes an image, and waits with its hands until the end."""

    def __init__(self, archive: ZipFile, task: Task, images: Path | None, left_out: LeftOut):
        self._archive, self._task, self._images, self._left_out = archive, task, images, left_out

    def write(self, record: ImageRecord) -> None:
        if record.failure is not None:
            return
        name = image_name(record)
        if self._images is not None and leads_out(name):
            raise FormatError(f"{name}: a name that leads out of the folder to write")
        self._task.write(replace(record, file=name, frame=None))
        if self._images is None:
            return
        if not (self._images / name).is_file():
            self._left_out.add("images that are not there")
            return
        self._archive.writestr(_entry(f"{_IMAGES}/{name}", ZIP_STORED), (self._images / name).read_bytes())


def _entry(name: str, compression: int) -> ZipInfo:
    """Return an entry's head, without the time of day: the same labels are the same bytes."""
    info = ZipInfo(name)
    info.compress_type = compression
    return info
