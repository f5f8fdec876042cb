"""Images that labels are of: found by a name without a suffix, and measured by their heads."""

from __future__ import annotations

from pathlib import Path

from handpose_cli.formats.errors import FormatError
from handpose_cli.formats.fields import image_name
from handpose_cli.media.errors import UnreadableError
from handpose_cli.media.suffixes import IMAGE_SUFFIXES
from handpose_cli.records import ImageRecord


def find_image(folder: Path, stem: str, suffixes: frozenset[str] = IMAGE_SUFFIXES) -> str | None:
    """Return the name, relative to the folder, of the image there that has the stem."""
    names = [f"{stem}{suffix}" for ending in sorted(suffixes) for suffix in (ending, ending.upper())]
    return next((name for name in names if (folder / name).exists()), None)


def images_under(folder: Path) -> list[str]:
    """Return the names of all images in a folder and its folders, relative to it, sorted."""
    files = (path for path in folder.rglob("*") if path.suffix.lower() in IMAGE_SUFFIXES and path.is_file())
    return sorted(path.relative_to(folder).as_posix() for path in files)


def image_size(path: Path) -> tuple[int, int]:
    """Return an image's upright width and height, as `media.images` reads it; raise FormatError if it cannot."""
    from handpose_cli.media import images  # OpenCV takes 0.1 s to import

    try:
        return images.image_size(path)
    except UnreadableError as error:
        raise FormatError(f"{path}: its size cannot be read: {error}") from error


def video_size(path: Path) -> tuple[int, int]:
    """Return a video's upright width and height; raise FormatError if its first frame cannot be decoded."""
    from handpose_cli.media.videos import read_video  # PyAV takes 0.2 s to import

    try:
        first = next(iter(read_video(path)), None)
    except UnreadableError as error:
        raise FormatError(f"{path}: {error}") from error
    if first is None:
        raise FormatError(f"{path}: no frames")
    return first.pixels.shape[1], first.pixels.shape[0]


def size_of(record: ImageRecord) -> tuple[int, int]:
    """Return a record's size; raise FormatError if it is not known, since the format to write needs it."""
    if not record.width or not record.height:
        raise FormatError(f"{image_name(record)}: its size is not known", "images")
    return record.width, record.height
