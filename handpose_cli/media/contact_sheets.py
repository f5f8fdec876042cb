"""Contact sheets: many small pictures with their names on one page, to look over a folder."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from pathlib import Path

import cv2
import numpy as np

from handpose_cli.files import atomic, remove

COLUMNS, ROWS = 6, 5
WIDTH, HEIGHT, CAPTION, GAP = 300, 225, 22, 6  # pixels, of a picture, its caption and what is between
PAPER, INK = (250, 250, 250), (40, 40, 40)
LETTERS = 13  # pixels, their size
MOST_CHARACTERS = 60  # which never fit


def write_sheets(folder: Path, pictures: Iterable[tuple[str, np.ndarray]]) -> int:
    """Write pages of 30 pictures as `0001.jpg` and so on, in place of what the folder had; return how many.

    Args:
        pictures: names, and uint8 [h, w, 3], RGB, of any sizes; they are read one page at a time.

    Raises:
        OSError: if a page cannot be written.
    """
    remove(folder)
    rest, number = iter(pictures), 0
    while tiles := [_tile(name, picture) for name, picture in islice(rest, COLUMNS * ROWS)]:
        number += 1
        encoded = cv2.imencode(".jpg", _page(tiles)[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 85])[1]
        with atomic(folder / f"{number:04d}.jpg", "wb") as file:
            file.write(encoded.tobytes())
    return number


def _page(tiles: list[np.ndarray]) -> np.ndarray:
    height, width = HEIGHT + CAPTION + GAP, WIDTH + GAP
    rows = -(-len(tiles) // COLUMNS)
    page = np.full((rows * height + GAP, COLUMNS * width + GAP, 3), PAPER, np.uint8)
    for place, tile in enumerate(tiles):
        y, x = GAP + place // COLUMNS * height, GAP + place % COLUMNS * width
        page[y : y + HEIGHT + CAPTION, x : x + WIDTH] = tile
    return page


def _tile(name: str, picture: np.ndarray) -> np.ndarray:
    tile = np.full((HEIGHT + CAPTION, WIDTH, 3), PAPER, np.uint8)
    scale = min(WIDTH / picture.shape[1], HEIGHT / picture.shape[0])
    width, height = (max(1, round(side * scale)) for side in (picture.shape[1], picture.shape[0]))
    small = cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
    x, y = (WIDTH - width) // 2, HEIGHT - height
    tile[y:HEIGHT, x : x + width] = small
    face = cv2.FontFace("sans")  # which has letters of many scripts
    cv2.putText(tile, _caption(name, face), (2, HEIGHT + 15), INK, face, LETTERS)
    return tile


def _caption(name: str, face: cv2.FontFace) -> str:
    """Return a name, or as much of its end as is no wider than a picture."""
    end = caption = "".join(letter if letter.isprintable() else "?" for letter in name)[-MOST_CHARACTERS:]
    while cv2.getTextSize((0, 0), caption, (0, 0), face, LETTERS)[2] > WIDTH - 4:
        end = end[1:]
        caption = f"...{end}"
    return caption
