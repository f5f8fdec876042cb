"""What a run has done: counted record by record, worded at its end, and the exit code that follows."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

from handpose_cli.records import ImageRecord

EXIT_ERROR = 1
EXIT_SOME_FAILED = 3


@dataclass
class Report:
    """Counts of what there is so far; a command makes it, the library adds to it.

    Attributes:
        total: how many inputs there are.
        inputs: how many of them are done.
        images: still images and video frames.
        hands: in all of them.
        failures: inputs that could not be read, and videos that could not be drawn.
        undrawn: how many of these are videos that could not be drawn.
        annotated: images that were annotated by this run, and not by the one that it resumed.
        lost: formats that could not be written, and why.
    """

    total: int = 0
    inputs: int = 0
    images: int = 0
    hands: int = 0
    failures: int = 0
    undrawn: int = 0
    annotated: int = 0
    lost: dict[str, str] = field(default_factory=dict)
    _started: float | None = field(default=None, repr=False)

    def start(self, done: int = 0, failures: int = 0) -> None:
        """Begin to count and to take the time; so many inputs were done by an earlier run, some without success."""
        self.inputs, self.failures, self._started = done, failures, time.monotonic()

    def add(self, record: ImageRecord) -> None:
        """Count a record."""
        self.images += record.failure is None
        self.hands += len(record.hands)
        self.failures += record.failure is not None

    def begin_results(self) -> None:
        """Count again from the first record: results are written, of earlier runs' records too."""
        self.inputs, self.annotated = self.total, self.images
        self.images, self.hands, self.failures = 0, 0, self.undrawn

    @property
    def seconds(self) -> float:
        """Since the start."""
        return 0.0 if self._started is None else time.monotonic() - self._started

    @property
    def rate(self) -> float:
        """Images a second that this run annotates."""
        return (self.annotated or self.images) / max(self.seconds, 1e-9)

    @property
    def exit_code(self) -> int:
        """The command's, if nothing stopped it."""
        return EXIT_ERROR if self.lost else EXIT_SOME_FAILED if self.failures else 0

    def line(self) -> str:
        """Return what was done, in a line."""
        rate = f" ({self.rate:.1f} images/s)" if self.annotated else ""
        return f"{self.counted()} in {self.seconds:.1f} s{rate}"

    def counted(self) -> str:
        """Return the counts, in words."""
        return f"{self.inputs} inputs, {self.images} images, {self.hands} hands, {self.failures} failures"

    def to_dict(self) -> dict[str, Any]:
        """Return the counts and the seconds, for a summary."""
        names = ("inputs", "images", "hands", "failures", "annotated", "seconds")
        return {name: getattr(self, name) for name in names}
