"""What a run folder says of the network that it trains."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from handpose_cli.networks.hourglass import presets
from handpose_cli.weights import RUN_SETTINGS


def preset_of(run: Path) -> presets.Preset:
    """Return the network that a run trains."""
    return presets.from_settings(_settings(run))


def is_upright(run: Path) -> bool:
    """Return whether it learns from upright hands, see `settings.Settings`."""
    return bool(_settings(run).get("upright"))


def _settings(run: Path) -> dict[str, Any]:
    settings: dict[str, Any] = json.loads((run / RUN_SETTINGS).read_text(encoding="utf-8"))
    return settings
