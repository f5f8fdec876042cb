"""The hands that CVAT's shapes are."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element

import numpy as np

from handpose_cli.formats._cvat_groups import Found, Joined
from handpose_cli.formats._cvat_labels import BOX_LABEL
from handpose_cli.formats._cvat_xml import Meta, attributes_of, parts
from handpose_cli.formats._hand_names import is_wanted, one_side, side_in, side_of
from handpose_cli.formats._keypoint_names import ASSUMED, NONE, Order, order_of
from handpose_cli.formats._notes import LeftOut, listed, say
from handpose_cli.formats._parsing import box_of, hand_of, has_size, numbers_of
from handpose_cli.formats.plugin import ReadOptions
from handpose_cli.records import NUM_JOINTS, Hand


class Shapes:
    """Turns the shapes of a file into hands; what is none is counted."""

    def __init__(self, path: Path, options: ReadOptions, left_out: LeftOut):
        self._path, self._options, self.left_out = path, options, left_out
        self._joints: dict[str, dict[str, int]] = {}  # of each skeleton label's sub-labels
        self._set_order: Order | None = None
        self.meta = Meta()
        self.joined = Joined()

    def find(self, shape: Element, label: str) -> Found | None:
        """Return the hand of a shape; None if it is another thing's, or says that the hand is gone.

        Raises:
            ValueError: if the shape is not as CVAT writes it.
        """
        if not is_wanted(label, self._options.classes):
            self.left_out.add("shapes of other labels", label, remedy="classes")
            return None
        if shape.get("outside") == "1":
            return None
        attributes = attributes_of(shape)
        score = attributes.get("score")
        fields: dict[str, Any] = {
            "score": float(numbers_of(score, (), "score")) if score not in (None, "") else None,
            "handedness": one_side(side_in({"attributes": attributes}), side_of(label), "with a label of"),
        }
        hand: Hand | None
        if shape.tag == "box":
            hand = self._boxed(shape, fields)
        elif shape.tag == "skeleton":
            hand = self._skeleton(shape, label, fields)
        elif shape.tag == "points":
            hand = self._point_set(shape, fields)
        else:
            # one that is grouped is the outline of a hand that has a skeleton or a box
            self.left_out.add("shapes that are neither skeletons nor boxes", shape.tag, hands=not _group(shape))
            return None
        return None if hand is None else Found(hand, _group(shape), shape.tag == "box", label == BOX_LABEL)

    def _boxed(self, shape: Element, fields: dict[str, Any]) -> Hand | None:
        box = box_of(_upright(shape))
        if not has_size(box):
            self.left_out.add("boxes without a size")
            return None
        return Hand(box, **fields)

    def _skeleton(self, shape: Element, label: str, fields: dict[str, Any]) -> Hand | None:
        points, marks = np.zeros((NUM_JOINTS, 2)), np.zeros(NUM_JOINTS)
        joints = self._joints_of(label)
        for point in shape.iter("points"):
            name = str(point.get("label"))
            index = joints.get(name, NONE)
            if index == NONE or point.get("outside") == "1":
                continue
            if marks[index]:
                raise ValueError(f"a second {name} in one skeleton")
            points[index] = numbers_of(point.attrib["points"].split(","), (2,), f"points of {name}")
            marks[index] = 1 if point.get("occluded") == "1" else 2
        if not marks.any():
            if shape.get("frame") is None:  # in a track it says that the hand is gone
                self.left_out.add("skeletons without a joint")
            return None
        return hand_of(points, marks, **fields)

    def _joints_of(self, label: str) -> dict[str, int]:
        """Return the joint of each sub-label of a label, by <meta>, or else by all skeletons of the file."""
        if label not in self._joints:
            names = self.meta.joints.get(label) or list(dict.fromkeys(self._names_in_use(label)))
            order = order_of(names, self._options.keypoint_names)
            if order.assumed:
                say(f"{self._path}: {ASSUMED}", "keypoint_names")
            if order.unknown:
                say(f"{self._path}: left out: keypoints that are no joints: {listed(order.unknown)}", "keypoint_names")
            self._joints[label] = dict(zip(names, order.joints, strict=True))
        return self._joints[label]

    def _names_in_use(self, label: str) -> Iterator[str]:
        for holder, shape in parts(self._path):
            if shape is not None and shape.tag == "skeleton" and shape.get("label", holder.get("label", "")) == label:
                yield from (str(point.get("label")) for point in shape.iter("points"))

    def _point_set(self, shape: Element, fields: dict[str, Any]) -> Hand | None:
        pairs = shape.attrib["points"].split(";")
        given = self._options.keypoint_names
        count = len(given.in_order) if given is not None and given.in_order else NUM_JOINTS
        if len(pairs) != count:
            self.left_out.add(f"point sets that are not {count} points", f"of {len(pairs)}", hands=not _group(shape))
            return None
        if self._set_order is None:
            self._set_order = order_of(None, given, count)
            if self._set_order.assumed:
                say(f"{self._path}: {ASSUMED}", "keypoint_names")
        table = numbers_of([pair.split(",") for pair in pairs], (count, 2), "points")
        mark = 1 if shape.get("occluded") == "1" else 2
        marks = self._set_order.arrange(np.full((count, 1), mark))[:, 0]
        return hand_of(self._set_order.arrange(table), marks, **fields)


def _group(shape: Element) -> str:
    """Return the group that a shape belongs to; empty if none."""
    group = shape.get("group_id", "")
    return "" if group == "0" else group


def _upright(shape: Element) -> list[float]:
    """Return x, y, width and height of the upright box around a box that may be rotated about its centre."""
    corners = numbers_of([shape.attrib[name] for name in ("xtl", "ytl", "xbr", "ybr")], (4,), "corners of the box")
    angle = np.radians(float(numbers_of(shape.get("rotation") or 0, (), "rotation")))
    if angle:
        middle, half = (corners[:2] + corners[2:]) / 2, (corners[2:] - corners[:2]) / 2
        sine, cosine = abs(np.sin(angle)).round(9), abs(np.cos(angle)).round(9)
        reach = np.array([half[0] * cosine + half[1] * sine, half[0] * sine + half[1] * cosine])
        corners = np.concatenate([middle - reach, middle + reach])
    return [*corners[:2], *(corners[2:] - corners[:2])]
