"""Writes the page from a stream of records."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from html import escape
from importlib.resources import files
from pathlib import Path
from string import Template
from typing import IO, Any

from handpose_cli.doubt.flags import FLAGS
from handpose_cli.doubt.video import Flagger
from handpose_cli.files import atomic
from handpose_cli.records import ImageRecord
from handpose_cli.review.choice import Choice, Shown
from handpose_cli.review.statistics import Statistics
from handpose_cli.review.thumbnails import thumbnails
from handpose_cli.review.timelines import Timelines
from handpose_cli.run_facts import RunFacts


@contextmanager
def open_page(path: Path, images: Path | None = None, run: RunFacts | None = None) -> Iterator[Writer]:
    """Open a page for records as they come; it appears when the block ends without an error.

    Args:
        images: the folder of the images.
    """
    with atomic(path) as file:
        writer = Writer(images, run or RunFacts())
        yield writer
        writer.finish(file)


class Writer:
    """Counts records and chooses hands as they come; pictures are read at the end."""

    def __init__(self, images: Path | None, run: RunFacts):
        self._images, self._run = images, run
        self._flagger = Flagger()
        self._statistics, self._timelines, self._choice = Statistics(), Timelines(), Choice()

    def write(self, record: ImageRecord) -> None:
        """Take a record."""
        for ready in self._flagger.update(record):
            self._take(ready)

    def _take(self, record: ImageRecord) -> None:
        self._statistics.add(record)
        self._timelines.add(record)
        self._choice.add(record)

    def finish(self, file: IO[str]) -> None:
        """Write the page."""
        for ready in self._flagger.finish():
            self._take(ready)
        self._timelines.finish()
        doubtful, others = self._choice.result()
        pictures = thumbnails([*doubtful, *others], self._find)
        shown = [
            _entry(one, picture, number < len(doubtful))
            for number, (one, picture) in enumerate(zip([*doubtful, *others], pictures, strict=True))
        ]
        data = {
            **self._statistics.to_dict(),
            "words": FLAGS,
            "most": [len(doubtful), len(others)],
            "without_picture": sum(picture is None for picture in pictures),
            "seconds": None if self._run.seconds is None else round(self._run.seconds(), 1),
            "settings": _settings(self._run.info),
            "timelines": self._timelines.done,
            "timelines_left_out": self._timelines.left_out,
            "shown": shown,
        }
        template = Template((files("handpose_cli.review") / "page.html").read_text(encoding="utf-8"))
        style, script = (
            (files("handpose_cli.review") / name).read_text(encoding="utf-8") for name in ("page.css", "page.js")
        )
        text = json.dumps(data, separators=(",", ":"))
        # the one way out of a script element is its end tag or a comment
        text = text.replace("<", "\\u003c")
        file.write(template.substitute(title=escape(self._title()), style=style, script=script, data=text))

    def _title(self) -> str:
        inputs = self._run.info.get("arguments", {}).get("inputs", ())
        return "Hands in " + ", ".join(inputs[:3]) + (" ..." if len(inputs) > 3 else "") if inputs else "Hands"

    def _find(self, file: str) -> str | None:
        if file in self._run.paths:
            return self._run.paths[file]
        roots = [Path(name) for name in self._run.info.get("arguments", {}).get("inputs", ())]
        folders = [self._images] if self._images is not None else []
        tried = [*(folder / file for folder in [*folders, *roots]), *(root for root in roots if root.name == file)]
        return next((str(path) for path in tried if path.is_file()), None)


def _entry(shown: Shown, picture: bytes | None, doubtful: bool) -> dict[str, Any]:
    hand, record = shown.hand, shown.record
    known = {
        "file": record.file,
        "frame": record.frame,
        "hand": shown.place,
        "score": None if hand.score is None else round(float(hand.score), 3),
        "joints": None if (joints := hand.mean_joint_score) is None else round(joints, 3),
        "side": hand.handedness,
        "track": hand.track_id,
        "size": round(hand.size),
        "flags": list(hand.flags) or None,
        "doubtful": doubtful or None,
        "picture": None if picture is None else base64.b64encode(picture).decode(),
    }
    return {name: value for name, value in known.items() if value is not None}


def _settings(info: Mapping[str, Any]) -> list[list[str]]:
    """Return how a run was made as rows for people."""
    rows = [[name, str(info[name])] for name in ("tool", "started", "scores") if name in info]
    rows += [["weights", f"{name} ({digest[:12]})"] for name, digest in info.get("weights", {}).items()]
    for each in info.get("corrections", ()):
        counts = [f"{each[key]} {key.replace('_', ' ')}" for key in each if key.startswith(("images", "hands_"))]
        rows.append(["corrected", f"{each.get('file')} ({each.get('merged', '')}): {', '.join(counts)}"])
    for name, value in info.get("arguments", {}).items():
        if value not in (None, False, [], ()):
            rows.append([name, ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)])
    return rows
