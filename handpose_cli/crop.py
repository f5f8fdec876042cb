"""The one affine map between an image and a hand's square crop, used in training and in prediction, both ways."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

# Side of the crop over the longer side of the hand's box: room for a loose box and for the fingertips' flesh.
CROP_SCALE = 1.3


@dataclass(frozen=True)
class Crop:
    """A square crop of an image.

    Attributes:
        matrix: float64 [2, 3], takes pixels of the image to pixels of the crop (centre of the top left pixel: 0, 0).
        size: side of the crop in pixels.
    """

    matrix: np.ndarray
    size: int

    @property
    def mirrored(self) -> bool:
        """Whether left and right are exchanged."""
        return bool(np.linalg.det(self.matrix[:, :2]) < 0)

    def to_crop(self, points: np.ndarray) -> np.ndarray:
        """Map points [..., 2] from image pixels to crop pixels."""
        mapped: np.ndarray = points @ self.matrix[:, :2].T + self.matrix[:, 2]
        return mapped

    def to_image(self, points: np.ndarray) -> np.ndarray:
        """Map points [..., 2] from crop pixels to image pixels."""
        mapped: np.ndarray = (points - self.matrix[:, 2]) @ np.linalg.inv(self.matrix[:, :2]).T
        return mapped

    @property
    def coarseness(self) -> float:
        """How many pixels of the image, in x and in y, make one of the crop's."""
        return 1 / max(float(np.sqrt(abs(np.linalg.det(self.matrix[:, :2])))), 1e-9)

    @property
    def shrink(self) -> int:
        """The same, rounded down; at least 1."""
        return max(int(self.coarseness), 1)

    def of_reduced(self, factor: int) -> Crop:
        """Return this crop of the image reduced to 1/factor, each of whose pixels is a mean of factor x factor."""
        linear = self.matrix[:, :2]
        return Crop(
            np.column_stack([linear * factor, linear @ np.full(2, (factor - 1) / 2) + self.matrix[:, 2]]), self.size
        )

    def cut(
        self, image: np.ndarray, border: int = cv2.BORDER_CONSTANT, fill: Sequence[float] = (0, 0, 0)
    ) -> np.ndarray:
        """Cut the crop out of an image (uint8 [h, w, c]); what lies outside the image is padded.

        A hand larger than the crop is shrunk by pixel areas first, since interpolation alone would skip pixels.
        """
        matrix = self.matrix
        if self.shrink >= 2:
            image, matrix = self._shrunk_region(image, self.shrink)
        cut: np.ndarray = cv2.warpAffine(
            image, matrix, (self.size, self.size), flags=cv2.INTER_LINEAR, borderMode=border, borderValue=fill
        )
        return cut

    def _shrunk_region(self, image: np.ndarray, shrink: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the part of the image under the crop, 1/shrink of its size, and the matrix from it to the crop."""
        height, width = image.shape[:2]
        corners = self.to_image(np.array([[0, 0], [1, 0], [0, 1], [1, 1]], np.float64) * (self.size - 1))
        # whole blocks of shrink x shrink pixels, two beyond the crop
        low = np.maximum(np.floor(corners.min(axis=0) / shrink) - 2, 0).astype(int) * shrink
        high = (np.ceil(corners.max(axis=0) / shrink) + 2).astype(int) * shrink
        high = np.minimum(np.maximum(high, low + shrink), [width, height])
        region = image[low[1] : high[1], low[0] : high[0]]
        if region.size == 0:  # the crop lies outside the image: any one pixel serves, all of the crop is border
            return image, self.matrix
        small = cv2.resize(
            region,
            (max(region.shape[1] // shrink, 1), max(region.shape[0] // shrink, 1)),
            interpolation=cv2.INTER_AREA,
        )
        # pixel p of the small region is centred on pixel low + (p + 0.5) * factor - 0.5 of the image
        factor = np.array([region.shape[1] / small.shape[1], region.shape[0] / small.shape[0]])
        linear = self.matrix[:, :2]
        matrix = np.column_stack([linear * factor, linear @ (low + 0.5 * factor - 0.5) + self.matrix[:, 2]])
        return small, matrix


def crop_around(
    box: np.ndarray,
    size: int,
    scale: float = CROP_SCALE,
    rotation: float = 0.0,
    mirror: bool = False,
    shift: tuple[float, float] = (0.0, 0.0),
) -> Crop:
    """Return the square crop centred on a box.

    Args:
        box: x, y, width, height in image pixels; a box without area is taken as one pixel.
        size: side of the crop in pixels.
        scale: side of the crop over the longer side of the box.
        rotation: degrees by which the crop's content is turned clockwise.
        mirror: flip left and right.
        shift: where the box's centre comes to lie, as fractions of the crop's side from its centre.
    """
    x, y, width, height = (float(v) for v in box)
    zoom = size / (scale * max(width, height, 1.0))
    cos, sin = np.cos(np.radians(rotation)) * zoom, np.sin(np.radians(rotation)) * zoom
    linear = np.array([[cos, -sin], [sin, cos]])
    if mirror:
        linear[0] *= -1
    middle = (size - 1) / 2 + np.asarray(shift, np.float64) * size
    centre = np.array([x + width / 2, y + height / 2])
    return Crop(np.column_stack([linear, middle - linear @ centre]), size)


def crop_around_turned(
    keypoints: np.ndarray,
    size: int,
    scale: float,
    rotation: float,
    mirror: bool = False,
    shift: tuple[float, float] = (0.0, 0.0),
) -> Crop:
    """Return the square crop centred on a hand as it lies when turned, which may be longer than it was.

    Args:
        keypoints: float [21, 2] in image pixels; NaN: not labelled.
        scale: side of the crop over the longer side of the turned hand.
        size, rotation, mirror, shift: see `crop_around`.
    """
    cos, sin = np.cos(np.radians(rotation)), np.sin(np.radians(rotation))
    turn = np.array([[cos, -sin], [sin, cos]])
    turned = keypoints[np.isfinite(keypoints).all(axis=1)] @ turn.T
    low, high = turned.min(axis=0), turned.max(axis=0)
    x, y = turn.T @ ((low + high) / 2)
    side = (high - low).max()
    return crop_around(np.array([x - side / 2, y - side / 2, side, side]), size, scale, rotation, mirror, shift)
