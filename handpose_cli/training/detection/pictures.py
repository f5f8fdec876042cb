"""Batches of pictures for a detector: photographs at any size and in any light, with further hands pasted in."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import Any

import cv2
import keras
import numpy as np

from handpose_cli.annotator.pipeline import MARGIN
from handpose_cli.boxes import share_inside
from handpose_cli.formats.errors import FormatError
from handpose_cli.networks.ssd.heads import CELLS
from handpose_cli.records import box_around
from handpose_cli.training.detection.hands import Hands, in_picture
from handpose_cli.training.detection.light import in_other_light
from handpose_cli.training.detection.photos import Photo, Photos, directions
from handpose_cli.training.detection.targets import cell_targets
from handpose_cli.training.detection.teacher import Teacher

ZOOM = (0.3, 1.6)  # of a photograph's longer side over the picture's
AS_PREDICTED = 0.3  # share of photographs that are fitted into the picture as in prediction
MOSAIC, HAND_AS_PHOTO = 0.15, 0.12  # shares of pictures made of four photographs, and of a crop of a hand alone
PASTED_INTO, MOST_PASTED = 0.45, 4  # share of pictures into which hands are pasted, and how many at most
KEPT_BYTES = 2 * 2**30  # of decoded photographs in memory
NO_HAND_PASTED = 0.25  # share of what is pasted that is no hand: its edges are no evidence
PASTED_SIZE = (13.0, 130.0)  # pixels, of a pasted hand's longer side
CONTEXT = (1.05, 1.6)  # of a pasted crop's side over the hand's
FREE = 0.1  # most of a hand that a pasted one may cover

TURN, ANY_TURN = 35.0, 0.4  # degrees by which pasted hands are turned (normal), and share that is turned by any


Part = tuple[np.ndarray, Hands]  # an image, uint8 [h, w, 3], and its hands


class Pictures(keras.utils.PyDataset):
    """Shuffled, augmented pictures: a detector's training set.

    A batch is `images` float32 [n, size, size, 3] (RGB, 0 to 1) and a dict: `CELLS` float32 [n, cells, 7], see
    `targets.cell_targets`, or with a teacher [n, cells, 12], see `loss.DetectionLoss`. A batch depends on
    the seed and on its number alone. The batches never end. With `part` a batch is a part of what it would be, see
    `dataset.RandomCrops`.

    `failure` holds the error of an image that could not be read, see `dataset.RandomCrops`.
    """

    failure: FormatError | None = None

    def __init__(
        self,
        photos: Photos,
        size: int,
        batch_size: int,
        seed: int,
        first_batch: int = 0,
        part: tuple[int, int] = (0, 1),
        teacher: Teacher | None = None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.teacher = teacher
        self.photos, self.size, self.seed, self.first_batch = photos, size, seed, first_batch
        self.batch_size, self.part = batch_size, part
        self.batches_a_pass = max(len(photos) // batch_size, 1)
        self._whole, self._hands = _by_group(photos.whole), _by_group(photos.hands)
        self._known: dict[Path, np.ndarray] = {}
        self._free = KEPT_BYTES
        self._empty = _by_group([photo for photo in photos.whole if photo.exhaustive and not len(photo.boxes)])

    @property
    def num_batches(self) -> None:
        """Without end, in Keras's terms."""

    def __getitem__(self, index: int) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        number = self.first_batch + index
        which, parts = self.part
        count = self.batch_size // parts
        images = np.empty((count, self.size, self.size, 3), np.uint8)
        targets = []
        for i in range(count):
            rng = np.random.default_rng([self.seed, number, which * count + i])
            try:
                images[i], hands, unclear, exhaustive = self._picture(rng)
            except FormatError as error:
                self.failure = error
                raise
            targets.append(cell_targets(*hands, unclear, exhaustive, self.size))
        inputs, asked = images.astype(np.float32) / 255, np.stack(targets)
        if self.teacher is not None:
            asked = np.concatenate([asked, self.teacher(inputs)], axis=-1)
        return inputs, {CELLS: asked}

    def _picture(self, rng: np.random.Generator) -> tuple[np.ndarray, Hands, np.ndarray, bool]:
        """Return an image, its hands, the boxes of what is unclear, and whether the hands are all."""
        if self._hands and (not self._whole or rng.random() < HAND_AS_PHOTO):
            photos = [self._draw(self._hands, rng)]
            exhaustive = False
        else:
            photos = [self._draw(self._whole, rng) for _ in range(4 if rng.random() < MOSAIC else 1)]
            exhaustive = all(photo.exhaustive for photo in photos)
        if len(photos) == 4:
            canvas, hands, unclear = self._mosaic(photos, rng)
        else:
            canvas, hands = self._placed(self._turned(photos[0], rng), rng)
            hands, unclear = in_picture(hands, self.size)
        if self._hands and rng.random() < PASTED_INTO:
            hands, unclear = self._pasted(canvas, hands, unclear, rng)
        return in_other_light(canvas, rng), hands, unclear, exhaustive

    def _read(self, photo: Photo) -> np.ndarray:
        """Return a photograph, from memory if it is there: decoding would take half of the time."""
        image = self._known.get(photo.image)
        if image is None:
            image = photo.read()
            if self._free >= image.nbytes:
                self._known[photo.image] = image
                self._free -= image.nbytes
        return image

    def _draw(self, groups: list[list[Photo]], rng: np.random.Generator) -> Photo:
        group = groups[rng.integers(len(groups))]
        return group[rng.integers(len(group))]

    def _placed(self, part: Part, rng: np.random.Generator) -> Part:
        """Return a photograph on a picture: as in prediction, or at another size and place."""
        image, hands = part
        height, width = image.shape[:2]
        size, longer = self.size, max(image.shape[:2])
        canvas = np.zeros((size, size, 3), np.uint8)
        if rng.random() < AS_PREDICTED:
            scale_x = scale_y = size / longer
            x = y = 0.0
        else:
            scale = size / longer * np.exp(rng.uniform(*np.log(ZOOM)))
            stretch = np.exp(rng.uniform(-0.15, 0.15))
            scale_x, scale_y = scale * stretch, scale / stretch
            x, y = (rng.uniform(min(0, size - own), max(0, size - own)) for own in (width * scale_x, height * scale_y))
            if self._empty and rng.random() < 0.5:  # what is beside the photograph
                canvas = cv2.resize(
                    self._read(self._draw(self._empty, rng)), (size, size), interpolation=cv2.INTER_AREA
                )
        paste(canvas, image, np.array([[scale_x, 0, x], [0, scale_y, y]]))
        return canvas, hands.moved((scale_x, scale_y), (x, y))

    def _mosaic(self, photos: list[Photo], rng: np.random.Generator) -> tuple[np.ndarray, Hands, np.ndarray]:
        """Return four photographs, each in a quarter of a picture, their hands and the boxes of what is unclear."""
        size = self.size
        canvas, found, unclear = np.zeros((size, size, 3), np.uint8), [], []
        middle = (rng.uniform(0.35, 0.65, 2) * size).astype(int)
        for i, photo in enumerate(photos):
            low = np.array([0 if i % 2 == 0 else middle[0], 0 if i < 2 else middle[1]])
            high = np.array([middle[0] if i % 2 == 0 else size, middle[1] if i < 2 else size])
            image, hands = self._turned(photo, rng)
            scale = (high - low).min() / max(image.shape[:2]) * rng.uniform(0.8, 1.4)
            part = np.zeros((high[1] - low[1], high[0] - low[0], 3), np.uint8)
            paste(part, image, np.array([[scale, 0, 0], [0, scale, 0.0]]))
            canvas[low[1] : high[1], low[0] : high[0]] = part
            shown, cut_off = in_picture(hands.moved((scale, scale), (0, 0)), *(high - low))
            found.append(shown.moved((1, 1), low))
            unclear.append(cut_off + np.array([*low, 0, 0], np.float32))
        return canvas, Hands.joined(found), np.concatenate(unclear)

    def _pasted(
        self, canvas: np.ndarray, hands: Hands, unclear: np.ndarray, rng: np.random.Generator
    ) -> tuple[Hands, np.ndarray]:
        """Paste hands into a picture, in place; return all, and what is unclear, such as parts of a hand beside one."""
        for _ in range(rng.integers(1, MOST_PASTED + 1)):
            is_hand = not self._empty or rng.random() > NO_HAND_PASTED
            photo = self._draw(self._hands if is_hand else self._empty, rng)
            if is_hand and photo.keypoints is not None:
                image, turn = self._read(photo), _any_turn(rng)
                which = int(rng.integers(len(photo.keypoints)))
                hand = photo.keypoints[which]
                shown = hand.clip(0, [image.shape[1] - 1, image.shape[0] - 1]) @ turn.T
                around = box_around(shown)
                margin = MARGIN * around[2:].max()
                box = around + np.array([-margin, -margin, 2 * margin, 2 * margin])
                direction = directions((hand @ turn.T)[None])
                beside = [box_around(other @ turn.T) for other in np.delete(photo.keypoints, which, axis=0)]
            else:
                (image, own), turn = self._turned(photo, rng, any_turn=True), np.eye(2)
                which = int(rng.integers(len(own.boxes))) if is_hand else 0
                box = own.boxes[which] if is_hand else _any_box(image, rng)
                direction = own.directions[[which]] if is_hand else np.zeros((1, 2), np.float32)
                beside = list(np.delete(own.boxes, which, axis=0)) if is_hand else []
            scale = np.exp(rng.uniform(*np.log(PASTED_SIZE))) / max(box[2:].max(), 1)
            sides = box[2:] * scale * rng.uniform(*CONTEXT)
            if (sides >= self.size).any() or scale > 2:
                continue
            corner = rng.uniform(0, self.size - sides)
            low, high = corner.astype(int), np.ceil(corner + sides).astype(int)
            place = np.array([[*corner, *sides]], np.float32)
            others = np.concatenate([hands.boxes, unclear])
            if len(others) and (share_inside(others, place) > FREE).any():
                continue
            part = np.zeros((high[1] - low[1], high[0] - low[0], 3), np.uint8)
            offset = sides / 2 - (box[:2] + box[2:] / 2) * scale
            matrix = np.column_stack([turn * scale, offset])
            paste(part, image, matrix)
            covered = paste(part * 0, np.full_like(image, 255), matrix)
            region = canvas[low[1] : high[1], low[0] : high[0]]
            np.copyto(
                region,
                part[: region.shape[0], : region.shape[1]],
                where=covered[: region.shape[0], : region.shape[1]] > 127,
            )
            if is_hand:
                new = np.array([[*(box[:2] * scale + offset + low), *(box[2:] * scale)]], np.float32)
                hands = Hands.joined([hands, Hands(new, direction)])
                edges = np.array([[*(other[:2] * scale + offset + low), *(other[2:] * scale)] for other in beside])
                unclear = np.concatenate([unclear, _inside(np.reshape(edges, (-1, 4)), low, high)])
        return hands, unclear

    def _turned(self, photo: Photo, rng: np.random.Generator, any_turn: bool = False) -> Part:
        """Return a photograph mirrored or not, and now and then turned by a quarter."""
        image, boxes, pointing = self._read(photo), photo.boxes, photo.directions
        if rng.random() < 0.5:
            image = image[:, ::-1]
            boxes = boxes * np.array([-1, 1, 1, 1]) + (image.shape[1] - boxes[:, 2:3]) * np.array([1, 0, 0, 0])
            pointing = pointing * np.array([-1, 1])
        if rng.random() < (0.5 if any_turn else 0.08):
            for _ in range(rng.integers(1, 4)):  # each a quarter to the left
                boxes = np.stack(
                    [boxes[:, 1], image.shape[1] - boxes[:, 0] - boxes[:, 2], boxes[:, 3], boxes[:, 2]], axis=1
                )
                pointing = np.stack([pointing[:, 1], -pointing[:, 0]], axis=1)
                image = np.rot90(image)
        return np.ascontiguousarray(image), Hands(boxes.astype(np.float32), pointing.astype(np.float32))


def _inside(boxes: np.ndarray, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """Return the parts of boxes (float [n, 4]) between two corners, float32 [m, 4]; none of those that lie outside."""
    first, last = np.clip(boxes[:, :2], low, high), np.clip(boxes[:, :2] + boxes[:, 2:], low, high)
    parts = np.concatenate([first, last - first], axis=1).astype(np.float32)
    return parts[(parts[:, 2:] > 0).all(axis=1)]


def _any_turn(rng: np.random.Generator) -> np.ndarray:
    """Return what mirrors and turns a hand that is pasted, float [2, 2]."""
    angle = np.radians(rng.uniform(-180, 180) if rng.random() < ANY_TURN else rng.normal(0, TURN))
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return turn @ np.diag([-1, 1]) if rng.random() < 0.5 else turn


def paste(canvas: np.ndarray, image: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """Draw an image on a canvas, in place, scaled, turned and moved by a matrix [2, 3], smoothly where it shrinks."""
    scale = float(np.sqrt(abs(np.linalg.det(matrix[:, :2]))))
    if scale < 0.6:
        factor = max(scale * 1.2, 4 / min(image.shape[:2]))
        small = cv2.resize(image, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
        again = np.array([image.shape[1] / small.shape[1], image.shape[0] / small.shape[0]])
        matrix = matrix * np.array([*again, 1])
        image = small
    size = (canvas.shape[1], canvas.shape[0])
    pasted: np.ndarray = cv2.warpAffine(image, matrix, size, canvas, cv2.INTER_LINEAR, cv2.BORDER_TRANSPARENT)
    return pasted


def _any_box(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return a box somewhere in an image, float32 [4]."""
    height, width = image.shape[:2]
    sides = rng.uniform(0.1, 0.5, 2) * min(width, height)
    return np.array([*(rng.uniform(0, 1, 2) * (np.array([width, height]) - sides)), *sides], np.float32)


def _by_group(photos: list[Photo]) -> list[list[Photo]]:
    groups: dict[str, list[Photo]] = defaultdict(list)
    for photo in photos:
        groups[photo.group].append(photo)
    return list(groups.values())
