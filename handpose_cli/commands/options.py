"""Options and option types that commands share."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, TypeVar

import click

from handpose_cli.commands.option_types import LocalPath, PartsType
from handpose_cli.formats._keypoint_names import KeypointNames
from handpose_cli.formats.errors import FormatError
from handpose_cli.labels.source import Source

Command = TypeVar("Command", bound=Callable[..., Any])


class SourceType(click.ParamType):
    """`PATH` or `FORMAT:PATH` of labels or predictions."""

    name = "[FORMAT:]PATH"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Source:
        if isinstance(value, Source):
            return value
        try:
            return Source.parse(value)
        except FormatError as error:
            self.fail(str(error), param, ctx)


class SourceNameType(SourceType):
    """The text of a `SourceType`, as a run's settings keep it."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        super().convert(value, param, ctx)
        return value


class KeypointNamesType(click.ParamType):
    """Names separated by commas, or a file that maps them."""

    name = "NAMES|FILE"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> KeypointNames:
        if isinstance(value, KeypointNames):
            return value
        try:
            return KeypointNames.parse(value)
        except FormatError as error:
            self.fail(str(error), param, ctx)


class_option = click.option(
    "--class",
    "classes",
    metavar="NAME",
    multiple=True,
    help="Exact name of a class of objects that are hands; repeatable.  [default: those named so, such as hand, "
    "left_hand, Hands]",
    show_default=False,
)

keypoint_names_option = click.option(
    "--keypoint-names",
    type=KeypointNamesType(),
    help="How the labels name their keypoints: 21 names in the order wrist, thumb_cmc ... little_tip; or, where they "
    "have none, what each one is, - for none of these; or a TOML or JSON file, their name = our name or number.",
)

video_option = click.option(
    "--video",
    metavar="NAME",
    help="The video, such as clip.mp4, of which a file is that only numbers its frames from 0: DeepLabCut's or "
    "MediaPipe's results.",
)

detector_option = click.option(
    "--detector",
    default="ssd",
    metavar="NAME|FILE|whole-image",
    help="Find hands with the bundled SSDs (ssd: ssd-hand, and ssd-palm where it does not see one well; ssd-hand alone "
    "is faster), another network with its contract beside it, or mediapipe's; or take each image as one hand "
    "(whole-image).",
)


image_prefix_option = click.option(
    "--image-prefix",
    default="",
    show_default=False,
    metavar="URL",
    help="For label-studio: what images' URLs begin with: /data/local-files/?d=, https://HOST/DIR/ or "
    "s3://BUCKET/DIR/.  [default: /data/local-files/?d=]",
)


quiet_option = click.option("-q", "--quiet", is_flag=True, help="Print nothing but what stops the run.")


def note(line: str) -> None:
    """Print a line on standard error, unless the command that runs is called with `quiet_option`."""
    if not click.get_current_context().params["quiet"]:
        click.echo(line, err=True)


def draw_options(command: Command) -> Command:
    """Give a command the options of annotated copies."""
    for option in (
        click.option("--hide", type=PartsType(), default=(), show_default=False,
                     help="Draw hands without these, such as box,score."),
        click.option("--colours", type=click.Choice(["finger", "hand", "score"]), default="finger",
                     help="What skeletons' colours tell: the finger, the hand (its track), or the joints' scores."),
        click.option("--side-by-side", is_flag=True,
                     help="With --smooth, copies of videos show what was found beside what it was smoothed to; implies "
                     "--draw."),
        click.option("--sheets", is_flag=True,
                     help="Also contact sheets of the copies, in OUTPUT/annotated/contact-sheets; implies --draw."),
        click.option("--draw", is_flag=True, help="Save annotated copies in OUTPUT/annotated."),
    ):  # fmt: skip
        command = option(command)
    return command


class ValueOption(click.Option):
    """An option that may be given without a value: in the environment, 1 stands for that, as it turns a flag on."""

    def resolve_envvar_value(self, ctx: click.Context) -> str | None:
        value = super().resolve_envvar_value(ctx)
        try:
            is_on = value is not None and click.BOOL.convert(value, self, ctx)
        except click.BadParameter:  # no word for yes or no, but a value
            return value
        return str(self.flag_value) if is_on else None


views_option = click.option(
    "--views",
    type=click.Choice([1, 2, 3, 4]),
    default=2,
    help="Most views of a hand: 1; 2, also turned upright where there is doubt; 3, in any case, and mirrored; 4, one "
    "more where there is doubt. More is more accurate and slower.",
)


def _read_config(ctx: click.Context, param: click.Parameter, path: Path | None) -> None:
    """Give the options their variables' names and, as defaults, the file's values: it runs before the others do.

    So a value comes from the command line, else from the environment, else from the file.
    """
    options = {
        max(option.opts, key=len).removeprefix("--"): option
        for option in ctx.command.params
        if isinstance(option, click.Option) and not option.is_eager
    }
    for name, option in options.items():
        # Click takes the parameter's name in the code, which can be another, for HANDPOSE_COMMAND_OPTION
        if option.envvar is None and ctx.auto_envvar_prefix is not None:
            option.envvar = f"{ctx.auto_envvar_prefix}_{name.replace('-', '_').upper()}"
    if path is None:
        return
    try:
        values = _of_command(path, ctx)
        defaults = {}
        for key, value in values.items():
            name = key.replace("_", "-")
            if name not in options:
                raise ValueError(f"{key!r} is no option of {ctx.info_name!r}.{_hint(name, options)}")
            option = options[name]
            defaults[option.name or ""] = _checked(ctx, option, key, value)
    except ValueError as error:
        raise click.BadParameter(f"{path}: {error}", ctx, param) from error
    ctx.default_map = {**(ctx.default_map or {}), **defaults}


def _of_command(path: Path, ctx: click.Context) -> dict[str, Any]:
    """Return the values at a TOML file's top and, before them, in the command's table."""
    import tomllib

    try:
        content = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise ValueError(f"cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise ValueError(f"not a TOML file: {error}") from error
    group = ctx.parent.command if ctx.parent is not None else None
    commands = group.list_commands(ctx) if isinstance(group, click.Group) else [ctx.info_name or ""]
    tables = {key: value for key, value in content.items() if isinstance(value, dict)}
    for name in tables:
        if name not in commands:
            raise ValueError(f"[{name}] is no command.{_hint(name, commands)}")
    return {key: value for key, value in content.items() if key not in tables} | tables.get(ctx.info_name or "", {})


def _hint(name: str, known: Iterable[str]) -> str:
    import difflib

    near = difflib.get_close_matches(name, known, 1)
    return f" Did you mean {near[0]!r}?" if near else f" There are: {', '.join(sorted(known))}."


def _checked(ctx: click.Context, option: click.Option, key: str, value: Any) -> Any:
    """Return a value of a TOML file as Click wants it; raise ValueError, naming the key, unless the option takes it."""
    if option.multiple and option.nargs == 1 and not isinstance(value, list):
        value = [value]  # Click would take a text for a list of its characters
    many = option.multiple or option.nargs != 1
    if many != isinstance(value, list):
        raise ValueError(f"{key}: {'a list is needed' if many else 'one value is needed, not a list'}")
    if option.multiple and option.nargs != 1 and not all(isinstance(item, list) for item in value):
        raise ValueError(f"{key}: a list of lists is needed")
    try:
        value = _plain(option, value)
        option.type_cast_value(ctx, value)
    except click.BadParameter as error:
        raise ValueError(f"{key}: {' '.join(error.message.split())}") from error
    except ValueError as error:
        raise ValueError(f"{key}: {error}") from error
    return value


def _plain(option: click.Option, value: Any) -> Any:
    """Return a TOML value as the command line would give it: flags as they are, the rest as text; or a ValueError."""
    if isinstance(value, list):
        return [_plain(option, item) for item in value]
    if option.is_flag and not isinstance(value, bool):
        raise ValueError(f"true or false is needed, not {value!r}")
    if isinstance(value, bool):
        if option.is_bool_flag:
            return value
        if value and isinstance(option.flag_value, str):
            return option.flag_value  # an option that may be given without a value
        raise ValueError(f"{str(value).lower()} is no value of this option")
    if isinstance(value, dict) or (isinstance(value, float) and not math.isfinite(value)):
        raise ValueError(f"{'a table' if isinstance(value, dict) else value} is no value of this option")
    return str(value)


config_option = click.option(
    "--config",
    type=LocalPath(exists=True, dir_okay=False),
    is_eager=True,
    expose_value=False,
    callback=_read_config,
    help="TOML file with options by their long names, at its top or in a table named like the command. Environment "
    "variables (HANDPOSE_COMMAND_OPTION) come before it, and the command line before these.",
)
