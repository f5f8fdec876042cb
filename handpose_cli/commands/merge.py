"""`handpose merge`: parse, call `runs.merge`, report."""

from __future__ import annotations

from pathlib import Path

import click

from handpose_cli.commands.option_types import LocalPath
from handpose_cli.commands.options import config_option, note, quiet_option
from handpose_cli.commands.remedies import failure
from handpose_cli.commands.result_format import ResultFormat
from handpose_cli.commands.run_errors import os_error_line


@click.command(context_settings={"show_default": True})
@click.argument("runs", nargs=-1, required=True, type=LocalPath(exists=True, file_okay=False))
@click.option("-o", "--output", type=LocalPath(file_okay=False), required=True, help="Folder for the joined results.")
@click.option("--format", "formats", type=ResultFormat(), metavar="FORMAT", multiple=True,
              help="Also write the results as this; repeatable.  [default: as the first run]")  # fmt: skip
@click.option("--overwrite", is_flag=True, help="Replace the results in OUTPUT.")
@config_option
@quiet_option
@click.pass_context
def command(
    ctx: click.Context, runs: tuple[Path, ...], output: Path, formats: tuple[str, ...], overwrite: bool, quiet: bool
) -> None:
    """Join the outputs of runs on parts of the inputs, as if there had been one run.

    RUNS are output folders of handpose predict: of all its shards (--shard), of successive ranges of the same videos
    (--start, --end), or of separate inputs. They must be complete, of the same settings and without an image or frame
    in common.

    \b
    Exit codes: 0 done, 1 an error, 2 wrong usage, or runs are not there,
                3 done, but some inputs could not be read, 130 interrupted
    """
    from handpose_cli.commands.lost_formats import say_lost
    from handpose_cli.runs.earlier import RESULTS
    from handpose_cli.runs.errors import RunError
    from handpose_cli.runs.merge import merge

    try:
        report = merge(runs, output, formats or None, overwrite=overwrite, say=note)
    except RunError as error:
        raise failure(error) from error
    except OSError as error:
        raise click.ClickException(os_error_line(error, output, "Choose another --output.")) from error
    note(f"{len(runs)} runs, {report.counted()}. Results: {output / RESULTS}")
    say_lost(report, output, output)
    ctx.exit(report.exit_code)
