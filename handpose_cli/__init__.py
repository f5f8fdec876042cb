"""handpose: annotate hands in folders of images and videos.

from handpose_cli import Annotator, Hand, ImageRecord, draw_hands, evaluate, read_image, read_labels
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from handpose_cli.version import __version__ as __version__

if TYPE_CHECKING:
    from handpose_cli.api import Annotator, draw_hands, evaluate, read_image, read_labels
    from handpose_cli.formats.errors import FormatError
    from handpose_cli.media.errors import UnreadableError
    from handpose_cli.records import KEYPOINT_NAMES, SKELETON, Hand, ImageRecord

__all__ = [
    "KEYPOINT_NAMES", "SKELETON", "Annotator", "FormatError", "Hand", "ImageRecord", "UnreadableError",
    "__version__", "draw_hands", "evaluate", "read_image", "read_labels",
]  # fmt: skip

# imported when they are first asked for: the command line's help does without OpenCV
_HOMES = {
    "Annotator": "handpose_cli.api",
    "evaluate": "handpose_cli.api",
    "draw_hands": "handpose_cli.api",
    "read_image": "handpose_cli.api",
    "read_labels": "handpose_cli.api",
    "FormatError": "handpose_cli.formats.errors",
    "Hand": "handpose_cli.records",
    "KEYPOINT_NAMES": "handpose_cli.records",
    "SKELETON": "handpose_cli.records",
    "ImageRecord": "handpose_cli.records",
    "UnreadableError": "handpose_cli.media.errors",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return __all__
