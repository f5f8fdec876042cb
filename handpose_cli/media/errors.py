"""The error that every source raises."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from contextlib import contextmanager

from handpose_cli.errors import first_line

NO_FRAME = "no frame"  # begins the message of a video that has none between the times that were asked for

NO_MEMORY = "not enough memory to decode it"
# what comes of numbers in a file that cannot be, where nobody has thought of them
_UNFORESEEN = (
    LookupError,
    ArithmeticError,
    ValueError,
    TypeError,
    AttributeError,
    AssertionError,
    EOFError,
    struct.error,
)


class UnreadableError(ValueError):
    """An input cannot be decoded; the message says why, in one line, and becomes the record's `failure`.

    Attributes:
        transient: whether the file system was the cause (no such file, no permission, a disk that fails), memory
            that was short, or a package that is not installed, so that trying again may help; the same bytes would fail
            again otherwise.
    """

    def __init__(self, message: str, transient: bool = False):
        super().__init__(message)
        self.transient = transient


@contextmanager
def unreadable_if_unforeseen() -> Iterator[None]:
    """Have what a damaged file should not raise in the block, but may, be its failure.

    Else one file would end a run of a night, with a traceback, and again each one that goes on with it.
    """
    try:
        yield
    except UnreadableError:
        raise
    except _UNFORESEEN as error:
        what = f"{type(error).__name__}: {first_line(error)}"
        raise UnreadableError(f"damaged, or of a kind that cannot be decoded ({what})") from error


class EncodingError(ValueError):
    """An annotated video cannot be encoded here; the message says why, in one line."""


class InexactError(Exception):
    """A stretch cannot be decoded to exactly the frames that it should have."""
