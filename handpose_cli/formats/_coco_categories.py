"""Which categories of a COCO file are hands, which hand, and in which order their keypoints come."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from handpose_cli.formats._hand_names import is_hand, side_of
from handpose_cli.formats._json import stream_list
from handpose_cli.formats._keypoint_names import ASSUMED, NONE, Order, order_of, understand
from handpose_cli.formats._notes import listed, say
from handpose_cli.formats._parsing import errors_at
from handpose_cli.formats.errors import FormatError
from handpose_cli.formats.plugin import ReadOptions
from handpose_cli.records import NUM_JOINTS

ENOUGH = 15  # keypoints that are a hand's by their names


@dataclass(frozen=True)
class Category:
    """A category: its name, whether it is read, the handedness that its name says, its keypoints' names, its id."""

    name: str
    is_hand: bool
    side: str | None = None
    keypoints: tuple[str, ...] = ()
    id: Any = 1


class Categories:
    """The categories of a file."""

    def __init__(self, path: Path, options: ReadOptions):
        """Read them.

        Raises:
            FormatError: if the file cannot be read, or has none of the classes that `options` names.
        """
        self._path, self._given = path, options.keypoint_names
        self._orders: dict[tuple[tuple[str, ...], int], Order] = {}
        found: list[tuple[Any, str, tuple[str, ...]]] = []
        for index, entry in enumerate(stream_list(path, "categories")):
            with errors_at(f"{path}: categories[{index}]"):
                names = tuple(map(str, entry.get("keypoints") or ()))
                if any(_key(entry["id"]) == _key(id) for id, _, _ in found):
                    raise ValueError(f"id {entry['id']} occurs twice")
                found.append((entry["id"], str(entry.get("name") or ""), names))
        listed = [name for _, name, _ in found]
        if (lacking := options.lacking(listed)) is not None:
            raise FormatError(f"{path}: no category is named {lacking!r}; there are: {', '.join(listed) or 'none'}")
        chosen = set(options.classes) or {name for name in listed if is_hand(name)}
        if not chosen:
            chosen = {name for _, name, names in found if not name or _are_a_hands(names)}
        # Label Studio has the boxes in one category and the keypoints in another
        apart = {name for _, name, names in found if _are_a_hands(names)} - chosen
        if options.classes or any(names for _, name, names in found if name in chosen):
            apart = set()
        self.apart = frozenset(apart)
        chosen |= apart
        self._by_id = {_key(id): Category(name, name in chosen, side_of(name), names, id) for id, name, names in found}

    def find(self, id: Any) -> Category:
        """Return the category of an id; one without a name if the file has no categories."""
        if not self._by_id:
            say(f"{self._path}: it has no categories: all that it has is taken for hands")
            return Category("", True)
        return self._by_id.get(_key(id)) or Category(f"{id}, which has no name", False)

    @property
    def hand(self) -> Category | None:
        """The first category that is read; None if there is none."""
        return next((category for category in self._by_id.values() if category.is_hand), None)

    def of_side(self, side: str | None) -> Category | None:
        """Return the first category for a handedness; if there is none, for hands of either, or of the other one."""
        hands = [category for category in self._by_id.values() if category.is_hand]
        return min(hands, key=lambda category: (category.side != side, category.side is not None), default=None)

    def known(self, id: Any) -> bool:
        """Return whether the file has a category of this id."""
        return _key(id) in self._by_id

    def order(self, category: Category, numbers: int) -> Order:
        """Return the order of an annotation's keypoints; said to be assumed where it is.

        Args:
            numbers: how many numbers they are, three for each; 0 if it has none.
        """
        key = category.keypoints, numbers // 3 or NUM_JOINTS
        if key not in self._orders:
            order = order_of(category.keypoints, self._given, count=key[1])
            if numbers and order.assumed:
                say(f"{self._path}: {ASSUMED}", "keypoint_names")
            if numbers and order.unknown:
                say(f"{self._path}: left out: keypoints that are no joints: {listed(order.unknown)}", "keypoint_names")
            if not numbers:
                return order
            self._orders[key] = order
        return self._orders[key]


def _key(id: Any) -> str:
    """Return an id's text: 1 here may be "1" there, and pandas writes 1.0."""
    return str(int(id)) if isinstance(id, float) and id.is_integer() else str(id)


def _are_a_hands(keypoints: tuple[str, ...]) -> bool:
    return sum(joint != NONE for joint in understand(keypoints)) >= ENOUGH
