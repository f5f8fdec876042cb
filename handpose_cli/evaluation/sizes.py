"""Labels and what they are held against must be of the same sizes."""

from __future__ import annotations

from collections.abc import Mapping

from handpose_cli.labels.file_matching import Key
from handpose_cli.records import ImageRecord
from handpose_cli.sizes import same_size


def same_sizes(
    labels: Mapping[Key, ImageRecord], others: Mapping[Key, ImageRecord], of: str, rescale: bool
) -> dict[Key, ImageRecord]:
    """Return the labels, each in the size that another record of its image has; see `same_size`."""
    fitted = dict(labels)
    for key, other in others.items():
        if key in labels:
            fitted[key] = same_size(labels[key], other.width, other.height, of, rescale)
    return fitted
