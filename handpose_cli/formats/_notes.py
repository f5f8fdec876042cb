"""What readers say beside the records, in one line each: what they left out, and what they had to assume."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType

from handpose_cli.records import ImageRecord

log = logging.getLogger(__name__)

MOST_NAMES = 5  # of classes or the like that a line gives


def say(line: str, remedy: str = "") -> None:
    """Log a line as a warning, which goes to standard error unless a program configures logging otherwise.

    Args:
        remedy: what a caller could give, as in `FormatError`; a command adds its option.
    """
    log.warning("%s", line, extra={"remedy": remedy})


@contextmanager
def silent() -> Iterator[None]:
    """Say nothing in the block: it is only a trial, or nobody wants to know."""
    kept, log.disabled = log.disabled, True
    try:
        yield
    finally:
        log.disabled = kept


class LeftOut:
    """Counts what a reader leaves out of a file, and says so when its block ends without an error:

        with LeftOut(path) as left_out:
            left_out.add("objects of other classes", "face")

    logs `labels.json: left out: 12 objects of other classes (10 face, 2 handbag)`.
    """

    def __init__(self, path: Path):
        self._path = path
        self._names: dict[str, Counter[str]] = {}
        self._remedies: list[str] = []
        self.hands = 0

    def add(self, what: str, name: str = "", count: int = 1, remedy: str = "", hands: bool = False) -> None:
        """Count things of a kind, in the plural, and by a name of their own if they have one.

        Args:
            remedy: what a caller could give to have them read; see `say`.
            hands: whether they are hands, which their image's record then lacks, see `of`.
        """
        self.hands += count if hands else 0
        self._names.setdefault(what, Counter())[name] += count
        if remedy and remedy not in self._remedies:
            self._remedies.append(remedy)

    @contextmanager
    def of(self, record: ImageRecord) -> Iterator[None]:
        """Read what belongs to a record: it is not exhaustive if hands are left out in the block."""
        before = self.hands
        yield
        record.exhaustive &= self.hands == before

    def __str__(self) -> str:
        return ", ".join(f"{sum(names.values())} {what}{_counted(names)}" for what, names in self._names.items())

    def __enter__(self) -> LeftOut:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if kind is None:
            self.say()

    def say(self) -> None:
        """Say what was left out, if anything was."""
        if self._names:
            say(f"{self._path}: left out: {self}", self._remedies[0] if self._remedies else "")


def listed(names: Sequence[str]) -> str:
    """Return the first names, and how many more there are."""
    more = len(names) - MOST_NAMES
    return ", ".join(names[:MOST_NAMES]) + (f" and {more} more" if more > 0 else "")


def _counted(names: Counter[str]) -> str:
    text = listed([f"{count} {name}" for name, count in names.most_common() if name])
    return f" ({text})" if text else ""
