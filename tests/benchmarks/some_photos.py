"""A folder of as many real photographs as are wanted, for the benchmarks of clusters."""

from __future__ import annotations

import os
import random
import shutil
from itertools import cycle, islice
from pathlib import Path


def put_photos(photos: list[Path], count: int, folder: Path) -> Path:
    """Put so many photographs, chosen from folders and those inside, into a folder, 500 in each of its folders.

    They are linked where that can be done, else copied; where there are fewer, they come again.
    """
    found = sorted(p for top in photos for p in top.rglob("*") if p.suffix.lower() in (".jpg", ".jpeg", ".png"))
    random.Random(0).shuffle(found)
    for number, path in enumerate(islice(cycle(found), count)):
        to = folder / f"{number // 500:03d}" / f"{number:06d}{path.suffix.lower()}"
        to.parent.mkdir(parents=True, exist_ok=True)
        try:
            os.link(path, to)
        except OSError:
            shutil.copyfile(path, to)
    return folder
