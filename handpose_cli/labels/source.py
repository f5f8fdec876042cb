"""Where labels are: `PATH`, or `FORMAT:PATH` if the format is not to be recognised."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from handpose_cli.formats import FORMATS, load, recognise
from handpose_cli.formats.errors import FormatError
from handpose_cli.records import ImageRecord

IN_FOLDER = ("labels.json", "predictions.json")  # the files that a folder is taken for


class Source(NamedTuple):
    """A file or folder with labels or predictions, and its format; None if it is to be recognised."""

    path: Path
    format: str | None = None

    @classmethod
    def parse(cls, text: str) -> Source:
        """Return the source that a text names; raise FormatError if there is no such file or folder."""
        prefix, colon, rest = text.partition(":")
        known = bool(colon) and prefix in FORMATS
        path = Path(rest if known else text)
        if not path.exists():
            hint = "" if known or not colon else f", and {prefix!r} is no format (there are: {', '.join(FORMATS)})"
            raise FormatError(f"{str(path)!r} does not exist{hint}.")
        if path.is_dir() and not known:
            path = next((path / name for name in IN_FOLDER if (path / name).is_file()), path)
        return cls(path, prefix if known else None)

    @property
    def folder(self) -> Path:
        """Where the images are unless said otherwise."""
        folder = self.path if self.path.is_dir() else self.path.parent
        apart = folder / getattr(load(self.format_name()), "IMAGES", "")
        return apart if apart.is_dir() else folder

    def format_name(self) -> str:
        """Return the format, recognised if need be; raise FormatError if it is none."""
        return self.format or recognise(self.path)

    def read(self, images: Path | None = None) -> Iterator[ImageRecord]:
        """Yield the records."""
        yield from load(self.format_name()).read(self.path, images)
