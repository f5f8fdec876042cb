"""One folder with all the images that labels are of: photographs where they are, and frames out of their videos."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from handpose_cli.formats.fields import image_name
from handpose_cli.labels.extract_frames import FrameFiles
from handpose_cli.records import ImageRecord


@contextmanager
def gathered_images(records: Iterable[ImageRecord], folder: Path) -> Iterator[Path]:
    """Give a folder with the records' images by their names (`fields.image_name`).

    It is `folder` itself, unless some records are frames of videos there; then it is a temporary one, which
    lacks what is not there.

    Raises:
        FormatError: if a video cannot be read or lacks frames.
    """
    with tempfile.TemporaryDirectory() as temporary:
        stage = Path(temporary)
        frames = FrameFiles(stage, folder)
        others: list[str] = []
        for record in records:
            name = image_name(record)
            if record.frame is not None and (folder / record.file).is_file() and not (folder / name).is_file():
                frames.note(record.file, record.frame, name)
            elif record.failure is None:
                others.append(name)
        if not frames.wanted:
            yield folder
            return
        frames.write()
        for name in others:
            source, target = folder / name, stage / name
            if source.is_file() and target.resolve().is_relative_to(stage.resolve()):
                target.parent.mkdir(parents=True, exist_ok=True)
                try:
                    target.symlink_to(source.resolve())
                except OSError:
                    shutil.copyfile(source, target)
        yield stage
