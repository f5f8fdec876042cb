"""What a user can do about a fact that the library reports: which option of a command helps."""

from __future__ import annotations

import logging
from collections.abc import Mapping

import click

from handpose_cli.quiet import EXIT_USAGE

FRAMES = (
    "Make images of them, and train on these: "
    "handpose convert-labels ... NEW.coco.json --to coco --copy-images --images VIDEOS"
)

# the library's name of what helps: for each command's parameter that gives it what to say; "name given": if it is set
REMEDIES = {
    "images": {"images": "Say where the images are with --images"},
    "classes": {
        "classes": "Choose classes with --class",
        "boxes": "Make a file of those that are hands with: handpose convert-labels --class NAME",  # of predict
    },
    "keypoint_names": {"keypoint_names": "Name them with --keypoint-names"},
    "video": {"video": "Name the video with --video"},
    "rescale": {"rescale": "Scale the labels with --rescale"},
    "share": {"split": "Choose another --split", "val_split": "Choose another --val-split"},
    "scores": {"score_threshold given": "Leave out --score-threshold"},
    "strict": {"strict": "Without --strict it does"},
    "norm": {"norms": "Choose another --norm"},
    # === of predict ===
    "recursive": {"recursive": "Add -r to look into the folders inside."},
    "weights": {"weights": "Give --weights a file, a run folder or one of these."},
    "detector": {"detector": "Give --detector a file, a run folder or one of these."},
    "weights run": {"weights": "Give --weights one."},
    "detector run": {"detector": "Give --detector one."},
    "engine": {"engine": "Choose another --engine."},
    "keras": {"engine": "Use --engine keras."},
    "litert": {"engine": "Use --engine litert."},
    "models": {"engine": "Use --engine keras, or have it written again: handpose train -o {run} --resume"},
    "export": {
        "engine": "Use --engine keras, or go on with: handpose train -o {run} --resume --export litert",
    },
    "train": {"weights": "Go on with: handpose train -o {run} --resume"},
    "boxes": {"boxes": "Give --boxes another file."},
    "pages": {"pages": "Annotate them with --pages"},
    "kept": {"prune": "Drop these with --prune"},
    "absent": {"prune": "Bring them back, drop them with --prune, or choose another --output."},
    "renamed": {"prune": "Name the same as before, drop the old names with --prune, or choose another --output."},
    "stopped": {
        "fail_fast given": "Go on with --resume, without --fail-fast.",
        "max_failures": "Go on with --resume and a larger --max-failures.",
    },
    "output": dict.fromkeys(("output", "run"), "Choose another --output."),
    "exists": {"overwrite": "Replace it with --overwrite or choose another --output."},
    "begun": {
        "resume": "Go on with --resume, replace it with --overwrite or choose another --output.",
        "overwrite": "Replace it with --overwrite or choose another --output.",
    },
    "unfinished": {
        "resume": "Go on with --resume, begin again with --overwrite or choose another --output.",
        "overwrite": "Begin again with --overwrite or choose another --output.",
    },
    "format": {"formats": "Rename {what}, or leave out --format {format}."},
    "draw": {"draw": "Rename {what}, or leave out --draw."},
    "sheets": {"sheets": "Rename the folder, or leave out --sheets."},
    "leave_out": {"formats": "Leave out --format {format}."},
    # === of merge and convert-labels ===
    "incomplete": {"runs": "Go on with: handpose predict ... --resume"},
    "lists": {"runs": "Run all again on the same, with --resume --prune."},
    "mixed": {"runs": "Run one of them again with --overwrite."},
    "images_exist": {"overwrite": "Replace it with --overwrite or choose another TARGET"},
    "frames_exist": {"frames_to": "Replace it with --overwrite, or extract to another folder"},
    "marked": {"corrections": "Take these alone with: handpose convert-labels ... --where 'corrected = true'"},
    # === of train ===
    "data": {"data": "Name labels with --data."},
    "frames": {"data": FRAMES},
    "beside": {"data": "Put the images beside their labels"},
    "places": {"negatives": "Name others with --negatives, or leave it out"},
    "val_split": {"val_split": "Leave out --val-split, or --val"},
    "val": {"val": "Name others with --val"},
    "teacher": {"teacher": "Give --teacher another, or leave it out."},
    "upright": {"upright": "Leave out --upright."},
    "stages": {"stages": "Choose others with --stage"},
    "input_size": {"input_size": "Choose another --input-size"},
    "begin": {"resume": "Leave out --resume to begin one."},
    "begin_from": {"weights": "Begin another with --weights {run}."},
    "best": {"resume": "Put it back to go on, or choose another --output"},
    "other_data": {"data": "Go on with the data as they were, or begin another run with --weights {run}."},
    "damaged_data": {"resume": "Delete it, if the data are as they were, and go on with --resume"},
    "other_teacher": {"teacher": "Go on with that one, or begin another run with --weights {run}."},
    "batch_size": {"batch_size": "Choose a smaller --batch-size"},
    "epochs": {"epochs": "Choose as many or more with --epochs"},
    "multiple": {"batch_size": "Choose a multiple with --batch-size"},
    "devices": {"devices": "Leave out --devices"},
    "diverged": {"stages": "Go on with --resume and a lower --learning-rate, or begin another run"},
    "resume_all": {"resume": "Go on in all of them with --resume"},
    "deliver": {"export": "Predict with --engine keras"},
}

NO_FACTS: Mapping[str, object] = {}


def with_remedy(message: str, remedy: str, facts: Mapping[str, object] = NO_FACTS) -> str:
    """Return a message with the option that helps, if the command that runs has it."""
    ctx = click.get_current_context(silent=True)
    parameters = {option.name for option in ctx.command.params} if ctx is not None else set()
    parameters |= {f"{name} given" for name, value in ctx.params.items() if value} if ctx is not None else set()
    sentence = next((said for name, said in REMEDIES.get(remedy, {}).items() if name in parameters), "")
    return f"{message.rstrip('.')}. {sentence.format_map(facts)}" if sentence else message


class WrongCallError(click.ClickException):
    """What ends a command that was called with what is not there, or cannot be."""

    exit_code = EXIT_USAGE  # as Click has it of paths that are not there and of numbers out of range


def failure(error: Exception) -> click.ClickException:
    """Return what ends a command because of an error of the library."""
    facts = getattr(error, "facts", NO_FACTS)
    kind = WrongCallError if getattr(error, "wrong_call", False) else click.ClickException
    return kind(with_remedy(str(error), getattr(error, "remedy", ""), facts))


class _Notes(logging.Handler):
    """Prints what readers left out or assumed on standard error; of a file that is read twice, as for a split, once."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self._said: set[str] = set()

    def emit(self, record: logging.LogRecord) -> None:
        line = with_remedy(record.getMessage(), getattr(record, "remedy", ""))
        if line not in self._said:
            self._said.add(line)
            click.echo(line, err=True)


def show_notes() -> None:
    """Print the package's warnings on standard error, each in a line."""
    log = logging.getLogger("handpose_cli")
    for handler in list(log.handlers):
        if isinstance(handler, _Notes):  # of a command before, in the same process
            log.removeHandler(handler)
    log.addHandler(_Notes())
