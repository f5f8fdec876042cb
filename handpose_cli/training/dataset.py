"""Labelled hands as batches of crops for Keras."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np

from handpose_cli.crop import CROP_SCALE, crop_around
from handpose_cli.formats import label_list
from handpose_cli.formats.errors import FormatError
from handpose_cli.heatmaps import crop_to_heatmap
from handpose_cli.records import Hand
from handpose_cli.sources.errors import UnreadableError
from handpose_cli.sources.images import read_image
from handpose_cli.training.augment import change_look, cut_random_border, random_crop


@dataclass(frozen=True)
class Sample:
    """One labelled hand: the path of its image and the hand."""

    image: Path
    hand: Hand


def read_samples(folders: Iterable[Path]) -> list[Sample]:
    """Read the `labels.json` (format `label-list`) of each folder, one sample for each hand with keypoints."""
    folders = list(folders)
    samples = []
    for folder in folders:
        for record in label_list.read(folder / "labels.json"):
            image = folder / record.file
            if not image.is_file():
                raise FormatError(f"{folder / 'labels.json'}: no such image: {image}")
            if record.frame is None:
                samples += [Sample(image, hand) for hand in record.hands if hand.keypoints is not None]
    if not samples:
        raise FormatError(f"no labelled hands in: {', '.join(map(str, folders))}")
    return samples


def _read(sample: Sample) -> np.ndarray:
    """Return the sample's image as `sources.images.read_image` does; raise FormatError, naming it, if it cannot."""
    try:
        return read_image(sample.image)
    except UnreadableError as error:
        raise FormatError(f"{sample.image}: {error}") from error


class RandomCrops(keras.utils.PyDataset):
    """Shuffled, augmented crops: the training set.

    A batch is `crops` float32 [n, size, size, 3] (RGB, 0 to 1) and `targets` float32 [n, 21, 3]: x and y in heatmap
    pixels and the joint's weight in the loss. Crop i of epoch e depends on the seed, e and i alone, so a resumed run
    sees what an uninterrupted one would. `failure` holds the error of an image that could not be read, since on the way
    through TensorFlow's input pipeline it becomes another one.
    """

    failure: FormatError | None = None

    def __init__(self, samples: list[Sample], size: int, batch_size: int, seed: int, first_epoch: int = 0, **kwargs):
        super().__init__(**kwargs)
        self.samples, self.size, self.batch_size, self.seed, self.epoch = samples, size, batch_size, seed, first_epoch
        self._shuffle()

    def __len__(self) -> int:
        return len(self.samples) // self.batch_size

    def on_epoch_end(self) -> None:
        self.epoch += 1
        self._shuffle()

    def _shuffle(self) -> None:
        self.order = np.random.default_rng([self.seed, self.epoch]).permutation(len(self.samples))

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        epoch = self.epoch
        chosen = self.order[index * self.batch_size : (index + 1) * self.batch_size]
        crops = np.empty((len(chosen), self.size, self.size, 3), np.uint8)
        targets = np.empty((len(chosen), 21, 3), np.float32)
        for i, number in enumerate(chosen):
            rng = np.random.default_rng([self.seed, epoch, int(number)])
            sample = self.samples[number]
            crop = random_crop(sample.hand.keypoints, self.size, rng)
            try:
                image = _read(sample)
            except FormatError as error:
                self.failure = error
                raise
            crops[i] = change_look(cut_random_border(image, crop, rng), rng)
            targets[i] = target(crop.to_crop(sample.hand.keypoints), sample.hand)
        return crops.astype(np.float32) / 255, targets


def target(keypoints_in_crop: np.ndarray, hand: Hand) -> np.ndarray:
    """Return float32 [21, 3]: the keypoints in heatmap pixels, and each joint's weight in the loss."""
    weights = np.ones(len(keypoints_in_crop)) if hand.keypoint_scores is None else hand.keypoint_scores
    return np.column_stack([crop_to_heatmap(keypoints_in_crop), weights]).astype(np.float32)


def centred_crops(samples: list[Sample], size: int) -> tuple[np.ndarray, list]:
    """Cut the crops that prediction would cut around the labelled boxes: the validation set.

    Returns:
        crops uint8 [n, size, size, 3] (RGB) and the `Crop` of each.
    """
    crops = [crop_around(sample.hand.box, size, CROP_SCALE) for sample in samples]
    return np.stack([crop.cut(_read(s)) for crop, s in zip(crops, samples, strict=True)]), crops
