"""What a run is asked for: typed, and named once; what of it can change a record is the run's identity."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from itertools import islice
from pathlib import Path
from typing import Any

from handpose_cli import weights as bundled
from handpose_cli.annotator.settings import CHANGES_IF_SET, CHANGES_NOTHING, WHOLE_IMAGE, AnnotateSettings
from handpose_cli.drawing import PLAIN, DrawStyle
from handpose_cli.labels.source import Source
from handpose_cli.media.errors import UnreadableError
from handpose_cli.media.frames import Frame, frames
from handpose_cli.media.inputs import Input
from handpose_cli.media.pages import page_count
from handpose_cli.media.remote import fetched
from handpose_cli.media.suffixes import PAGED_SUFFIXES

COPIES = "annotated"
SHEETS = "contact-sheets"  # in the folder of the copies, which is never taken for inputs


@dataclass(frozen=True)
class NetworkSettings:
    """Which networks are run, and how.

    Attributes:
        weights: of the keypoint network: a bundled name, a run folder or a file. What counts is the file's content.
        detector: likewise, or a cascade's name (`weights.CASCADES`), or `WHOLE_IMAGE`.
        engine: of `engine.ENGINES`.
    """

    weights: str = field(default=bundled.KEYPOINT_NETWORK, metadata=CHANGES_NOTHING)
    detector: str = bundled.DETECTOR
    engine: str = "litert"

    @property
    def detector_name(self) -> str | None:
        """The detector to load; None: each image is one hand."""
        return None if self.detector == WHOLE_IMAGE else self.detector


@dataclass(frozen=True)
class TrackSettings:
    """How hands are followed through videos.

    Attributes:
        track: whether they get track ids.
        smooth: how tracks are smoothed, see `tracking.smoothing`; None: not at all.
        score_threshold: least score of a hand that begins a track, the annotator's; doubtful ones may go on with it.
    """

    track: bool = False
    smooth: str | None = None
    score_threshold: float = field(default=0.0, metadata=CHANGES_NOTHING)


@dataclass(frozen=True)
class Span:
    """Which frames of videos: every n-th of those shown from `start` on and before `end`, in seconds; None: all.

    With `pages`, also each picture of an image file that has several, such as a TIFF's pages, and not only the first.
    """

    every: int = 1
    start: float | None = None
    end: float | None = None
    pages: bool = field(default=False, metadata=CHANGES_IF_SET)

    def has_many(self, entry: Input) -> bool:
        """Return whether an input gives more than one frame, or may: a video, or a file with pages if they count."""
        if entry.is_video or not self.may_have_many(entry):
            return entry.is_video
        try:
            with fetched(entry) as path:
                return page_count(path) > 1
        except UnreadableError:  # reading it will report that
            return False

    def may_have_many(self, entry: Input) -> bool:
        """Return whether an input may give more than one frame by its name; the file is not opened."""
        return entry.is_video or (self.pages and entry.suffix in PAGED_SUFFIXES)

    def frames(self, entry: Input, first: int = 0) -> Iterator[Frame]:
        """Yield the frames of a video, or of a file with pages, without the first so many."""
        return islice(frames([entry], self.every, self.start, self.end, self.pages), first, None)


@dataclass(frozen=True)
class OutputSettings:
    """Where and what to write; none of it changes a record.

    Attributes:
        folder: for everything.
        formats: besides the result file.
        draw: whether annotated copies are wanted.
        image_prefix: what URLs of images begin with, in formats that have them; empty: as the format has it.
        style: how hands are drawn.
        sheets: whether contact sheets of the annotated copies are wanted.
    """

    folder: Path
    formats: tuple[str, ...] = ()
    draw: bool = False
    image_prefix: str = ""
    style: DrawStyle = PLAIN
    sheets: bool = False

    @property
    def copies(self) -> Path:
        """The folder of the annotated copies."""
        return self.folder / COPIES


@dataclass(frozen=True)
class RunSettings:
    """All that a run of `handpose predict` is asked for, besides what it does with an earlier one.

    Attributes:
        output: where and what to write.
        inputs: as they were given, for the head of the result file.
        recursive: whether folders inside folders are looked into.
        boxes: labels whose boxes take the detector's place; None: none do.
    """

    output: OutputSettings
    annotate: AnnotateSettings
    networks: NetworkSettings = NetworkSettings()
    track: TrackSettings = TrackSettings()
    span: Span = Span()
    inputs: tuple[str, ...] = ()
    recursive: bool = False
    boxes: Source | None = None

    @property
    def detector_name(self) -> str | None:
        """The detector to load; None: none is run."""
        return None if self.boxes is not None else self.networks.detector_name

    def identity(self) -> dict[str, Any]:
        """Return by name what can change a record; files that are read count by their content, see `runs.header`."""
        parts = (self.networks, self.annotate, self.track, self.span)
        known: dict[str, Any] = {}
        for part in parts:
            for each in fields(part):
                value = getattr(part, each.name)
                if each.metadata.get("changes", True) is True or (each.metadata == CHANGES_IF_SET and value):
                    known[each.name] = value
        return known
