"""Say which formats could not be written, and how to get them from the result file."""

from __future__ import annotations

from pathlib import Path

import click

from handpose_cli.commands.output import named
from handpose_cli.runs.report import Report


def say_lost(report: Report, folder: Path, output: Path | str) -> None:
    """Print a line for each format that a run could not write; everything is in the result file."""
    from handpose_cli.runs.earlier import RESULTS, result_path

    for name, reason in report.lost.items():
        target = result_path(folder, name)
        line = (
            f"Error: --format {name} was not written: {reason}. The hands are in {folder / RESULTS}: "
            f"handpose convert-labels {folder / RESULTS} {target} --to {name}"
        )
        click.echo(named(line, folder, output), err=True)
