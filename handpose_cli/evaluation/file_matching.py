"""Which predicted image is which labelled one, by their names."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import PurePosixPath

from handpose_cli.formats.errors import FormatError
from handpose_cli.formats.fields import image_name
from handpose_cli.media.suffixes import IMAGE_SUFFIXES, VIDEO_SUFFIXES
from handpose_cli.records import ImageRecord

Key = tuple[str, int | None]  # file and frame


def by_image(records: Iterable[ImageRecord]) -> dict[Key, ImageRecord]:
    """Return the records by file and frame; hands of an image that is listed more than once are joined."""
    found: dict[Key, ImageRecord] = {}
    for record in records:
        if record.failure is not None:
            continue
        key = record.file, record.frame
        if key in found:
            found[key].hands = found[key].hands + record.hands
        else:
            found[key] = record
    return found


def rename(records: Mapping[Key, ImageRecord], labels: Mapping[Key, ImageRecord], what: str) -> dict[Key, ImageRecord]:
    """Return records under the labels' names; one that is of no labelled image keeps its own.

    Names may differ in the folders before them or in a missing suffix: `out/images/a.jpg`, `images/a.jpg` and `a` mean
    the same file, unless two labelled files could be meant. A frame of a video may go by the name that it would have as
    an image, `v.mp4/000012.jpg`. A record whose name is exactly a labelled one's comes before all others.

    Args:
        what: what the records are, for the errors: "prediction".

    Raises:
        FormatError: if no record is of a labelled image, or two of one file could be meant.
    """
    by_name = {image_name(record): key for key, record in labels.items()} | {file: (file, None) for file, _ in labels}
    meant = _files(sorted({file for file, _ in records}), by_name)
    renamed: dict[Key, ImageRecord] = {}
    of_file: dict[Key, str] = {}
    for (file, frame), record in sorted(records.items(), key=lambda item: (item[0][0] not in by_name, item[0][0])):
        labelled = by_name[meant[file]] if file in meant else (file, None)
        key = labelled if labelled[1] is not None else (labelled[0], frame)
        if key in renamed:
            if of_file[key] in by_name:  # the exact name is taken
                key = (file, frame)
            else:
                raise FormatError(
                    f"{of_file[key]} and {file} could both be the {what} for {key[0]}; rename one of them"
                )
        renamed[key], of_file[key] = record, file
    if records and labels and not set(renamed) & set(labels):
        raise FormatError(
            f"no {what} is of a labelled image: {what}s are of files such as {min(f for f, _ in records)}, "
            f"labels of files such as {min(f for f, _ in labels)}"
        )
    return renamed


def _files(files: Iterable[str], by_name: Mapping[str, Key]) -> dict[str, str]:
    """Return which labelled name each file means; files that mean none, or could mean several, are left out."""
    by_stem: dict[str, set[str]] = {}
    for name in by_name:
        by_stem.setdefault(_stem(name), set()).add(name)
    meant = {}
    for file in files:
        likely = [name for name in by_stem.get(_stem(file), ()) if _may_be_same(file, name)]
        if file in by_name:
            meant[file] = file
        elif len(likely) == 1:
            meant[file] = likely[0]
    return meant


def _stem(file: str) -> str:
    path = PurePosixPath(file)
    return path.stem if path.suffix.lower() in IMAGE_SUFFIXES | VIDEO_SUFFIXES else path.name


def _may_be_same(file: str, other: str) -> bool:
    """Return whether one of the paths is the end of the other, but for a missing suffix."""
    short, long = sorted((file.split("/"), other.split("/")), key=len)
    *folders, name = short
    has_suffixes = name != _stem(name) and long[-1] != _stem(long[-1])
    return folders == long[len(long) - len(short) : -1] and not (has_suffixes and name != long[-1])
