"""Writes what `formats.label_studio` reads."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import numpy as np

from handpose_cli.colours import JOINT_COLOURS, hexadecimal
from handpose_cli.doubt.flags import FLAGS
from handpose_cli.files import atomic, restored
from handpose_cli.formats._image_files import size_of
from handpose_cli.formats._label_studio_urls import LOCAL, path_of, url_of
from handpose_cli.formats._placed_images import Place, images_beside, placing
from handpose_cli.formats.coco import dump
from handpose_cli.formats.fields import image_name
from handpose_cli.records import KEYPOINT_NAMES, Hand, ImageRecord

# of the wrist Label Studio's own colour: ours, white, would not be seen on its page
_COLOURS = ["", *(f' background="{hexadecimal(colour)}"' for colour in JOINT_COLOURS[1:])]
LABELS = "".join(
    f'    <Label value="{name}" model_index="{index}"{colour}/>\n'
    for index, (name, colour) in enumerate(zip(KEYPOINT_NAMES, _COLOURS, strict=True))
)
CONFIG = f"""<View>
  <Image name="image" value="$image"/>
  <RectangleLabels name="hand" toName="image"><Label value="hand" model_index="0"/></RectangleLabels>
  <KeyPointLabels name="joint" toName="image">
{LABELS}  </KeyPointLabels>
  <Choices name="handedness" toName="image" perRegion="true" whenTagName="hand">
    <Choice value="left"/><Choice value="right"/>
  </Choices>
</View>
"""
Notes = Mapping[tuple[str, int | None, int], str]
NO_NOTES: Notes = {}
OF_IMAGE = {"width": int, "height": int, "frame": int, "time": float, "fps": float, "sample": str}
OF_HAND = {"track_id": int, "area": float, "head_size": float}


def interface_of(path: Path) -> Path:
    """Return where the labelling interface's XML goes."""
    return path.with_suffix(".config.xml")


def outputs(path: Path) -> list[Path]:
    """Return all files that are written."""
    return [path, interface_of(path)]


@contextmanager
def open_writer(
    path: Path,
    images: Path | None = None,
    image_prefix: str = "",
    place_images: str = "",
    replace_images: bool = False,
    notes: Notes = NO_NOTES,
) -> Iterator[Writer]:
    """Open a list for writing record by record; it and its interface appear when the block ends without an error.

    Args:
        images: where the images are.
        image_prefix: what the URLs of images begin with; empty: as local files have it.
        place_images: "copy" or "link": put them into `NAME.images` beside the file.
        replace_images: whether that may be there already.
        notes: of hands, by file, frame and the hand's place in it.
    """
    beside = images_beside(path)
    prefix = image_prefix or (f"{LOCAL}{beside.name}/" if place_images else LOCAL)
    with (
        restored(path),
        restored(interface_of(path)),
        placing(beside, images, place_images, replace_images) as place,
        atomic(interface_of(path)) as config,
        atomic(path) as file,
    ):
        config.write(CONFIG)
        yield Writer(file, prefix, place, notes)
        file.write("\n]\n")


class Writer:
    """Writes an image's task as its record comes."""

    def __init__(self, file: IO[str], prefix: str = LOCAL, place: Place = lambda name: True, notes: Notes = NO_NOTES):
        self._place, self._notes = place, notes
        self._file, self._images, self._prefix = file, 0, prefix
        self._file.write("[")

    def write(self, record: ImageRecord) -> None:
        if record.failure is not None:
            return
        size = size_of(record)
        self._place(image_name(record))
        self._images += 1
        video = {"video": record.file} if record.frame is not None else {}
        of_image = {name: value for name in OF_IMAGE if (value := getattr(record, name)) is not None}
        name = image_name(record)
        url = url_of(name, self._prefix)
        own = {} if video or path_of(url) == name else {"file": name}
        data = {"image": url, **own, **of_image, **video}
        results: list[dict[str, Any]] = []
        for number, hand in enumerate(record.hands):
            note = self._notes.get((record.file, record.frame, number), "")
            results += _entries(hand, f"{self._images}-{number}", *size, note)
        guess: dict[str, Any] = {"model_version": "handpose", "result": results}
        if scores := [hand.score for hand in record.hands if hand.score is not None]:
            guess["score"] = round(float(np.mean(scores)), 6)
        self._file.write((",\n " if self._images > 1 else "\n ") + dump({"data": data, "predictions": [guess]}))


def _entries(hand: Hand, id: str, width: int, height: int, note: str) -> Iterator[dict[str, Any]]:
    size = np.array([width, height], float)
    common = {"to_name": "image", "original_width": width, "original_height": height, "image_rotation": 0}

    def entry(
        id: str, kind: str, tag: str, value: dict[str, Any], label: str, score: Any, **more: Any
    ) -> dict[str, Any]:
        known = {} if score is None else {"score": round(float(score), 6)}
        return {"id": id, "type": kind, "from_name": tag, **common, "value": {**value, kind: [label]}, **known, **more}

    shares = [] if hand.keypoints is None else (hand.keypoints / size * 100).tolist()
    for index, (name, (x, y)) in enumerate(zip(KEYPOINT_NAMES, shares, strict=False)):
        if np.isfinite([x, y]).all():
            hidden = hand.visibility is not None and hand.visibility[index] == 1
            score = None if hand.keypoint_scores is None else hand.keypoint_scores[index]
            more = {"parentID": id, **({"meta": {"hidden": True}} if hidden else {})}
            value = {"x": round(x, 6), "y": round(y, 6), "width": 0.5}
            yield entry(f"{id}-{name}", "keypointlabels", "joint", value, name, score, **more)
    x, y, w, h = (hand.box.reshape(2, 2) / size * 100).round(6).ravel().tolist()
    box = {"x": x, "y": y, "width": w, "height": h, "rotation": 0}
    meta: dict[str, Any] = {name: value for name in OF_HAND if (value := getattr(hand, name)) is not None}
    if hand.flags:
        meta["flags"] = list(hand.flags)
    if reasons := [*[note] * bool(note), *(FLAGS.get(name, name) for name in hand.flags)]:
        meta["text"] = ["; ".join(reasons)]  # what Label Studio shows as the region's note
    yield entry(id, "rectanglelabels", "hand", box, "hand", hand.score, **({"meta": meta} if meta else {}))
    if hand.handedness is not None:
        yield entry(id, "choices", "handedness", box, hand.handedness, None)
