"""A network's contract as a file: `NAME.json` beside its weights."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from handpose_cli.engine.contract import KINDS, Calibration, Contract, ContractError
from handpose_cli.errors import first_line
from handpose_cli.files import atomic


def read(path: Path) -> Contract:
    """Read a contract.

    Raises:
        ContractError: if it is damaged.
    """
    try:
        values: dict[str, Any] = json.loads(path.read_text(encoding="utf-8-sig"))
        fitted = values.pop("calibration", None)
        values.pop("companion", None)  # of earlier versions, which had another network look at each hand again
        if fitted is not None:
            joints = {int(views): (float(factor), float(add)) for views, (factor, add) in fitted["joints"].items()}
            of_hand = fitted["hand"]
            by_views = of_hand if isinstance(of_hand, dict) else {1: of_hand}  # one for all, in earlier versions
            hands = {int(views): _four(weights) for views, weights in by_views.items()}
            values["calibration"] = Calibration(joints, hands)
            if 1 not in joints or 1 not in hands:
                raise ValueError("no calibration for 1 view")
        contract = Contract(**values)
        _check(contract)
    except OSError as error:
        raise ContractError(f"{path} cannot be read: {error.strerror}") from error
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise ContractError(f"{path}: not a network's contract: {first_line(error)}") from error
    return contract


def _check(contract: Contract) -> None:
    """Raise ValueError if a value is none that a network can have: it would find no hands, or wrong ones."""
    if not all(isinstance(text, str) for text in (*contract.outputs.keys(), *contract.outputs.values())):
        raise ValueError("outputs must name an output for each part")
    size = contract.input_size
    if contract.kind not in KINDS or not isinstance(size, int) or size < 1:
        raise ValueError(f"kind must be one of {', '.join(KINDS)}, input_size at least 1")
    if not (contract.crop_scale > 0 and contract.most_tilt >= 0):
        raise ValueError("crop_scale must be above 0, most_tilt from 0")
    if not (0 < contract.highest < math.inf and 0 <= contract.least_score <= 1):
        raise ValueError("highest must be a number above 0, least_score one from 0 to 1")
    if not (isinstance(contract.in_quarters, bool) and isinstance(contract.second, str)):
        raise ValueError("in_quarters must be true or false, second a name")
    fitted = contract.calibration
    rows = [] if fitted is None else [*fitted.joints.values(), *fitted.hand.values()]
    if not all(math.isfinite(value) for row in rows for value in row):
        raise ValueError("calibration must be finite numbers")


def _four(weights: Sequence[Any]) -> tuple[float, float, float, float]:
    box, mean, is_hand, constant = map(float, weights)
    return box, mean, is_hand, constant


def write(contract: Contract, path: Path) -> None:
    """Write a contract."""
    with atomic(path) as file:
        json.dump(asdict(contract), file, indent=1)
        file.write("\n")
