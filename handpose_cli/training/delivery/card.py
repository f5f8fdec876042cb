"""The model card of a run of an hourglass, made of its folder's files alone: `settings.json`, `data.json`, `log.csv`
and `models.json`."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from handpose_cli.engine.keras import contract_of
from handpose_cli.files import atomic
from handpose_cli.labels.source import Source
from handpose_cli.networks.hourglass import presets
from handpose_cli.networks.hourglass.heatmaps import NEAR, SCORE_RADIUS, STRIDE
from handpose_cli.records import KEYPOINT_NAMES
from handpose_cli.training.checkpoint import LOG
from handpose_cli.training.data.dataset import PLACES_SHARE
from handpose_cli.training.data.digest import OF_LABELS, TEACHER, Known
from handpose_cli.training.delivery.curves import draw_curves, read_columns
from handpose_cli.training.delivery.deliver import CALIBRATION_CROPS, INT8, INT8_COSTS, KERAS, ONNX, PCK
from handpose_cli.training.settings import SettingsError, Stage, said
from handpose_cli.training.validation import MONITOR
from handpose_cli.weights import RUN_MODELS, RUN_SETTINGS, RUN_WEIGHTS

CARD, CURVES, DATA = "card.md", "curves.png", "data.json"

USES = {
    KERAS: "Keras: `keras.models.load_model`",
    "model.tflite": "LiteRT, float32",
    INT8: f"LiteRT, int8, calibrated on {CALIBRATION_CROPS} training crops",
    ONNX: "ONNX Runtime and others",
}


def write_data(run: Path, known: Known, trained: int, held: int, shared: tuple[int, int] = (0, 0)) -> None:
    """Write `data.json`, what the card says of the data, and what `--resume` holds them against.

    Args:
        known: what was read, see `data.digest`.
        trained: hands to train on.
        held: hands to validate on, of `val`, or of `data` where there is no `val`.
        shared: see `data.samples.shared_images`.
    """

    def rows(option: str, sources: Mapping[str, tuple[int, str]]) -> list[dict[str, Any]]:
        return [
            {
                "source": text,
                **({"format": Source.parse(text).format.name} if option in OF_LABELS else {}),
                "count": count,
                "sha256": digest,
            }
            for text, (count, digest) in sources.items()
        ]

    counts = {"trained": trained, "held": held, "shared": shared}
    described = {**{option: rows(option, of_it) for option, of_it in known.items()}, **counts}
    with atomic(run / DATA) as file:
        json.dump(described, file, indent=1)
        file.write("\n")


def read_known(run: Path) -> Known:
    """Return the sources' counts and digests that `write_data` wrote; of a run begun before there were any, none.

    Raises:
        SettingsError: if the file is damaged.
    """
    path = run / DATA
    try:
        described = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
        return {
            name: {row["source"]: (row["count"], row["sha256"]) for row in described.get(name, ()) if "sha256" in row}
            for name in (*OF_LABELS, TEACHER)
        }
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise SettingsError(f"{path} is damaged, which says what {run} was trained on", "damaged_data") from error


def write_card(run: Path) -> Path:
    """Write `card.md` and, for it, `curves.png`; return the card's path.

    Raises:
        OSError: if a file of the run is missing. ValueError: if one is damaged.
    """
    settings, data, models = (
        json.loads((run / name).read_text(encoding="utf-8")) for name in (RUN_SETTINGS, DATA, RUN_MODELS)
    )
    preset = presets.from_settings(settings)
    draw_curves(run / LOG, run / CURVES)
    parts = [
        _head(settings["preset"], preset, models),
        _preprocessing(preset),
        _outputs(preset),
        _data(data, settings, len(read_columns(run / LOG)[0])),
        recipe(settings),
        _validation(run / LOG, data["held"]),
        _files(models, preset),
        _limits(preset),
    ]
    with atomic(run / CARD) as file:
        file.write("\n\n".join(parts) + "\n")
    return run / CARD


def _head(name: str, preset: presets.Preset, models: dict[str, Any]) -> str:
    stacks = "one stack" if preset.stacks == 1 else f"{preset.stacks} stacks"
    encoder = (
        """
Its way down has the layers of MediaPipe's hand landmark network (Zhang et al., 2020). If it started from that \
network's weights (`weights` in the recipe), it is made from them, and their Apache License 2.0 goes with it."""
        if preset.encoder
        else ""
    )
    versions = ", ".join(f"{library} {number}" for library, number in models["versions"].items())
    return f"""# {name}: 21 hand keypoints

A stacked hourglass (Newell et al., 2016): {stacks}, order {preset.order}, {_said(preset.features)} features, \
`{preset.block}` blocks, {models["parameters"]:,} parameters.{encoder}
Trained by `handpose train` {models["handpose"]} ({versions}); `python -m handpose_cli.training.delivery.card` \
makes this card again from the files beside it."""


def _preprocessing(preset: presets.Preset) -> str:
    size = preset.input_size
    return f"""## Input

`crop`: float32 [n, {size}, {size}, 3], RGB, 0 to 1; one hand in each crop.

1. Take the upright image (EXIF orientation applied), 8 bits a channel, RGB.
2. Take a square with the centre c of the hand's box, and a side s of {contract_of(preset).crop_scale} times the box's \
longer side. The image's point p is the crop's point (p - c) * {size} / s + {(size - 1) / 2:g}; the first pixel's \
centre is (0, 0).
3. Interpolate bilinearly; where s is {2 * size} pixels or more, shrink the image by averaging whole blocks of pixels \
first. What lies outside the image is black.
4. Divide by 255. The network does the rest itself."""


def _outputs(preset: presets.Preset) -> str:
    name, side = presets.output_name(preset), preset.input_size // STRIDE
    if name == "logits":
        meaning = f"""a map for each joint. Its softmax is the probability of each place; smoothed by a Gaussian \
(standard deviation {NEAR:g} map pixels, nothing outside the map), it peaks at the joint, to a fraction of a pixel by \
the vertex of the parabola through the logarithms of the peak and its neighbours, in x and in y. `handpose` smooths \
at every second pixel only, which moves a joint by a twentieth of one, in the median. The joint's score is the \
probability (of the softmax, not smoothed) that it is within {SCORE_RADIUS} map pixels of there in x and in y"""
    else:
        meaning = f"""a map for each joint, a Gaussian (sigma {preset.sigma:g} map pixels, peak 1) around it. The \
joint is at its peak, to a fraction of a pixel by the vertex of the parabola through the logarithms of the peak and \
its neighbours, in x and in y. The joint's score is the peak's value"""
    hand = "\n\n`hand`: float32 [n, 2], the probabilities that the crop shows a hand, and that it is a right one."
    points = (
        "\n\n`points`: float32 [n, 42], the encoder's own answer: x and y of each joint in the crop's pixels from its "
        "upper left corner, so that the first pixel's centre is (0.5, 0.5). `handpose` draws the maps' answer to it "
        "where both are near (`handpose_cli/engine/joining.py`)."
    )
    return f"""## Outputs

`{name}`: float32 [n, {side}, {side}, {len(KEYPOINT_NAMES)}], {meaning}. The map's point m is the crop's point \
{STRIDE} * m + {(STRIDE - 1) / 2:g}.{hand if preset.hand_head else ""}\
{points if preset.points else ""}

Joints, from 0: {", ".join(KEYPOINT_NAMES)}."""


def _data(data: dict[str, Any], settings: dict[str, Any], epochs: int) -> str:
    uses = (("data", "training", "hands"), ("val", "validation", "hands"), ("negatives", "the hand score", "places"))
    rows = [
        (use, f"`{row['source']}`", row["format"], f"{row['count']:,} {unit}")
        for key, use, unit in uses
        for row in data[key]
    ]
    held = "" if data["val"] else f"; {settings['val_split']:.0%} of the training data's images were held back for it"
    licences = "; ".join(settings.get("data_licence", ())) or "not stated"
    return f"""## Data

{table(("for", "source", "format", "labelled"), rows)}

Trained on {data["trained"]:,} hands, of which each was seen {_passes(data, settings, epochs):,.1f} times on average, \
validated on {data["held"]:,}{held}{also_trained_on(data)}.

Licence of the data: {licences}."""


def also_trained_on(data: dict[str, Any]) -> str:
    """Return what follows on how many are validated on, if some of their images are trained on too."""
    some, images = data.get("shared", (0, 0))  # there were none before
    return f"; {some:,} of the {images:,} images to validate on are also trained on" if some else ""


def _passes(data: dict[str, Any], settings: dict[str, Any], epochs: int) -> float:
    if settings.get("steps_per_epoch") is None:
        return epochs
    places = min(sum(row["count"] for row in data["negatives"]), PLACES_SHARE * data["trained"])
    return float(epochs * settings["steps_per_epoch"] * settings["batch_size"] / (data["trained"] + places))


def recipe(settings: dict[str, Any]) -> str:
    """Return the card's part on the settings."""
    return f"""## Recipe

{table(("setting", "value"), [(name, _said(value)) for name, value in settings.items() if name != "network"])}

Images were changed at random as `handpose_cli/training` of that version does."""


def _validation(log: Path, held: int) -> str:
    epochs, columns = read_columns(log)
    best = columns[MONITOR].index(max(columns[MONITOR]))
    rows = [(name, *(f"{values[at]:.5g}" for at in (best, -1))) for name, values in columns.items()]
    return f"""## Validation

{table(("", f"best epoch ({epochs[best]})", f"last epoch ({epochs[-1]})"), rows)}

On {held:,} hands, cropped by their labelled boxes. `pck@T/keypoints` is the share of joints whose error is under T \
times the longer side of the box around the labelled keypoints, `nme/keypoints` the mean error over that side. The \
best epoch, by `{MONITOR}`, is the one that is kept.

![learning curves]({CURVES})"""


def _files(models: dict[str, Any], preset: presets.Preset) -> str:
    rows = [
        (
            f"`{name}`",
            USES[name],
            f"{measured['bytes'] / 1e6:.1f} MB",
            ", ".join(f"{output} {value:.1g}" for output, value in measured["largest_difference"].items()),
            f"{measured[PCK]:.4f}" if PCK in measured else "",
        )
        for name, measured in models["files"].items()
    ]
    reason = f"its {PCK} is at most {INT8_COSTS} lower" if models["litert"] == INT8 else "int8 is less accurate"
    return f"""## Files

{table(("file", "for", "size", "largest difference", PCK), rows)}

The differences are from the Keras model, on {models["checked_crops"]} validation crops; those of \
`{presets.output_name(preset)}` over its range. {PCK} was measured on {models["validation_hands"]:,} validation hands. \
`handpose predict --weights` with this folder runs `{models["litert"]}` ({reason}), with `--engine keras` \
`{RUN_WEIGHTS}`."""


def _limits(preset: presets.Preset) -> str:
    hand = (
        "`hand` was learnt from the hands and the places above; what is unlike them may pass for a hand."
        if preset.hand_head
        else "It answers with 21 joints whatever the crop shows, and does not say which hand it is."
    )
    return f"""## Limits

- It knows the data above and nothing else. On other cameras, light, skin, gloves, objects in the hand or poses it can \
be wrong, also with high scores: measure it on labels of your own with `handpose evaluate --weights`.
- The validation data chose the best epoch, so its figures flatter a little; people and places that are in the \
training data too flatter more.
- It must be given a box of one hand, and the crop {contract_of(preset).crop_scale} times that box, as above.
- {hand}
- Hidden joints get a place like the others, a guess. Keypoints are in the picture's plane; there is no depth.
- A video's frames are answered one by one."""


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a Markdown table."""
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def _said(value: Any) -> str:
    if isinstance(value, list | tuple):
        return ", ".join(map(_said, value)) or "none"
    if isinstance(value, dict):  # a stage
        return said(Stage(**value))
    return "none" if value is None else str(value)
