"""What a run's data are: one that went on with others would be trained on neither these nor those."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from handpose_cli.training.settings import SettingsError

# by option, `OF_LABELS` or `TEACHER`, and source, `[FORMAT:]PATH` or a network, how many it gave, and their digest
Known = dict[str, dict[str, tuple[int, str]]]
OF_LABELS, TEACHER = ("data", "val", "negatives"), "teacher"


def digest(labels: Iterable[tuple[object, ...]]) -> str:
    """Return the SHA-256 of labels: of each its image's facts and what is labelled in it, texts, numbers and arrays."""
    known = hashlib.sha256()
    for label in labels:
        for part in label:
            known.update(
                part.tobytes() if isinstance(part, np.ndarray) else str(part).encode("utf-8", "surrogateescape")
            )
            known.update(b"\0")
    return known.hexdigest()


def image_facts(image: Path) -> str:
    """Return an image's path and its size in bytes: by that another image in its place is told without reading all."""
    return f"{image.as_posix()} {image.stat().st_size}"


def refuse_other(run: Path, before: Known, now: Known) -> None:
    """Raise SettingsError if a source is not what it was when the run was trained last."""
    for option, sources in now.items():
        for source, (count, known) in sources.items():
            earlier = before.get(option, {}).get(source)
            if earlier is not None and earlier[1] != known:
                if option == TEACHER:
                    raise SettingsError(f"{source} is not the teacher that {run} had", "other_teacher", run=run)
                raise SettingsError(
                    f"{source} is not what {run} was trained on: {earlier[0]} labels then, {count} now, or others, "
                    "or with other images, or as another version of handpose read them",
                    "other_data",
                    run=run,
                )
