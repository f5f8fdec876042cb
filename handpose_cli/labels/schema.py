"""Check a result file against `predictions.schema.json`, entry by entry, so that memory does not grow with the file."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import fastjsonschema

from handpose_cli.formats._json import read_json, stream_json
from handpose_cli.formats._keypoint_names import OURS
from handpose_cli.formats._parsing import errors_at
from handpose_cli.formats.errors import FormatError
from handpose_cli.formats.handpose_json import order_in, records_of
from handpose_cli.records import ImageRecord

SCHEMA = Path(__file__).with_name("predictions.schema.json")
LONGEST = 60  # characters of a wrong value that are shown
_MISSING = object()
_INDEX = re.compile(r"\[\d+\]")

Report = Callable[[str, str], None]  # called with the kind of a problem, and one in full
Problem = tuple[str, str]  # where in the value, such as `.hands[0].box`, and what is wrong


def load_schema() -> dict[str, Any]:
    """Return the schema of the result file."""
    schema: dict[str, Any] = json.loads(SCHEMA.read_text(encoding="utf-8"))
    return schema


def checked_records(path: Path, report: Report) -> Iterator[ImageRecord]:
    """Yield the records of those entries of a result file that follow the schema, and report whatever does not.

    A name that is not in the schema is no problem, since later versions may add some, unless it looks misspelt. A file
    that is cut short is reported too; nothing is raised.
    """
    index = -1
    try:
        order = order_in(path)
    except FormatError:  # the schema says what is wrong
        order = OURS
    try:
        for index, entry in enumerate(stream_json(path, "files.item")):
            place = f"files[{index}]"
            if problems := _entry_problems(entry):
                _report_all(report, problems, place)
                continue
            _report_misspelt(report, entry, place)
            try:
                with errors_at(place):
                    records = list(records_of(entry, order))
            except FormatError as error:  # what a schema cannot say, such as numbers beyond float32
                report("cannot be read", str(error))
                continue
            yield from records
        _report_all(report, problems_of(read_json(path) if index < 0 else _outline(path)))
    except FormatError as error:
        report("not JSON to its end", str(error))


def _outline(path: Path) -> dict[str, Any]:
    """Return the content of a result file without its entries, which need not fit into memory."""
    names = (name for name in load_schema()["properties"] if name != "files")
    found = {name: next(stream_json(path, name), _MISSING) for name in names}
    return {"files": [], **{name: value for name, value in found.items() if value is not _MISSING}}


def _entry_problems(entry: Any) -> list[Problem]:
    try:
        _validator("entry", fast_fail=True)(entry)
        return []
    except fastjsonschema.JsonSchemaValueException:
        pass
    problems: list[Problem] = []
    hands = entry.get("hands") if isinstance(entry, dict) else None
    if isinstance(hands, list):  # one at a time: all the problems of a long video's are too much for one list
        around: dict[str, Any] = {"file": "-", "width": None, "height": None}
        if not entry.keys().isdisjoint(("fps", "frames", "frame_times")):
            around |= {"frames": 1, "frame_times": [[0, None]]}
        for number, hand in enumerate(hands):
            for where, what in problems_of({**around, "hands": [hand]}, "entry"):
                problems.append((where.replace("[0]", f"[{number}]", 1), what))
        entry = {**entry, "hands": []}
    return problems + problems_of(entry, "entry")


def problems_of(value: Any, definition: str = "") -> list[Problem]:
    """Return all problems of the content of a result file, or of what one of the schema's definitions is about."""
    try:
        _validator(definition, fast_fail=False)(value)
    except fastjsonschema.JsonSchemaValuesException as error:
        return list(dict.fromkeys((str(one.name).removeprefix("data"), _told(one)) for one in error.errors))
    return []


@cache
def _validator(definition: str, fast_fail: bool) -> Callable[[Any], Any]:
    """Return what raises unless a value is as one of the schema's definitions says, or, without a name, all of it."""
    schema = load_schema()
    if definition:
        schema = {key: schema[key] for key in ("$schema", "definitions")} | {"$ref": f"#/definitions/{definition}"}
    return fastjsonschema.compile(schema, use_default=False, fast_fail=fast_fail)


def _told(error: fastjsonschema.JsonSchemaValueException) -> str:
    """Return what is wrong, with the value if it is short."""
    rule, value, definition = error.rule, error.value, error.definition
    if rule == "required":
        missing = [name for name in definition["required"] if name not in value]
        return f"must contain {', '.join(missing)}"
    if rule == "dependencies":
        needed = {other for name, others in definition["dependencies"].items() if name in value for other in others}
        return f"must contain {', '.join(sorted(needed - value.keys()))} too"
    if rule in ("minItems", "maxItems") and definition.get("minItems") == definition.get("maxItems"):
        return f"must contain exactly {definition['minItems']} items. Received: {len(value)}"
    message = error.message.removeprefix(str(error.name)).strip()
    if rule == "const":
        message = f"must be {json.dumps(definition['const'])}"
    if rule == "enum":
        message = f"must be one of {json.dumps(definition['enum'])[1:-1]}"
    if isinstance(value, dict | list):
        return f"{message}. Received: {'an object' if isinstance(value, dict) else f'a list of {len(value)}'}"
    shown = json.dumps(value, ensure_ascii=False)
    return f"{message}. Received: {shown if len(shown) <= LONGEST else shown[:LONGEST] + '...'}"


def _report_all(report: Report, problems: list[Problem], place: str = "") -> None:
    for where, what in problems:
        where = (place + where).removeprefix(".") or "the file"
        report(f"against the schema: {_INDEX.sub('[]', where)}", f"{where} {what}")


def _report_misspelt(report: Report, entry: dict[str, Any], place: str) -> None:
    parts = [("entry", place, entry)]
    parts += [("hand", f"{place}.hands[{number}]", hand) for number, hand in enumerate(entry["hands"])]
    for definition, where, value in parts:
        for name in sorted(value.keys() - _known(definition)):
            if near := difflib.get_close_matches(name, _known(definition), 1):
                report("misspelt, and so ignored?", f"{where}.{name} is nearly {near[0]}")


@cache
def _known(definition: str) -> frozenset[str]:
    return frozenset(load_schema()["definitions"][definition]["properties"])
