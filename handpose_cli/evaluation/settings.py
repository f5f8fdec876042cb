"""What is measured, and how."""

from __future__ import annotations

import math
from dataclasses import dataclass

from handpose_cli.evaluation.norms import NORMS

OKS_AREAS = ("box", "box53", "field")


@dataclass(frozen=True)
class EvaluateSettings:
    """What is measured.

    Attributes:
        norms: what PCK's errors are divided by, of `norms.NORMS`; the first one is used for the split of the error and
            the calibration.
        thresholds: PCK's; empty: those of each norm.
        visible_only: leave out joints that are labelled as hidden.
        oks_area: of `OKS_AREAS`, see `detection.area_of`.
        seed: of the bootstrap.
        score_threshold: hands with lower scores count only in the average precision; None: all count.
        rescale: scale labels that are for another size than their image or prediction.
        exhaustive: all hands of the labelled images are labelled, unless the labels say otherwise of an image; if
            not, predictions that find none are not false.
    """

    norms: tuple[str, ...] = ("bbox",)
    thresholds: tuple[float, ...] = ()
    visible_only: bool = False
    oks_area: str = "box"
    seed: int = 0
    score_threshold: float | None = None
    rescale: bool = False
    exhaustive: bool = True

    def __post_init__(self) -> None:
        """Raise ValueError if a setting is none that there is."""
        if not self.norms:
            raise ValueError(f"norms must be some of {', '.join(NORMS)}. Received none")
        for norm in self.norms:
            if norm not in NORMS:
                raise ValueError(f"norms must be some of {', '.join(NORMS)}. Received: {norm!r}")
        for threshold in self.thresholds:
            if not (math.isfinite(threshold) and threshold > 0):
                raise ValueError(f"thresholds must be finite and above 0. Received: {threshold!r}")
        if self.oks_area not in OKS_AREAS:
            raise ValueError(f"oks_area must be one of {', '.join(OKS_AREAS)}. Received: {self.oks_area!r}")
        if self.score_threshold is not None and not 0 <= self.score_threshold <= 1:
            raise ValueError(f"score_threshold must be from 0 to 1. Received: {self.score_threshold!r}")

    def thresholds_of(self, norm: str) -> tuple[float, ...]:
        """Return PCK's thresholds for a norm."""
        return self.thresholds or NORMS[norm].thresholds

    @property
    def main_threshold(self) -> float:
        """The middle one of the first norm's: by it a joint is right or wrong where one threshold has to do."""
        thresholds = sorted(self.thresholds_of(self.norms[0]))
        return thresholds[len(thresholds) // 2]
