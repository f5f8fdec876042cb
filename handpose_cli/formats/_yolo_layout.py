"""What a data set's data.yaml says, and where its label files and their images are."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from handpose_cli.formats._hand_names import is_hand, side_of
from handpose_cli.formats._image_files import images_under
from handpose_cli.formats._json import read_json
from handpose_cli.formats._keypoint_names import ASSUMED, NONE, Order, order_of, understand
from handpose_cli.formats._notes import listed, say
from handpose_cli.formats._parsing import errors_at
from handpose_cli.formats._text import encoding_of
from handpose_cli.formats._yaml import read_yaml
from handpose_cli.formats.errors import FormatError
from handpose_cli.formats.plugin import ReadOptions
from handpose_cli.records import NUM_JOINTS

PARTS = ("train", "val", "valid", "test")
NO_LABELS = ("classes.txt", "labels.txt")
ENOUGH = 11  # joints that are understood, for a class to be of hands


@dataclass
class Description:
    """What is known of the classes and keypoints.

    Attributes:
        names: of the classes by number; empty if all are hands.
        chosen: numbers of the classes that are read, if they have names.
        count: keypoints of an object; 0: it is a box.
        dimensions: numbers of a keypoint, 2 or 3.
    """

    path: Path
    options: ReadOptions
    names: dict[int, str] = field(default_factory=dict)
    chosen: set[int] = field(default_factory=set)
    keypoints: dict[int, list[str]] = field(default_factory=dict)
    count: int = NUM_JOINTS
    dimensions: int = 3
    _orders: dict[int, Order] = field(default_factory=dict)

    def is_hand(self, number: int) -> bool:
        """Return whether a class is read."""
        return not self.names or number in self.chosen

    def side(self, number: int) -> str | None:
        """Return the handedness that a class's name tells."""
        return side_of(self.names.get(number, ""))

    def order(self, number: int) -> Order:
        """Return the order of a class's keypoints; said to be assumed where it is."""
        if number not in self._orders:
            order = order_of(self.keypoints.get(number), self.options.keypoint_names, self.count)
            if order.assumed:
                say(f"{self.path}: {ASSUMED}", "keypoint_names")
            if order.unknown:
                say(f"{self.path}: left out: keypoints that are no joints: {listed(order.unknown)}", "keypoint_names")
            self._orders[number] = order
        return self._orders[number]


def yaml_in(folder: Path) -> Path | None:
    """Return a folder's data.yaml, or else the only .yaml file there of a data set: FiftyOne's is dataset.yaml."""
    if (folder / "data.yaml").is_file():
        return folder / "data.yaml"
    found = [file for pattern in ("*.yaml", "*.yml") for file in folder.glob(pattern) if _is_of_a_set(file)]
    return found[0] if len(found) == 1 else None


def _is_of_a_set(file: Path) -> bool:
    """Return whether a YAML file names classes, and where images are: others lie beside labels, too."""
    try:
        content = file.read_bytes()
    except OSError:
        return False
    return all(re.search(key, content, re.MULTILINE) for key in (rb"^names\s*:", rb"^(path|train|val)\s*:"))


def describe(file: Path, options: ReadOptions) -> tuple[Description, dict[str, Any]]:
    """Read a data.yaml; without kpt_shape it is of boxes.

    Raises:
        FormatError: if it cannot be read.
    """
    content = read_yaml(file)
    found = Description(file, options)
    with errors_at(file):
        shape = content.get("kpt_shape", [0, 3])
        if not (isinstance(shape, list) and len(shape) == 2 and shape[1] in (2, 3) and isinstance(shape[0], int)):
            raise ValueError(f"kpt_shape must be [{NUM_JOINTS}, 3] or [{NUM_JOINTS}, 2]. Received: {shape}")
        found.count, found.dimensions = shape
        names = content.get("names") or {}
        found.names = {int(n): str(name) for n, name in _numbered(names)}
        keypoints = content.get("kpt_names") or {}
        if isinstance(keypoints, list) and not any(isinstance(names, list) for names in keypoints):
            keypoints = dict.fromkeys(found.names or [0], keypoints)
        found.keypoints = {int(n): list(map(str, names)) for n, names in _numbered(keypoints)}
    _choose(found, found.count > 0)
    return found, content


def describe_plain(path: Path, texts: list[Path], options: ReadOptions) -> Description:
    """Return what is known of label files without a data.yaml: what Label Studio's notes.json or a classes.txt says."""
    found = Description(path, options, dimensions=min(map(dimensions_in, texts[:20])))
    for folder in (texts[0].parent, texts[0].parent.parent):
        notes, classes = folder / "notes.json", folder / "classes.txt"
        if notes.is_file():
            with errors_at(notes):
                categories = read_json(notes)["categories"]
                found.names = {int(category["id"]): str(category["name"]) for category in categories}
                found.keypoints = {int(c["id"]): c["keypoints"] for c in categories if c.get("keypoints")}
            break
        if classes.is_file():
            lines = classes.read_text(encoding=encoding_of(classes), errors="replace").splitlines()
            found.names = {number: line.strip() for number, line in enumerate(lines) if line.strip()}
            break
    found.path = notes if found.keypoints else path
    _choose(found, bool(found.keypoints) or options.keypoint_names is not None)
    return found


def _choose(found: Description, has_keypoints: bool) -> None:
    """Choose the classes that are read.

    Args:
        has_keypoints: whether it is known that they have keypoints; else the first that come are understood.

    Raises:
        FormatError: if there is none that a user names, or the keypoints of one cannot be understood.
    """
    options = found.options
    if (lacking := options.lacking(found.names.values())) is not None:
        there = ", ".join(found.names.values()) or "none"
        raise FormatError(f"{found.path}: no class is named {lacking!r}; there are: {there}")
    wanted = set(options.classes) or {name for name in found.names.values() if is_hand(name)}
    found.chosen = {number for number, name in found.names.items() if name in wanted} or {
        number
        for number, names in found.keypoints.items()
        if sum(joint != NONE for joint in understand(names)) >= ENOUGH
    }
    for number in (found.chosen or ([0] if not found.names else [])) if has_keypoints else ():
        with errors_at(found.path):
            found.order(number)


def _numbered(values: Any) -> Any:
    return values.items() if isinstance(values, dict) else enumerate(values)


def folders(file: Path, content: dict[str, Any]) -> list[tuple[Path, Path]]:
    """Return each folder with label files, and the folder with their images."""
    home = file.parent
    base = home / str(content.get("path") or "")
    if not base.is_dir():  # a place on the computer where the file was made
        base = home
    found = [(home / "labels", home / "images")]
    for part in PARTS:
        entries = content.get(part) or []
        for entry in entries if isinstance(entries, list) else [entries]:
            images = _resolve(str(entry), base, home)
            listed = _folders_in(images, base) if images.is_file() else [images]
            found += [(_labels_of(folder), folder) for folder in listed]
    found += [(home / part / "labels", home / part / "images") for part in PARTS]
    return [pair for pair in dict.fromkeys((_tidy(a), _tidy(b)) for a, b in found) if pair[0].is_dir()]


def lists_images(file: Path, content: dict[str, Any]) -> bool:
    """Return whether a data.yaml names lists of images, beside which there may be others."""
    entries = [content.get(part) or [] for part in PARTS]
    flat = [one for entry in entries for one in (entry if isinstance(entry, list) else [entry])]
    return any(str(entry).endswith(".txt") for entry in flat)


def _tidy(path: Path) -> Path:
    return path.parent.resolve() / path.name


def _resolve(entry: str, base: Path, home: Path) -> Path:
    entry = entry.replace("\\", "/")
    inside = entry
    while inside.startswith(("../", "./")):  # Roboflow's ../train/images is beside the data.yaml
        inside = inside.partition("/")[2]
    return next((folder / name for folder, name in ((base, entry), (base, inside), (home, inside))
                 if (folder / name).exists()), base / entry)  # fmt: skip


def _folders_in(file: Path, base: Path) -> list[Path]:
    """Return the folders of the images that a text file lists, one a line."""
    folders: dict[Path, None] = {}
    for line in file.read_text(encoding=encoding_of(file)).splitlines():
        if line.strip():
            # Ultralytics takes ./ from the list's own folder, and what is elsewhere from where it runs
            home = file.parent if line.startswith("./") else base
            folders[_resolve(PurePosixPath(line.strip().replace("\\", "/")).parent.as_posix(), home, file.parent)] = (
                None
            )
    return list(folders)


def _labels_of(images: Path) -> Path:
    """Return the folder of the labels of a folder of images: `labels` in place of the last `images`, else the same."""
    parts = list(images.parts)
    for at in range(len(parts) - 1, -1, -1):
        if parts[at] == "images":
            parts[at] = "labels"
            return Path(*parts)
    return images


def texts(pairs: list[tuple[Path, Path]]) -> Iterator[tuple[Path, str, Path]]:
    """Yield each label file once, its stem in its folder, and the folder with its image, in the order of the stems."""
    seen: set[Path] = set()
    for labels, images in pairs:
        stems = (text.relative_to(labels).as_posix().removesuffix(".txt") for text in labels.rglob("*.txt"))
        for stem in sorted(stems):
            text = labels / f"{stem}.txt"
            if text not in seen and text.name not in NO_LABELS:
                seen.add(text)
                yield text, stem, images


def without_text(pairs: list[tuple[Path, Path]]) -> Iterator[Path]:
    """Yield the images that have no label file, in folders where others have one: to Ultralytics they show no hand."""
    seen: set[Path] = set()
    for labels, images in pairs:
        of_texts = {text.parent for text in labels.rglob("*.txt") if text.name not in NO_LABELS}
        for name in images_under(images) if images.is_dir() else ():
            text, image = (labels / name).with_suffix(".txt"), images / name
            if text.parent in of_texts and image not in seen:
                seen.add(image)
                if not text.is_file():
                    yield image


def has_lines(path: Path, boxes: bool = False) -> bool:
    """Return whether a text file is one of labels: lines of a class, a box, 21 keypoints, perhaps a score and a track.

    Args:
        boxes: whether they may lack keypoints; much else looks like them.
    """
    try:
        with path.open(encoding="utf-8-sig") as file:
            line = next((line for line in file if line.strip()), "")
        numbers = [float(part) for part in line.split()]
    except (OSError, ValueError):
        return False
    counts = [5 + NUM_JOINTS * dimensions for dimensions in (2, 3)] + [5] * boxes
    return any(len(numbers) - count in (0, 1, 2) for count in counts)


def dimensions_in(path: Path) -> int:
    """Return how many numbers the keypoints in a label file have, 3 if it has none."""
    with path.open(encoding="utf-8-sig") as file:
        lengths = {len(line.split()) for line in file if line.strip()}
    return 2 if lengths and max(lengths) < 5 + NUM_JOINTS * 3 and max(lengths) > 7 else 3


def without_yaml(path: Path, boxes: bool = False) -> list[Path]:
    """Return the label files of a folder without a data.yaml, or in its folder `labels`; none if it has only others.

    Args:
        boxes: see `has_lines`.
    """
    for folder in (path, path / "labels"):
        found = sorted(text for text in folder.glob("*.txt") if text.name != "classes.txt")
        if found:
            return found if any(has_lines(text, boxes) for text in found[:20]) else []
    return []
