"""From the journal to the result files and annotated videos."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from handpose_cli.doubt.video import flagged
from handpose_cli.drawing import draw_hands, draw_side_by_side
from handpose_cli.files import remove
from handpose_cli.formats import handpose_json
from handpose_cli.formats import load as load_format
from handpose_cli.formats.plugin import WriteOptions
from handpose_cli.media.annotated_copies import copy_path, write_video
from handpose_cli.media.errors import EncodingError, UnreadableError
from handpose_cli.media.frames import Frame
from handpose_cli.media.inputs import Input
from handpose_cli.media.suffixes import is_video
from handpose_cli.records import ImageRecord
from handpose_cli.run_facts import RunFacts
from handpose_cli.runs.earlier import RESULTS, remove_results, result_path
from handpose_cli.runs.fingerprint import identify, is_unchanged
from handpose_cli.runs.journal import Journal
from handpose_cli.runs.report import Report
from handpose_cli.runs.settings import SHEETS, OutputSettings, TrackSettings
from handpose_cli.runs.sheets import write_contact_sheets
from handpose_cli.runs.writers import writing


def open_format(output: OutputSettings, name: str, run: RunFacts | None = None) -> AbstractContextManager[Any]:
    """Open a run's results of a format for writing."""
    format = load_format(name)
    known: dict[str, Any] = {"image_prefix": output.image_prefix, "run": run}
    options = WriteOptions(**{option: known[option] for option in format.write_options if option in known})
    return format.open_writer(result_path(output.folder, name), None, options)


def final_records(journal: Journal, file: str, settings: TrackSettings) -> Iterator[ImageRecord]:
    """Yield the records of an input as they are published: with flags, a video's tracked and smoothed, where wanted."""
    return flagged(_linked(journal, file, settings))


def _linked(journal: Journal, file: str, settings: TrackSettings) -> Iterator[ImageRecord]:
    if settings.track and is_video(Path(file)):
        from handpose_cli.tracking.smoothing import smooth
        from handpose_cli.tracking.tracks import link, tracked

        records = tracked(journal.records(file), link(journal.records(file), settings.score_threshold))
        return smooth(records, settings.smooth) if settings.smooth else records
    return journal.records(file)


def write_results(
    files: Sequence[str],
    journal: Journal,
    output: OutputSettings,
    tracks: TrackSettings,
    info: dict[str, Any],
    report: Report,
    paths: Mapping[str, str] | None = None,
) -> None:
    """Write the result file and the other formats, from the journal; memory does not grow with the number of records.

    Args:
        info: the head of the result file.
        report: counts what is written, and gets the formats that are lost.
        paths: the inputs' files, or their URLs, by name, for formats that show them.

    Raises:
        OSError: if the result file cannot be written; no half-written file is left.
    """
    report.begin_results()
    remove_results(output.folder, but=output.formats)
    # the result file is closed last, and so it appears last
    with handpose_json.open_writer(output.folder / RESULTS, run=RunFacts(info=info)) as results, writing() as writers:
        report.lost = writers.lost
        for name in output.formats:
            writers.add(name, open_format(output, name, RunFacts(paths or {}, info, lambda: report.seconds)))
        for file in files:
            for record in final_records(journal, file, tracks):
                results.write(record)
                writers.write(record)
                report.add(record)
    if output.sheets:
        # each unit of a video is a line in the journal, and its records are counted
        counts = {file: journal.entries[file].records for file in files if is_video(Path(file))}
        write_contact_sheets(files, counts, output)
    elif not any(file.startswith(f"{SHEETS}/") for file in files):  # which would have its copies there
        remove(output.copies / SHEETS)  # an earlier run's, of other pictures
    journal.write({"complete": len(files)})


def draw_video(
    entry: Input,
    journal: Journal,
    output: OutputSettings,
    tracks: TrackSettings,
    frames: Callable[[], Iterator[Frame]],
) -> str:
    """Write a video's annotated copy: its frames once more, with the hands that the journal has.

    Returns:
        Why there is no copy, in a line, as of a video that is gone or another one now; "" if all is well.
    """
    known = journal.entries[entry.name].input
    if known is not None and not is_unchanged(entry, known) and identify(entry) is not None:
        return "it has changed since it was annotated"
    records = final_records(journal, entry.name, tracks)
    fps = next((record.fps for record in journal.records(entry.name) if record.fps is not None), None)
    drawing = draw_side_by_side if output.style.side_by_side else draw_hands

    def drawn(shown: Iterable[Frame]) -> Iterator[tuple[float, np.ndarray]]:
        for frame, record in zip(shown, records, strict=False):
            if record.failure is None:
                yield record.time or 0.0, drawing(frame.read().pixels, record.hands, output.style)

    if fps is not None:
        try:
            shown = frames()
            first = next(shown)  # there is always one, if only to say that the video is damaged
            pictures = drawn(chain([first], shown))
            write_video(copy_path(output.copies, entry.name), pictures, fps, first.pixel_aspect)
        except (UnreadableError, EncodingError) as error:
            return str(error)
    return ""
