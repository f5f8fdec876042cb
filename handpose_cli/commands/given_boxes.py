"""Boxes that are given to `handpose predict --boxes`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from handpose_cli.labels.source import Source
from handpose_cli.media.suffixes import is_video

if TYPE_CHECKING:
    from handpose_cli.annotator.settings import Boxes, Sizes
    from handpose_cli.records import Hand
    from handpose_cli.runs.settings import Span

Value = TypeVar("Value")


def read_boxes(
    source: Source, names: set[str], all_of_run: bool, every: int, say: Callable[[str], None]
) -> tuple[Boxes, Sizes]:
    """Return the hands of labels, and the sizes that they are for, by the inputs' names, however spelled, and frame.

    If `names` are all of the run's inputs, one at least must have boxes. Of videos, the boxes of each frame are its
    own; `every` says which frames are annotated, all whose number it divides. `say` is called with a line on what gets
    no hands, and what boxes are of nothing that is annotated.
    """
    from handpose_cli.formats.errors import FormatError
    from handpose_cli.labels.file_matching import by_image
    from handpose_cli.labels.file_names import parts_of, place_of

    by_parts = {parts_of(name): name for name in sorted(names)}
    boxes: dict[tuple[str, int | None], list[Hand]] = {}
    sizes: dict[tuple[str, int | None], tuple[int, int]] = {}
    others = 0
    for record in by_image(source.read()).values():
        key = record.file, record.frame
        if record.file not in names:
            for parts, frame in ((parts_of(record.file), record.frame), place_of(*key)):  # as an image, as a frame
                key = (by_parts[parts], frame) if parts in by_parts else key
        boxes.setdefault(key, []).extend(record.hands)
        if record.width and record.height:
            sizes[key] = record.width, record.height
        others += bool(record.hands) and key[0] not in names
    _check_frames(source, boxes, names, every, say)
    _share_first_pages(boxes)
    _share_first_pages(sizes)
    if all_of_run and not names & {file for file, _ in boxes}:
        raise FormatError(f"{source.path}: no entry of --boxes names one of the inputs (such as {min(names)})")
    missing = sorted(names - {file for file, _ in boxes})
    if all_of_run and missing:
        what = f"{len(missing)} of {len(names)} inputs have no entry (such as {missing[0]})"
        say(f"{source.path}: {what}: they get no hands")
    if all_of_run and others:
        say(f"{source.path}: {others} images with boxes are none of the inputs")
    return boxes, sizes


def _check_frames(
    source: Source,
    boxes: dict[tuple[str, int | None], list[Hand]],
    names: set[str],
    every: int,
    say: Callable[[str], None],
) -> None:
    """Raise FormatError if boxes of a video are of no frame; say how many are of frames that --every passes over."""
    from handpose_cli.formats.errors import FormatError

    of_videos = [key for key, hands in boxes.items() if hands and key[0] in names and is_video(Path(key[0]))]
    if whole := next((file for file, frame in of_videos if frame is None), None):
        raise FormatError(f"{source.path}: {whole} is a video, and its boxes have no frame numbers")
    if passed := [frame for _, frame in of_videos if frame is not None and frame % every]:
        what = f"{len(passed)} of {len(of_videos)} frames with boxes (such as {passed[0]})"
        say(f"{source.path}: {what} are passed over by --every {every}")


def say_unused(source: Source, boxes: Boxes, span: Span, folder: Path, say: Callable[[str], None]) -> None:
    """Say how many frames with boxes are none of those that were annotated, by the journal in a run's folder.

    Not counted are those that `read_boxes` has told, and those of videos that could not be read to their end.
    """
    from handpose_cli.runs.journal import NAME, read_journal

    every = span.every if span.start is None else 1
    wanted: dict[str, set[int]] = {}
    for (file, frame), hands in boxes.items():
        if hands and frame is not None and frame % every == 0 and is_video(Path(file)):
            wanted.setdefault(file, set()).add(frame)
    if not wanted:
        return
    journal = read_journal(folder / NAME)
    unused: list[tuple[str, int]] = []
    total = 0
    for file in sorted(wanted.keys() & journal.entries.keys()):
        if not journal.entries[file].failed:
            annotated = {record.frame for record in journal.records(file)}
            unused += [(file, frame) for frame in sorted(wanted[file] - annotated)]
            total += len(wanted[file])
    if unused:
        file, frame = unused[0]
        what = f"{len(unused)} of {total} frames with boxes (such as {frame} of {file})"
        chosen = [f"--{name}" for name in ("start", "end") if getattr(span, name) is not None]
        chosen += ["--every"] if span.every > every else []
        why = f"left out by {' and '.join(chosen)}, or not in the video" if chosen else "not in the video"
        say(f"{source.path}: {what} were not annotated: they are {why}")


def _share_first_pages(values: dict[tuple[str, int | None], Value]) -> None:
    """Give what is of an image to its page 0 as well, and the other way round: they are the same picture."""
    for (file, frame), value in list(values.items()):
        if frame in (0, None) and not is_video(Path(file)):
            values.setdefault((file, 0 if frame is None else None), value)
