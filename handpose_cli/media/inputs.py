"""What an input is: a file with its name in the results."""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import NamedTuple

from handpose_cli.media.suffixes import is_url, is_video


class Version(NamedTuple):
    """What a file at a URL was: its size in bytes, and a digest of its content or the time it was written, as text."""

    size: int
    tag: str


class Input(NamedTuple):
    """A file to annotate: its name in the results (relative, "/" between folders), and where it is: a path, or a URL.

    A hundred thousand of them may be in memory, so there are no `Path`s in it.

    Attributes:
        version: what a file at a URL was when it was listed; None if it was not, or is no such file.
    """

    name: str
    file: str
    version: Version | None = None

    @property
    def path(self) -> Path:
        """Where the file is, unless it is at a URL."""
        return Path(self.file)

    @property
    def is_remote(self) -> bool:
        """Whether it is at a URL."""
        return is_url(self.file)

    @property
    def suffix(self) -> str:
        """The file's, in small letters."""
        return PurePosixPath(self.name).suffix.lower()

    @property
    def is_video(self) -> bool:
        return is_video(Path(self.name))
