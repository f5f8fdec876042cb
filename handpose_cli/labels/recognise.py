"""Which format a file or folder is in."""

from __future__ import annotations

from pathlib import Path

from handpose_cli.formats import BUILT_IN, FORMATS, Format
from handpose_cli.formats._notes import say
from handpose_cli.formats._text import as_utf8
from handpose_cli.formats.errors import FormatError

HEAD = 1 << 16
ZIP = b"PK\x03\x04"
_NO_LABELS = {
    b"version https://git-lfs": "only Git LFS's pointer to the file. Fetch it: git lfs pull",
    b"\x1f\x8b": "compressed. Unpack it first: gunzip",
}


def recognise(path: Path) -> Format:
    """Return the format that a file or folder is in.

    Raises:
        FormatError: if it does not exist or is of no known format.
    """
    try:
        head = b""
        if not path.is_dir():
            with path.open("rb") as file:
                head = as_utf8(file.read(HEAD))
    except OSError as error:
        raise FormatError(f"{path}: cannot be read: {error.strerror}") from error
    if path.suffix.lower() == ".slp":
        raise FormatError(
            f"{path}: SLEAP's own files are not read. Export the analysis CSV, in SLEAP or by "
            f"'sio convert {path.name} -o {path.stem}.csv', or COCO by '... -o {path.stem}.json --to coco'",
        )
    for beginning, what in _NO_LABELS.items():
        if head.startswith(beginning):
            raise FormatError(f"{path}: {what}")
    for format in FORMATS.values():
        try:
            if format.recognises(path, head):
                return format
        except Exception as error:
            if format in BUILT_IN:
                raise
            # another package's fault must not stop this one
            say(f"the format {format.name} of an installed package is not tried: {' '.join(str(error).split())}")
    if head[:4] == ZIP:  # only CVAT's are read as they are
        raise FormatError(f"{path}: a ZIP file that is not CVAT's. Unpack it and name what is in it")
    raise FormatError(f"{path}: of no known label format. Name it; there are: {', '.join(FORMATS)}")
