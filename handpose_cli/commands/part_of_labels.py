"""What `handpose convert-labels` takes of its source: all of it, with corrections, or only chosen images."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from handpose_cli.commands.options import note

if TYPE_CHECKING:
    from handpose_cli.labels.source import Source
    from handpose_cli.records import ImageRecord

Read = Callable[[], "Iterator[ImageRecord]"]
SHOWN = 5


def with_corrections(read: Read, source: Source, corrections: Source, rescale: bool) -> tuple[Read, dict[str, Any]]:
    """Return what reads labels with corrections merged over them, and what the head says of these; say it too."""
    from handpose_cli.labels.provenance import correction
    from handpose_cli.labels.update import Changes, match_corrections, update

    corrections = replace(corrections, options=replace(corrections.options, looked_at=True))
    found, others = match_corrections(corrections.read_scored(), read())
    if others:
        listed = ", ".join(others[:SHOWN]) + (f" and {len(others) - SHOWN} more" if len(others) > SHOWN else "")
        note(f"{corrections.path}: left out: {len(others)} images that are not in {source.path}: {listed}")
    changes = Changes()
    for _ in update(read(), found, changes, rescale):
        pass
    note(
        f"{corrections.path}: {changes.images} images corrected: {changes.moved} hands changed, {changes.added} added, "
        f"{changes.removed} removed, {changes.same} as they were"
    )
    return lambda: update(read(), found, Changes(), rescale), correction(corrections, changes)


def with_choice(read: Read, worst: int | None, flagged: Path | None, where: str | None) -> Read:
    """Return what reads only the chosen images; say how many these are."""
    from handpose_cli.labels.select import choose, only, read_flagged
    from handpose_cli.labels.where import parse_where

    condition = None if where is None else parse_where(where)
    listed = None if flagged is None else read_flagged(flagged)
    chosen = choose(read(), worst, listed, condition)
    if listed is not None and worst is None and where is None and (missing := len(listed - chosen)):
        note(f"{flagged}: {missing} of {len(listed)} flagged images are not in the labels")
    note(f"{len(chosen)} images chosen")
    return lambda: only(read(), chosen)
