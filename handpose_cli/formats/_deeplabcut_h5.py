"""DeepLabCut's tables in HDF5, as pandas writes them; pandas and PyTables are an extra.

Like a pickle, an HDF5 file of pandas can hold objects that run code when they are read: open only files you trust.
"""

from __future__ import annotations

import importlib
import importlib.util
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from handpose_cli.formats.errors import FormatError

SUFFIXES = (".h5", ".hdf5", ".hdf")
MAGIC = b"\x89HDF\r\n\x1a\n"
KEY = "df_with_missing"  # DeepLabCut's


def check() -> None:
    """Raise FormatError if what reads HDF5 is not installed."""
    missing = [name for name in ("pandas", "tables") if importlib.util.find_spec(name) is None]
    if missing:
        raise FormatError(
            f".h5 files need {' and '.join(missing)}: pip install 'handpose-cli[deeplabcut]', or use .csv instead"
        )


def read(path: Path) -> tuple[dict[str, list[str]], Iterator[tuple[str, list[float]]]]:
    """Return the header rows' cells by their names, and the rows: each with its name or number, and its cells.

    Raises:
        FormatError: if the extra is not installed, or the file cannot be read or holds no such table.
    """
    check()
    pandas: Any = importlib.import_module("pandas")

    try:
        frame: Any = pandas.read_hdf(path)
    except Exception as error:  # PyTables raises all kinds
        reason = " ".join(str(error).split()) or type(error).__name__
        raise FormatError(f"{path}: cannot be read as HDF5: {reason:.200}") from error
    columns = getattr(frame, "columns", None)
    if columns is None or not {"bodyparts", "coords"} <= set(columns.names):
        raise FormatError(f"{path}: columns with the levels bodyparts and coords expected")
    levels = {str(name): [str(value) for value in columns.get_level_values(name)] for name in columns.names}
    return levels, _rows(frame)


def _rows(frame: Any) -> Iterator[tuple[str, list[float]]]:
    values = frame.to_numpy(float)
    for name, row in zip(frame.index, values, strict=True):
        yield "/".join(map(str, name)) if isinstance(name, tuple) else str(name), row.tolist()


def write(text: Path, part: IO[bytes]) -> None:
    """Write a CSV table as HDF5, in memory, in place of an open file, which is closed."""
    pandas: Any = importlib.import_module("pandas")

    with text.open(encoding="utf-8") as file:
        header = next(number for number, line in enumerate(file) if line.startswith("coords,"))
    frame = pandas.read_csv(text, header=list(range(header + 1)), index_col=0)
    part.close()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # wide tables are slower to append to
        frame.to_hdf(part.name, key=KEY, mode="w")
