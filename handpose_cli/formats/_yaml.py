"""YAML files that may be anything."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from handpose_cli.formats._text import encoding_of
from handpose_cli.formats.errors import FormatError

# in C it is fast, and bounded where lists stand in lists in lists: in Python such a file of 2 KB takes seconds
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def read_yaml(path: Path) -> Any:
    """Return the content of a YAML file; raise FormatError, naming it, if it cannot be read."""
    try:
        return yaml.load(path.read_text(encoding=encoding_of(path)), _LOADER)
    except (OSError, UnicodeError, yaml.YAMLError, RecursionError) as error:
        raise FormatError(f"{path}: cannot be read as YAML: {' '.join(str(error).split())}") from error
