"""Which images are damaged, said in one line at a command's end: a command may read an image many times."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager

from handpose_cli.media.damage import listening

_damaged: set[str] = set()


def damaged_line(names: Collection[str]) -> str:
    """Return what is said of damaged images."""
    return f"{len(names)} of the images are damaged (such as {min(names)}): parts of them may be wrong"


def note_damaged(name: str) -> None:
    """Note that an image is damaged, for `telling_damaged`."""
    _damaged.add(name)


@contextmanager
def telling_damaged(say: Callable[[str], None]) -> Iterator[None]:
    """In the block, have damage known (`damage.listening`), and say at its end how many images have it."""
    _damaged.clear()
    with listening():
        try:
            yield
        finally:
            if _damaged:
                say(damaged_line(_damaged))
