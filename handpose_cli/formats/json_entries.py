"""What the JSON formats share: reading a file, and naming the entry in which an error lies."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from handpose_cli.formats.errors import FormatError
from handpose_cli.records import ImageRecord


def read_json(path: Path) -> Any:
    """Return the content of a JSON file; raise FormatError, naming it, if it cannot be read."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise FormatError(f"{path}: cannot be read as JSON: {error}") from error


def box_of(values: Any) -> np.ndarray:
    """Return a box as float32 [4]; raise ValueError unless it is four finite numbers: x, y, width, height."""
    box = np.asarray(values, np.float32)
    if box.shape != (4,) or not np.isfinite(box).all():
        raise ValueError(f"box must be four finite numbers: x, y, width, height. Received: {values}")
    return box


def records_of(
    path: Path, entries: Iterable[Any], parse: Callable[[Any], Iterable[ImageRecord]]
) -> Iterator[ImageRecord]:
    """Yield the records that `parse` finds in each entry; its lookup, type and value errors become FormatErrors."""
    for index, entry in enumerate(entries):
        try:
            yield from parse(entry)
        except (KeyError, TypeError, ValueError) as error:
            reason = f"no {error}" if isinstance(error, KeyError) else str(error)
            raise FormatError(f"{path}: entry {index}: {reason}") from error
