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
