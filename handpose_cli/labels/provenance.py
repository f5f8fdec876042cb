"""How labels were made: what the head of their file says, and what was merged over them since."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from handpose_cli.labels.source import Source
from handpose_cli.labels.update import Changes
from handpose_cli.media.discover import printable

_KINDS = {"arguments": dict, "weights": dict, "versions": dict, "corrections": list}


def head_of(source: Source) -> dict[str, Any]:
    """Return what a result file says of how it was made (`info`); empty for files that say nothing.

    What is not as the format has it is left out.
    """
    head = source.format.head(source.path)
    known: dict[str, Any] = {
        name: value for name, value in head.items() if name not in _KINDS or isinstance(value, _KINDS[name])
    }
    inputs = known.get("arguments", {}).get("inputs", [])
    if not (isinstance(inputs, list) and all(isinstance(name, str) for name in inputs)):
        del known["arguments"]
    known["corrections"] = [each for each in known.get("corrections", ()) if isinstance(each, dict)]
    return {name: value for name, value in known.items() if value != []}


def correction(source: Source, changes: Changes) -> dict[str, Any]:
    """Return what the head says of corrections: their file, when they were merged, and what they changed."""
    return {
        "file": printable(source.path),
        "format": source.format.name,
        "merged": datetime.now(UTC).isoformat(timespec="seconds"),
        "images": changes.images,
        "hands_changed": changes.moved,
        "hands_added": changes.added,
        "hands_removed": changes.removed,
        "hands_as_they_were": changes.same,
    }
