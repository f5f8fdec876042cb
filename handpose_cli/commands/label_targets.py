"""Where `handpose convert-labels` writes: one target, or one for each part of a split, and the images beside them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from handpose_cli.commands.part_of_labels import Read
    from handpose_cli.formats import Format
    from handpose_cli.formats.plugin import WriteOptions
    from handpose_cli.labels.source import Source
    from handpose_cli.records import ImageRecord

Writers = dict[str, Callable[[], AbstractContextManager[Any]]]  # what opens the writer of each part


@dataclass(frozen=True)
class Parts:
    """The parts of a conversion.

    Attributes:
        part_of: returns the part that a record goes to; "" if there is only one.
        targets: where each is written; None if nothing is (--dry-run without TARGET).
    """

    part_of: Callable[[ImageRecord], str]
    targets: dict[str, Path | None]


def parts_of(read: Read, target: Path | None, share: float | None, seed: int, format: Format) -> Parts:
    """Return the one part, or those of a split, in which `share` of the samples are to train on."""
    from handpose_cli.labels.convert import TRAIN, VAL, choose_train, sample_of

    if share is None:
        return Parts(lambda record: "", {"": target})
    train = choose_train(read(), share, seed)
    names = {part: target if format.parted else target and _with_part(target, part) for part in (TRAIN, VAL)}
    return Parts(lambda record: TRAIN if sample_of(record) in train else VAL, names)


def _with_part(path: Path, part: str) -> Path:
    """Return `labels-train.coco.json` for `labels.coco.json`."""
    stem, dot, suffix = path.name.partition(".")
    return path.with_name(f"{stem}-{part}{dot}{suffix}")


def refuse_existing(parts: Parts, format: Format) -> None:
    """Raise ClickException if something is there that would be written; an empty folder is nothing."""
    for target in dict.fromkeys(parts.targets.values()):
        for path in format.outputs(target) if target is not None else ():
            if path.exists() and not (path.is_dir() and not any(path.iterdir())):
                raise click.ClickException(f"{path} exists. Replace it with --overwrite or choose another TARGET.")


def image_folder(source: Source, images: Path | None) -> Path:
    """Return the folder with a source's images; `--images` may also be the file that names them."""
    return images if images is not None and images.is_dir() else source.folder


@contextmanager
def images_for(
    read: Read, source: Source, images: Path | None, format: Format, options: WriteOptions
) -> Iterator[Path | None]:
    """Give the folder with the images that go beside the labels, or that the format looks into; None if none does."""
    folder = image_folder(source, images)
    if not options.place_images:
        yield images or (source.folder if format.shows_images else None)
    elif options.place_images == "copy" and folder.is_dir():
        from handpose_cli.labels.gathered_images import gathered_images  # OpenCV takes 0.1 s to import

        with gathered_images(read(), folder) as gathered:
            yield gathered
    else:
        yield folder


@contextmanager
def writers_of(parts: Parts, format: Format, places: Path | None, options: WriteOptions) -> Iterator[Writers]:
    """Give what opens each part's writer."""
    targets = {part: path for part, path in parts.targets.items() if path is not None}
    with ExitStack() as stack:
        if len(targets) > 1 and format.parted:
            whole = next(iter(targets.values()))
            opened = stack.enter_context(format.open_parts(whole, tuple(targets), places, options))
            yield {part: partial(nullcontext, writer) for part, writer in opened.items()}
        else:
            yield {part: partial(format.open_writer, path, places, options) for part, path in targets.items()}
