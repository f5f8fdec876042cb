"""Where a run's output goes: a folder, or a URL, for which it is made in a folder first."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from handpose_cli.commands.option_types import LocalPath
from handpose_cli.commands.remedies import WrongCallError, failure
from handpose_cli.media.suffixes import is_url
from handpose_cli.quiet import EXIT_USAGE


class OutputType(click.ParamType):
    """A folder as a `Path`, or a URL as text."""

    name = "PATH|URL"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path | str:
        if is_url(str(value)):
            return str(value).rstrip("/")
        return LocalPath(file_okay=False).convert(value, param, ctx)


@contextmanager
def at_output(output: Path | str, earlier: str, look_only: bool) -> Iterator[Path]:
    """Give the folder that a run writes to; for a URL see `runs.staging`. Errors name the URL then."""
    if isinstance(output, Path):
        yield output
        return
    from handpose_cli.runs.errors import RunError
    from handpose_cli.runs.staging import staged

    folder = None
    try:
        with staged(output, earlier, look_only) as folder:
            yield folder
    except RunError as error:
        raise click.ClickException(named(failure(error).message, folder, output)) from error
    except click.ClickException as error:
        kind = WrongCallError if error.exit_code == EXIT_USAGE else click.ClickException
        raise kind(named(error.message, folder, output)) from error


def named(text: str, folder: Path | None, output: Path | str) -> str:
    """Return a text with the output's name in the place of the folder's, unless that is where it is kept."""
    from handpose_cli.media.remote import public

    return text if folder is None else text.replace(f"{folder}/", f"{public(str(output))}/")
