"""Labels from one format to another, as a stream: count, split and report what is lost on the way."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from handpose_cli.formats._image_files import image_size, video_size
from handpose_cli.formats.errors import FormatError
from handpose_cli.formats.fields import FIELDS, image_name, used
from handpose_cli.labels.file_names import clip_of, uploaded
from handpose_cli.records import ImageRecord
from handpose_cli.sizes import same_size

TRAIN, VAL = "train", "val"


@dataclass
class Counts:
    """What passed: records and hands in all, records by part, and how many records had a field that is dropped."""

    records: int = 0
    hands: int = 0
    parts: Counter[str] = field(default_factory=Counter)
    dropped: Counter[str] = field(default_factory=Counter)


def sample_of(record: ImageRecord) -> str:
    """Return the name of the sample that a record belongs to.

    Frames of a video share one, also those that were extracted (`file_names.clip_of`), and so do versions of a pose,
    and those that Roboflow made of a photograph.
    """
    if record.sample is not None:
        return record.sample
    file = uploaded(record.file)
    clip = clip_of(file, record.frame)
    return file if clip is None else clip


def choose_train(records: Iterable[ImageRecord], share: float, seed: int) -> set[str]:
    """Return the samples of the training part."""
    return choose(map(sample_of, records), share, seed)


def choose(samples: Iterable[str], share: float, seed: int) -> set[str]:
    """Return a share of all samples, to the nearest, chosen by the seed.

    Raises:
        FormatError: if it is none or all of them; its remedy is `share`.
    """
    unique = sorted(set(samples))
    count = round(share * len(unique))
    if not 0 < count < len(unique):
        raise FormatError(f"{len(unique)} samples cannot be split {share:g} to {1 - share:g}", "share")
    return set(random.Random(seed).sample(unique, count))


def with_sizes(records: Iterable[ImageRecord], images: Path, rescale: bool = False) -> Iterator[ImageRecord]:
    """Yield the records, with the size of the image or video in that folder where a record has none.

    Args:
        rescale: scale the labels of an image that is of another size.

    Raises:
        FormatError: if they may not be scaled, or that is not enough; see `sizes.same_size`.
    """
    of_video = cache(video_size)
    for record in records:
        path = images / record.file
        if record.failure is not None or (record.frame is not None and record.width) or not path.is_file():
            yield record
            continue
        width, height = image_size(path) if record.frame is None else of_video(path)
        if record.width is None:
            record.width, record.height = width, height
        yield same_size(record, width, height, "the image", rescale)


def convert(
    records: Iterable[ImageRecord],
    parts: dict[str, Callable[[], AbstractContextManager[Any]]],
    part_of: Callable[[ImageRecord], str],
    keeps: frozenset[str],
    strict: bool = False,
    places: Path | None = None,
) -> Counts:
    """Write each record to the file of its part, and count them. All files appear at the end, or none after an error.

    Args:
        parts: what opens the writer of each part; a part that is not there is counted but not written.
        keeps: what the format keeps, of `fields.FIELDS`.
        strict: raise at the first record that has more.
        places: where the images are, if they are put beside the labels.

    Raises:
        FormatError: from reading, from writing, because `strict` forbids a loss, or because no image is there.
    """
    counts = Counts()
    wanted, missing = 0, list[str]()
    with ExitStack() as files:
        writers = {part: files.enter_context(open_writer()) for part, open_writer in parts.items()}
        for record in records:
            lost = used(record) - keeps
            if lost and strict:
                names = ", ".join(FIELDS[name] for name in FIELDS if name in lost)
                raise FormatError(f"{image_name(record)}: the target would drop {names}", "strict")
            counts.dropped.update(lost)
            if places is not None and record.failure is None:
                wanted += 1
                if not (places / image_name(record)).is_file():
                    missing.append(image_name(record))
            if missing and strict:
                raise FormatError(f"{missing[0]}: the target would lack this image, which is not there", "strict")
            part = part_of(record)
            if part in writers and writers[part].write(record) is False:
                continue
            counts.records += 1
            counts.hands += len(record.hands)
            counts.parts[part] += 1
        if missing and len(missing) == wanted:
            raise FormatError(f"{places}: none of the {wanted} images is there, such as {missing[0]}", "images")
    return counts
