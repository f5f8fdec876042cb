"""Named detectors that `handpose train` trains."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True)
class DetectorPreset:
    """A detector's shape.

    Attributes:
        input_size: side of the square, in pixels, that an image is fitted into; a multiple of 32.
        encoder: name of the bundled weights that its encoder starts from.
    """

    input_size: int = 192
    encoder: str = "palm-encoder"


DETECTORS = {"ssd-palm": DetectorPreset()}


def from_settings(settings: dict[str, Any]) -> DetectorPreset:
    """Return the preset that a run's `settings.json` describes."""
    network = settings["network"]
    return DetectorPreset(**{field.name: network[field.name] for field in fields(DetectorPreset)})


def build(preset: DetectorPreset) -> keras.Model:
    """Build the Keras model of a preset."""
    from handpose_cli.networks.ssd.palm_model import build_palm_ssd

    return build_palm_ssd(preset.input_size)
