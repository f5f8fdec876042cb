"""`--format` of results. Formats of installed packages take a while to look up, so not before they are asked for."""

from __future__ import annotations

from typing import Any

import click

from handpose_cli.formats import FORMATS


def writable() -> tuple[str, ...]:
    """Return the names of the formats that results can be written as, beside the result file."""
    return tuple(name for name, format in FORMATS.items() if format.writes and name != "handpose")


class ResultFormat(click.Choice):
    """A choice of `writable`."""

    def __init__(self) -> None:
        self.case_sensitive = True

    choices: Any = property(lambda self: writable())


class ResultFormatOption(click.Option):
    """An option in whose help FORMATS stands for `writable`."""

    def get_help_record(self, ctx: click.Context) -> tuple[str, str] | None:
        self.help = (self.help or "").replace("FORMATS", ", ".join(writable()))
        return super().get_help_record(ctx)
