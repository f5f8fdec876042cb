"""The Python face: `Annotator`, `read_labels`, `evaluate`, `read_image` and `draw_hands`."""

from handpose_cli.api.annotator import Annotator
from handpose_cli.api.labels import evaluate, read_labels
from handpose_cli.api.pictures import draw_hands, read_image

__all__ = ["Annotator", "draw_hands", "evaluate", "read_image", "read_labels"]
