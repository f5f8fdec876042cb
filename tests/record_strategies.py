"""Random records for property tests, and what a format that keeps only some fields makes of them."""

from dataclasses import replace

import numpy as np
from hypothesis import strategies as st

from handpose_cli.formats.fields import image_name
from handpose_cli.records import Hand, ImageRecord, box_around

SIZES = ((64, 48), (200, 120))
FPS = 25.0


def _decimals(low: float, high: float, digits: int):
    scale = 10**digits
    return st.integers(round(low * scale), round(high * scale)).map(lambda n: n / scale)


@st.composite
def hands(draw, width: int, height: int, track_id: int | None = None) -> Hand:
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    points = (rng.uniform(0, 1, (21, 2)) * [width - 1, height - 1]).round(2).astype(np.float32)
    if draw(st.booleans()):
        points[rng.integers(21)] = (width + 3, -2)  # outside
    visibility = None
    if draw(st.booleans()):
        visibility = rng.integers(0, 3, 21).astype(np.uint8)
        visibility[:3] = 0, 1, 2
        points[visibility == 0] = np.nan
    box = box_around(points)
    if draw(st.booleans()):
        box = np.array([1, 2, width - 5, height - 4], np.float32)
    scores = rng.uniform(0.01, 0.99, 21).round(4).astype(np.float32) if draw(st.booleans()) else None
    if scores is not None and visibility is not None:
        scores[visibility == 0] = 0
    hand = Hand(
        box,
        keypoints=points,
        keypoint_scores=scores,
        score=draw(st.none() | _decimals(0, 0.99, 4)),
        handedness=draw(st.sampled_from([None, "left", "right"])),
        track_id=track_id,
        visibility=visibility,
        area=draw(st.none() | _decimals(1, 5000, 2)),
        head_size=draw(st.none() | _decimals(1, 100, 2)),
        raw_keypoints=points[::-1] if visibility is None and draw(st.booleans()) else None,
        interpolated=draw(st.booleans()),
        flags=draw(st.sampled_from([(), ("low_scores",), ("jump", "small", "of_another_tool")])),
    )
    if draw(st.integers(0, 9)) == 0:
        hand = replace(hand, keypoints=None, keypoint_scores=None, visibility=None, raw_keypoints=None)
    return hand


@st.composite
def record_lists(draw) -> list[ImageRecord]:
    """Still images and one video, sorted by name."""
    records = []
    for name in draw(st.lists(st.sampled_from(["a.png", "b/c d.png", "b/e.png", "ü&<.png"]), unique=True)):
        size = draw(st.sampled_from(SIZES))
        found = draw(st.lists(hands(*size), max_size=3))
        records.append(
            ImageRecord(
                name,
                *size,
                found,
                sample=draw(st.none() | st.just(f"sample {len(name)}")),
                corrected=draw(st.booleans()),
                exhaustive=draw(st.booleans()),
            )
        )
    if draw(st.booleans()):
        size, tracked = draw(st.sampled_from(SIZES)), draw(st.booleans())
        for frame in draw(st.lists(st.integers(0, 30), unique=True, max_size=4).map(sorted)):
            found = [draw(hands(*size, track_id=n if tracked else None)) for n in range(draw(st.integers(0, 2)))]
            record = ImageRecord("v.mp4", *size, found, frame=frame, time=frame / FPS, fps=FPS)
            records.append(replace(record, corrected=draw(st.booleans()), exhaustive=draw(st.booleans())))
    if draw(st.booleans()):
        records.append(ImageRecord("z.png", None, None, failure="empty file (0 bytes)"))
    return sorted(records, key=lambda record: (record.file, record.frame or 0))


def kept(record: ImageRecord, keeps: frozenset[str]) -> ImageRecord | None:
    """Return what is left of a record in a format that keeps only some fields; None if it is not there at all."""
    if record.failure is not None and "failure" not in keeps:
        return None
    left = [
        _kept_hand(hand, record, keeps) for hand in record.hands if hand.keypoints is not None or "box_only" in keeps
    ]
    if not left and "no_hands" not in keeps and record.failure is None:
        return None
    return replace(
        record,
        file=record.file if "frame" in keeps else image_name(record),
        width=record.width if "size" in keeps else None,
        height=record.height if "size" in keeps else None,
        hands=left,
        frame=record.frame if "frame" in keeps else None,
        time=record.time if "time" in keeps else None,
        fps=record.fps if "time" in keeps else None,
        sample=record.sample if "sample" in keeps else None,
        corrected=record.corrected and "corrected" in keeps,
        exhaustive=record.exhaustive or "exhaustive" not in keeps,
    )


def _kept_hand(hand: Hand, record: ImageRecord, keeps: frozenset[str]) -> Hand:
    names = ("score", "keypoint_scores", "handedness", "track_id", "area", "head_size", "raw_keypoints")
    hand = replace(hand, **{name: None for name in names if name not in keeps})
    hand = replace(hand, interpolated=hand.interpolated and "interpolated" in keeps)
    hand = replace(hand, flags=hand.flags if "flags" in keeps else ())
    if "box" in keeps and "outside" not in keeps:
        low, high = (np.clip(c, 0, [record.width, record.height]) for c in (hand.box[:2], hand.box[:2] + hand.box[2:]))
        hand = replace(hand, box=np.concatenate([low, high - low]))
    if hand.keypoints is None:
        return hand
    points, visibility = hand.keypoints.copy(), hand.visibility
    if "outside" not in keeps:
        points[(points > np.array([record.width, record.height]) - 0.5).any(axis=1)] = np.nan
    missing = ~np.isfinite(points).all(axis=1)
    if missing.any() or visibility is not None:
        visibility = np.full(21, 2, np.uint8) if visibility is None else visibility.copy()
        visibility[missing] = 0
        if "hidden" not in keeps:
            visibility[visibility == 1] = 2
        visibility = None if (visibility == 2).all() else visibility
    return replace(
        hand, keypoints=points, visibility=visibility, box=hand.box if "box" in keeps else box_around(points)
    )


def assert_same(found: list[ImageRecord], expected: list[ImageRecord], pixels: float = 0.006, scores: float = 1e-4):
    assert [(r.file, r.frame) for r in found] == [(r.file, r.frame) for r in expected]
    for one, other in zip(found, expected, strict=True):
        for name in ("width", "height", "failure", "sample", "corrected", "exhaustive"):
            assert getattr(one, name) == getattr(other, name), name
        _close(one.time, other.time, 1e-6)
        _close(one.fps, other.fps, 1e-6)
        assert len(one.hands) == len(other.hands)
        for hand, wanted in zip(one.hands, other.hands, strict=True):
            for name in ("handedness", "track_id", "interpolated", "flags"):
                assert getattr(hand, name) == getattr(wanted, name), name
            for name in ("keypoints", "raw_keypoints", "box", "area", "head_size"):
                _close(getattr(hand, name), getattr(wanted, name), pixels, name)
            for name in ("keypoint_scores", "score"):
                _close(getattr(hand, name), getattr(wanted, name), scores, name)
            _close(hand.visibility, wanted.visibility, 0, "visibility")


def _close(one, other, tolerance, name=""):
    assert (one is None) == (other is None), (name, one, other)
    if one is not None:
        np.testing.assert_allclose(one, other, rtol=0, atol=tolerance, err_msg=name)
