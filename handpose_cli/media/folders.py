"""Folders to the images and videos in them, and a count of what is passed over."""

from __future__ import annotations

import os
from collections import Counter, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from handpose_cli.media.errors import UnreadableError
from handpose_cli.media.opening import open_file
from handpose_cli.media.suffixes import is_media

Skipped = Callable[[str], bool]  # whether a folder in a folder, by its path, is not looked into
_LIBRARY = ".photoslibrary"  # of macOS's Photos: in its folder `resources` are smaller copies, and edited ones
_IN_THE_CLOUD = ".icloud"  # behind the name of a photo, with a dot before it, that macOS has only in the cloud
_SHOWN = 8  # suffixes in the line on what is passed over
# Of network drives, desktops and file systems: thumbnails of the photos beside them, what was deleted, older states of
# all files, and what only root may read. In small letters.
_OF_SYSTEMS = frozenset(
    {
        *("@eadir", "@__thumb", "@recycle", "@recently-snapshot", "#recycle", "#snapshot", "__macosx"),
        *("$recycle.bin", "system volume information", "lost+found"),
    }
)
# of videos and images, but of texts too: TypeScript, modules of it, Fortran and Go, the heads of scientific images
_OF_TEXTS_TOO = (".ts", ".mts", ".mod", ".hdr")
START = 512  # bytes; a transport stream has control characters in its first ten
_CONTROL = frozenset(range(32)) - set(b"\t\n\f\r")
_WIDE = (b"\xff\xfe", b"\xfe\xff")  # a text's beginning as UTF-16
_RADIANCE = b"#?"  # a picture's beginning in letters


@dataclass
class LeftOut:
    """What is passed over.

    Attributes:
        files: how many of each suffix.
        folders: how many inside folders.
        copies: folders of annotated copies.
        of_systems: folders that systems keep.
    """

    files: Counter[str] = field(default_factory=Counter)
    folders: int = 0
    copies: set[str] = field(default_factory=set)
    of_systems: set[str] = field(default_factory=set)

    def noting(self, skipped: Skipped | None) -> Skipped:
        """Return what tells the same folders, and those of systems, and notes them."""

        def noted(folder: str) -> bool:
            if is_of_system(folder):
                self.of_systems.add(folder)
                return True
            if is_one := skipped is not None and skipped(folder):
                self.copies.add(os.path.realpath(folder))
            return is_one

        return noted

    def add(self, name: str) -> None:
        """Count a file that is not read, unless it is hidden and would not be either without the dot."""
        hidden = name.startswith(".")
        if not hidden:
            self.files[Path(name).suffix.lower() or "without a suffix"] += 1
        elif is_media(name.lstrip(".").removesuffix(_IN_THE_CLOUD)):
            cloud = ", not downloaded" * name.endswith(_IN_THE_CLOUD)
            self.files[f"hidden {Path(name).suffix.lower()}{cloud}"] += 1

    def __str__(self) -> str:
        """Say it in a line; "" if there is nothing to say."""
        parts = []
        if self.files:
            common = self.files.most_common()
            shown = [f"{count} {suffix}" for suffix, count in common[:_SHOWN]]
            rest = sum(count for _, count in common[_SHOWN:])
            kinds = ", ".join([*shown, *([f"{rest} others"] if rest else [])])
            total = self.files.total()
            parts.append(f"{total} file{'s' * (total > 1)} not taken for images or videos ({kinds})")
        if self.folders:
            parts.append(f"{self.folders} folder{'s' * (self.folders > 1)} inside (-r looks into them)")
        if count := len(self.copies):
            parts.append(f"{count} folder{'s' * (count > 1)} of annotated copies")
        if count := len(self.of_systems):
            names = ", ".join(sorted({os.path.basename(folder) for folder in self.of_systems}))  # noqa: PTH119
            parts.append(f"{count} folder{'s' * (count > 1)} that systems keep ({names})")
        return f"Passed over: {', '.join(parts)}" if parts else ""


def is_of_system(name: str) -> bool:
    """Return whether a folder, by its name or path, is one that a system keeps beside photos."""
    folder, name = os.path.split(name.lower())
    return name in _OF_SYSTEMS or (name == "resources" and folder.endswith(_LIBRARY))


def is_taken(path: str) -> bool:
    """Return whether a file in a folder is taken for an image or a video: by its name, unless it turns out a text."""
    name = os.path.basename(path)  # noqa: PTH119
    return is_media(name) and not (may_be_text(name) and _is_text(Path(path)))


def may_be_text(name: str) -> bool:
    """Return whether a video's or an image's name may be that of a text, too."""
    return name.lower().endswith(_OF_TEXTS_TOO)


def _is_text(path: Path) -> bool:
    try:
        with open_file(path) as file:
            return begins_text(file.read(START))
    except (UnreadableError, OSError):  # reading it will report that
        return False


def begins_text(start: bytes) -> bool:
    """Return whether these are the first `START` bytes of a text, and of no video or image."""
    if start.startswith(_RADIANCE):
        return False
    return bool(start) and (start.startswith(_WIDE) or not _CONTROL.intersection(start))


def media_in(folder: str, recursive: bool, skipped: Skipped | None, left_out: LeftOut) -> Iterator[str]:
    """Yield the paths of images and videos in a folder, and of folders in it that cannot be read.

    Args:
        recursive: look into folders' folders too.
        skipped: tells folders not to look into.
        left_out: counts what is passed over.
    """
    for path, entries in folders_in(folder, skipped, recursive):
        if entries is None:
            yield path
            continue
        for entry in entries:
            if _is_folder(entry):
                left_out.folders += not recursive and not _is_skipped(entry, skipped)
            elif is_taken(entry.path):
                yield entry.path
            else:
                left_out.add(entry.name)


def folders_in(
    folder: str, skipped: Skipped | None = None, recursive: bool = True
) -> Iterator[tuple[str, list[os.DirEntry[str]] | None]]:
    """Yield a folder, and those inside, with their entries; None if a folder cannot be read.

    Linked folders are folders too, hidden ones are passed over. Each is looked into once, under its own name if that
    lies inside, so that links in circles do no harm.
    """
    seen: set[tuple[int, int]] = set()
    waiting, links = [folder], deque[str]()
    while waiting or links:
        path = waiting.pop() if waiting else links.popleft()
        try:
            status = os.stat(path)  # noqa: PTH116 (less memory than Paths)
            if (status.st_dev, status.st_ino) in seen:
                continue
            with os.scandir(path) as scan:
                entries = sorted(scan, key=lambda entry: entry.name)
        except OSError:
            yield path, None
            continue
        seen.add((status.st_dev, status.st_ino))
        yield path, entries
        for entry in entries if recursive else ():
            if _is_folder(entry) and not _is_skipped(entry, skipped):
                (links if entry.is_symlink() else waiting).append(entry.path)


def _is_skipped(entry: os.DirEntry[str], skipped: Skipped | None) -> bool:
    return entry.name.startswith(".") or (skipped is not None and skipped(entry.path))


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link in a circle with itself
        return False
