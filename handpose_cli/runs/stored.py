"""What an earlier run left at a URL, by names from its folder on."""

from __future__ import annotations

from pathlib import Path

from handpose_cli.media.remote import Store
from handpose_cli.runs import journal as journals
from handpose_cli.runs.earlier import RESULTS, STEM, has_drawn, refuse_existing
from handpose_cli.runs.errors import RunError
from handpose_cli.runs.settings import COPIES

LOCK, PARTS = "run.lock", "journal.parts"  # see `runs.staging`


def names(store: Store) -> list[str]:
    """Return what there is besides locks, by names from the folder on."""
    try:
        found = store.fs.find(store.path)
    except FileNotFoundError:
        return []
    root = store.path.rstrip("/") + "/"
    relative = (name.removeprefix(root) for name in found)
    return sorted(name for name in relative if not name.startswith(LOCK))


def is_ours(name: str) -> bool:
    """Return whether a name is one that runs give: beside them may be users' files, even the inputs."""
    top = name.partition("/")[0]
    return top in (journals.NAME, PARTS, COPIES) or top.startswith(STEM)


def outdated(store: Store, folder: Path, names: list[str]) -> list[str]:
    """Return which of an earlier run's names are removed: copies only if a run says that it has drawn them."""
    fetch(store, folder, [name for name in names if name in (journals.NAME, RESULTS) or name.startswith(f"{PARTS}/")])
    drawn = has_drawn(folder)
    for path in folder.iterdir():
        path.unlink()
    return [name for name in names if drawn or not name.startswith(f"{COPIES}/")]


def fetch(store: Store, folder: Path, names: list[str]) -> None:
    """Fetch an earlier run's output, with its journal as it was when it was last put there."""
    for name in names:
        if not name.startswith(f"{PARTS}/"):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            store.fs.get_file(f"{store.path}/{name}", str(folder / name))
    path = folder / journals.NAME
    for name in names:
        if name.startswith(f"{PARTS}/") and int(name.rpartition("/")[2]) == size(path):  # else it is in there already
            with path.open("ab") as file:
                file.write(store.fs.cat_file(f"{store.path}/{name}"))


def refuse(folder: Path, url: str, names: list[str]) -> None:
    """Raise RunError as `refuse_existing` does, by names."""
    for name in names:
        (folder / (journals.NAME if name.startswith(f"{PARTS}/") else name.partition("/")[0])).touch()
    try:
        refuse_existing(folder)
    except RunError as error:
        raise RunError(str(error).replace(str(folder), url), error.remedy) from error
    for path in folder.iterdir():
        path.unlink()


def remove_at(store: Store, names: list[str]) -> None:
    """Remove files at the URL."""
    for name in names:
        store.fs.rm_file(f"{store.path}/{name}")


def size(path: Path) -> int:
    """Return a file's size in bytes; 0 if it is not there."""
    return path.stat().st_size if path.exists() else 0
