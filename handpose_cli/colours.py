"""The colours of joints, by finger: on drawn hands, and of labels in annotation tools."""

from __future__ import annotations

# RGB, bright enough for skin and dark backgrounds
FINGER_COLOURS = {
    "thumb": (255, 90, 90),
    "index": (255, 200, 40),
    "middle": (80, 220, 80),
    "ring": (60, 180, 255),
    "little": (200, 110, 255),
}
WRIST_COLOUR = (255, 255, 255)
JOINT_COLOURS = [WRIST_COLOUR] + [colour for colour in FINGER_COLOURS.values() for _ in range(4)]


def hexadecimal(colour: tuple[int, int, int]) -> str:
    """Return `#ff5a5a` for such a colour."""
    return "#{:02x}{:02x}{:02x}".format(*colour)
