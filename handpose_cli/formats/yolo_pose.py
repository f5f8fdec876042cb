"""`yolo-pose`: a folder in the layout that Ultralytics' YOLO trains hand pose from.

    data.yaml             train: images, val: images, kpt_shape: [21, 3], flip_idx: [0, 1, ... 20], names: {0: hand}
    images/a/b.jpg        put or link the images here; they are not written
    labels/a/b.txt        a line for each hand; empty for an image without hands:
                          class cx cy w h x y v ... 21 times

x, y, w and h are shares of the image's width and height, so reading needs the images, for their sizes; v is 0 (not
labelled, x = y = 0), 1 (hidden) or 2 (visible). Without v (kpt_shape [21, 2]), x = y = 0 means not labelled. A hand
without keypoints has 21 times `0 0 0`. A split is written as images/train, labels/train and images/val, labels/val;
with `place_images` the images are copied or linked there, without folders `images` in their names.

A video's frame becomes an image: v.mp4/000012.jpg. Lost: whatever is outside the image (Ultralytics would leave out the
whole image): joints there become `0 0 0`, boxes are clipped; frame numbers and times, scores, handedness, tracks.

Read are all folders that `path`, `train`, `val` and `test` of the data.yaml name, or of the only YAML file that names
classes (FiftyOne's dataset.yaml), also as Roboflow has them (train/images, train/labels); an image there without a
label file shows no hand. Classes are chosen by their names, which tell the handedness too (left_hand), joints go by
`kpt_names`. Lines of five numbers are boxes, and so are all where the data.yaml has no `kpt_shape` (such sets are not
recognised: name the format). Ultralytics' predictions (`save_txt`, `save_conf`) are read as well: the third number of a
joint is its score then, a number behind all joints the hand's score, one more the track; without scores whole numbers
are the tracks. A folder of such files without a data.yaml is taken to have 21 keypoints of hands, unless Label Studio's
notes.json says more.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from handpose_cli.formats._image_files import find_image, image_size
from handpose_cli.formats._notes import LeftOut, say
from handpose_cli.formats._parsing import box_of, errors_at, hand_of, has_size, numbers_of
from handpose_cli.formats._text import encoding_of
from handpose_cli.formats._yolo_layout import (
    Description,
    describe,
    describe_plain,
    folders,
    has_lines,
    lists_images,
    texts,
    without_text,
    without_yaml,
    yaml_in,
)
from handpose_cli.formats._yolo_writer import IMAGES, file_of, open_parts, open_writer
from handpose_cli.formats.errors import FormatError
from handpose_cli.formats.plugin import NO_OPTIONS, ReadOptions
from handpose_cli.records import NUM_JOINTS, Hand, ImageRecord

KEEPS = frozenset({"size", "no_hands", "box", "box_only", "hidden"})
__all__ = ["KEEPS", "file_of", "open_parts", "open_writer", "read", "recognises"]

LARGEST = 2.0  # of a coordinate, for what is guessed beyond the edge
BOX = 5  # numbers of a class and a box
SCORES, MARKS, EITHER, NEITHER = "scores", "marks", "either", ""  # what the third numbers of a line's joints are


def recognises(path: Path, head: bytes) -> bool:
    if path.is_dir():
        if (file := yaml_in(path)) is not None:
            return b"kpt_shape" in file.read_bytes()
        return bool(without_yaml(path))
    if path.suffix == ".txt":
        return has_lines(path)
    return path.suffix in (".yaml", ".yml") and b"kpt_shape" in head


def read(path: Path, images: Path | None = None, options: ReadOptions = NO_OPTIONS) -> Iterator[ImageRecord]:
    """Yield a record for each label file, in the order of their names, then for the images that have none.

    Args:
        path: the folder, its data.yaml, or a folder or file of labels without one.
        images: `file` of a record is relative to it; None: to the folder `images` beside the data.yaml, or, where there
            is none, to the data.yaml's.

    Raises:
        FormatError: if a file does not follow the format or its image is missing; the message names it and the line.
    """
    file = (yaml_in(path) or path / "data.yaml") if path.is_dir() else path
    if file.suffix != ".txt" and file.is_file():
        description, content = describe(file, options)
        pairs = folders(file, content)
        if not pairs:
            raise FormatError(f"{file.parent / 'labels'}: no such folder")
        found = texts(pairs)
        # a folder that comes back with corrections may have images that nobody has looked at
        whole = images is None and not options.looked_at and not lists_images(file, content)
        empty = list(without_text(pairs)) if whole else []
    else:
        empty = []
        found_texts = [path] if not path.is_dir() else without_yaml(path, boxes=True)
        if not found_texts:
            lines = "lines of a class, a box and perhaps 21 keypoints"
            raise FormatError(f"{path}: no data.yaml, and no .txt files with {lines}, here or in labels")
        description = describe_plain(path, found_texts, options)
        folder = found_texts[0].parent
        beside = folder.parent / IMAGES
        pictures = beside if folder.name == "labels" and beside.is_dir() else folder
        found = ((text, text.stem, pictures) for text in found_texts)
    home = file.parent if path.is_file() else path
    root = home / IMAGES if (home / IMAGES).is_dir() else home
    with LeftOut(path) as left_out:
        for text, stem, folder in found:
            where = folder if images is None else images
            name = find_image(where, stem)
            if name is None and images is not None and folder.is_relative_to(images.resolve()):
                name, where = find_image(folder, stem), folder
            if name is None:
                raise FormatError(f"{text}: no image {stem}.jpg or the like in {where}", "images")
            size = image_size(where / name)
            hands = list(_hands(text, description, left_out, np.array(size, float)))
            yield ImageRecord(_relative(where / name, root if images is None else images), *size, hands)
    yield from _of_empty(empty, root, path)


def _of_empty(images: list[Path], root: Path, path: Path) -> Iterator[ImageRecord]:
    """Yield records of images that show no hand, and say how many they are; one that cannot be read is left out."""
    read = 0
    for image in images:
        try:
            size = image_size(image)
        except FormatError:
            continue
        read += 1
        yield ImageRecord(_relative(image, root), *size)
    if read:
        say(f"{path}: {read} images without a label file are taken to show no hand")


def _relative(image: Path, root: Path) -> str:
    absolute, root = image.parent.resolve() / image.name, root.resolve()
    return absolute.relative_to(root).as_posix() if absolute.is_relative_to(root) else absolute.as_posix()


def _hands(text: Path, description: Description, left_out: LeftOut, size: np.ndarray) -> Iterator[Hand]:
    try:
        lines = text.read_text(encoding=encoding_of(text)).splitlines()
    except (OSError, UnicodeError) as error:
        raise FormatError(f"{text}: cannot be read: {error}") from error
    rows = [(number, line.split()) for number, line in enumerate(lines, 1) if line.strip()]
    all_parts = [parts for _, parts in rows]
    wanted = BOX + description.count * description.dimensions
    tracked = _end_in_tracks(all_parts, wanted)
    kinds = [_third_numbers(parts, wanted, tracked) if description.dimensions == 3 else NEITHER for parts in all_parts]
    scored, mixed = SCORES in kinds, {SCORES, MARKS} <= {*kinds}
    for (number, parts), kind in zip(rows, kinds, strict=True):
        with errors_at(f"{text}: line {number}"):
            if mixed and kind == EITHER:
                raise ValueError("joints marked 0 and 1, which may be scores: other lines have scores, others marks")
            hand = _hand(parts, description, left_out, size, tracked, scored)
        if hand is not None:
            yield hand


def _end_in_tracks(rows: list[list[str]], wanted: int) -> bool:
    """Return whether the one number behind boxes or joints is the track, as `save_txt` without `save_conf` has it.

    So it is where none of a file's is a score: they are whole numbers, no two the same.
    """
    last = [parts[-1] for parts in rows if len(parts) in (BOX + 1, wanted + 1)]
    return bool(last) and all(number.isdecimal() and number != "0" for number in last) and len({*last}) == len(last)


def _third_numbers(parts: list[str], wanted: int, tracked: bool) -> str:
    """Return what the third numbers of a line's joints are: a prediction's scores may all be 1 or 0, as marks may."""
    if len(parts) < wanted or wanted == BOX:
        return NEITHER
    try:
        numbers = {float(number) for number in parts[BOX + 2 : wanted : 3]}
    except ValueError:  # `numbers_of` will tell
        return NEITHER
    if not numbers <= {0, 1, 2} or (len(parts) - wanted > tracked and 2 not in numbers):
        return SCORES
    return MARKS if 2 in numbers else EITHER if 1 in numbers else NEITHER


def _hand(
    parts: list[str], description: Description, left_out: LeftOut, size: np.ndarray, tracked: bool, scored: bool
) -> Hand | None:
    count, dimensions = description.count, description.dimensions
    wanted = BOX + count * dimensions
    box_only = len(parts) - BOX in (0, 1, 2) and (not count or len(parts) < wanted)
    if not box_only and not count:
        raise ValueError(f"expected {BOX} numbers: class and box, since there is no kpt_shape. Received: {len(parts)}")
    if not box_only and len(parts) - wanted not in (0, 1, 2):
        raise ValueError(f"expected {wanted} numbers: class, box and {count} keypoints. Received: {len(parts)}")
    numbers = numbers_of(parts, (len(parts),), "a hand")
    kind = int(numbers[0])
    places = numbers[1:BOX] if box_only else numbers[1:wanted]
    if (
        most := np.abs(np.delete(places, np.s_[6::3]) if len(places) > 4 and dimensions == 3 else places).max()
    ) > LARGEST:
        raise ValueError(f"coordinates are shares of the image's size, from 0 to 1. Received: {most:g}")
    if not description.is_hand(kind):
        left_out.add("objects of other classes", description.names.get(kind, f"class {kind}"), remedy="classes")
        return None
    box = box_of(np.concatenate([numbers[1:3] - numbers[3:5] / 2, numbers[3:5]]) * np.tile(size, 2))
    behind = numbers[BOX if box_only else wanted :]
    is_track = tracked and len(behind) == 1
    fields: dict[str, Any] = {
        "handedness": description.side(kind),
        "score": float(behind[0]) if len(behind) and not is_track else None,
        "track_id": int(behind[-1]) if len(behind) > 1 or is_track else None,
    }
    visibility = np.zeros(NUM_JOINTS)
    if not box_only:
        table = numbers[BOX:wanted].reshape(count, dimensions)
        marks = table[:, 2] if dimensions == 3 else np.full(count, 2.0)
        # Ultralytics' predictions: scores; doubtful joints are at 0, 0
        if (scored and (marks != 2).all()) or not np.isin(marks, (0, 1, 2)).all():
            if (marks < 0).any() or (marks > 1).any():
                raise ValueError(f"visibility must be 0, 1 or 2, or a score from 0 to 1. Received: {marks.tolist()}")
            fields["keypoint_scores"] = description.order(kind).arrange(marks)
            marks = np.full(count, 2.0)
        if dimensions == 2 or "keypoint_scores" in fields:
            marks = np.where(table[:, :2].any(axis=1), marks, 0)
        visibility = description.order(kind).arrange(marks[:, None])[:, 0]
    if not visibility.any():
        if not has_size(box):
            left_out.add("objects without keypoints or a box with a size")
            return None
        fields.pop("keypoint_scores", None)
        return Hand(box, **fields)
    points = description.order(kind).arrange(table[:, :2] * size)
    return hand_of(points, visibility, box if has_size(box) else None, **fields)
