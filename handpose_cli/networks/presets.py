"""Named hourglasses: the paper's, the seed project's and the light one that is bundled."""

from __future__ import annotations

from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class Preset:
    """A network's shape and the width of the Gaussians it is trained on.

    Attributes:
        stacks, features, order, input_size, block: see `hourglass.build_hourglass`.
        sigma: standard deviation of the target Gaussians in heatmap pixels.
    """

    stacks: int
    features: int | tuple[int, ...]
    order: int
    input_size: int
    block: str
    sigma: float


PRESETS = {
    # Newell et al. (2016)
    "hourglass-8": Preset(stacks=8, features=256, order=4, input_size=256, block="preact", sigma=2.0),
    # the seed project's network: 2 stacks, 256 features, 256 px crops, 64 px heatmaps
    "hourglass-2": Preset(stacks=2, features=256, order=4, input_size=256, block="preact", sigma=2.0),
    # bundled; plain 3x3 blocks, since int8 makes dense convolutions the cheapest per multiply-add on processors
    "hourglass-lite": Preset(
        stacks=1, features=(48, 96, 128, 192, 192), order=4, input_size=192, block="plain", sigma=1.5
    ),
}


def get_preset(name: str) -> Preset:
    """Return the preset of that name; raise ValueError, with the names there are, if there is none."""
    if name not in PRESETS:
        raise ValueError(f"preset must be one of {', '.join(PRESETS)}. Received: {name!r}")
    return PRESETS[name]


def build(preset: Preset):
    """Build the Keras model of a preset."""
    from handpose_cli.networks.hourglass import build_hourglass

    settings = asdict(preset)
    settings.pop("sigma")
    return build_hourglass(**settings)
