"""`coco-results`: the list that COCO's evaluation takes, and that MMPose, Ultralytics and others write.

    [{"image_id": 1, "category_id": 1, "keypoints": [x, y, score, ... 21 times], "score": 0.9}, ...]

It names images by their ids in a COCO annotation file: give that as the images' place. `file_name` in an entry, or an
`image_id` that is one, comes before that. Keypoints are in the order of that file's category. A `bbox` is read if there
is one, and is written; an entry with a `bbox` alone is a detection. A joint that is not labelled is 0, 0, 0; where
scores are not known they are 1, and so they are not known if all of a file are 1; with a 2 among them they are marks as
in annotations. Of COCO-WholeBody's results `lefthand_kpts` and `righthand_kpts` are read.

Without a COCO file images are numbered from 1 as the `coco` format numbers them, and each entry has its `file_name`, so
`coco` and `coco-results` of one run fit together. Lost: hands without keypoints, handedness unless that file has a
category for each, tracks, areas, head sizes, and which joints are hidden.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import numpy as np

from handpose_cli.files import atomic
from handpose_cli.formats._coco_categories import Categories
from handpose_cli.formats._json import begins_with, first_character, stream_json
from handpose_cli.formats._keypoint_names import ASSUMED, OURS, Order, order_of
from handpose_cli.formats._notes import LeftOut, say
from handpose_cli.formats._parsing import box_of, errors_at, hand_of, has_size, numbers_of
from handpose_cli.formats.coco import by_id, dump, hand_to_annotation, read_images, without_null
from handpose_cli.formats.errors import FormatError, Unclear
from handpose_cli.formats.fields import image_name
from handpose_cli.formats.plugin import NO_OPTIONS, ReadOptions
from handpose_cli.records import NUM_JOINTS, Hand, ImageRecord

# what belongs to an image comes back by its id
KEEPS = frozenset(
    {
        "size",
        "frame",
        "time",
        "no_hands",
        "sample",
        "corrected",
        "exhaustive",
        "box",
        "outside",
        "score",
        "keypoint_scores",
    }
)

SIDES = ("left", "right")


def recognises(path: Path, head: bytes) -> bool:
    return first_character(head) == b"[" and b'"image_id"' in head[: head.find(b"}")]


def read(path: Path, images: Path | None = None, options: ReadOptions = NO_OPTIONS) -> Iterator[ImageRecord]:
    """Yield a record for each image, with its results.

    Args:
        images: the COCO annotation file whose images are meant; None: `image_id`s or `file_name`s are file names.

    Raises:
        FormatError: if the file does not follow the format; the message names the file and the entry.
    """
    file = images if images is not None and images.is_file() else None
    if options.classes and file is None and options.shared:
        say(f"{path}: its categories have no names without the COCO file of its images: all are taken for hands")
    elif options.classes and file is None:
        raise FormatError(f"{path}: its categories have no names without the COCO file of its images", "images")
    named = _Images(file)
    objects = _Objects(path, file, options)
    with LeftOut(path) as left_out:
        for index, entry in enumerate(stream_json(path, "item")):
            with errors_at(f"{path}: entry {index}"):
                record = named.find(entry)
                record.hands += objects.hands(entry, left_out)
    if not begins_with(path, b"["):  # nothing else was to be read
        raise FormatError(f"{path}: expected a JSON list of results")
    hands = [hand for record in named.records for hand in record.hands if hand.keypoints is not None]
    for what, known in objects.known.items():
        for hand in () if known else hands:
            setattr(hand, what, None)
    yield from named.records


class _Images:
    """The images that entries are of: those of a COCO file, and those that only entries name."""

    def __init__(self, file: Path | None):
        self._file = file
        by_ids = {} if file is None else read_images(file)
        self._find = by_id(by_ids)
        self.records = list(by_ids.values())
        self._by_name = {image_name(record): record for record in self.records}

    def find(self, entry: dict[str, Any]) -> ImageRecord:
        name, id = entry.get("file_name"), entry.get("image_id")
        if name is None and (record := self._find(entry["image_id"])) is not None:
            return record
        if name is None and (not isinstance(id, str) or (self._file is not None and id.isdigit())):
            if self._file is not None:
                raise ValueError(f"no image of {self._file} has its image_id {id}")
            raise Unclear(f"image_id is a number: {id}. A COCO file says which image that is", "images")
        name = id if name is None else name
        if not isinstance(name, str):
            raise ValueError(f"file_name must be a text. Received: {name!r}")
        if name not in self._by_name:
            self._by_name[name] = ImageRecord(name, None, None)
            self.records.append(self._by_name[name])
        return self._by_name[name]


class _Objects:
    """What entries are: which of them are hands, in which order of joints."""

    def __init__(self, path: Path, file: Path | None, options: ReadOptions):
        self._path, self._file, self._given = path, file, options.keypoint_names
        self._categories = None if file is None else Categories(file, options)
        self._orders: dict[tuple[tuple[str, ...], int], Order] = {}
        self.known = {"score": False, "keypoint_scores": False}  # whether any is another than 1

    def hands(self, entry: dict[str, Any], left_out: LeftOut) -> list[Hand]:
        """Return an entry's hand, or the two of a person; none if it is none."""
        if any(f"{side}hand_kpts" in entry for side in SIDES):
            return self._of_person(entry, left_out)
        category, side = entry.get("category_id"), None
        found = None if self._categories is None else self._categories.hand
        if self._categories is not None and self._categories.known(category):
            found = self._categories.find(category)
            side = found.side
            if not found.is_hand:
                left_out.add("entries of other categories", found.name, remedy="classes")
                return []
        elif found is not None:
            say(f"{self._path}: its category {category} is none of {self._file}: taken for hands")
        if not entry.get("keypoints"):
            return self._detection(entry, side, left_out)
        names = () if found is None else found.keypoints
        order = self._order(names, len(entry["keypoints"]) // 3)
        return [_hand(entry, order, self.known, handedness=side)]

    def _of_person(self, entry: dict[str, Any], left_out: LeftOut) -> list[Hand]:
        hands = []
        for side in SIDES:
            keypoints = entry.get(f"{side}hand_kpts")
            if keypoints and any(keypoints):
                hand = {"keypoints": keypoints, "score": entry.get("score")}
                hands.append(_hand(hand, OURS, self.known, handedness=side))
            else:
                left_out.add("hands of persons without keypoints")
        return hands

    def _detection(self, entry: dict[str, Any], side: str | None, left_out: LeftOut) -> list[Hand]:
        if entry.get("bbox") is None:
            left_out.add("masks without a box" if "segmentation" in entry else "entries without keypoints or a box")
            return []
        box = box_of(entry["bbox"])
        if not has_size(box):
            left_out.add("boxes without a size")
            return []
        score = entry.get("score")
        return [Hand(box, score=None if score is None else float(numbers_of(score, (), "score")), handedness=side)]

    def _order(self, names: tuple[str, ...], count: int) -> Order:
        if (names, count) not in self._orders:
            order = order_of(names if len(names) == count else None, self._given, count)
            if order.assumed:
                say(f"{self._path}: {ASSUMED}", "keypoint_names")
            elif order != OURS and self._given is None:
                say(f"{self._path}: its keypoints are taken in the order that {self._file} gives", "keypoint_names")
            self._orders[names, count] = order
        return self._orders[names, count]


def _hand(entry: dict[str, Any], order: Order, known: dict[str, bool], **fields: Any) -> Hand:
    count = len(order.joints)
    table = order.arrange(numbers_of(without_null(entry["keypoints"]), (3 * count,), "keypoints").reshape(count, 3))
    box = None if entry.get("bbox") is None else box_of(entry["bbox"])
    labelled = (table != 0).any(axis=1)
    visibility = np.where(labelled, 2, 0)
    marked = (table[:, 2] == 2).any() and np.isin(table[:, 2], (0, 1, 2)).all()  # as in annotations
    if marked:
        visibility = table[:, 2]
    known["score"] |= entry.get("score") not in (None, 1)
    known["keypoint_scores"] |= not marked and bool((table[labelled, 2] != 1).any())
    return hand_of(
        table[:, :2],
        visibility,
        box if box is not None and has_size(box) else None,
        keypoint_scores=None if marked else table[:, 2],
        score=entry.get("score"),
        **fields,
    )


@contextmanager
def open_writer(path: Path, images: Path | None = None) -> Iterator[Writer]:
    """Open a list for writing record by record; it appears when the block ends without an error."""
    ids, categories = None, None
    if images is not None and images.is_file():
        ids = {(record.file, record.frame): id for id, record in read_images(images).items()}
        categories = Categories(images, NO_OPTIONS)
    with atomic(path) as file:
        writer = Writer(file, ids, categories)
        yield writer
        file.write("\n]\n")
    if writer.unnamed and ids is None:
        say(
            f"coco-results names no images without keypoints ({writer.unnamed} of {writer.images}): "
            "the coco file of the same labels has them"
        )


class Writer:
    """Writes a hand's entry as its record comes.

    Attributes:
        images, unnamed: how many images there are, and of how many there is no entry.
    """

    def __init__(
        self,
        file: IO[str],
        ids: dict[tuple[str, int | None], Any] | None = None,
        categories: Categories | None = None,
    ):
        self._file, self._ids, self._categories = file, ids, categories
        self.images = self.unnamed = self._hands = 0
        self._file.write("[")

    def write(self, record: ImageRecord) -> None:
        if record.failure is not None:
            return
        self.images += 1
        self.unnamed += all(hand.keypoints is None for hand in record.hands)
        image: Any = self.images
        if self._ids is not None:
            with errors_at(f"the COCO file with the images has no {record.file}"):
                image = self._ids[record.file, record.frame]
        for hand in record.hands:
            if hand.keypoints is None:
                continue
            entry = hand_to_annotation(hand)
            category, order = self._category(hand.handedness)
            scores = [1.0] * NUM_JOINTS if hand.keypoint_scores is None else entry["keypoint_scores"]
            table = np.reshape(entry["keypoints"], (NUM_JOINTS, 3)).astype(float)
            table[:, 2] = np.where(table[:, 2] > 0, scores, 0)
            written = {
                "image_id": image,
                "file_name": image_name(record),
                "category_id": category,
                "bbox": entry["bbox"],
                "keypoints": order.restore(table).ravel().tolist(),
                "score": entry.get("score", 1.0),
            }
            self._file.write((",\n " if self._hands else "\n ") + dump(written))
            self._hands += 1

    def _category(self, side: str | None) -> tuple[Any, Order]:
        """Return the id of the category for a handedness, and the order of its keypoints."""
        category = None if self._categories is None else self._categories.of_side(side)
        if self._categories is None or category is None:
            return 1, OURS
        if category.side not in (None, side):
            say(f"there is no category for hands of {side or 'no'} side: they are written as {category.name}")
        return category.id, self._categories.order(category, 0)
