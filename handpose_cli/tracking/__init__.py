"""The same hand in successive frames: follow it, link it to a track, smooth its motion.

What works frame by frame, for files as for cameras, is a `Step`: `tracks.Linker` (track ids as records come),
`tracks.Linked` (track ids of the whole video, the second of two passes) and `smoothing.OneEuroTracks`.
"""

from __future__ import annotations

from typing import Protocol

from handpose_cli.records import ImageRecord


class Step(Protocol):
    """What is done with one video's records, in order, each as it comes."""

    def update(self, record: ImageRecord) -> ImageRecord:
        """Return the next record with what this step adds."""


def goes_on(before: ImageRecord, now: ImageRecord) -> bool:
    """Return whether a record's time and coordinates can be compared with those of the one before it.

    They cannot where the clock does not advance, as in joined files, where the size of the pictures changes, as in a
    browser's recordings, and beside a failure, which has no time.
    """
    if before.time is None or now.time is None or now.time <= before.time:
        return False
    return (before.width, before.height) == (now.width, now.height)
