"""Pictures to put behind and in front of hands: pieces of the training photographs that show no labelled hand."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import cv2
import numpy as np

from handpose_cli.media.errors import UnreadableError
from handpose_cli.training.data.samples import Sample, read_noted

PICTURES = 384  # kept in memory, at most 75 MB
STAY = 8  # passes over the data for which a picture stays: in each an eighth of them are new
SIDE = 256  # of a picture in pixels, at most
LEAST_SIDE = 40  # of a place worth showing
PLAIN = 20.0  # standard deviation of a picture with little to see; most are passed over
TRIES = 8  # images read in search of a place worth showing


class Backgrounds:
    """A pool of pictures, each read when it is first drawn.

    Even colours, if there is nothing else. Half of them are places without a hand, if there are any; the others are cut
    beside the labelled hands, where these are all, or blurred until no hand is left in them. What a draw gives depends
    on the seed, the pass and the generator alone.
    """

    def __init__(self, samples: Iterable[Sample], seed: int):
        self.seed = seed
        self.places: list[tuple[Path, np.ndarray]] = []
        self.images: dict[Path, list[np.ndarray]] = {}
        partial: set[Path] = set()
        for sample in samples:
            if sample.hand is None:
                self.places.append((sample.image, sample.box))
            else:
                self.images.setdefault(sample.image, []).append(sample.box)
                if not sample.exhaustive:
                    partial.add(sample.image)
        for image in partial:
            del self.images[image]
        self.paths = list(self.images)
        self.pool: dict[int, tuple[int, np.ndarray]] = {}

    def draw(self, number: int, rng: np.random.Generator) -> np.ndarray:
        """Return a picture for pass `number`: uint8 [side, side, 3], RGB, not to be written to."""
        slot = int(rng.integers(PICTURES))
        generation = (number + slot) // STAY
        held = self.pool.get(slot)
        if held is None or held[0] != generation:
            held = self.pool[slot] = generation, self._read(np.random.default_rng([self.seed, slot, generation, 1]))
        return held[1]

    def _read(self, rng: np.random.Generator) -> np.ndarray:
        from_places = bool(self.places) and (not self.paths or rng.random() < 0.5)
        image = np.full((SIDE, SIDE, 3), rng.integers(0, 256, 3), np.uint8)
        for _ in range(TRIES if self.places or self.paths else 0):
            if from_places:
                path, box = self.places[rng.integers(len(self.places))]
            else:
                path = self.paths[rng.integers(len(self.paths))]
            try:
                image = read_noted(path)
            except UnreadableError:
                continue  # reported when the image's own turn comes
            place = _inside(box, image) if from_places else _place_beside(self.images[path], image, rng)
            if place is not None:
                image = piece = _shrunk(image[place])
                if piece.std(axis=(0, 1)).max() < PLAIN and rng.random() < 0.85:
                    continue
                return cv2.GaussianBlur(piece, (0, 0), rng.uniform(0.7, 4)) if rng.random() < 0.25 else piece
        small = cv2.resize(image, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
        blurred: np.ndarray = cv2.GaussianBlur(small, (0, 0), SIDE / 8)
        return blurred


def view(picture: np.ndarray, size: int, rng: np.random.Generator) -> np.ndarray:
    """Return a random part of a picture (uint8 [side, side, 3]) as uint8 [size, size, 3], half of the time mirrored."""
    side = picture.shape[0]
    part = max(int(side * rng.uniform(0.5, 1)), 2)
    y, x = rng.integers(0, side - part + 1, 2)
    picture = picture[y : y + part, x : x + part]
    part_of_it: np.ndarray = cv2.resize(picture[:, ::-1] if rng.random() < 0.5 else picture, (size, size))
    return part_of_it


def _inside(box: np.ndarray, image: np.ndarray) -> tuple[slice, slice] | None:
    """Return the square at the box's corner that lies inside box and image; None if it is too small to show."""
    x, y = (max(int(v), 0) for v in box[:2])
    side = min(int(box[2]), int(box[3]), image.shape[1] - x, image.shape[0] - y)
    return (slice(y, y + side), slice(x, x + side)) if side >= LEAST_SIDE else None


def _place_beside(boxes: list[np.ndarray], image: np.ndarray, rng: np.random.Generator) -> tuple[slice, slice] | None:
    """Return the largest of some random squares that no hand reaches into, or None."""
    height, width = image.shape[:2]
    if min(height, width) < LEAST_SIDE:
        return None
    x, y, w, h = np.array(boxes, np.float32).T[..., None]
    margin = 0.15 * np.maximum(w, h)  # the box is that of the joints, without the flesh around them
    sides = rng.uniform(LEAST_SIDE, min(height, width), 64)
    left, top = rng.uniform(0, 1, (2, 64)) * [width - sides, height - sides]
    apart = (left > x + w + margin) | (left + sides < x - margin) | (top > y + h + margin) | (top + sides < y - margin)
    sides = np.where(apart.all(axis=0), sides, 0)
    best = sides.argmax()
    corner, side = (int(left[best]), int(top[best])), int(sides[best])
    return (slice(corner[1], corner[1] + side), slice(corner[0], corner[0] + side)) if side else None


def _shrunk(piece: np.ndarray) -> np.ndarray:
    if piece.shape[0] <= SIDE:
        return piece.copy()  # lets go of the whole image
    small: np.ndarray = cv2.resize(piece, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    return small
