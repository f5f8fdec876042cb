"""Writes what `formats.cvat` reads: a file for the photos and one for each video: a CVAT task has one or the other."""

from __future__ import annotations

import glob
import json
import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from handpose_cli.files import atomic, restored, unused
from handpose_cli.formats import _cvat_labels, _cvat_zip
from handpose_cli.formats._cvat_task import Task
from handpose_cli.formats._notes import say
from handpose_cli.formats.errors import FormatError
from handpose_cli.records import ImageRecord

LONGEST = 120  # bytes of a video's name that a file's name takes
SHOWN = 3


def outputs(path: Path) -> list[Path]:
    """Return the files that are written whatever the records are, and those of videos that are there."""
    if path.suffix.lower() == ".zip":
        return [path]
    return [path, _cvat_labels.labels_path(path), *videos_beside(path)]


def videos_beside(path: Path) -> list[Path]:
    """Return the files of videos that are there and belong to `path`."""
    start, end = _around_video(path)
    return sorted(path.parent.glob(f"{glob.escape(start)}*{glob.escape(end)}"))


def _around_video(path: Path) -> tuple[str, str]:
    """Return what stands before and behind a video's name in its file's: `labels.video-` and `.cvat.xml`."""
    stem, dot, suffix = path.name.partition(".")
    return f"{stem}.video-", f"{dot}{suffix}"


@contextmanager
def open_writer(
    path: Path, images: Path | None = None, place_images: str = ""
) -> Iterator[Writer | _cvat_zip.ZipWriter]:
    """Open files for writing record by record; they appear when the block ends without an error.

    Photos go to `path`, and so does a video that is all there is; each of several videos, or a video beside photos, to
    `NAME.video-VIDEO.xml`, which takes the place of all such files of `path`. The labels go to `NAME.labels.json`.
    A `path` that ends in .zip becomes one task of images, also of videos' frames.

    Args:
        images: where the images are.
        place_images: "copy": put them into the ZIP too.
    """
    if path.suffix.lower() == ".zip":
        with _cvat_zip.open_zip(path, images, place_images) as zipped:
            yield zipped
        return
    if place_images:
        raise FormatError(f"{path}: CVAT takes images in a ZIP: name it .zip")
    with atomic(_cvat_labels.labels_path(path)) as labels:
        json.dump(_cvat_labels.as_json(), labels, indent=1)
        writer = Writer(path)
        try:
            yield writer
            writer.finish()
        finally:
            writer.close()


class Writer:
    """Writes photos to one task as they come, each video to a task of its own."""

    def __init__(self, path: Path):
        self._path = path
        self._photos: Task | None = None
        self._video: tuple[str, Task] | None = None
        self._written: dict[str | None, Path] = {}  # complete, under temporary names; by video, None: the photos

    def write(self, record: ImageRecord) -> None:
        if record.failure is not None:
            return
        if record.frame is None:
            self._photos = self._photos or Task()
            self._photos.write(record)
            return
        if self._video is None or self._video[0] != record.file:
            self._end_video()
            if record.file in self._written:
                raise FormatError(f"{record.file}: its frames do not follow each other")
            self._video = record.file, Task(record.file)
        self._video[1].write(record)

    def finish(self) -> None:
        """Give the files their names."""
        self._end_video()
        if self._photos is not None or not self._written:
            self._finish(None, self._photos or Task())
        before = set(videos_beside(self._path))
        names = self._names()
        with ExitStack() as all_or_none:
            for name in names.values():
                all_or_none.enter_context(restored(name))
            for video, part in self._written.items():
                part.replace(names[video])
        self._written = {}
        for old in before - set(names.values()):
            old.unlink(missing_ok=True)
        beside = [name.name for name in names.values() if name != self._path]
        if beside:
            if self._path not in names.values():
                self._path.unlink(missing_ok=True)  # of an earlier run
            shown = ", ".join(beside[:SHOWN]) + (f" and {len(beside) - SHOWN} more" if len(beside) > SHOWN else "")
            say(f"{self._path}: a CVAT task is of photos or of one video: each video has its own file beside: {shown}")

    def close(self) -> None:
        """Drop what is not finished."""
        for task in (self._photos, self._video and self._video[1]):
            if task is not None:
                task.close()
        for part in self._written.values():
            part.unlink(missing_ok=True)

    def _end_video(self) -> None:
        if self._video is not None:
            self._finish(*self._video)
            self._video = None

    def _finish(self, video: str | None, task: Task) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._written[video] = part = unused(self._path)
        with part.open("xb") as file:
            task.finish(file)
        task.close()

    def _names(self) -> dict[str | None, Path]:
        if len(self._written) == 1:
            return dict.fromkeys(self._written, self._path)
        start, end = _around_video(self._path)
        names: dict[str | None, Path] = {None: self._path}
        taken: set[str] = set()
        for video in self._written:
            if video is not None:
                short = re.sub(r"[^\w.\- ]+", "_", video).encode()[-LONGEST:].decode(errors="ignore")
                name, number = short, 2
                while name.casefold() in taken:
                    name, number = f"{short}-{number}", number + 1
                taken.add(name.casefold())
                names[video] = self._path.with_name(f"{start}{name}{end}")
        return {video: names[video] for video in self._written}
