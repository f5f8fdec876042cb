"""What a run has to do: everything, or what an earlier run of the same settings has not done."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from handpose_cli.media.annotated_copies import has_copy
from handpose_cli.media.inputs import Input
from handpose_cli.runs.fingerprint import is_unchanged
from handpose_cli.runs.header import STYLE
from handpose_cli.runs.journal import Header, Journal

NEW = "not begun"
CHANGED = "changed since"
BEGUN = "begun"
UNREADABLE = "could not be read before"
NO_COPY = "without an annotated copy"
AS_USUAL = "in the usual style"


class Task(NamedTuple):
    """An input to annotate.

    Attributes:
        input: the file.
        reason: why.
        done: how many frames of a video are done already.
    """

    input: Input
    reason: str
    done: int = 0


def plan(inputs: Sequence[Input], journal: Journal, copies: Path | None) -> Iterator[Task]:
    """Yield what is to be annotated, in order.

    Args:
        copies: folder of the annotated copies, if they are wanted. A still's is made with its annotation; a video's is
            drawn later, from the journal.
    """
    for entry in inputs:
        known = journal.entries.get(entry.name)
        if known is None:
            yield Task(entry, NEW)
        elif known.input is None:
            yield Task(entry, UNREADABLE)
        elif not is_unchanged(entry, known.input):
            yield Task(entry, CHANGED)
        elif not known.ended:
            yield Task(entry, BEGUN, known.records)
        elif copies is not None and not entry.is_video and not known.failed and not has_copy(copies, entry.name):
            yield Task(entry, NO_COPY)


def describe(tasks: Sequence[Task], total: int) -> str:
    """Return what a resumed run does, in a line: `98 of 99 inputs are done; left: 1 changed since (a.jpg)`."""
    parts = []
    for reason in (NEW, CHANGED, BEGUN, UNREADABLE, NO_COPY):
        names = [task.input.name for task in tasks if task.reason == reason]
        if names:
            such_as = "" if reason == NEW else f" ({', '.join(names[:3])}{', ...' if len(names) > 3 else ''})"
            parts.append(f"{len(names)} {reason}{such_as}")
    done = f"{total - len(tasks)} of {total} inputs are done"
    return f"{done}; left: {', '.join(parts)}" if parts else done


def describe_restyling(earlier: Sequence[Header], now: Header) -> str:
    """Return how copies that an earlier run drew differ from those that are wanted, in a line; "" if they do not."""
    drawn = next((h.info["arguments"] for h in reversed(earlier) if h.info["arguments"].get("draw")), None)
    arguments = now.info["arguments"]
    before, style = (known.get(STYLE, AS_USUAL) for known in (drawn or {}, arguments))
    if drawn is None or not arguments["draw"] or before == style:
        return ""
    return f"All annotated copies are made again: {style}; they were {before}"


def describe_change(before: dict[str, Any], now: dict[str, Any]) -> str:
    """Return which settings differ, in a line: `views was 4 and is now 1`."""
    changes = []
    for name in sorted(before.keys() | now.keys()):
        old, new = before.get(name), now.get(name)
        if isinstance(old, dict) and isinstance(new, dict):
            changes += [describe_change(old, new)] if old != new else []
        elif _are_digests(old) and _are_digests(new):
            changes += [f"{name} are other files"] if old != new else []  # their digests tell a reader nothing
        elif old != new:
            changes.append(f"{name} was {old} and is now {new}")
    return ", ".join(changes)


def _are_digests(value: Any) -> bool:
    values = value if isinstance(value, list) else [value]
    return bool(values) and all(isinstance(one, str) and re.fullmatch("[0-9a-f]{64}", one) for one in values)
