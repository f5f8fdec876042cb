"""Say which formats could not be written, and how to get them from the result file."""

from __future__ import annotations

from pathlib import Path

import click

from handpose_cli.runs.report import Report


def say_lost(report: Report, folder: Path) -> None:
    """Print a line for each format that a run could not write; everything is in the result file."""
    from handpose_cli.runs.results import RESULTS, result_path

    for name, reason in report.lost.items():
        target = result_path(folder, name)
        click.echo(
            f"Error: --format {name} was not written: {reason}. The hands are in {folder / RESULTS}: "
            f"handpose convert-labels {folder / RESULTS} {target} --to {name}",
            err=True,
        )
