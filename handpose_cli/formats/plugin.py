"""What a format is to the rest of the tool: its name, what is said of it, and the module that reads and writes it."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, runtime_checkable

from handpose_cli.formats._keypoint_names import KeypointNames
from handpose_cli.formats.errors import FormatError
from handpose_cli.records import ImageRecord

if TYPE_CHECKING:
    from handpose_cli.run_facts import RunFacts


@dataclass(frozen=True)
class ReadOptions:
    """What a user says of a file that it does not say itself.

    Attributes:
        classes: exact names of the classes (categories, labels) that are hands; empty: those named so.
        keypoint_names: how the file's keypoints are named; None: as they are named wherever they are.
        video: the video that rows or entries without a file's name are frames of; None: the file names what it is of.
        looked_at: only images that a person has looked at, where the file tells them from predictions.
        shared: all this is said of several files: of `classes`, this one needs to have only one.
    """

    classes: tuple[str, ...] = ()
    keypoint_names: KeypointNames | None = None
    video: str | None = None
    looked_at: bool = False
    shared: bool = False

    def lacking(self, names: Iterable[str]) -> str | None:
        """Return a class that a file with these names should have and has not; None if there is none."""
        there = set(names)
        lacking = [name for name in self.classes if name not in there]
        return lacking[0] if lacking and (not self.shared or len(lacking) == len(self.classes)) else None


NO_OPTIONS = ReadOptions()


@dataclass(frozen=True)
class WriteOptions:
    """What a user wants of a file that not every format can give.

    Attributes:
        image_prefix: what the URLs of images begin with; empty: as the format has it.
        place_images: "copy" or "link": put the images beside the labels; empty: leave them where they are.
        replace_images: whether images that were put there before may be replaced.
        notes: what people noted of hands, by file, frame and the hand's place in it.
        run: what is known of the run that made the records; None: nothing, or no run did.
    """

    image_prefix: str = ""
    place_images: str = ""
    replace_images: bool = False
    notes: Mapping[tuple[str, int | None, int], str] = field(default_factory=dict)
    run: RunFacts | None = None


NO_WRITE_OPTIONS = WriteOptions()


class RecordWriter(Protocol):
    """What an open writer gives."""

    def write(self, record: ImageRecord) -> bool | None:
        """Write a record; the frames of one video follow each other. Return False if it is left out."""
        ...


@runtime_checkable
class ReadableFormat(Protocol):
    """A module that reads a format."""

    def recognises(self, path: Path, head: bytes) -> bool:
        """Return whether a file or folder is of this format; `head` is its first 64 KB, empty for a folder."""
        ...

    def read(self, path: Path, images: Path | None = None) -> Iterator[ImageRecord]:
        """Yield the records, one at a time.

        Args:
            images: the folder where the user says that the images are; None: where the labels are.

        Raises:
            FormatError: with the file and the place in it.
        """
        ...


@runtime_checkable
class NamingFormat(Protocol):
    """A `ReadableFormat` whose files name classes or keypoints, so that a user can choose among them or explain them.

    Its registry entry has `chooses=True`.
    """

    def recognises(self, path: Path, head: bytes) -> bool: ...

    def read(
        self, path: Path, images: Path | None = None, options: ReadOptions = NO_OPTIONS
    ) -> Iterator[ImageRecord]: ...


@runtime_checkable
class WritableFormat(Protocol):
    """A module that writes a format.

    Attributes:
        KEEPS: what of a record comes back when its file is read, of `formats.fields.FIELDS`.
    """

    KEEPS: frozenset[str]

    def open_writer(self, path: Path, images: Path | None = None) -> AbstractContextManager[RecordWriter]:
        """Return a context manager whose files appear under their names when its block ends without an error."""
        ...


@runtime_checkable
class PartedFormat(Protocol):
    """A `WritableFormat` that writes the parts of a split into one data set. Its registry entry has `parted=True`."""

    def open_parts(
        self, path: Path, parts: Sequence[str], images: Path | None = None
    ) -> AbstractContextManager[Mapping[str, RecordWriter]]:
        """Return a context manager that gives each part's writer; see `WritableFormat.open_writer`."""
        ...


@runtime_checkable
class SeveralFiles(Protocol):
    """A `WritableFormat` that writes more than one file."""

    def outputs(self, path: Path) -> list[Path]:
        """Return all that may be written beside and with `path`."""
        ...


@runtime_checkable
class FileEach(Protocol):
    """A `WritableFormat` that writes a file for each record, named after its image."""

    def file_of(self, record: ImageRecord) -> str:
        """Return the name of a record's file in the folder, with "/" between folders."""
        ...


@runtime_checkable
class WithHead(Protocol):
    """A `ReadableFormat` whose files say how they were made."""

    def head(self, path: Path) -> dict[str, Any]:
        """Return it, as the result file's `info` has it."""
        ...


_Part = TypeVar("_Part")


@dataclass(frozen=True)
class Format:
    """A format's entry in the registry; its module is imported when it is first read or written.

    Attributes:
        name: as users write it.
        what: one line for people.
        module: import path of the module: a `ReadableFormat`, a `WritableFormat` or both.
        reads, writes: which of these it is.
        suffix: how a written file's name ends by default; empty if a folder is written.
        chooses: it is a `NamingFormat`.
        has_classes: a `NamingFormat` whose files name classes of objects, not only keypoints.
        of_video: a `NamingFormat` whose files may be of one video without its name: `ReadOptions.video`.
        images: folder beside the labels in which the images lie; empty if they lie where the labels do.
        files: glob patterns of what is written into a folder; users may have other files there.
        parted: it is a `PartedFormat`.
        shows_images: its writer reads the images.
        write_options: which of `WriteOptions` its `open_writer` takes, as keyword arguments.
        needs: the package that reads and writes it; empty if no other is needed. Of a format of this package, the extra
            of the format's name brings it.
    """

    name: str
    what: str
    module: str
    reads: bool = True
    writes: bool = False
    suffix: str = ""
    chooses: bool = False
    has_classes: bool = True
    of_video: bool = False
    images: str = ""
    files: tuple[str, ...] = ()
    parted: bool = False
    shows_images: bool = False
    write_options: tuple[str, ...] = ()
    needs: str = ""

    @property
    def names_classes(self) -> bool:
        """Whether `ReadOptions.classes` can be said of its files."""
        return self.chooses and self.has_classes

    def check_installed(self) -> None:
        """Raise FormatError, with how to install it, if a package that the format needs is not there."""
        if self.needs and importlib.util.find_spec(self.needs) is None:
            what = f"'handpose-cli[{self.name}]'" if self.module.startswith("handpose_cli.") else self.needs
            raise FormatError(f"the format {self.name} needs {self.needs}: pip install {what}")

    def recognises(self, path: Path, head: bytes) -> bool:
        """Return whether the format is read and a file or folder is of it."""
        return self.reads and self._part(ReadableFormat).recognises(path, head)  # type: ignore[type-abstract]

    def read(self, path: Path, images: Path | None = None, options: ReadOptions = NO_OPTIONS) -> Iterator[ImageRecord]:
        """Return an iterator over the records.

        Raises:
            FormatError: if the file is not as it should be, or `options` has what files of this format do not.
        """
        if not self.reads:
            raise FormatError(f"{path}: files of the format {self.name} are only written, not read")
        if options.video is not None and not self.of_video:
            raise FormatError(
                f"{path}: files of the format {self.name} name the video themselves, where they are of one"
            )
        self.check_installed()
        if options.classes and not self.names_classes:
            raise FormatError(f"{path}: files of the format {self.name} have no names of classes to choose by")
        if self.chooses:
            return self._part(NamingFormat).read(path, images, options)  # type: ignore[type-abstract]
        if options.keypoint_names is not None:
            raise FormatError(f"{path}: files of the format {self.name} have no names of keypoints to choose by")
        return self._part(ReadableFormat).read(path, images)  # type: ignore[type-abstract]

    def head(self, path: Path) -> dict[str, Any]:
        """Return what a file says of how it was made, see `WithHead`; empty if its format has no place for that."""
        reader = self._part(ReadableFormat)  # type: ignore[type-abstract]
        return reader.head(path) if isinstance(reader, WithHead) else {}

    def open_writer(
        self, path: Path, images: Path | None = None, options: WriteOptions = NO_WRITE_OPTIONS
    ) -> AbstractContextManager[RecordWriter]:
        """Open a file or folder for writing; see `WritableFormat`.

        Raises:
            FormatError: if `options` has what the format does not take.
        """
        given = self._given(path, options)
        return self._part(WritableFormat).open_writer(path, images, **given)  # type: ignore[type-abstract]

    def open_parts(
        self, path: Path, parts: Sequence[str], images: Path | None = None, options: WriteOptions = NO_WRITE_OPTIONS
    ) -> AbstractContextManager[Mapping[str, RecordWriter]]:
        """Open a data set of several parts for writing; see `PartedFormat` and `open_writer`."""
        given = self._given(path, options)
        return self._part(PartedFormat).open_parts(path, parts, images, **given)  # type: ignore[type-abstract]

    def _given(self, path: Path, options: WriteOptions) -> dict[str, Any]:
        self.check_installed()
        given = {name: value for name, value in vars(options).items() if value}
        if foreign := set(given) - set(self.write_options):
            what = {"image_prefix": "URLs of images", "notes": "notes", "run": "run"}.get(
                min(foreign), "place for images"
            )
            raise FormatError(f"{path}: files of the format {self.name} have no {what}")
        return given

    @property
    def keeps(self) -> frozenset[str]:
        """What of a record comes back from a written file."""
        return self._part(WritableFormat).KEEPS  # type: ignore[type-abstract]

    def outputs(self, path: Path) -> list[Path]:
        """Return all files that are written for `path`."""
        writer = self._part(WritableFormat)  # type: ignore[type-abstract]
        return writer.outputs(path) if isinstance(writer, SeveralFiles) else [path]

    @property
    def file_of(self) -> Callable[[ImageRecord], str] | None:
        """What names a record's file, see `FileEach`; None if a file has many records."""
        writer = self._part(WritableFormat)  # type: ignore[type-abstract]
        return writer.file_of if isinstance(writer, FileEach) else None

    def _part(self, protocol: type[_Part]) -> _Part:
        try:
            module = importlib.import_module(self.module)
        except ImportError as error:
            raise FormatError(f"the format {self.name} cannot be used: {error}") from error
        if not isinstance(module, protocol):
            raise FormatError(f"the format {self.name}: the module {self.module} is no {protocol.__name__}")
        return module
