"""How a run ended, as JSON for scripts."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import click

_MOST_BYTES = 10_000


def check_summary(path: Path, output: Path | str | None) -> None:
    """Raise UsageError if a summary would replace one of the run's results, or a file that is no summary."""
    from handpose_cli.runs.earlier import STEM
    from handpose_cli.runs.journal import NAME

    here = isinstance(output, Path) and os.path.realpath(path.parent) == os.path.realpath(output)
    if here and path.name.startswith((f"{STEM}.", NAME)):
        raise click.UsageError(f"--summary-json {path} would replace a file of the results. Give it another name.")
    if path.is_file() and not _is_summary(path):
        raise click.UsageError(f"--summary-json {path} would replace a file that is no summary. Give it another name.")


def _is_summary(path: Path) -> bool:
    """Return whether a file is of an earlier run, or empty, as those that scripts make to have a name."""
    try:
        text = path.read_bytes() if path.stat().st_size < _MOST_BYTES else b"-"
        return not text or "exit_code" in json.loads(text)
    except (OSError, ValueError, TypeError):
        return False


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
