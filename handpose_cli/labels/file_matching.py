"""Which image of one file is which of another, by their names: predictions and labels, corrections and predictions."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import NamedTuple

from handpose_cli.formats._notes import say
from handpose_cli.formats.errors import FormatError
from handpose_cli.formats.fields import image_name
from handpose_cli.labels.file_names import Parts, place_of, stem_of
from handpose_cli.records import ImageRecord

IN_MEMORY = 200_000  # images and hands, about 1 KB each

Key = tuple[str, int | None]  # file and frame
Read = Callable[[], Iterator[ImageRecord]]

# how well two files' names agree, best first
EQUAL, BUT_FOR_SUFFIX, LABEL_IN_FOLDER, LABELS_FOLDER_MISSING = range(4)

_IMAGE = {"label": "labelled", "prediction": "predicted"}


def by_image(records: Iterable[ImageRecord]) -> dict[Key, ImageRecord]:
    """Return the records by file and frame; hands of an image that is listed more than once are joined, and it is said.

    It is exhaustive only if every entry says so.

    Raises:
        FormatError: if its entries are for different sizes: they may be two images of one name.
    """
    found: dict[Key, ImageRecord] = {}
    joined: set[Key] = set()
    for record in records:
        if record.failure is not None:
            continue
        key = record.file, record.frame
        if key not in found:
            found[key] = record
            continue
        if key not in joined:  # the caller's record stays as it is
            found[key] = replace(found[key], hands=list(found[key].hands))
            joined.add(key)
        first = found[key]
        _refuse_sizes(first, record)
        first.width, first.height = first.width or record.width, first.height or record.height
        first.hands.extend(record.hands)
        first.exhaustive &= record.exhaustive
    if joined:
        say(f"{len(joined)} images are listed more than once, such as {min(joined)[0]}: their hands are joined")
    return found


def _refuse_sizes(first: ImageRecord, other: ImageRecord) -> None:
    sizes = [f"{record.width} x {record.height}" for record in (first, other) if record.width is not None]
    if len(set(sizes)) > 1:
        raise FormatError(
            f"{image_name(first)}: listed twice, for {' and for '.join(sizes)} pixels, as two images of one name would "
            "be. Rename one of them"
        )


def gathered(read: Read) -> Read:
    """Return what reads each image once, its hands joined, and the frames of each video one after the other.

    A file of few hands stays in memory, and is read but this once. Of a larger one that is `read` itself if it does so;
    else the images and the videos that come again wait in memory.

    Raises:
        FormatError: from reading, or because the entries of an image are for different sizes.
    """
    kept: list[ImageRecord] = []
    repeated, scattered = _come_again(_noted(read(), kept))
    if kept:
        read = partial(_copies, kept)
    if not repeated and not scattered:
        return read

    def waits(record: ImageRecord) -> bool:
        return (record.file, record.frame) in repeated or record.file in scattered

    again = [record for record in read() if waits(record)]
    images = by_image(again)
    waiting: dict[str | Key, list[ImageRecord]] = {}
    for key in sorted(images, key=lambda key: key[1] or 0):
        waiting.setdefault(key[0] if key[0] in scattered else key, []).append(images[key])
    for record in again:
        if record.failure is not None:  # a video that could not be read to its end
            waiting.setdefault(record.file if record.file in scattered else (record.file, None), []).append(record)

    def read_gathered() -> Iterator[ImageRecord]:
        left = dict(waiting)
        for record in read():
            if not waits(record):
                yield record
                continue
            place = record.file if record.file in scattered else (record.file, record.frame)
            for one in left.pop(place, ()):
                yield _copy(one)

    return read_gathered


def _noted(records: Iterable[ImageRecord], kept: list[ImageRecord]) -> Iterator[ImageRecord]:
    """Yield the records and have them in a list, which is empty in the end if they are too many."""
    count = 0
    for record in records:
        count += 1 + len(record.hands)
        if count <= IN_MEMORY:
            kept.append(record)
        else:
            kept.clear()
        yield record


def _copies(records: Iterable[ImageRecord]) -> Iterator[ImageRecord]:
    return map(_copy, records)


def _copy(record: ImageRecord) -> ImageRecord:
    """Return a copy: what is done with it must not show the next time."""
    return replace(record, hands=list(record.hands))


def _come_again(records: Iterable[ImageRecord]) -> tuple[set[Key], set[str]]:
    """Return the images that are listed more than once, and the videos whose frames do not follow each other."""
    seen: set[Key] = set()
    repeated: set[Key] = set()
    videos: set[str] = set()
    scattered: set[str] = set()
    before = None
    for record in records:
        key = record.file, record.frame
        if record.failure is None:
            (repeated if key in seen else seen).add(key)
        if record.file in videos and record.file != before:
            scattered.add(record.file)
        if record.frame is not None:
            videos.add(record.file)
        before = record.file
    return repeated, scattered


def rename(
    records: Mapping[Key, ImageRecord], labels: Mapping[Key, object], what: str, of: str = "label"
) -> dict[Key, ImageRecord]:
    """Return records under the labels' names; one that is of no labelled image keeps its own.

    Names may differ in the folders before them, in a missing suffix and in their spelling (`labels.file_names`):
    `out/images/a.jpg`, `images\\a.jpg` and `a` mean the same file. A frame of a video may go by the name that it has as
    an image, `v.mp4/000012.jpg`, counted from 0. The name that agrees best comes first.

    Args:
        what: what the records are, for the errors: "prediction".
        of: what they are held against: "label" or "prediction".

    Raises:
        FormatError: if no record is of a labelled image, one could be of two, or two of one; the message names both.
    """
    renamed = {key: record for key, record in records.items() if key in labels}
    if len(renamed) < len(records):
        _rename_others(records, labels, renamed, what)
    if records and labels and not set(renamed) & set(labels):
        raise FormatError(
            f"no {what} is of a {_IMAGE[of]} image: {what}s are of files such as {min(f for f, _ in records)}, "
            f"{of}s of files such as {min(f for f, _ in labels)}"
        )
    return renamed


def _rename_others(
    records: Mapping[Key, ImageRecord], labels: Mapping[Key, object], renamed: dict[Key, ImageRecord], what: str
) -> None:
    """Put the records that have not exactly a labelled one's name with those that have."""
    labelled, files = _by_file(labels), _by_file(records)
    exact, came_from = set(renamed), {key: key for key in renamed}
    meant = _files_meant(files, labelled, what)
    for parts in sorted(files):
        of_label = labelled.get(meant[parts], {}) if parts in meant else {}
        name = next((file for keys in of_label.values() for file, frame in keys if frame is not None), None)
        for frame, keys in files[parts].items():
            images = of_label.get(frame, [])
            for key in keys:
                if key in exact:
                    continue
                if len(images) > 1:
                    raise _either(key, images, what)
                new = images[0] if images else key if name is None or frame is None else (name, frame)
                if new in exact:  # the exact name comes first
                    new = key
                if new in renamed:
                    raise _both(came_from[new], key, new, what)
                renamed[new], came_from[new] = records[key], key


def _by_file(keys: Iterable[Key]) -> dict[Parts, dict[int | None, list[Key]]]:
    """Return the keys by file and by frame: more than one only if an image goes by two spellings."""
    files: dict[Parts, dict[int | None, list[Key]]] = {}
    for key in keys:
        parts, frame = place_of(*key)
        files.setdefault(parts, {}).setdefault(frame, []).append(key)
    return files


class _Match(NamedTuple):
    agreement: int
    label: Parts


def _files_meant(
    files: Mapping[Parts, Mapping[int | None, list[Key]]],
    labelled: Mapping[Parts, Mapping[int | None, list[Key]]],
    what: str,
) -> dict[Parts, Parts]:
    """Return which labelled file each file means; raise FormatError if that is open."""
    lengths = {len(parts) for parts in files}
    by_whole: dict[Parts, list[Parts]] = {}
    by_end: dict[Parts, list[Parts]] = {}
    for label in labelled:
        stemmed = _stemmed(label)
        by_whole.setdefault(stemmed, []).append(label)
        for length in lengths:
            if length < len(label):
                by_end.setdefault(stemmed[-length:], []).append(label)
    candidates = {parts: _candidates(parts, labelled, by_whole, by_end) for parts in files}
    best: dict[Parts, tuple[int, list[Parts]]] = {}  # of a labelled file: how well they agree, and which files
    for parts, found in candidates.items():
        if len(found) == 1:
            agreement, label = found[0]
            if label not in best or agreement < best[label][0]:
                best[label] = agreement, []
            if agreement == best[label][0]:
                best[label][1].append(parts)
    for label, (_, rivals) in best.items():
        if len(rivals) > 1:
            raise _both(_first(files[rivals[0]]), _first(files[rivals[1]]), _first(labelled[label]), what)
    for parts, found in candidates.items():
        if len(found) > 1 and not all(label in best and best[label][0] < agreement for agreement, label in found):
            raise _either(_first(files[parts]), [_first(labelled[label]) for _, label in found], what)
    return {parts: label for label, (_, (parts,)) in best.items()}


def _candidates(
    parts: Parts,
    labelled: Mapping[Parts, object],
    by_whole: Mapping[Parts, list[Parts]],
    by_end: Mapping[Parts, list[Parts]],
) -> list[_Match]:
    """Return the labelled files that a file agrees with best: none, one, or several if it is open which."""
    if parts in labelled:
        return [_Match(EQUAL, parts)]
    stemmed = _stemmed(parts)
    for start in range(len(parts)):  # the most folders first
        agreement = LABEL_IN_FOLDER if start else BUT_FOR_SUFFIX
        if found := [label for label in by_whole.get(stemmed[start:], ()) if _same_suffix(parts, label)]:
            same = [label for label in found if label[-1] == parts[-1]]
            return [_Match(agreement, label) for label in same or found]
    return [_Match(LABELS_FOLDER_MISSING, label) for label in by_end.get(stemmed, ()) if _same_suffix(parts, label)]


def _stemmed(parts: Parts) -> Parts:
    return *parts[:-1], stem_of(parts[-1])


def _same_suffix(parts: Parts, other: Parts) -> bool:
    """Return whether two names of the same stem have the same suffix, or one has none."""
    have_suffixes = parts[-1] != stem_of(parts[-1]) and other[-1] != stem_of(other[-1])
    return not have_suffixes or parts[-1] == other[-1]


def _first(keys: Mapping[int | None, list[Key]]) -> Key:
    return next(iter(keys.values()))[0]


def _both(key: Key, other: Key, label: Key, what: str) -> FormatError:
    first, second = sorted((key[0], other[0]))
    return FormatError(f"{first} and {second} could both be the {what} for {label[0]}; rename one of them")


def _either(key: Key, labels: Iterable[Key], what: str) -> FormatError:
    first, second = sorted(file for file, _ in labels)[:2]
    return FormatError(f"{key[0]} could be the {what} for {first} or {second}; name it with its folder")
