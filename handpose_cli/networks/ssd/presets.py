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
        encoder: name of the bundled weights that its encoder, and so its layers, are those of.
    """

    input_size: int = 192
    encoder: str = "palm-encoder"

    @property
    def is_palm(self) -> bool:
        """Whether it is that on the palm detector's encoder, which 8 bits do not suit; the other one has directions."""
        return self.encoder == "palm-encoder"


DETECTORS = {"ssd-palm": DetectorPreset(), "ssd-hand": DetectorPreset(encoder="hand-landmarks")}


def from_settings(settings: dict[str, Any]) -> DetectorPreset:
    """Return the preset that a run's `settings.json` describes."""
    network = settings["network"]
    return DetectorPreset(**{field.name: network[field.name] for field in fields(DetectorPreset)})


def build(preset: DetectorPreset) -> keras.Model:
    """Build the Keras model of a preset."""
    from handpose_cli.networks.ssd.hand_model import build_hand_ssd
    from handpose_cli.networks.ssd.palm_model import build_palm_ssd

    return (build_palm_ssd if preset.is_palm else build_hand_ssd)(preset.input_size)


def build_encoder(preset: DetectorPreset) -> keras.Model:
    """Build the encoder alone, whose layers are named as those of the detector."""
    from handpose_cli.networks.hourglass import encoder
    from handpose_cli.networks.ssd.palm_encoder import build_palm_encoder

    return (build_palm_encoder if preset.is_palm else encoder.build_encoder)(preset.input_size)


def freeze(model: keras.Model, learns: str) -> None:
    """Choose which layers of a detector learn, see `encoder.freeze` and `palm_encoder.freeze`."""
    from handpose_cli.networks.hourglass import encoder
    from handpose_cli.networks.ssd import palm_encoder

    is_palm = any(layer.name.startswith(palm_encoder.PREFIX) for layer in model.layers)
    (palm_encoder if is_palm else encoder).freeze(model, learns)
