"""Runs on successive ranges of time (`--start`, `--end`) of the same videos, and how `merge` makes one of them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

from handpose_cli.media.errors import NO_FRAME
from handpose_cli.media.suffixes import is_video
from handpose_cli.runs.errors import RunError
from handpose_cli.runs.fingerprint import Fingerprint
from handpose_cli.runs.journal import Journal


class Range(NamedTuple):
    """From which time on, and before which, videos were annotated, in seconds; None: from the start, to the end."""

    start: float | None
    end: float | None

    def __str__(self) -> str:
        return f"{self.start or 0:g} s to {'the end' if self.end is None else f'{self.end:g} s'}"


def range_of(part: Journal) -> Range:
    """Return which range a run annotated."""
    settings = part.headers[-1].settings
    return Range(settings.get("start"), settings.get("end"))


def whole_range(parts: Iterable[Journal]) -> Range:
    """Return the range that runs annotated together.

    Raises:
        RunError: if there is a gap between two ranges, or two that are not the same overlap.
    """
    by_range: dict[Range, Path] = {}
    for part in parts:
        by_range.setdefault(range_of(part), part.path.parent)
    ranges = sorted(by_range, key=lambda range: (range.start or 0, math.inf if range.end is None else range.end))
    for one, two in pairwise(ranges):
        first, second = by_range[one], by_range[two]
        if one.end is None or one.end > (two.start or 0):
            raise RunError(
                f"{first} has videos from {one} and {second} from {two}, so that some frames are in both. Leave one "
                "out, or run it again on another range"
            )
        if one.end < (two.start or 0):
            missing = Range(one.end, two.start)
            raise RunError(
                f"{first} has videos from {one} and {second} from {two}: those from {missing} are missing. Give the "
                "folders of all ranges"
            )
    return Range(ranges[0].start, ranges[-1].end)


def in_order(file: str, parts: Sequence[Journal]) -> list[Journal]:
    """Return of which runs a file's records are taken, in turn: of a video all, of other files the first.

    Args:
        parts: the runs that have the file.

    Raises:
        RunError: if two of them annotated the same range of it, or it has changed in between.
    """
    ordered = sorted(parts, key=lambda part: range_of(part).start or 0)
    for one, two in pairwise(ordered):
        folders = f"{one.path.parent} and in {two.path.parent}"
        if range_of(one) == range_of(two):
            raise RunError(f"{file} is in {folders}. Leave one out.")
        if _has_changed(one.entries[file].input, two.entries[file].input):
            raise RunError(f"{file} was not the same file in {folders}. Run one of them again with it")
    return ordered if is_video(Path(file)) else ordered[:1]


def _has_changed(before: Fingerprint | None, now: Fingerprint | None) -> bool:
    """Return whether a file is another one now; not, if that cannot be known: of a path and a URL, or no file."""
    if before is None or now is None or (before.mtime == 0) != (now.mtime == 0):
        return False
    return (before.size, before.sha256) != (now.size, now.sha256)


def refuse_incomplete(owners: dict[str, list[Journal]], parts: Sequence[Journal]) -> None:
    """Raise RunError if a video was not annotated in all ranges."""
    ranges = {range_of(part): part for part in parts}
    for file, runs in owners.items():
        missing = ranges.keys() - {range_of(part) for part in runs} if is_video(Path(file)) else ()
        for range in missing:
            raise RunError(f"{file} is not in {ranges[range].path.parent}, so its frames from {range} are missing")


def joined_lines(file: str, parts: Sequence[Journal]) -> Iterator[dict[str, Any]]:
    """Yield a file's lines for the journal: its frames in all runs, then what failed in any."""
    if len(parts) == 1:
        yield from parts[0].lines(file)
        return
    known = [part.entries[file].input for part in parts]
    count, failures = 0, dict[str, dict[str, Any]]()
    for part in parts:
        for line in part.lines(file):
            records = []
            for record in line["records"]:
                if "failure" in record and "frame" not in record:  # the video's, and not of one frame
                    failures[record["failure"]] = record
                else:
                    records.append(record)
            if records:
                yield _line(file, count, records, known)
                count += len(records)
    # a range behind the video's end is no failure, unless there is nothing else
    real = [record for text, record in failures.items() if not text.startswith(NO_FRAME)]
    last = real or ([] if count else list(failures.values())[-1:])
    if len(last) > 1:
        last = [{**last[0], "failure": "; ".join(record["failure"] for record in last)}]
    yield {**_line(file, count, last, known), "end": True}


def _line(file: str, count: int, records: list[Any], known: list[Any]) -> dict[str, Any]:
    begins = {} if count else {"input": None if None in known else known[0]}
    return {"file": file, **begins, "from": count, "records": records}
