"""Join the runs that annotated parts of one list of inputs, as if there had been one run."""

from __future__ import annotations

import os
import shutil
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

from handpose_cli.media.annotated_copies import copy_path
from handpose_cli.runs import journal as journals
from handpose_cli.runs.earlier import refuse_existing, refuse_foreign, remove_existing
from handpose_cli.runs.errors import RunError
from handpose_cli.runs.journal import Header, Journal, open_journal, read_journal
from handpose_cli.runs.names import check_installed
from handpose_cli.runs.noted import noted
from handpose_cli.runs.plan import describe_change
from handpose_cli.runs.ranges import in_order, joined_lines, range_of, refuse_incomplete, whole_range
from handpose_cli.runs.report import Report
from handpose_cli.runs.results import write_results
from handpose_cli.runs.settings import COPIES, SHEETS, OutputSettings, TrackSettings


def merge(
    folders: Sequence[Path],
    folder: Path,
    formats: Sequence[str] | None,
    *,
    overwrite: bool = False,
    say: Callable[[str], None] = lambda line: None,
) -> Report:
    """Write the results of several runs as one: journal, result files and annotated copies.

    Runs on successive ranges of the same videos are joined to one on all of it.

    Args:
        folders: the runs' output folders.
        folder: for the joined output.
        formats: besides the result file; None: those of the first run.
        say: called with a line on what is left out.

    Raises:
        RunError: if `folder` is one of `folders`, if a run is not complete, if a shard or a range is missing, if the
            runs' settings differ or if two of them have the same input, or the same frames of it.
        OSError: if something cannot be written.
    """
    if folder.exists() and any(folder.samefile(path) for path in folders):
        raise RunError(f"{folder} is one of the runs to be joined, and would be replaced by what they give", "output")
    parts = [read_journal(path / journals.NAME) for path in folders]
    for part in parts:
        _refuse_unfinished(part)
    _refuse_mixed(parts)
    header = _joined_header(parts)
    owners = _owners(parts)
    refuse_incomplete(owners, parts)
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
    if overwrite:
        refuse_foreign(folder)
    else:
        refuse_existing(folder)
    with open_journal(folder / journals.NAME, header, empty=True) as journal:
        remove_existing(folder)
        files, left = sorted(owners), []
        for file in files:
            for line in joined_lines(file, owners[file]):
                journal.write(line)
            copies = [part.path.parent / COPIES for part in owners[file]]
            if len(copies) == 1:
                _take_copy(copies[0], output.copies, file)
            elif any(copy_path(each, file).exists() for each in copies):
                left.append(file)
        if left:
            say(f"Annotated copies that were not joined, since each run has its range: {len(left)} ({left[0]})")
        for note, _ in noted(journal, files):
            say(note)
        report = Report(len(files))
        write_results(files, journal, output, tracks, header.info, report)
        return report


def _refuse_unfinished(part: Journal) -> None:
    if part.complete is None:
        raise RunError(f"{part.path.parent} is not complete", "incomplete")


def _refuse_mixed(parts: Sequence[Journal]) -> None:
    first = parts[0]
    for part in parts[1:]:
        changes = describe_change(_but_range(first), _but_range(part))
        if changes:
            raise RunError(
                f"{first.path.parent} and {part.path.parent} were run with different settings: {changes}",
                "mixed",
            )
    for span in {range_of(part) for part in parts}:
        shards = [_shard(part) for part in parts if range_of(part) == span]
        counts = {int(shard.split("/")[1]) for shard in shards if shard}
        for count in counts:
            missing = [f"{i}/{count}" for i in range(1, count + 1) if f"{i}/{count}" not in shards]
            if missing:
                raise RunError(f"Shard {missing[0]} is missing. Give the folders of all shards.")
            _refuse_other_lists([p for p in parts if range_of(p) == span and _shard(p).endswith(f"/{count}")])


def _refuse_other_lists(shards: Sequence[Journal]) -> None:
    """Raise RunError if shards are not of one list of inputs: where they divide it depends on what it has."""
    for one, two in pairwise(part for part in shards if part.headers[-1].divided):
        if one.headers[-1].divided != two.headers[-1].divided:
            first, second = (part.headers[-1].divided.split()[0] for part in (one, two))
            raise RunError(
                f"{one.path.parent} and {two.path.parent} are shards of different inputs ({first} and {second}), so "
                "that some may be in none: files came or went in between",
                "lists",
            )


def _shard(part: Journal) -> str:
    return str(part.headers[-1].info.get("shard", ""))


def _but_range(part: Journal) -> dict[str, Any]:
    return {**part.headers[-1].settings, "start": None, "end": None}


def _owners(parts: Iterable[Journal]) -> dict[str, list[Journal]]:
    """Return by input the runs that have it, in the order of the ranges."""
    owners: dict[str, list[Journal]] = defaultdict(list)
    for part in parts:
        for file, entry in part.entries.items():
            if entry.ended:  # else a video that was gone before it was done
                owners[file].append(part)
    return {file: in_order(file, runs) for file, runs in owners.items()}


def _joined_header(parts: Sequence[Journal]) -> Header:
    headers, whole = [part.headers[-1] for part in parts], whole_range(parts)._asdict()
    info = {name: value for name, value in headers[0].info.items() if name != "shard"}
    inputs = list(dict.fromkeys(name for header in headers for name in header.info["arguments"]["inputs"]))
    started = min(header.info["started"] for part in parts for header in part.headers)
    arguments = {**info["arguments"], "inputs": inputs, **whole}
    roots = {header.root for header in headers}
    return Header(
        {**headers[0].settings, **whole},
        {**info, "started": started, "arguments": arguments},
        roots.pop() if len(roots) == 1 else "",
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
