"""What stops a run, as a line for people: what happened, to which file, and the option that helps."""

from __future__ import annotations

import errno
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import click

from handpose_cli.commands.remedies import failure

_NO_THREADS = "can't start new thread"  # CPython's words


@contextmanager
def run_errors(output: Path | str | None) -> Iterator[None]:
    """Turn what stops a run into a line; errors of the file system are those of writing to its output, or name a file.

    Args:
        output: the run's folder, or its URL; None: its inputs are listed, and nothing is written.
    """
    from handpose_cli.formats.errors import FormatError
    from handpose_cli.media.discover import NoInputError
    from handpose_cli.runs.errors import RunError
    from handpose_cli.weights import WeightsError

    try:
        yield
    except (NoInputError, WeightsError, FormatError, RunError) as error:
        raise failure(error) from error
    except OSError as error:
        remedy = "Choose another --output, or go on with --resume."
        raise click.ClickException(os_error_line(error, output, remedy)) from error
    except RuntimeError as error:
        if _NO_THREADS not in str(error):
            raise
        raise click.ClickException(
            "No more threads can be started. Give fewer --threads, or a higher limit: ulimit -u."
        ) from error


def os_error_line(error: OSError, output: Path | str | None, remedy: str) -> str:
    """Return what the file system says, of which file, and what helps: `remedy` where it is of writing to the output.

    Args:
        output: a path or a URL; None: the inputs are listed, and nothing is written.
    """
    reason = error.strerror or str(error)
    if error.errno in (errno.EMFILE, errno.ENFILE):
        return f"{reason}. Give a higher limit, ulimit -n, or fewer --threads."
    if "temporary directory" in reason:  # of `tempfile`, which looks for one
        return f"{reason}. Name one with TMPDIR."
    name = os.fsdecode(error.filename) if isinstance(error.filename, str | bytes | os.PathLike) else None
    if output is None:
        return f"The inputs cannot be listed: {f'{name}: ' if name else ''}{reason}"
    if name is None:
        name = str(output)
    if isinstance(output, str) or _is_of(name, output):
        return f"Cannot write to {name}: {reason}. {remedy}"
    with suppress(OSError):
        if _is_of(name, Path(tempfile.gettempdir())):
            return f"Cannot write to {name}: {reason}. Choose another folder for temporary files with TMPDIR."
    return f"Cannot read or write {name}: {reason}"


def _is_of(name: str, folder: Path) -> bool:
    """Return whether a path is in a folder, or one of those that the folder is in; links count as what they lead to."""
    path, real = Path(os.path.realpath(name)), Path(os.path.realpath(folder))
    return path.is_relative_to(real) or real.is_relative_to(path)
