"""Named hourglasses: Newell et al.'s, the student paper's and the two that are bundled."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Any

from handpose_cli.networks.hourglass.outputs import HAND_OUTPUT, POINTS_OUTPUT, heatmaps_name

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True)
class Preset:
    """A network's shape and what it is trained on.

    Attributes:
        stacks, features, order, input_size, block, hand_head: see `hourglass.build_hourglass`, and for networks on an
            encoder, which have one stack of order 3, `encoded_hourglass.build_encoded_hourglass`.
        sigma: standard deviation of the target Gaussians in heatmap pixels.
        loss: "mse" (the maps are heatmaps) or "cross-entropy" (the maps are logits of a distribution over the map).
        encoder: name of the bundled weights that its encoder starts from; "": it has none.
        points: whether it answers with the joints' coordinates too, see `encoder.coordinates`.
    """

    stacks: int
    features: int | tuple[int, ...]
    order: int
    input_size: int
    block: str
    sigma: float
    loss: str
    hand_head: bool = False
    encoder: str = ""
    points: bool = False


PRESETS = {
    # Newell et al. (2016)
    "hourglass-8": Preset(stacks=8, features=256, order=4, input_size=256, block="preact", sigma=2.0, loss="mse"),
    # the student paper's network: 2 stacks, 256 features, 256 px crops, 64 px heatmaps
    "hourglass-2": Preset(stacks=2, features=256, order=4, input_size=256, block="preact", sigma=2.0, loss="mse"),
    # bundled; dense 3x3 convolutions in its decoder, since int8 makes them the cheapest per multiply-add on processors
    "hourglass-lite": Preset(
        stacks=1,
        features=(32, 64, 128, 256),
        order=3,
        input_size=224,
        block="fixup",
        sigma=1.5,
        loss="cross-entropy",
        hand_head=True,
        encoder="hand-landmarks",
        points=True,
    ),
    # bundled as its second, for hard hands: its encoder learned too, and no longer fits the published coordinates
    "hourglass-wide": Preset(
        stacks=1,
        features=(48, 96, 160, 256),
        order=3,
        input_size=192,
        block="fixup",
        sigma=1.5,
        loss="cross-entropy",
        hand_head=True,
        encoder="hand-landmarks",
    ),
}


def get_preset(name: str) -> Preset:
    """Return the preset of that name; raise ValueError, with the names there are, if there is none."""
    if name not in PRESETS:
        raise ValueError(f"preset must be one of {', '.join(PRESETS)}. Received: {name!r}")
    return PRESETS[name]


def from_settings(settings: dict[str, Any]) -> Preset:
    """Return the preset that a run's `settings.json` describes: its `network`, or all of it in an earlier version's."""
    network = settings.get("network", settings)
    values = {field.name: network.get(field.name, field.default) for field in fields(Preset)}
    if isinstance(values["features"], list):
        values["features"] = tuple(values["features"])
    return Preset(**values)


def output_name(preset: Preset) -> str:
    """Return what the network's maps are: "heatmaps" (for `heatmaps.decode`) or "logits" (for `decode_logits`)."""
    return "heatmaps" if preset.loss == "mse" else "logits"


def for_prediction(model: keras.Model, preset: Preset) -> keras.Model:
    """Return the model as prediction takes it: the last stack's maps by `output_name`, `points` as they are, and `hand`
    as probabilities.
    """
    import keras

    outputs = {output_name(preset): model.output[heatmaps_name(preset.stacks)]}
    if preset.hand_head:
        outputs[HAND_OUTPUT] = keras.ops.sigmoid(model.output[HAND_OUTPUT])
    if preset.points:
        outputs[POINTS_OUTPUT] = model.output[POINTS_OUTPUT]
    return keras.Model(model.input, outputs)


def build(preset: Preset) -> keras.Model:
    """Build the Keras model of a preset."""
    from handpose_cli.networks.hourglass.encoded import build_encoded_hourglass
    from handpose_cli.networks.hourglass.model import build_hourglass

    if preset.encoder:
        shape = preset.features, preset.input_size, preset.block
        return build_encoded_hourglass(*shape, preset.hand_head, preset.points)
    of_others = ("sigma", "loss", "encoder", "points")
    return build_hourglass(**{name: value for name, value in asdict(preset).items() if name not in of_others})
