"""Results of inputs that are not there now: a drive that is not mounted, another folder that is named."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from handpose_cli.media.annotated_copies import remove_copies
from handpose_cli.media.discover import printable
from handpose_cli.media.inputs import Input
from handpose_cli.runs.errors import RunError
from handpose_cli.runs.fingerprint import is_same, is_unchanged
from handpose_cli.runs.journal import Header, Journal
from handpose_cli.runs.settings import OutputSettings

_SHOWN = 3


def root_of(inputs: Sequence[Input]) -> str:
    """Return the folder from which on inputs have their names; "" if there are none, or they are at URLs."""
    if not inputs or inputs[0].is_remote:
        return ""
    return printable(inputs[0].path.parents[inputs[0].name.count("/")])


def refuse_mixing(journal: Journal, inputs: Sequence[Input]) -> None:
    """Raise RunError if a run would have results of the same files by two names, or of two files by one.

    A run's names begin where all its inputs lie, which may be another folder than before.
    """
    _refuse_renamed(journal, inputs)
    now = root_of(inputs)
    roots = {header.root for header in journal.headers} - {now, ""} if now else ()
    for entry in inputs if roots else ():
        known = journal.entries.get(entry.name)
        if known is None or known.input is None or is_unchanged(entry, known.input):
            continue
        before = next((path for root in roots if is_same(path := Path(root, entry.name), known.input)), None)
        if before is not None:
            raise RunError(f"{entry.name} of this run is {before}, and would be {printable(entry.file)}", "renamed")


def _refuse_renamed(journal: Journal, inputs: Sequence[Input]) -> None:
    names = {entry.name for entry in inputs}
    for entry in inputs:
        name = entry.name.partition("/")[2]
        while name:
            known = journal.entries.get(name)
            if known is not None and known.input is not None and name not in names and is_unchanged(entry, known.input):
                raise RunError(f"{name} of this run is {entry.name} now", "renamed")
            name = name.partition("/")[2]


def refuse_loss(journal: Journal, header: Header, inputs: Sequence[Input]) -> None:
    """Raise RunError if a run of other settings would lose results, since what they are of cannot be annotated again.

    Args:
        journal: that of the run, not read yet.
    """
    settings = json.loads(json.dumps(header.settings))
    before = journal.last_settings() if journal.path.exists() else None
    if before is None or before == settings:
        return
    journal.load(before)
    absent = _absent(journal, inputs)
    if absent:
        raise RunError(
            f"{_counted(absent)} not there now, and with other settings their results would be lost",
            "absent",
        )


def keep_or_drop(journal: Journal, inputs: Sequence[Input], output: OutputSettings, prune: bool) -> list[str]:
    """Return the names of inputs that are not there now and keep their results, or drop these with `prune`.

    A folder that could not be read and now can is dropped as well: what is in it is there instead.
    """
    absent = _absent(journal, inputs)
    names = {entry.name for entry in inputs}
    folders = _folders(names)
    for name in list(journal.entries) if prune else absent:
        if name not in names and (prune or name in folders):
            remove_copies(output.copies, name)
            journal.drop(name)
    return [name for name in absent if name in journal.entries]


def describe_absent(kept: Sequence[str]) -> str:
    """Say in a line whose results are kept."""
    return f"{_counted(kept)} not there now. Their results are kept"


def _absent(journal: Journal, inputs: Sequence[Input]) -> list[str]:
    names = {entry.name for entry in inputs}
    return sorted(name for name, entry in journal.entries.items() if entry.ended and name not in names)


def _folders(names: set[str]) -> set[str]:
    """Return the folders that names lie in."""
    folders: set[str] = set()
    for name in names:
        while (name := name.rpartition("/")[0]) and name not in folders:
            folders.add(name)
    return folders


def _counted(names: Sequence[str]) -> str:
    such = f"{', '.join(names[:_SHOWN])}{', ...' if len(names) > _SHOWN else ''}"
    return f"{len(names)} input{'s' * (len(names) != 1)} of this run ({such}) {'are' if len(names) != 1 else 'is'}"
