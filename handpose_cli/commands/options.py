"""Option types that commands share."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import click

from handpose_cli.formats import FORMATS


class LabelSource(NamedTuple):
    """A file or folder with labels or predictions, and its format; None if it is to be recognised."""

    path: Path
    format: str | None

    @property
    def folder(self) -> Path:
        """Where the images are unless said otherwise."""
        return self.path if self.path.is_dir() else self.path.parent


class LabelSourceType(click.ParamType):
    """`PATH` or `FORMAT:PATH`."""

    name = "[FORMAT:]PATH"

    def convert(self, value, param, ctx) -> LabelSource:
        if isinstance(value, LabelSource):
            return value
        prefix, colon, rest = str(value).partition(":")
        known = bool(colon) and prefix in FORMATS
        path = Path(rest if known else value)
        if not path.exists():
            hint = "" if known or not colon else f", and {prefix!r} is no format (there are: {', '.join(FORMATS)})"
            self.fail(f"{str(path)!r} does not exist{hint}.", param, ctx)
        return LabelSource(path, prefix if known else None)
