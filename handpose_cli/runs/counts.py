"""What a run has done, for people to see."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class Counts:
    """What there is so far: inputs done, and of them images, hands and failures.

    `annotated` images were annotated by this run, and not by the one that it resumed.
    """

    inputs: int = 0
    images: int = 0  # still images and video frames
    hands: int = 0
    failures: int = 0
    annotated: int = 0
    seconds: float = 0.0
