"""The labels of a CVAT task of hands: as <meta> has them, and as JSON to paste where a task's labels are made."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import numpy as np

from handpose_cli.colours import JOINT_COLOURS, hexadecimal
from handpose_cli.records import FINGERS, KEYPOINT_NAMES, SKELETON

LABEL = "hand"
BOX_LABEL = "hand_box"  # CVAT's skeleton labels take no boxes
COLOUR = "#32b7fa"
ATTRIBUTES = (("score", "text", [""]), ("handedness", "select", ["unknown", "left", "right"]))


def labels_path(path: Path) -> Path:
    """Return where the labels of a written file go as JSON."""
    return path.with_suffix(".labels.json")


def as_json() -> list[dict[str, Any]]:
    """Return the labels as CVAT's raw label editor takes them."""
    attributes = [
        {"name": name, "mutable": True, "input_type": kind, "default_value": values[0], "values": values}
        for name, kind, values in ATTRIBUTES
    ]
    sublabels = [{"name": name, "color": colour, "type": "points", "attributes": []} for name, colour in _joints()]
    return [
        {"name": LABEL, "color": COLOUR, "type": "skeleton", "attributes": attributes, "sublabels": sublabels,
         "svg": _svg()},
        {"name": BOX_LABEL, "color": COLOUR, "type": "rectangle", "attributes": attributes},
    ]  # fmt: skip


def as_xml() -> str:
    """Return the labels as they stand in <labels> of <meta>."""
    listed = "".join(
        f"<attribute><name>{name}</name><mutable>True</mutable><input_type>{kind}</input_type>"
        f"<default_value>{values[0]}</default_value><values>{chr(10).join(values)}</values></attribute>\n"
        for name, kind, values in ATTRIBUTES
    )
    points = "".join(
        f"<label><name>{joint}</name><color>{colour}</color><type>points</type><attributes></attributes>"
        f"<parent>{LABEL}</parent></label>\n"
        for joint, colour in _joints()
    )
    return (
        f"<label><name>{LABEL}</name><color>{COLOUR}</color><type>skeleton</type>\n"
        f"<attributes>\n{listed}</attributes>\n"
        f"<svg>{escape(_svg())}</svg></label>\n{points}"
        f"<label><name>{BOX_LABEL}</name><color>{COLOUR}</color><type>rectangle</type>\n"
        f"<attributes>\n{listed}</attributes></label>\n"
    )


def _joints() -> list[tuple[str, str]]:
    """Return the joints' names and colours."""
    return [(name, hexadecimal(colour)) for name, colour in zip(KEYPOINT_NAMES, JOINT_COLOURS, strict=True)]


def _svg() -> str:
    """Return the drawing of an open hand that CVAT needs of a skeleton label, on 100 x 100."""
    places = {0: (50.0, 95.0)}
    for joints, degrees, base in zip(FINGERS.values(), (-55, -25, -5, 12, 28), (25, 42, 44, 42, 38), strict=True):
        for step, joint in enumerate(joints):
            x, y = np.sin(np.radians(degrees)), np.cos(np.radians(degrees))
            places[joint] = 50 + (base + 13 * step) * x, 95 - (base + 13 * step) * y
    lines = [
        '<line x1="{:.1f}" y1="{:.1f}" x2="{:.1f}" y2="{:.1f}" stroke="black" data-type="edge" data-node-from="{}" '
        'stroke-width="0.5" data-node-to="{}"></line>'.format(*places[a], *places[b], a + 1, b + 1)
        for a, b in SKELETON
    ]
    circles = [
        '<circle r="1.5" stroke="black" fill="#b3b3b3" cx="{:.1f}" cy="{:.1f}" stroke-width="0.1" '
        'data-type="element node" data-element-id="{}" data-node-id="{}" data-label-name="{}"></circle>'.format(
            *places[joint], joint + 1, joint + 1, name
        )
        for joint, name in enumerate(KEYPOINT_NAMES)
    ]
    return "".join(lines + circles)
