"""What formats may say of the run whose results they hold."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class RunFacts:
    """What is known of a run when its results are written.

    Attributes:
        paths: the inputs' files by their names in the records: paths, or URLs, which may have secrets in them.
        info: the head of the result file.
        seconds: returns for how long the run has worked; None: not known.
    """

    paths: Mapping[str, str] = field(default_factory=dict)
    info: Mapping[str, Any] = field(default_factory=dict)
    seconds: Callable[[], float] | None = None
