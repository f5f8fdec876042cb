"""Look through labels for what is probably wrong with them: places, units, joint order, repeated hands."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import partial

import numpy as np

from handpose_cli.doubt.flags import FLIPPED_SIDE, MISTAKES
from handpose_cli.doubt.video import flagged
from handpose_cli.formats import ho3d, interhand, rhd, stb
from handpose_cli.formats._parsing import inside
from handpose_cli.formats.fields import image_name
from handpose_cli.labels.convert import sample_of
from handpose_cli.labels.file_names import Parts, place_of
from handpose_cli.labels.units import is_normalised, is_of_corners
from handpose_cli.records import SAME_BOX, SKELETON, Hand, ImageRecord

# how the check words a flag of `doubt`; the hand is given with it
OF_FLAGS = {
    "bone_lengths": "implausible bone length",
    "angles": "implausible bend of a finger",
    FLIPPED_SIDE: "left and right change within a track",
    "duplicate": "two hands in one place",
    "box_disagrees": "box and keypoints disagree",
    "jump": "a joint jumps away and back in a video",
}
_FROM, _TO = np.array(SKELETON).T

# Where the i-th FreiHAND joint stands in other orders in use.
OTHER_ORDERS = {
    "each finger from its tip (RHD)": rhd.JOINTS,
    "each finger from its tip, wrist last (InterHand2.6M)": tuple(interhand.JOINTS.tolist()),
    "MANO's (HO-3D)": ho3d.JOINTS,
    "little finger first (STB)": stb.JOINTS,
}
ENOUGH_SAMPLES = 5  # to judge the order by
MUCH_SHORTER = 0.93  # the right order's bones over the wrong one's, in the median hand

EDGE = 0.1  # of the image's longer side
EXAMPLES = 3
PERCENT = "unit mistake suspected: coordinates from 0 to 100, not pixels"
UNIT = "unit mistake suspected: coordinates from 0 to 1, not pixels"


@dataclass
class Finding:
    """A kind of problem: what it is, how often it is there (in hands, images or values), and the first of them."""

    what: str
    count: int = 0
    examples: list[str] = field(default_factory=list)


Findings = dict[str, Finding]  # by what they are


def note(findings: Findings, what: str, where: str) -> None:
    """Count a problem, and keep it as an example if it is among the first of its kind."""
    finding = findings.setdefault(what, Finding(what))
    finding.count += 1
    if len(finding.examples) < EXAMPLES:
        finding.examples.append(where)


class _TrackSides:
    """Counts the hands of a video's tracks by side, and notes those of the rarer one when the video has ended."""

    def __init__(self, findings: Findings):
        self._findings = findings
        self._file = ""
        self._tracks: dict[int, Findings] = {}  # of each track, by side

    def add(self, hand: Hand, record: ImageRecord, where: str) -> None:
        """Take the next hand; one that is flagged already is noted as such."""
        if record.file != self._file:
            self.finish()
            self._file = record.file
        if hand.track_id is None or hand.handedness is None or record.frame is None or FLIPPED_SIDE in hand.flags:
            return
        note(self._tracks.setdefault(hand.track_id, {}), hand.handedness, where)

    def finish(self) -> None:
        """Note the hands of each track that are of another side than most; of as many on both sides, the later ones."""
        what = OF_FLAGS[FLIPPED_SIDE]
        for sides in self._tracks.values():
            if len(sides) > 1:
                rarer = min(reversed(sides.values()), key=lambda side: side.count)
                finding = self._findings.setdefault(what, Finding(what))
                finding.count += rarer.count
                finding.examples = [*finding.examples, *rarer.examples][:EXAMPLES]
        self._tracks = {}


def lint(records: Iterable[ImageRecord], findings: Findings | None = None) -> tuple[int, int, list[Finding]]:
    """Return how many records and hands there are, and what is probably wrong, the most frequent first.

    Args:
        findings: those of whoever reads the records, which may grow as they are read.
    """
    findings = {} if findings is None else findings
    orders: dict[str, list[np.ndarray]] = {}  # by sample: a video's hands are too alike to count each
    seen: set[tuple[Parts, int | None]] = set()
    count = hands = 0
    farthest, least_side = 0.0, np.inf
    report = partial(note, findings)
    sides = _TrackSides(findings)

    for record in flagged(records, sides=False):
        count += 1
        name = image_name(record)
        place = place_of(record.file, record.frame)
        if place in seen and record.failure is None:
            report("image listed twice", name)
        seen.add(place)
        if record.hands and record.width and record.height:
            least_side = min(least_side, record.width, record.height)
        for number, hand in enumerate(record.hands):
            hands += 1
            farthest = max(farthest, *(hand.box[:2] + hand.box[2:]).tolist())
            problems = _hand_problems(hand, record)
            if any(_same(hand, other) for other in record.hands if other is not hand):
                problems = [what for what in problems if what != OF_FLAGS["duplicate"]]
            if any(_same(hand, other) for other in record.hands[:number]):
                problems.append("the same hand twice in an image")
            for what in problems:
                report(what, f"{name}, hand {number}")
            sides.add(hand, record, f"{name}, hand {number}")
            if hand.keypoints is not None and np.isfinite(hand.keypoints).all():
                orders.setdefault(sample_of(record), []).append(_costs(hand.keypoints))
    sides.finish()
    if hands >= ENOUGH_SAMPLES and 1.5 < farthest <= 101 and 4 * 100 <= least_side < np.inf:
        findings[PERCENT] = Finding(PERCENT, hands, [f"no hand reaches beyond {farthest:.1f}"])
    if len(orders) >= ENOUGH_SAMPLES:
        ratios = np.median([np.mean(of_sample, axis=0) for of_sample in orders.values()], axis=0)
        best = int(ratios.argmin())
        if ratios[best] < MUCH_SHORTER:
            what = f"wrong joint order suspected: looks like {list(OTHER_ORDERS)[best]}"
            findings[what] = Finding(what, hands, [f"bones {1 - ratios[best]:.0%} shorter in that order"])
    return count, hands, sorted(findings.values(), key=lambda finding: -finding.count)


def _hand_problems(hand: Hand, record: ImageRecord) -> list[str]:
    problems, flags = [], [name for name in hand.flags if name in MISTAKES]
    if (hand.box[2:] <= 0).any():
        problems.append("box without an area")
    scores = [] if hand.keypoint_scores is None else hand.keypoint_scores.tolist()
    if any(not 0 <= score <= 1 for score in (*scores, *([] if hand.score is None else [hand.score]))):
        problems.append("a score that is not from 0 to 1")
    if hand.keypoints is None:
        return [*problems, UNIT] if is_normalised(hand) else problems
    labelled = hand.keypoints[np.isfinite(hand.keypoints).all(axis=1)]
    if is_normalised(hand):
        return [*problems, UNIT]
    if record.width is not None and record.height is not None:
        unit_or_place = _place_problem(labelled, record.width, record.height)
        if unit_or_place:
            return [*problems, unit_or_place]
    if is_of_corners(hand):
        problems.append("box fits the keypoints as x1, y1, x2, y2, not as x, y, width, height")
        flags = [name for name in flags if name != "box_disagrees"]
    elif _outside_share(labelled, hand.box) > 0.5:
        swapped = hand.box[[1, 0, 3, 2]]
        what = "x and y swapped in the box" if _outside_share(labelled, swapped) < 0.1 else "box elsewhere"
        problems.append(f"keypoints outside their box: {what}")
        flags = [name for name in flags if name != "box_disagrees"]
    return [*problems, *(OF_FLAGS[name] for name in flags)]


def _place_problem(points: np.ndarray, width: int, height: int) -> str | None:
    margin = EDGE * max(width, height)  # a labeller may guess a joint just behind the edge
    if inside(points + margin, width + 2 * margin, height + 2 * margin).all():
        return None
    within = inside(points, width, height)
    if not within.any() and np.abs(points).max() > 3 * max(width, height):
        return "unit mistake suspected: coordinates far beyond the image"
    if within.mean() < 0.5 and inside(points[:, ::-1], width, height).all():
        return "x and y swapped suspected: inside the image the other way round"
    return "keypoints far outside the image"


def _outside_share(points: np.ndarray, box: np.ndarray) -> float:
    """Return the share of keypoints [n, 2] that lie outside a box [4]; 0 if there are none."""
    low, high = box[:2] - SAME_BOX, box[:2] + box[2:] + SAME_BOX
    outside = ((points < low) | (points > high)).any(axis=1)
    return float(outside.mean()) if len(points) else 0.0


def _same(hand: Hand, other: Hand) -> bool:
    if hand.keypoints is None or other.keypoints is None:
        return bool((hand.box == other.box).all())
    return bool(np.array_equal(hand.keypoints, other.keypoints, equal_nan=True))


def _costs(points: np.ndarray) -> np.ndarray:
    """Return, for each other order, how much shorter the skeleton is if the joints are in that order: below 1 if so.

    The sum of the bones does not see whole fingers swapped. The thumb's base does: it is the one near the wrist, so its
    bone counts more.
    """

    def cost(order: tuple[int, ...]) -> float:
        bones = np.linalg.norm(points[list(order)][_FROM] - points[list(order)][_TO], axis=1)
        return float(bones.sum() + 4 * bones[0])

    straight = max(cost(tuple(range(len(points)))), 1e-6)
    return np.array([cost(order) / straight for order in OTHER_ORDERS.values()])
