"""What is done with a unit of work, on whichever thread or machine: it writes nothing and asks only for its inputs."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

from handpose_cli.annotator.pipeline import Annotated, annotate
from handpose_cli.annotator.settings import Networks
from handpose_cli.drawing import draw_hands
from handpose_cli.media.annotated_copies import encode_copy
from handpose_cli.media.errors import InexactError
from handpose_cli.media.frames import Frame, frames, stretch_frames
from handpose_cli.media.inputs import Input
from handpose_cli.media.pages import page_count
from handpose_cli.media.remote import at_hand
from handpose_cli.records import ImageRecord
from handpose_cli.runs.fingerprint import Fingerprint, identify
from handpose_cli.runs.settings import RunSettings
from handpose_cli.runs.units import Chunk, Part, Stills, batches
from handpose_cli.tracking.follow import DETECT_EVERY, follow
from handpose_cli.tracking.tracks import DOUBTFUL


class Piece(NamedTuple):
    """What was annotated of an input, for the journal.

    Attributes:
        fingerprint: what the file was before it was read; None if it could not be, or this does not begin it.
        pages_left_out: pictures of the file beyond the first.
        copies: annotated copies as bytes, each with its page or None.
        again: nothing was annotated; from here on, the video is to be decoded from its start.
        transient: what could not be read of it might be another time, see `UnreadableError`.
        is_damaged: a picture of it is, see `Picture`.
    """

    input: Input
    records: list[ImageRecord]
    begins: bool
    ends: bool
    fingerprint: Fingerprint | None
    pages_left_out: int = 0
    copies: tuple[tuple[int | None, bytes], ...] = ()
    again: bool = False
    transient: bool = False
    is_damaged: bool = False


def annotate_unit(
    unit: Stills | Chunk | Part, networks: Networks, settings: RunSettings, batch_size: int
) -> list[Piece]:
    """Annotate a unit of work.

    Args:
        batch_size: frames of a `Part` that are annotated together, where hands are not tracked.
    """
    if isinstance(unit, Chunk):
        results = _annotate(unit.input, unit.frames, networks, settings)
        return [_piece(unit.input, results, unit.begins, unit.ends, unit.fingerprint, 0, settings)]
    if isinstance(unit, Part) and settings.span.has_many(unit.input):
        return [_annotate_part(unit, networks, settings, batch_size)]
    inputs = unit.inputs if isinstance(unit, Stills) else [unit.input]
    known = [identify(entry) for entry in inputs]  # before it is read: a later change will show
    with at_hand(inputs) as there:
        known = [None if local.is_remote else file for file, local in zip(known, there, strict=True)]
        results = annotate(list(frames(there)), networks, settings.annotate)
        more = [0 if local.is_remote else page_count(local.path) - 1 for local in there]
    return [
        _piece(entry, [result], True, True, file, pages, settings)
        for entry, result, file, pages in zip(inputs, results, known, more, strict=True)
    ]


def _annotate_part(unit: Part, networks: Networks, settings: RunSettings, batch_size: int) -> Piece:
    """Annotate a video, a stretch of one, or a file with pages, in chunks as threads do."""
    entry, span = unit.input, settings.span
    known = identify(entry) if unit.begins else None
    size = DETECT_EVERY if settings.track.track and entry.is_video else batch_size
    source = span.frames(entry, unit.done) if unit.stretch is None else stretch_frames(entry, unit.stretch)
    whole = Piece(entry, [], unit.begins, unit.ends, known)
    try:
        for chunk in batches(source, size):
            piece = _piece(entry, _annotate(entry, chunk, networks, settings), False, False, None, 0, settings)
            whole.records.extend(piece.records)
            whole = whole._replace(copies=whole.copies + piece.copies, transient=whole.transient or piece.transient)
    except InexactError:
        return Piece(entry, [], unit.begins, False, known, again=True)
    return whole


def _annotate(entry: Input, of_it: list[Frame], networks: Networks, settings: RunSettings) -> list[Annotated]:
    """Annotate a chunk of a video's frames or a file's pages."""
    if not of_it:
        return []
    if not (settings.track.track and entry.is_video):
        return annotate(of_it, networks, settings.annotate)
    # doubtful hands may belong to a track; those that do not are left out later
    threshold = min(settings.annotate.score_threshold, DOUBTFUL)
    return follow(of_it, networks, replace(settings.annotate, score_threshold=threshold))


def _piece(
    entry: Input,
    results: list[Annotated],
    begins: bool,
    ends: bool,
    known: Fingerprint | None,
    pages: int,
    settings: RunSettings,
) -> Piece:
    records, transient = [result.record for result in results], any(result.transient for result in results)
    damaged = any(result.picture is not None and result.picture.is_damaged for result in results)
    copies = _copies(entry, results, settings)
    return Piece(entry, records, begins, ends, known, pages, copies, transient=transient, is_damaged=damaged)


def _copies(entry: Input, results: list[Annotated], settings: RunSettings) -> tuple[tuple[int | None, bytes], ...]:
    """Return the annotated copies of pictures, if they are wanted; a video's is drawn later, from the journal."""
    if not settings.output.draw or entry.is_video:
        return ()
    return tuple(
        (
            record.frame,
            encode_copy(
                entry.name,
                record.frame,
                draw_hands(picture.pixels, record.hands, settings.output.style),
                picture.profile(),
            ),
        )
        for record, picture, _ in results
        if picture is not None
    )


def lost(unit: Stills | Part, reason: str) -> list[Piece]:
    """Return what stands in the results for a unit that could not be done: a failure of each of its inputs."""
    inputs = unit.inputs if isinstance(unit, Stills) else [unit.input]
    begins = unit.begins if isinstance(unit, Part) else True
    return [Piece(entry, [ImageRecord(entry.name, None, None, failure=reason)], begins, True, None) for entry in inputs]


def instead(unit: Stills | Part, pieces: list[Piece]) -> list[Part]:
    """Return what is to be done in a unit's place: the rest of a video that cannot be read in stretches after all."""
    if isinstance(unit, Part) and any(piece.again for piece in pieces):
        return [unit._replace(stretch=None, ends=True)]
    return []
