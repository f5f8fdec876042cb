"""Option types that commands share."""

from __future__ import annotations

import click

from handpose_cli.formats.errors import FormatError
from handpose_cli.formats.source import Source


class SourceType(click.ParamType):
    """`PATH` or `FORMAT:PATH` of labels or predictions."""

    name = "[FORMAT:]PATH"

    def convert(self, value, param, ctx) -> Source:
        if isinstance(value, Source):
            return value
        try:
            return Source.parse(value)
        except FormatError as error:
            self.fail(str(error), param, ctx)
