"""Which images a person should look at: the most doubtful, those that were flagged, or those that fit a condition."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from handpose_cli.doubt.order import doubt
from handpose_cli.doubt.video import flagged as with_flags
from handpose_cli.formats._json import read_json
from handpose_cli.formats.errors import FormatError
from handpose_cli.labels.file_matching import Key
from handpose_cli.labels.where import Condition
from handpose_cli.records import Hand, ImageRecord


def read_flagged(path: Path) -> set[Key]:
    """Return the images of a list of flagged hands, as the report page saves it: [{"file": ..., "frame": ...}, ...].

    Raises:
        FormatError: if the file is no such list; the message names the entry.
    """
    return {(entry["file"], entry.get("frame")) for entry in _entries(path)}


def read_notes(path: Path) -> dict[tuple[str, int | None, int], str]:
    """Return what was noted of hands in such a list, by file, frame and the hand's place in it.

    Raises:
        FormatError: as `read_flagged` does.
    """
    notes: dict[tuple[str, int | None, int], str] = {}
    for entry in _entries(path):
        note, hand = entry.get("note"), entry.get("hand")
        if isinstance(note, str) and note.strip() and type(hand) is int:
            notes[entry["file"], entry.get("frame"), hand] = note
    return notes


def _entries(path: Path) -> list[dict[str, Any]]:
    entries = read_json(path)
    if not isinstance(entries, list):
        raise FormatError(f"{path}: expected a JSON list of flagged hands, as the report page saves it")
    for number, entry in enumerate(entries):
        file, frame = (entry.get("file"), entry.get("frame")) if isinstance(entry, dict) else (None, None)
        if not isinstance(file, str) or not (frame is None or type(frame) is int):
            raise FormatError(f"{path}: entry {number}: a file and a frame (a whole number or null) are needed")
    return entries


def choose(
    records: Iterable[ImageRecord],
    worst: int | None = None,
    flagged: set[Key] | None = None,
    where: Condition | None = None,
) -> set[Key]:
    """Return the chosen images: those that fit all that is given, and of these the `worst`.

    Args:
        worst: how many images, whose most doubtful hand (`doubt.order`) is the most doubtful; images without hands and
            those that were corrected are not among them.
        flagged: the images to choose from.
        where: an image fits if one of its hands does.
    """
    chosen: set[Key] = set()
    heap: list[tuple[float, int, Key]] = []  # the least doubtful first; of equals the later
    for number, record in enumerate(with_flags(records)):
        hands: list[Hand | None] = [*record.hands] or [None]
        key = record.file, record.frame
        if record.failure is not None or (flagged is not None and key not in flagged):
            continue
        if where is not None and not any(where(record, hand) for hand in hands):
            continue
        if worst is None:
            chosen.add(key)
        elif record.hands and not record.corrected:
            entry = (max(doubt(hand) for hand in record.hands), -number, key)
            (heapq.heappushpop if len(heap) >= worst else heapq.heappush)(heap, entry)
    return chosen if worst is None else {key for _, _, key in heap}


def only(records: Iterable[ImageRecord], chosen: set[Key]) -> Iterator[ImageRecord]:
    """Yield the records of chosen images."""
    return (record for record in records if record.failure is None and (record.file, record.frame) in chosen)
