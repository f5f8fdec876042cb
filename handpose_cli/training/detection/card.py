"""The model card of a detector's run, made from the files of its folder alone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from handpose_cli.files import atomic
from handpose_cli.networks.ssd import presets
from handpose_cli.networks.ssd.cells import SIZE_IN_STRIDES, STRIDES
from handpose_cli.training.checkpoint import LOG
from handpose_cli.training.delivery.card import CARD, CURVES, DATA, also_trained_on, recipe, table
from handpose_cli.training.delivery.curves import draw_curves, read_columns
from handpose_cli.training.delivery.deliver import INT8
from handpose_cli.training.detection.validation import MONITOR
from handpose_cli.weights import RUN_MODELS, RUN_SETTINGS


def write_card(run: Path) -> Path:
    """Write `card.md` and, for it, `curves.png`; return the card's path.

    Raises:
        OSError: if a file of the run is missing. ValueError: if one is damaged.
    """
    settings, data, models = (
        json.loads((run / name).read_text(encoding="utf-8")) for name in (RUN_SETTINGS, DATA, RUN_MODELS)
    )
    draw_curves(run / LOG, run / CURVES)
    parts = [_head(settings, models), _data(data, settings), recipe(settings), _validation(run / LOG), _files(models)]
    with atomic(run / CARD) as file:
        file.write("\n\n".join([*parts, LIMITS]) + "\n")
    return run / CARD


def _head(settings: dict[str, Any], models: dict[str, Any]) -> str:
    size, is_palm = settings["network"]["input_size"], presets.from_settings(settings).is_palm
    versions = ", ".join(f"{library} {number}" for library, number in models["versions"].items())
    return f"""# {settings["preset"]}: boxes of hands

An anchor-free SSD (one box a cell, as in FCOS, Tian et al., 2019) on the layers of MediaPipe's \
{"palm detector (Bazarevsky and Zhang, 2019)" if is_palm else "hand landmark network (Zhang et al., 2020)"}, \
{models["parameters"]:,} parameters. If it started from that network's weights \
(`weights` in the recipe), it is made from them, and their Apache License 2.0 goes with it. Trained by \
`handpose train` {models["handpose"]} ({versions}).

## Input and outputs

`image`: float32 [n, {size}, {size}, 3], RGB, 0 to 1: the upright image fitted into the square's top left corner, the \
rest black.

{"`scores`: float32 [n, cells], 0 to 1" if is_palm else "`logits`: float32 [n, cells], log-odds of a hand"}, and \
`encodings`: float32 [n, cells, 4], for the cells of strides {", ".join(map(str, STRIDES))}, each row by row: the box \
centre's distance from the cell's, in strides, and the logarithm of its width and height over {SIZE_IN_STRIDES:g} \
strides.{"" if is_palm else DIRECTIONS}"""


def _data(data: dict[str, Any], settings: dict[str, Any]) -> str:
    uses = (("data", "training"), ("val", "validation"), ("negatives", "training"))
    rows = [
        (use, f"`{row['source']}`", row["format"], f"{row['count']:,} images") for key, use in uses for row in data[key]
    ]
    licences = "; ".join(settings.get("data_licence", ())) or "not stated"
    return f"""## Data

{table(("for", "source", "format", "labelled"), rows)}

Trained on {data["trained"]:,} images, validated on {data["held"]:,}{also_trained_on(data)}. Labels with boxes alone \
are taken for whole photographs, those with keypoints for hands to paste into others.

Licence of the data: {licences}."""


def _validation(log: Path) -> str:
    epochs, columns = read_columns(log)
    best = columns[MONITOR].index(max(columns[MONITOR]))
    rows = [(name, *(f"{values[at]:.5g}" for at in (best, -1))) for name, values in columns.items()]
    return f"""## Validation

{table(("", f"best epoch ({epochs[best]})", f"last epoch ({epochs[-1]})"), rows)}

The best epoch, by `{MONITOR}`, is the one that is kept.

![learning curves]({CURVES})"""


def _files(models: dict[str, Any]) -> str:
    rows = [
        (f"`{name}`", f"{measured['bytes'] / 1e6:.1f} MB", f"{measured[MONITOR]:.4f}" if MONITOR in measured else "")
        for name, measured in models["files"].items()
    ]
    return f"""## Files

{table(("file", "size", MONITOR), rows)}

`handpose predict --detector` with this folder runs `{models["litert"]}`.\
{"" if INT8 in models["files"] else " There is no form in 8 bits: PReLU and depthwise layers would be slower."}"""


DIRECTIONS = """

`directions`: float32 [n, cells, 2]: where the hand points, from wrist to middle MCP joint, x to the right and y down, \
as a vector of about length 1."""
LIMITS = """## Limits

- It knows the data above and nothing else: measure it on boxes of your own.
- Hands under about a thirtieth of the image's longer side are hardly seen: `--tile` looks for them.
- The validation data chose the best epoch, so its figures flatter a little."""
