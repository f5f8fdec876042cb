"""What a user can do about a fact that the library reports: which option of a command helps."""

from __future__ import annotations

import logging

import click

# the library's name of what helps: for each command's parameter that gives it what to say
REMEDIES = {
    "images": {"images": "Say where the images are with --images"},
    "classes": {"classes": "Choose classes with --class"},
    "keypoint_names": {"keypoint_names": "Name them with --keypoint-names"},
    "video": {"video": "Name the video with --video"},
    "rescale": {"rescale": "Scale the labels with --rescale"},
    "share": {"split": "Choose another --split", "val_split": "Choose another --val-split"},
    "strict": {"strict": "Without --strict it does"},
}


def with_remedy(message: str, remedy: str) -> str:
    """Return a message with the option that helps, if the command that runs has it."""
    ctx = click.get_current_context(silent=True)
    parameters = {option.name for option in ctx.command.params} if ctx is not None else set()
    sentence = next((said for name, said in REMEDIES.get(remedy, {}).items() if name in parameters), "")
    return f"{message.rstrip('.')}. {sentence}" if sentence else message


def failure(error: Exception) -> click.ClickException:
    """Return what ends a command because of an error of the library."""
    return click.ClickException(with_remedy(str(error), getattr(error, "remedy", "")))


class _Notes(logging.Handler):
    """Prints what readers left out or assumed on standard error."""

    def emit(self, record: logging.LogRecord) -> None:
        click.echo(with_remedy(record.getMessage(), getattr(record, "remedy", "")), err=True)


def show_notes() -> None:
    """Print the package's warnings on standard error, each in a line."""
    log = logging.getLogger("handpose_cli")
    if not any(isinstance(handler, _Notes) for handler in log.handlers):
        log.addHandler(_Notes(logging.WARNING))
