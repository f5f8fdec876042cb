"""Options and option types that commands share."""

from __future__ import annotations

from pathlib import Path

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


SCORE_THRESHOLD = 0.5  # a hand is more likely than not

views_option = click.option(
    "--views",
    type=click.Choice([1, 2, 4]),
    default=4,
    help="Most views of a hand: 1; 2, also mirrored; or 4, where that leaves doubt also turned upright. "
    "More is more accurate and slower.",
)


def _read_config(ctx: click.Context, param: click.Parameter, path: Path | None) -> None:
    if path is None:
        return
    import difflib
    import tomllib

    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise click.BadParameter(f"{path}: not a TOML file: {error}", ctx, param) from error
    command = ctx.info_name or ""
    table = content.get(command)
    values = table if isinstance(table, dict) else {k: v for k, v in content.items() if not isinstance(v, dict)}
    known = {
        max(option.opts, key=len).removeprefix("--"): option.name
        for option in ctx.command.params
        if isinstance(option, click.Option) and option is not param
    }
    defaults = {}
    for key, value in values.items():
        name = known.get(key.replace("_", "-"))
        if name is None:
            near = difflib.get_close_matches(key.replace("_", "-"), known, 1)
            hint = f" Did you mean {near[0]!r}?" if near else f" There are: {', '.join(sorted(known))}."
            raise click.BadParameter(f"{path}: {key!r} is no option of {command!r}.{hint}", ctx, param)
        defaults[name] = value
    ctx.default_map = {**(ctx.default_map or {}), **defaults}


config_option = click.option(
    "--config",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    is_eager=True,
    expose_value=False,
    callback=_read_config,
    help="TOML file with options by their long names, at its top or in a table named like the command; "
    "options on the command line come before it.",
)
