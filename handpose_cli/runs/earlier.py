"""What an earlier run left in an output folder: refused, gone on with or removed, and nothing that is not a run's."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from handpose_cli.files import remove
from handpose_cli.formats import FORMATS, handpose_json
from handpose_cli.formats.errors import FormatError
from handpose_cli.locking import lock
from handpose_cli.runs import journal as journals
from handpose_cli.runs.errors import RunError
from handpose_cli.runs.journal import Journal
from handpose_cli.runs.settings import COPIES

STEM = "predictions"
RESULTS = f"{STEM}.json"


def result_path(folder: Path, name: str) -> Path:
    """Return where a run's results of a format go: `predictions.csv`, or a folder, `predictions-yolo-pose`."""
    suffix = FORMATS[name].suffix
    return folder / (f"{STEM}{suffix}" if suffix else f"{STEM}-{name}")


def refuse_existing(folder: Path) -> None:
    """Raise RunError if a folder holds an earlier run's journal or results."""
    begun = (folder / journals.NAME).exists()
    if (path := _existing(folder)) is not None:
        raise RunError(f"{path} exists", "begun" if begun else "exists")
    if begun:
        raise RunError(f"{folder} holds an unfinished run", "unfinished")


def refuse_no_run(folder: Path) -> None:
    """Raise RunError if a folder holds results, such as a camera's, but no run that could go on."""
    if not (folder / journals.NAME).exists() and (path := _existing(folder)) is not None:
        raise RunError(f"{path} exists, but there is no run to go on with", "exists")


def refuse_foreign(folder: Path) -> None:
    """Raise RunError if a folder for annotated copies is there that no run has made: what is in it is the user's."""
    if (folder / COPIES).exists() and not has_drawn(folder):
        raise RunError(f"{folder / COPIES} would be removed, and is not of a run of handpose predict", "output")


def has_drawn(folder: Path) -> bool:
    """Return whether a run, or a camera's recording, made annotated copies in an output folder."""
    return any(info.get("arguments", {}).get("draw") for info in _infos(folder))


def holds_copies(folder: str) -> bool:
    """Return whether a folder is a run's one of annotated copies: these are no inputs of another run."""
    path = Path(folder)
    return path.name == COPIES and has_drawn(path.parent)


def output_before(folder: Path) -> tuple[tuple[str, ...], str]:
    """Return the formats, besides the result file, and the image prefix of the last run in a folder; empty if none."""
    last: dict[str, Any] = next(reversed(_headers(folder)), {})
    arguments = last.get("arguments", {})
    return tuple(name for name in arguments.get("formats", ()) if name in FORMATS), arguments.get("image_prefix", "")


def remove_existing(folder: Path) -> None:
    """Remove an earlier run's results and annotated copies; see `refuse_foreign`."""
    remove_results(folder)
    remove(folder / RESULTS)
    remove(folder / COPIES)


def remove_journal(folder: Path) -> None:
    """Remove an earlier run's journal, if there is one; raise RunError if that run goes on."""
    path = folder / journals.NAME
    if path.exists():
        with path.open("ab") as file:
            if lock(file) is False:
                raise RunError(f"Another run is writing to {folder}", "output")
        remove(path)


def remove_results(folder: Path, but: Sequence[str] = ()) -> None:
    """Remove an earlier run's results, besides the result file and the formats in `but`: they belong to that run.

    In folders, only what the format writes is removed.
    """
    if all(path.name == RESULTS for path in folder.glob(f"{STEM}*")):
        return  # there are none, and to know their names each format's writer would be loaded
    for name, format in FORMATS.items():
        path = result_path(folder, name)
        if format.writes and path.name != RESULTS and name not in but:
            for written in format.outputs(path) if format.suffix else _in_folder(path, format.files):
                remove(written)
            _remove_empty(path)


def _in_folder(path: Path, patterns: Sequence[str]) -> list[Path]:
    return [file for pattern in patterns for file in path.glob(pattern)]


def _remove_empty(path: Path) -> None:
    """Remove a folder and those in it as far as they hold no files."""
    if path.is_dir() and not path.is_symlink():
        for inside in path.iterdir():
            _remove_empty(inside)
        with suppress(OSError):
            path.rmdir()


def _existing(folder: Path) -> Path | None:
    others = [result_path(folder, name) for name, format in FORMATS.items() if format.writes]
    return next((path for path in (folder / RESULTS, *others, folder / COPIES) if path.exists()), None)


def _headers(folder: Path) -> list[dict[str, Any]]:
    journal = Journal(folder / journals.NAME)
    return [header.info for header in journal.headers_there()] if journal.path.is_file() else []


def _infos(folder: Path) -> Iterator[dict[str, Any]]:
    yield from _headers(folder)
    if (folder / RESULTS).is_file():
        with suppress(FormatError, ValueError, OSError):  # damaged, or something else
            yield handpose_json.head(folder / RESULTS)
