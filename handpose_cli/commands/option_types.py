"""Types of options: times in a video, shards, tiles."""

from __future__ import annotations

import math
import os
import re
from pathlib import Path
from typing import Any

import click

from handpose_cli.annotator.settings import AUTO_TILE, LEAST_TILE
from handpose_cli.media.suffixes import is_url
from handpose_cli.runs.shard import Shard


class LocalPath(click.Path):
    """A path as a `Path`; what is in no file system, such as s3://bucket/folder, is refused."""

    def __init__(self, **kwargs: Any):
        super().__init__(path_type=Path, **kwargs)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        if not str(value):
            self.fail("an empty path: give one, or . for this folder.", param, ctx)
        if is_url(str(value)):
            self.fail(f"{str(value)!r} is a URL: give a path, of a folder that is mounted.", param, ctx)
        return Path(os.fsdecode(super().convert(value, param, ctx)))


class FiniteRange(click.FloatRange):
    """A number in a range: nan is in none, though Click's comparisons take it for one that is, and inf is none."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        number = float(super().convert(value, param, ctx))
        if not math.isfinite(number):
            self.fail(f"{value!r} is no number.", param, ctx)
        return number


class TimeType(click.ParamType):
    """A time in seconds: `83.5`, `1:23.5` or `0:01:23.5`."""

    name = "TIME"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        if isinstance(value, int | float):
            value = str(value)
        if not re.fullmatch(r"(\d+:)?(\d+:)?\d+(\.\d*)?", value):
            self.fail(f"{value!r} is no time: give seconds, MM:SS or HH:MM:SS.", param, ctx)
        seconds = 0.0
        for part in value.split(":"):
            seconds = 60 * seconds + float(part)
        return seconds


class ShardType(click.ParamType):
    """`I/N`, part I of N, from 1; or `I/A-B`, part I of those from A to B, as job arrays number them."""

    name = "I/N|I/A-B"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Shard:
        if isinstance(value, Shard):
            return value
        match = re.fullmatch(r"(\d+)/(?:(\d+)-)?(\d+)", str(value))
        number, first, last = (int(part or 1) for part in match.groups()) if match else (0, 1, 0)
        if not first <= number <= last:
            self.fail(
                f"{value!r} is no shard: give I/N with I from 1 to N, such as 1/4; or I/A-B with I from A to B, such "
                "as 0/0-3.",
                param,
                ctx,
            )
        return Shard(number - first + 1, last - first + 1)


class TileType(click.ParamType):
    """A tile's side in pixels, or `auto`."""

    name = "auto|PIXELS"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        if str(value).lower() == "auto":  # the help prints it in capitals
            return AUTO_TILE
        if not re.fullmatch(r"\d+", str(value)) or int(value) < LEAST_TILE:
            self.fail(f"{value!r} is no tile: give auto, or its side in pixels, at least {LEAST_TILE}.", param, ctx)
        return int(value)


DRAWN_PARTS = ("box", "score")


class PartsType(click.ParamType):
    """Parts of a drawn hand, with commas between."""

    name = ",".join(DRAWN_PARTS)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, ...]:
        if isinstance(value, tuple):
            return value
        parts = tuple(part.strip().lower() for part in str(value).split(","))
        if wrong := [part for part in parts if part not in DRAWN_PARTS]:
            self.fail(f"{wrong[0]!r} is nothing that can be hidden: give {' or '.join(DRAWN_PARTS)}, or both as "
                      f"{self.name}.", param, ctx)  # fmt: skip
        return parts
