"""Predict labelled images with a network: in the labelled boxes, and end to end."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import cache, partial
from pathlib import Path

from handpose_cli.annotator.pipeline import Annotated, annotate
from handpose_cli.annotator.settings import AnnotateSettings, Networks
from handpose_cli.evaluation.matching import Pair
from handpose_cli.formats.errors import FormatError
from handpose_cli.labels.convert import sample_of
from handpose_cli.labels.file_matching import Key
from handpose_cli.media.damaged import note_damaged
from handpose_cli.media.frames import Frame, frames
from handpose_cli.media.inputs import Input
from handpose_cli.records import Hand, ImageRecord
from handpose_cli.runs.executors.threads import run
from handpose_cli.sizes import same_size

LEAST_SCORE = 0.02  # of the hands in the precision-recall curve


def labelled_frames(labels: Mapping[Key, ImageRecord], folder: Path) -> Iterator[Frame]:
    """Yield the labelled images and video frames, sorted by file.

    Raises:
        FormatError: if an image is not in the folder.
    """
    files = sorted({file for file, _ in labels})
    for file in files:
        if not (folder / file).is_file():
            raise FormatError(f"no such image: {folder / file}", "images")
    inputs = [Input(file, str(folder / file)) for file in files]
    videos = {entry.name for entry in inputs if entry.is_video}
    for frame in frames(inputs):
        is_failure = frame.index is None and frame.file in videos
        if is_failure or (frame.file, frame.index) in labels:
            yield frame


def predict_labelled(
    labels: Mapping[Key, ImageRecord],
    folder: Path,
    load: Callable[[], Networks],
    settings: AnnotateSettings,
    threads: int,
    progress: Callable[[ImageRecord], None] = lambda record: None,
    rescale: bool = False,
) -> tuple[dict[Key, ImageRecord], list[Pair], dict[Key, ImageRecord]]:
    """Predict each labelled image twice.

    Args:
        load: loads the networks, once in each thread.
        settings: how they are used; end to end, `score_threshold` is left to the figures.
        progress: called with each record end to end.
        rescale: whether labels of another size than their image are scaled to it.

    Returns:
        what was found end to end, from `LEAST_SCORE` on, by file and frame; a pair for each labelled hand with
        keypoints, predicted in its labelled box; and the labels in their images' size.

    Raises:
        FormatError: if an image cannot be read, or is of another size than its labels.
    """
    work = partial(_twice, settings=settings, labels=labels, rescale=rescale)
    found: dict[Key, ImageRecord] = {}
    fitted = dict(labels)
    pairs: list[Pair] = []
    for end_to_end, in_boxes, label in run(labelled_frames(labels, folder), work, load, threads):
        record, key = end_to_end.record, (end_to_end.record.file, end_to_end.record.frame)
        if end_to_end.picture is not None and end_to_end.picture.is_damaged:
            note_damaged(record.file)
        if record.failure is not None or label is None:
            raise FormatError(f"{folder / record.file}: {record.failure}")
        found[key], fitted[key] = record, label
        sample = sample_of(label)
        of_box = {id(hand.box): hand for hand in in_boxes.record.hands}  # they come sorted by score
        pairs += [Pair(*key, sample, hand, of_box[id(hand.box)], 1.0) for hand in _with_keypoints(label)]
        progress(record)
    for file, index in labels:
        if (file, index) not in found:
            raise FormatError(f"{folder / file}: labelled, but it has no {_described(index)}")
    return found, pairs, fitted


def _described(index: int | None) -> str:
    return "single image: its labels need frame numbers" if index is None else f"frame {index}"


def _with_keypoints(record: ImageRecord) -> list[Hand]:
    return [hand for hand in record.hands if hand.keypoints is not None]


def _twice(
    frame: Frame, networks: Networks, settings: AnnotateSettings, labels: Mapping[Key, ImageRecord], rescale: bool
) -> tuple[Annotated, Annotated, ImageRecord | None]:
    batch = [replace(frame, read=cache(frame.read))]  # decode each image once
    (end_to_end,) = annotate(batch, networks, replace(settings, score_threshold=LEAST_SCORE))
    if end_to_end.picture is None:
        return end_to_end, end_to_end, None
    key, picture = (frame.file, frame.index), end_to_end.picture
    label = same_size(labels[key], picture.width, picture.height, "the image", rescale)
    in_its_boxes = AnnotateSettings(0.0, settings.views, boxes={key: _with_keypoints(label)})
    (in_boxes,) = annotate(batch, networks._replace(detector=None), in_its_boxes)
    return end_to_end, in_boxes, label
