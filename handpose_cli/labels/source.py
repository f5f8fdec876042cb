"""Where labels are: `PATH`, or `FORMAT:PATH` if the format is not to be recognised."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

from handpose_cli.formats import FORMATS, Format, ReadOptions, load
from handpose_cli.formats.errors import FormatError
from handpose_cli.formats.plugin import NO_OPTIONS
from handpose_cli.labels.recognise import recognise
from handpose_cli.labels.units import in_pixels, with_probabilities
from handpose_cli.media.suffixes import is_url
from handpose_cli.records import ImageRecord

IN_FOLDER = ("labels.json", "predictions.json")  # the files that a folder is taken for


@dataclass(frozen=True)
class Source:
    """A file or folder with labels or predictions.

    Attributes:
        path: of the file or folder.
        named: its format's name, if a user said it; None: it is recognised, once.
        options: what a user says of its classes and keypoints.
    """

    path: Path
    named: str | None = None
    options: ReadOptions = field(default_factory=ReadOptions)

    @classmethod
    def parse(cls, text: str) -> Source:
        """Return the source that a text names; raise FormatError if there is no such file or folder."""
        prefix, colon, rest = text.partition(":")
        known = bool(colon) and prefix in FORMATS
        path = Path(rest if known else text)
        if not (rest if known else text):
            raise FormatError(f"{text!r} has no path: give one, or . for this folder.")
        if not path.exists():
            if is_url(rest if known else text):
                raise FormatError(f"{text!r} is a URL: give a path, of a folder that is mounted.")
            hint = "" if known or not colon else f", and {prefix!r} is no format (there are: {', '.join(FORMATS)})"
            raise FormatError(f"{str(path)!r} does not exist{hint}.")
        if not path.is_file() and not path.is_dir():
            raise FormatError(f"{str(path)!r} is neither a file nor a folder: labels are read more than once.")
        if path.is_dir() and not known:
            path = next((path / name for name in IN_FOLDER if (path / name).is_file()), path)
        return cls(path, prefix if known else None)

    def with_options(self, options: ReadOptions) -> Source:
        """Return the source with what a user says of several, as far as its format has such names."""
        if options == NO_OPTIONS or not self.format.chooses:
            return self
        classes = options.classes if self.format.names_classes else ()
        return replace(self, options=replace(options, classes=classes, shared=True))

    @cached_property
    def format(self) -> Format:
        """The format; raises FormatError if there is none of its name, or none is recognised."""
        return recognise(self.path) if self.named is None else load(self.named)

    @property
    def folder(self) -> Path:
        """Where the images are unless said otherwise."""
        folder = self.path if self.path.is_dir() else self.path.parent
        apart = folder / self.format.images
        return apart if apart.is_dir() else folder

    def read(self, images: Path | None = None) -> Iterator[ImageRecord]:
        """Yield the records; raise FormatError if the source is not as it should be, or not in pixels."""
        yield from in_pixels(self.format.read(self.path, images, self.options), self.path)

    def read_scored(self, images: Path | None = None) -> Iterator[ImageRecord]:
        """Yield the records as `read` does; raise FormatError also at scores that are none from 0 to 1."""
        return with_probabilities(self.read(images), self.path)


def of_classes(sources: Sequence[Source | None], classes: tuple[str, ...]) -> list[Source | None]:
    """Return the sources, with the classes that are hands for those that name some; raise FormatError if none does."""
    takes = [source is not None and source.format.names_classes for source in sources]
    if not any(takes):
        raise FormatError(f"files of the format {_formats(sources)} have no names of classes to choose by")
    shared = sum(takes) > 1
    return [
        replace(source, options=replace(source.options, classes=classes, shared=shared)) if source and taken else source
        for source, taken in zip(sources, takes, strict=True)
    ]


def of_video(sources: Sequence[Source | None], video: str) -> list[Source | None]:
    """Return the sources, with the name of the video for those that may lack one; raise FormatError if none may."""
    takes = [source is not None and source.format.of_video for source in sources]
    if not any(takes):
        raise FormatError(f"files of the format {_formats(sources)} name the video themselves, where they are of one")
    return [
        replace(source, options=replace(source.options, video=video)) if source is not None and taken else source
        for source, taken in zip(sources, takes, strict=True)
    ]


def _formats(sources: Sequence[Source | None]) -> str:
    return ", ".join(dict.fromkeys(source.format.name for source in sources if source is not None))
