"""A detector that another one learns from: what it answers, beside what is labelled.

Hinton et al., "Distilling the Knowledge in a Neural Network" (2015).
"""

from __future__ import annotations

import threading
from collections.abc import Callable

import numpy as np

from handpose_cli import engine, weights
from handpose_cli.engine.detector import DecodedBoxes, scores_of
from handpose_cli.training.settings import SettingsError

Teacher = Callable[[np.ndarray], np.ndarray]


def answers_of(name: str, input_size: int) -> Teacher:
    """Return what asks a detector of cells: pictures, float32 [n, size, size, 3], 0 to 1, in; [n, cells, 5] out.

    These are each cell's score, 0 to 1, and its encoding, see `cells.encode_boxes`.

    Raises:
        WeightsError: if there is no such detector. SettingsError: if it has other cells.
    """
    weights.find(name, "litert", "detector", remedy="teacher")
    contract = _load(name).contract
    if contract.decoding != "cells" or contract.input_size != input_size:
        raise SettingsError(f"{name} cannot teach it: its cells are not those of {input_size} pixels", "teacher")
    own = threading.local()  # pictures are made on several threads, and a network of LiteRT runs on one

    def ask(pictures: np.ndarray) -> np.ndarray:
        if not hasattr(own, "network"):
            own.network = _load(name).network
        found = own.network(pictures * np.float32(contract.highest))
        parts = {part: found[output] for part, output in contract.outputs.items()}
        scores = scores_of(parts).reshape(len(pictures), -1, 1)
        both: np.ndarray = np.concatenate([scores, parts["encodings"]], axis=-1).astype(np.float32)
        return both

    return ask


def _load(name: str) -> DecodedBoxes:
    detector = engine.load_detector("litert", name)
    assert isinstance(detector, DecodedBoxes)  # a cascade is no file, see `weights.find`
    return detector
