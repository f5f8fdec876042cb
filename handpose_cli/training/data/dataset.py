"""Labelled hands as batches of crops for Keras."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import keras
import numpy as np

from handpose_cli.formats.errors import FormatError
from handpose_cli.networks.hourglass.heatmaps import crop_to_heatmap
from handpose_cli.networks.hourglass.outputs import HAND_OUTPUT
from handpose_cli.records import NUM_JOINTS, Hand, box_around, to_upright
from handpose_cli.training.data.augment import change_look, cut_random_border, random_crop, random_upright_crop
from handpose_cli.training.data.backgrounds import Backgrounds
from handpose_cli.training.data.samples import Sample, read_sample

HIDDEN_WEIGHT = 0.5  # of a joint that is labelled as hidden, in the loss
PLACES_SHARE = 0.2  # in a pass for each hand with keypoints; half of them boxed hands, if there are so many


class RandomCrops(keras.utils.PyDataset):
    """Shuffled, augmented crops: the training set.

    A batch is `crops` float32 [n, size, size, 3] (RGB, 0 to 1) and a dict of targets: for each name in `joints` float32
    [n, 21, 3], x and y in heatmap pixels and the joint's weight in the loss; and, if there are
    `places`, `hand` float32 [n, 4], for "is a hand" and "is a right hand" each the answer (0 or 1) and its weight.

    The batches never end: each pass over the samples is followed by another, in another order. A batch depends on the
    seed and on its number alone, so a resumed run, which begins at `first_batch`, sees what an uninterrupted one would.
    (Epochs are left to `fit(steps_per_epoch=...)`: Keras calls `on_epoch_end` while threads still prepare batches.)

    Of the places (see `places.find_places`), boxed hands and those without one come in equal numbers, if there are so
    many. With `upright` hands whose wrist and middle MCP joint are labelled stand upright. With `part` (i, n) a batch
    is the i-th of n parts, from 0, of what it would be.

    `failure` holds the error of an image that could not be read, since on the way through TensorFlow's input pipeline
    it becomes another one.
    """

    failure: FormatError | None = None

    def __init__(
        self,
        samples: list[Sample],
        size: int,
        batch_size: int,
        seed: int,
        first_batch: int = 0,
        joints: Sequence[str] = ("stack1_heatmaps",),
        places: Sequence[Sample] = (),
        upright: bool = False,
        part: tuple[int, int] = (0, 1),
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.samples, self.places, self.joints = samples, list(places), joints
        self.size, self.batch_size, self.seed, self.first_batch = size, batch_size, seed, first_batch
        self.upright, self.part = upright, part
        self.places_a_pass = min(len(self.places), round(PLACES_SHARE * len(samples)))
        self.batches_a_pass = (len(samples) + self.places_a_pass) // batch_size
        self.backgrounds = Backgrounds([*self.samples, *self.places], seed)
        self._order = lru_cache(maxsize=2)(self._shuffled)

    @property
    def num_batches(self) -> None:
        """Without end, in Keras's terms."""

    def __getitem__(self, index: int) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        number, batch = divmod(self.first_batch + index, self.batches_a_pass)
        which, parts = self.part
        size = self.batch_size // parts
        first = batch * self.batch_size + which * size
        chosen = self._order(number)[first : first + size]
        crops = np.empty((len(chosen), self.size, self.size, 3), np.uint8)
        joints = np.zeros((len(chosen), NUM_JOINTS, 3), np.float32)
        hands = np.zeros((len(chosen), 4), np.float32)
        for i, place in enumerate(chosen):
            rng = np.random.default_rng([self.seed, number, first + i])
            labelled = place < len(self.samples)
            sample = self.samples[place] if labelled else self.places[place - len(self.samples)]
            keypoints = None if sample.hand is None else sample.hand.keypoints
            boxed = sample.hand is not None and keypoints is None
            if self.upright and keypoints is not None and np.isfinite(to_upright(keypoints)):
                crop = random_upright_crop(keypoints, self.size, rng)
            else:
                crop = random_crop(sample.box if keypoints is None else box_around(keypoints), self.size, rng)
            try:
                image = read_sample(sample)
            except FormatError as error:
                self.failure = error
                raise
            picture = self.backgrounds.draw(number, rng)
            crops[i] = change_look(cut_random_border(image, crop, rng, picture, keypoints, boxed), rng, picture)
            hands[i] = hand_target(sample.hand, crop.mirrored)
            if sample.hand is not None and keypoints is not None:
                joints[i] = target(crop.to_crop(keypoints), sample.hand)
        targets = dict.fromkeys(self.joints, joints)
        return crops.astype(np.float32) / 255, {**targets, HAND_OUTPUT: hands} if self.places else targets

    def _shuffled(self, number: int) -> np.ndarray:
        """Return the order of a pass: indices of the samples and, behind them, of the places chosen for it."""
        rng = np.random.default_rng([self.seed, number])
        is_hand = np.array([place.hand is not None for place in self.places], bool)
        hands, free = (len(self.samples) + np.flatnonzero(of_kind) for of_kind in (is_hand, ~is_hand))
        of_hands = min(len(hands), max(self.places_a_pass // 2, self.places_a_pass - len(free)))
        chosen = [rng.choice(hands, of_hands, replace=False)]
        chosen.append(rng.choice(free, self.places_a_pass - of_hands, replace=False))
        return rng.permutation(np.concatenate([np.arange(len(self.samples)), *chosen]))


def target(keypoints_in_crop: np.ndarray, hand: Hand) -> np.ndarray:
    """Return float32 [21, 3]: the keypoints in heatmap pixels, and each joint's weight in the loss."""
    labelled = np.isfinite(keypoints_in_crop).all(axis=1)
    weights = np.where(labelled, 1.0 if hand.keypoint_scores is None else hand.keypoint_scores, 0.0)
    if hand.visibility is not None:
        weights = np.where(hand.visibility == 1, HIDDEN_WEIGHT * weights, weights)
    return np.column_stack([np.nan_to_num(crop_to_heatmap(keypoints_in_crop)), weights]).astype(np.float32)


def hand_target(hand: Hand | None, mirrored: bool) -> np.ndarray:
    """Return float32 [4]: is it a hand, 1, is it a right hand, and whether that is known."""
    if hand is None:
        return np.array([0, 1, 0, 0], np.float32)
    right = (hand.handedness == "right") != mirrored
    return np.array([1, 1, right, hand.handedness is not None], np.float32)
