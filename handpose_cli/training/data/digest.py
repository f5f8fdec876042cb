"""What a run's data were: a run that goes on with others would be neither the one nor the other."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path

from handpose_cli.training.data.samples import Sample
from handpose_cli.training.settings import SettingsError


def digest(samples: Iterable[Sample]) -> str:
    """Return the SHA-256 of labels: images' names and sizes, and what is labelled in them."""
    known = hashlib.sha256()
    for sample in samples:
        hand = sample.hand
        arrays = [sample.box, *(() if hand is None else (hand.keypoints, hand.visibility))]
        parts = [sample.image.as_posix(), str(sample.size), sample.group, str(hand and hand.handedness)]
        known.update("\0".join(parts).encode("utf-8", "surrogateescape"))
        for array in arrays:
            known.update(b"\0" if array is None else array.tobytes())
    return known.hexdigest()


def refuse_other(
    run: Path, before: Mapping[str, Mapping[str, tuple[int, str]]], now: Mapping[str, Mapping[str, tuple[int, str]]]
) -> None:
    """Raise SettingsError if a source is not what it was when the run began.

    Args:
        before, now: by option ("data", "val" or "negatives") and source, how many hands or places, and their digest.
    """
    for option, sources in now.items():
        for source, (count, known) in sources.items():
            earlier = before.get(option, {}).get(source)
            if earlier is not None and earlier[1] != known:
                raise SettingsError(
                    f"--{option} {source} is not what {run} was trained on: {earlier[0]} labels then, {count} now, or "
                    "others. Go on with the data as they were, or begin another run with "
                    f"--weights {run}."
                )
