"""`handpose convert-labels`: parse, call `labels.convert` or `labels.lint`, report."""

from __future__ import annotations

import sys
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from handpose_cli.commands.help_sections import SectionedCommand
from handpose_cli.commands.idle_options import check_convert
from handpose_cli.commands.label_targets import image_folder, images_for, parts_of, refuse_existing, writers_of
from handpose_cli.commands.option_types import FiniteRange, LocalPath
from handpose_cli.commands.options import (
    SourceType,
    class_option,
    config_option,
    image_prefix_option,
    keypoint_names_option,
    note,
    quiet_option,
    video_option,
)
from handpose_cli.commands.part_of_labels import Read, with_choice, with_corrections
from handpose_cli.commands.remedies import failure
from handpose_cli.commands.run_errors import os_error_line
from handpose_cli.formats import FORMATS, Format, ReadOptions
from handpose_cli.formats.plugin import WriteOptions
from handpose_cli.labels.source import Source
from handpose_cli.run_facts import RunFacts

if TYPE_CHECKING:
    from handpose_cli.formats._keypoint_names import KeypointNames
    from handpose_cli.labels.convert import Counts
    from handpose_cli.labels.extract_frames import FrameFiles

READABLE = [name for name, format in FORMATS.items() if format.reads]
WRITABLE = [name for name, format in FORMATS.items() if format.writes]
FOUND = 1  # --check found something
WIDE = 1000  # columns of a table that goes to a file or a pipe, where wrapped lines are hard to search


def _ways(format: Format) -> str:
    return ", ".join(word for word, is_so in (("read", format.reads), ("write", format.writes)) if is_so)


def _list_formats(ctx: click.Context, param: click.Parameter, value: bool) -> None:
    if value:
        for name, format in FORMATS.items():
            click.echo(f"{name:15} {_ways(format):12} {format.what}")
        ctx.exit()


@click.command("convert-labels", cls=SectionedCommand, context_settings={"show_default": True})
@click.argument("source", type=SourceType())
@click.argument("target", type=LocalPath(), required=False)
@click.option("--from", "source_format", type=click.Choice(READABLE), metavar="FORMAT",
              help="Format of SOURCE.  [default: recognised]")  # fmt: skip
@click.option("--to", "target_format", type=click.Choice(WRITABLE), metavar="FORMAT", help="Format of TARGET.")
@click.option("--images", type=LocalPath(exists=True),
              help="Folder with the images, where a format needs their sizes; for a COCO results list the COCO file "
              "that names them.  [default: beside the labels]")  # fmt: skip
@class_option
@keypoint_names_option
@video_option
@click.option("--split", type=FiniteRange(0, 1, min_open=True, max_open=True), metavar="SHARE",
              help="Write two parts, train with this share of the samples and val with the rest.")  # fmt: skip
@image_prefix_option
@click.option("--copy-images", "place_images", flag_value="copy", default="", show_default=False,
              help="Put copies of the images and of videos' frames beside the labels, or into TARGET.zip.")  # fmt: skip
@click.option("--link-images", "place_images", flag_value="link", help="Put links to the images beside the labels.")
@click.option("--seed", type=click.IntRange(min=0), default=0, help="Of the split.")
@click.option("--strict", is_flag=True, help="Make it an error if the target drops anything, or lacks an image.")
@click.option("--check", is_flag=True, help="Only look through SOURCE for probable mistakes; exit code 1 if any.")
@click.option(
    "--dry-run", is_flag=True, help="Only count, and say what would be dropped; nothing is written, or tried."
)
@click.option("--extract-frames", "frames_to", type=LocalPath(file_okay=False), metavar="DIR",
              help="Also write the frames that the labels are of as images, such as DIR/v.mp4/000012.jpg.")  # fmt: skip
@click.option("--overwrite", is_flag=True, help="Replace TARGET, and frames that were extracted before.")
@click.option("--worst", type=click.IntRange(min=1), metavar="N",
              help="Only the N images with the most doubtful hands.")  # fmt: skip
@click.option("--flagged", type=LocalPath(exists=True, dir_okay=False), metavar="FILE",
              help="Only the images of hands that were flagged: the list that the report page saves.")  # fmt: skip
@click.option("--where", metavar="CONDITION",
              help="Only images with a hand such as 'score < 0.8 and handedness = left'.")  # fmt: skip
@click.option("--update", "corrections", type=SourceType(),
              help="Merge these corrections over SOURCE: their images have the corrected hands.")  # fmt: skip
@click.option(
    "--rescale", is_flag=True, help="Scale labels, or corrections, that are for another size than their image."
)
@config_option
@quiet_option
@click.option("--formats", is_flag=True, is_eager=True, expose_value=False, callback=_list_formats,
              help="List the formats and exit.")  # fmt: skip
@click.pass_context
def command(
    ctx: click.Context,
    source: Source,
    target: Path | None,
    source_format: str | None,
    target_format: str | None,
    images: Path | None,
    classes: tuple[str, ...],
    keypoint_names: KeypointNames | None,
    video: str | None,
    split: float | None,
    image_prefix: str,
    place_images: str,
    seed: int,
    strict: bool,
    check: bool,
    dry_run: bool,
    frames_to: Path | None,
    overwrite: bool,
    worst: int | None,
    flagged: Path | None,
    where: str | None,
    corrections: Source | None,
    rescale: bool,
    quiet: bool,
) -> None:
    """Turn one label format into another.

    Reads SOURCE and writes TARGET; what TARGET's format cannot keep is said on standard error. Labels only: images stay
    where they are, but for --copy-images and --link-images; --extract-frames writes those that are frames of videos.
    With --split, TARGET's name gets -train and -val (yolo-pose writes one folder with both); images of one sample
    (FreiHAND's four versions of a pose, Roboflow's of a photograph, a video's frames, also as v.mp4/000012.jpg or
    walk/frame_000012.jpg) stay together. With --check, a file of the handpose format is held against its JSON Schema
    too; entries that break it are left out of the rest of the check.

    \b
    Exit codes: 0 done, 1 an error, or --check found something, 2 wrong usage, or labels are not there,
                130 interrupted
    """
    from handpose_cli.formats._notes import say, silent
    from handpose_cli.formats.errors import FormatError
    from handpose_cli.labels.convert import convert, with_sizes
    from handpose_cli.labels.file_matching import gathered
    from handpose_cli.labels.provenance import head_of
    from handpose_cli.labels.source import of_classes

    check_convert(ctx)
    if quiet:
        ctx.with_resource(silent())
    frames = None
    try:
        source = replace(source, named=source_format or source.named, options=ReadOptions((), keypoint_names, video))
        if classes:
            chosen, corrections = of_classes([source, corrections], classes)
            source = chosen or source
        name = source.format.name
        if check or target_format is None:
            ctx.exit(_check(source, images, name, quiet))
        into = FORMATS[target_format]
        if target_format == "report":  # it shows the images
            from handpose_cli.media.damaged import telling_damaged  # OpenCV takes 0.1 s to import

            ctx.with_resource(telling_damaged(say))
        read: Read = gathered(partial(source.read_scored, images))
        head = head_of(source) if "run" in into.write_options else None
        if corrections is not None:
            read, merged = with_corrections(read, source, corrections, rescale)
            if head is not None:
                head["corrections"] = [*head.get("corrections", ()), merged]
        if worst is not None or flagged is not None or where is not None:
            read = with_choice(read, worst, flagged, where)
        parts = parts_of(read, target, split, seed, into)
        options = WriteOptions(
            image_prefix,
            place_images,
            overwrite and bool(place_images) and "replace_images" in into.write_options,
            _notes_for(into, flagged),
            RunFacts(info=head) if head else None,
        )
        records = read() if images is None else with_sizes(read(), images, rescale)
        if dry_run:
            counts = convert(records, {}, parts.part_of, into.keeps, strict)
        else:
            if not overwrite:
                refuse_existing(parts, into)
            with images_for(read, source, images, into, options) as places:
                if frames_to is not None:
                    frames = _frames(frames_to, image_folder(source, images), overwrite)
                    records = frames.noted(records)
                with writers_of(parts, into, places, options) as writers:
                    placed = places if place_images else None
                    counts = convert(records, writers, parts.part_of, into.keeps, strict, placed)
    except FormatError as error:
        raise failure(error) from error
    except OSError as error:
        raise click.ClickException(os_error_line(error, target, "Choose another TARGET.")) from error
    _report(counts, name, target_format, parts.targets, dry_run)
    if frames is not None and frames_to is not None:
        _extract(frames, frames_to)


def _notes_for(format: Format, flagged: Path | None) -> dict[tuple[str, int | None, int], str]:
    """Return what people noted of the flagged hands; say that it is dropped if the format has no place for it."""
    from handpose_cli.labels.select import read_notes

    notes = read_notes(flagged) if flagged is not None else {}
    if notes and "notes" not in format.write_options:
        note(f"{format.name} drops the notes of {len(notes)} flagged hands")
        return {}
    return notes


def _frames(folder: Path, videos: Path, overwrite: bool) -> FrameFiles:
    from handpose_cli.labels.extract_frames import FrameFiles  # OpenCV takes 0.1 s to import

    return FrameFiles(folder, videos, overwrite)


def _extract(frames: FrameFiles, folder: Path) -> None:
    from handpose_cli.formats.errors import FormatError

    try:
        images, videos = frames.write()
    except FormatError as error:
        raise failure(error) from error
    except OSError as error:
        remedy = "Choose another folder for --extract-frames."
        raise click.ClickException(os_error_line(error, folder, remedy)) from error
    note(f"{images} frames of {videos} videos: {folder}")


def _report(
    counts: Counts, source_format: str, target_format: str, names: dict[str, Path | None], dry_run: bool
) -> None:
    from handpose_cli.formats.fields import FIELDS

    parts = ", ".join(f"{counts.parts[part]} {part}" for part in names if part)
    note(
        f"{counts.records} images, {counts.hands} hands, from {source_format} to {target_format}"
        + (f" ({parts})" if parts else "")
        + (", nothing written (--dry-run)" if dry_run else f": {', '.join(dict.fromkeys(map(str, names.values())))}")
    )
    for field in FIELDS:
        if counts.dropped[field]:
            note(f"{target_format} drops {FIELDS[field]} (in {counts.dropped[field]} images)")


def _check(source: Source, folder: Path | None, name: str, quiet: bool) -> int:
    from rich.console import Console
    from rich.table import Table

    from handpose_cli.labels.lint import Finding, lint
    from handpose_cli.labels.lint import note as note_finding
    from handpose_cli.labels.schema import checked_records

    problems: dict[str, Finding] = {}
    own = name == "handpose"
    records = source.format.read(source.path, folder, source.options)  # also what is not in pixels
    if own:
        records = checked_records(source.path, partial(note_finding, problems))
    images, hands, findings = lint(records, problems)
    if quiet:
        return FOUND if findings else 0
    click.echo(f"{images} images, {hands} hands, {name}; kinds of problem: {len(findings)}")
    if not findings:
        return 0
    table = Table("Problem", "How many", "Such as")
    for finding in findings:
        table.add_row(finding.what, str(finding.count), "\n".join(finding.examples))
    width = None if sys.stdout.isatty() else WIDE
    Console(width=width, markup=False, emoji=False, highlight=False).print(table)  # file names may look like markup
    return FOUND
