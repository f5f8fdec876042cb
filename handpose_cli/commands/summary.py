"""How a run ended, as JSON for scripts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click


def write_summary(path: Path, summary: dict[str, Any]) -> None:
    """Write it to a file, or for "-" to standard output."""
    text = json.dumps(summary) + "\n"
    if str(path) == "-":
        click.echo(text, nl=False)
        return
    from handpose_cli.files import atomic

    try:
        with atomic(path) as file:
            file.write(text)
    except OSError as error:
        raise click.ClickException(f"Cannot write --summary-json {path}: {error.strerror}.") from error
