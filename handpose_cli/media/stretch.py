"""What a stretch of a long video is, for who only hands it on; `stretches` divides and decodes."""

from __future__ import annotations

from typing import NamedTuple


class Stretch(NamedTuple):
    """Successive frames of a video.

    Attributes:
        key: number of the frame at which decoding begins.
        ticks: presentation times of the frames from `key` to the stretch's end, in the stream's time base.
        chosen: numbers of those of its frames that are wanted.
    """

    key: int
    ticks: tuple[int, ...]
    chosen: range

    def without(self, count: int) -> Stretch:
        """Return it with the first so many of its chosen frames not wanted."""
        return self._replace(chosen=self.chosen[max(count, 0) :])
