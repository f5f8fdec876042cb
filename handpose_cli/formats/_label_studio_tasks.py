"""Label Studio's tasks as JSON and JSON-MIN have them: their image, and what marks it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

from handpose_cli.formats._hand_names import side_of, words_of
from handpose_cli.formats._json import begins_with, stream_json
from handpose_cli.formats._label_studio_urls import path_of
from handpose_cli.formats._notes import listed
from handpose_cli.formats.errors import FormatError
from handpose_cli.media.suffixes import IMAGE_SUFFIXES

MIN_KINDS = ("rectanglelabels", "keypointlabels")
SIDES = {"left", "right", "l", "r", "hand"}  # the words of a choice that is a hand's side
Task = dict[str, Any]
Result = dict[str, Any]


def tasks(path: Path) -> Iterator[Task]:
    """Yield the tasks of a file; raise FormatError if it has none."""
    if begins_with(path, b"{"):
        found = stream_json(path, "")
    elif begins_with(path, b"["):
        found = stream_json(path, "item")
    else:
        raise FormatError(f"{path}: expected a JSON list of tasks, or one task")
    for index, task in enumerate(found):
        if not isinstance(task, dict) or not task:
            raise FormatError(f"{path}: task {index}: no 'data'")
        yield task


def is_min(task: Task) -> bool:
    """Return whether a task is of JSON-MIN, which has an entry for each annotation of a task."""
    return "data" not in task


def results_of(task: Task, looked_at: bool = False) -> list[Result] | None:
    """Return what marks a task's image; None if it is not labelled, or not by a person where that is asked for."""
    if is_min(task):  # an untouched task's annotation is null
        return list(_of_min(task)) if task.get("annotation_id", 0) is not None else None
    done = [annotation for annotation in task.get("annotations") or () if not annotation.get("was_cancelled")]
    if looked_at and not done:
        return None
    found = done or [guess for guess in task.get("predictions") or () if isinstance(guess, dict)]  # or only ids
    true = [annotation for annotation in done if annotation.get("ground_truth")]
    return list(_of_regions((true or found)[0]["result"])) if found else None


def _of_regions(results: list[Result]) -> Iterator[Result]:
    """Yield results, those of the tags Rectangle or KeyPoint with Labels as of RectangleLabels and KeyPointLabels."""
    labelled = {result.get("id") for result in results if result.get("type") == "labels"}
    for result in results:
        value = result.get("value")
        if result.get("type") == "labels" and isinstance(value, dict) and "x" in value and "radiusX" not in value:
            kind = MIN_KINDS["height" not in value]
            yield {**result, "type": kind, "value": {**value, kind: value.get("labels")}}
        elif result.get("type") not in ("rectangle", "keypoint") or result.get("id") not in labelled:
            yield result


def _of_min(task: Task) -> Iterator[Result]:
    """Yield the results of a task of JSON-MIN, where each tag has its values; old ones are without ids and parents."""
    regions: dict[tuple[Any, ...], str] = {}  # rectangles' ids by their places
    choices: list[tuple[str, dict[str, Any]]] = []
    for tag, values in task.items():
        for number, value in enumerate(values if isinstance(values, list) else [values]):
            id = f"{tag}-{number}"
            kind = next((kind for kind in MIN_KINDS if isinstance(value, dict) and kind in value), None)
            if kind is not None:
                more = {name: value.get(name) for name in ("original_width", "original_height", "parentID")}
                id = regions[_place(value)] = value.get("id") or id
                yield {"id": id, "type": kind, "value": value, **more}
            elif isinstance(value, dict) and isinstance(value.get("choices"), list):
                choices.append((id, value))
            elif isinstance(value, str) and side_chosen(value):  # of which region is not said
                yield {"id": id, "type": "choices", "value": {"choices": [value]}}
    for id, value in choices:
        yield {"id": value.get("id") or regions.get(_place(value), id), "type": "choices", "value": value}


def _place(value: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(value.get(name) for name in ("x", "y", "width", "height"))


def sides_chosen(choices: list[Any]) -> set[str]:
    """Return the handednesses that are among choices."""
    return {side for choice in choices if (side := side_chosen(str(choice)))}


def side_chosen(choice: str) -> str | None:
    """Return the handedness that a choice is; None for others, such as "held in left"."""
    return side_of(choice) if SIDES.issuperset(words_of(choice)) else None


def image_of(data: Task) -> str:
    """Return the path of a task's image: under `image`, or the only one that is named like one under another key.

    Raises:
        ValueError: if there is none, or it is open which it is.
    """
    image = data.get("image")
    if isinstance(image, str):
        return path_of(image)
    paths = {key: path_of(value) for key, value in data.items() if isinstance(value, str)}
    found = [key for key, path in paths.items() if PurePosixPath(path).suffix.lower() in IMAGE_SUFFIXES]
    if len(found) == 1:
        return paths[found[0]]
    if found:
        raise ValueError(f"it is open which of its data is its image: {listed(found)}")
    of_kinds = [f"{key} ({_KINDS.get(type(value), 'a number')})" for key, value in data.items()]
    raise ValueError(f"none of its data is the name of an image. Received: {listed(of_kinds) or 'nothing'}")


_KINDS = {str: "a text", list: "a list", dict: "an object", bool: "a truth value", type(None): "null"}
