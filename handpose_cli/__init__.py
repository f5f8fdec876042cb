"""handpose: annotate hands in folders of images and videos.

from handpose_cli import Annotator, Hand, ImageRecord, draw_hands, evaluate, read_image, read_labels
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from handpose_cli.version import __version__ as __version__

if TYPE_CHECKING:
    from handpose_cli.api import Annotator, evaluate, read_labels
    from handpose_cli.drawing import draw_hands
    from handpose_cli.media.errors import UnreadableError
    from handpose_cli.media.images import read_image
    from handpose_cli.records import Hand, ImageRecord

__all__ = [
    "Annotator", "Hand", "ImageRecord", "UnreadableError", "draw_hands", "evaluate", "read_image", "read_labels",
]  # fmt: skip

# imported when they are first asked for: the command line's help does without OpenCV
_HOMES = {
    "Annotator": "handpose_cli.api",
    "evaluate": "handpose_cli.api",
    "draw_hands": "handpose_cli.drawing",
    "read_image": "handpose_cli.media.images",
    "read_labels": "handpose_cli.api",
    "Hand": "handpose_cli.records",
    "ImageRecord": "handpose_cli.records",
    "UnreadableError": "handpose_cli.media.errors",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
