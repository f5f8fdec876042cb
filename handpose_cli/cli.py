"""The `handpose` command: a group that loads a subcommand's file only when it is called."""

from __future__ import annotations

import errno
import importlib
import os
from typing import Any, NoReturn

import click

from handpose_cli.allocation import keep_freed_memory
from handpose_cli.quiet import (
    EXIT_INTERRUPTED,
    ended_as_interrupted,
    forgiving_stderr,
    open_closed_streams,
    set_up_libraries,
    silence_pillow,
    telling_stdout,
)

# name: (module in handpose_cli.commands, one line for `handpose --help`)
COMMANDS = {
    "predict": ("predict", "Find every hand and its 21 keypoints in images and videos."),
    "merge": ("merge", "Join the outputs of runs on parts of the inputs, as if there had been one run."),
    "evaluate": ("evaluate", "Score predicted keypoints against labels."),
    "train": ("train", "Train an hourglass on labelled hands, or a detector on boxes."),
    "convert-labels": ("convert_labels", "Turn one label format into another."),
}

# whose versions change what is read, found and written
PACKAGES = ("numpy", "opencv-python", "av", "pillow", "ai-edge-litert", "keras", "tensorflow")


class LazyGroup(click.Group):
    """A group that imports `handpose_cli.commands.NAME` when NAME is called, so that `--help` stays fast."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"handpose_cli.commands.{COMMANDS[cmd_name][0]}")
        command: click.Command = module.command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in COMMANDS.items()])

    def main(self, *args: Any, **kwargs: Any) -> Any:
        open_closed_streams()
        with forgiving_stderr(), telling_stdout(), ended_as_interrupted():
            return super().main(*args, **kwargs)

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except OSError as error:  # that no command has expected
            if error.errno == errno.EPIPE:
                raise  # who read what was written is gone: Click ends without a word
            place = f"{error.filename}: " if error.filename else ""
            raise click.ClickException(f"{place}{error.strerror or error}") from error
        except (ImportError, AttributeError) as error:
            from handpose_cli.commands.unloadable import remedy_of, was_interrupted

            if was_interrupted(error):
                self._interrupted(ctx)
            remedy = remedy_of(error)
            if not remedy:
                raise
            raise click.ClickException(remedy) from error
        except UnicodeEncodeError as error:  # a name, where neither the locale nor Python is set to UTF-8
            raise click.ClickException(
                f"{error.object!r} cannot be written in the encoding set here, {error.encoding}. Set PYTHONUTF8=1"
            ) from error
        except KeyboardInterrupt:
            self._interrupted(ctx)

    def _interrupted(self, ctx: click.Context) -> NoReturn:
        click.echo("Interrupted", err=True)
        ctx.exit(EXIT_INTERRUPTED)


def _show_version(ctx: click.Context, parameter: click.Parameter, wanted: bool) -> None:
    if not wanted or ctx.resilient_parsing:
        return
    from importlib import metadata

    click.echo(f"handpose, version {metadata.version('handpose-cli')}")
    if ctx.params.get("verbose"):  # the first lines of a report of a fault
        import platform

        from handpose_cli.processors import processors

        click.echo(f"Python {platform.python_version()}, {platform.platform()}, {processors()} processors")
        for package in PACKAGES:
            try:
                version = metadata.version(package)
            except metadata.PackageNotFoundError:
                version = "not installed"
            click.echo(f"{package} {version}")
    ctx.exit()


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "auto_envvar_prefix": "HANDPOSE"},
)
@click.option(
    "-v", "verbose", is_flag=True, is_eager=True, help="With --version: also of Python and the packages that matter."
)
@click.option("--version", is_flag=True, expose_value=False, callback=_show_version, help="Show the version and exit.")
def cli(verbose: bool) -> None:
    """Annotate hands in bulk: boxes and 21 keypoints for every hand in folders of images and videos."""
    from handpose_cli.commands.remedies import show_notes
    from handpose_cli.processors import keep_libraries_within_quota

    keep_libraries_within_quota()
    set_up_libraries()
    silence_pillow()
    os.environ["MPLBACKEND"] = "agg"  # charts are files; one that is set for notebooks may not be there
    keep_freed_memory()
    show_notes()
