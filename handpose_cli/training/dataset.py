"""Labelled hands as batches of crops for Keras."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np

from handpose_cli.crop import CROP_SCALE, crop_around
from handpose_cli.formats.errors import FormatError
from handpose_cli.formats.source import Source
from handpose_cli.heatmaps import crop_to_heatmap
from handpose_cli.networks.hourglass import HAND_OUTPUT
from handpose_cli.records import NUM_JOINTS, Hand, box_around
from handpose_cli.sources.errors import UnreadableError
from handpose_cli.sources.images import read_image
from handpose_cli.training.augment import change_look, cut_random_border, random_crop

NEGATIVE_SHARE = 0.25  # places without a hand for each hand


@dataclass(frozen=True)
class Sample:
    """One labelled hand: the path of its image and the hand; or a place without one (`hand` is None)."""

    image: Path
    hand: Hand | None
    box: np.ndarray


def read_samples(sources: Iterable[str]) -> list[Sample]:
    """Read labels, each `[FORMAT:]PATH`: one sample for each hand with keypoints in a still image.

    Raises:
        FormatError: if a file cannot be read, an image is missing, or there is no such hand.
    """
    sources = list(sources)
    samples = []
    for source in map(Source.parse, sources):
        for record in source.read():
            hands = [hand for hand in record.hands if hand.keypoints is not None]
            if record.frame is not None or not hands:
                continue
            image = source.folder / record.file
            if not image.is_file():
                raise FormatError(f"{source.path}: no such image: {image}")
            samples += [Sample(image, hand, hand.box) for hand in hands]
    if not samples:
        raise FormatError(f"no labelled hands in: {', '.join(sources)}")
    return samples


def _read(sample: Sample) -> np.ndarray:
    """Return the sample's image as `sources.images.read_image` does; raise FormatError, naming it, if it cannot."""
    try:
        return read_image(sample.image)
    except UnreadableError as error:
        raise FormatError(f"{sample.image}: {error}") from error


class RandomCrops(keras.utils.PyDataset):
    """Shuffled, augmented crops: the training set.

    A batch is `crops` float32 [n, size, size, 3] (RGB, 0 to 1) and a dict of targets: for each name in `maps` float32
    [n, 21, 3], x and y in heatmap pixels and the joint's weight in the loss; and, if there are negatives, `hand`
    float32 [n, 4], for "is a hand" and "is a right hand" each the answer (0 or 1) and its weight.

    Crop i of epoch e depends on the seed, e and i alone, so a resumed run sees what an uninterrupted one would.
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
        first_epoch: int = 0,
        maps: Sequence[str] = ("stack1_heatmaps",),
        negatives: Sequence[Sample] = (),
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.samples, self.negatives, self.maps = samples, list(negatives), maps
        self.size, self.batch_size, self.seed, self.epoch = size, batch_size, seed, first_epoch
        self._shuffle()

    def __len__(self) -> int:
        return len(self.order) // self.batch_size

    def on_epoch_end(self) -> None:
        self.epoch += 1
        self._shuffle()

    def _shuffle(self) -> None:
        rng = np.random.default_rng([self.seed, self.epoch])
        count = min(len(self.negatives), round(NEGATIVE_SHARE * len(self.samples)))
        chosen = len(self.samples) + rng.choice(len(self.negatives), count, replace=False)
        self.order = rng.permutation(np.concatenate([np.arange(len(self.samples)), chosen]).astype(int))

    def __getitem__(self, index: int) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        epoch = self.epoch
        chosen = self.order[index * self.batch_size : (index + 1) * self.batch_size]
        crops = np.empty((len(chosen), self.size, self.size, 3), np.uint8)
        joints = np.zeros((len(chosen), NUM_JOINTS, 3), np.float32)
        hands = np.zeros((len(chosen), 4), np.float32)
        for i, number in enumerate(chosen):
            rng = np.random.default_rng([self.seed, epoch, int(number)])
            of_hands = number < len(self.samples)
            sample = self.samples[number] if of_hands else self.negatives[number - len(self.samples)]
            crop = random_crop(sample.box if sample.hand is None else box_around(sample.hand.keypoints), self.size, rng)
            try:
                image = _read(sample)
            except FormatError as error:
                self.failure = error
                raise
            crops[i] = change_look(cut_random_border(image, crop, rng), rng)
            hands[i] = hand_target(sample.hand, crop.mirrored)
            if sample.hand is not None:
                joints[i] = target(crop.to_crop(sample.hand.keypoints), sample.hand)
        targets = dict.fromkeys(self.maps, joints)
        return crops.astype(np.float32) / 255, {**targets, HAND_OUTPUT: hands} if self.negatives else targets


def target(keypoints_in_crop: np.ndarray, hand: Hand) -> np.ndarray:
    """Return float32 [21, 3]: the keypoints in heatmap pixels, and each joint's weight in the loss."""
    labelled = np.isfinite(keypoints_in_crop).all(axis=1)
    weights = np.where(labelled, 1.0 if hand.keypoint_scores is None else hand.keypoint_scores, 0.0)
    return np.column_stack([np.nan_to_num(crop_to_heatmap(keypoints_in_crop)), weights]).astype(np.float32)


def hand_target(hand: Hand | None, mirrored: bool) -> np.ndarray:
    """Return float32 [4]: is it a hand, 1, is it a right hand, and whether that is known."""
    if hand is None:
        return np.array([0, 1, 0, 0], np.float32)
    right = (hand.handedness == "right") != mirrored
    return np.array([1, 1, right, hand.handedness is not None], np.float32)


def centred_crops(samples: list[Sample], size: int) -> tuple[np.ndarray, list]:
    """Cut the crops that prediction would cut around the labelled boxes: the validation set.

    Returns:
        crops uint8 [n, size, size, 3] (RGB) and the `Crop` of each.
    """
    crops = [crop_around(sample.box, size, CROP_SCALE) for sample in samples]
    return np.stack([crop.cut(_read(s)) for crop, s in zip(crops, samples, strict=True)]), crops
