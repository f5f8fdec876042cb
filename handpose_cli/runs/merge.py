"""Join the runs that annotated parts of one list of inputs, as if there had been one run."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path

from handpose_cli.media.annotated_copies import copy_path
from handpose_cli.runs import journal as journals
from handpose_cli.runs.errors import RunError
from handpose_cli.runs.journal import Header, Journal, open_journal, read_journal
from handpose_cli.runs.names import check_installed
from handpose_cli.runs.plan import describe_change
from handpose_cli.runs.report import Report
from handpose_cli.runs.results import refuse_existing, remove_existing, write_results
from handpose_cli.runs.settings import COPIES, SHEETS, OutputSettings, TrackSettings


def merge(folders: Sequence[Path], folder: Path, formats: Sequence[str] | None, *, overwrite: bool = False) -> Report:
    """Write the results of several runs as one: journal, result files and annotated copies.

    Args:
        folders: the runs' output folders.
        folder: for the joined output.
        formats: besides the result file; None: those of the first run.

    Raises:
        RunError: if a run is not complete, if a shard is missing, if the runs' settings differ or if two of them have
            the same input.
        OSError: if something cannot be written.
    """
    parts = [read_journal(path / journals.NAME) for path in folders]
    for part in parts:
        _refuse_incomplete(part)
    _refuse_mixed(parts)
    owners = _owners(parts)
    header = _joined_header(parts)
    arguments = header.info["arguments"]
    output = OutputSettings(
        folder,
        tuple(arguments["formats"] if formats is None else formats),
        draw=any((part.path.parent / COPIES).is_dir() for part in parts),
        sheets=any((part.path.parent / COPIES / SHEETS).is_dir() for part in parts),
        image_prefix=arguments.get("image_prefix", ""),
    )
    check_installed(output.formats)
    tracks = TrackSettings(arguments["track"], arguments["smooth"], arguments["score_threshold"])
    if not overwrite:
        refuse_existing(folder)
    with open_journal(folder / journals.NAME, header, empty=True) as journal:
        remove_existing(folder)
        files = sorted(owners)
        for file in files:
            for line in owners[file].lines(file):
                journal.write(line)
            _take_copy(owners[file].path.parent / COPIES, output.copies, file)
        report = Report(len(files))
        write_results(files, journal, output, tracks, header.info, report)
        return report


def _refuse_incomplete(part: Journal) -> None:
    if part.complete is None:
        raise RunError(f"{part.path.parent} is not complete", "incomplete")


def _refuse_mixed(parts: Sequence[Journal]) -> None:
    first = parts[0]
    for part in parts[1:]:
        changes = describe_change(first.headers[-1].settings, part.headers[-1].settings)
        if changes:
            raise RunError(
                f"{first.path.parent} and {part.path.parent} were run with different settings: {changes}",
                "mixed",
            )
    shards = [part.headers[-1].info.get("shard") for part in parts]
    counts = {int(shard.split("/")[1]) for shard in shards if shard is not None}
    for count in counts:
        missing = [f"{i}/{count}" for i in range(1, count + 1) if f"{i}/{count}" not in shards]
        if missing:
            raise RunError(f"Shard {missing[0]} is missing. Give the folders of all shards.")


def _owners(parts: Iterable[Journal]) -> dict[str, Journal]:
    """Return by input the run that has it."""
    owners: dict[str, Journal] = {}
    for part in parts:
        for file, entry in part.entries.items():
            if not entry.ended:  # a video that was gone before it was done
                continue
            if file in owners:
                raise RunError(f"{file} is in {owners[file].path.parent} and in {part.path.parent}. Leave one out.")
            owners[file] = part
    return owners


def _joined_header(parts: Sequence[Journal]) -> Header:
    headers = [part.headers[-1] for part in parts]
    info = {name: value for name, value in headers[0].info.items() if name != "shard"}
    inputs = list(dict.fromkeys(name for header in headers for name in header.info["arguments"]["inputs"]))
    started = min(header.info["started"] for part in parts for header in part.headers)
    return Header(
        headers[0].settings, {**info, "started": started, "arguments": {**info["arguments"], "inputs": inputs}}
    )


def _take_copy(source: Path, target: Path, file: str) -> None:
    """Link an input's annotated copy, or those of its pages, or copy them where links cannot be had."""
    of_pages = source / file
    found = sorted(of_pages.iterdir()) if of_pages.is_dir() else [copy_path(source, file)]
    for old in found:
        new = target / old.relative_to(source)
        if not old.exists():
            continue
        new.parent.mkdir(parents=True, exist_ok=True)
        try:
            os.link(old, new)
        except OSError:
            shutil.copyfile(old, new)
