"""Where hands are looked for: in which order, where no more, and in tiles of large pictures."""

from functools import partial
from itertools import pairwise
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from conftest import SAMPLES, handpose, read_results
from hypothesis import given
from hypothesis import strategies as st

from handpose_cli import Annotator
from handpose_cli.annotator.pipeline import annotate
from handpose_cli.annotator.proposals import Candidate, candidates, far_candidates, is_known, places_of, tiles_of
from handpose_cli.annotator.settings import AnnotateSettings, Networks
from handpose_cli.crop import CROP_SCALE, crop_around
from handpose_cli.engine.contract import Boxes
from handpose_cli.media.frames import Frame
from handpose_cli.media.images import open_image, read_image
from handpose_cli.media.picture import Picture
from handpose_cli.records import Hand


@pytest.fixture(scope="module")
def networks():
    return Annotator.load().networks


def far_away(hands: list[tuple[int, int]], side: int = 160) -> Picture:
    """A large picture with small ones of a hand, each with its top left corner here."""
    picture = np.full((1500, 2000, 3), 150, np.uint8)
    hand = cv2.resize(read_image(SAMPLES / "spread_street.jpg"), (side, side), interpolation=cv2.INTER_AREA)
    for x, y in hands:
        picture[y : y + side, x : x + side] = hand
    return Picture(picture)


def annotated(picture: Picture, networks: Networks, **settings) -> list[Hand]:
    (result,) = annotate([Frame("a.jpg", lambda: picture)], networks, AnnotateSettings(0.5, 1, **settings))
    return result.record.hands


def test_small_hands_are_found_in_tiles(networks):
    corners = [(300, 200), (930, 700), (1650, 1200)]
    picture = far_away(corners, side=50)
    assert len(annotated(picture, networks)) < 3
    found = annotated(picture, networks, tile=300)
    centres = sorted((hand.box[:2] + hand.box[2:] / 2).tolist() for hand in found)
    assert centres == pytest.approx(np.array(corners) + 25, abs=12)


def test_pictures_of_a_batch_do_not_change_each_other(networks, tmp_path):
    large = cv2.resize(cv2.imread(str(SAMPLES / "pinch_field.jpg")), (1600, 1600))
    cv2.imwrite(str(tmp_path / "large.jpg"), large)  # decoded in part
    cv2.imwrite(str(tmp_path / "far.jpg"), far_away([(300, 200), (1650, 1200)]).pixels[..., ::-1])
    paths = [tmp_path / "large.jpg", SAMPLES / "two_hands.jpg", tmp_path / "far.jpg", SAMPLES / "no_hand.jpg"]
    settings = AnnotateSettings(0.3, 4, tile=500)

    def hands(paths):
        results = annotate([Frame(path.name, partial(open_image, path)) for path in paths], networks, settings)
        return [[(hand.score, hand.box.tolist(), hand.keypoints.tolist()) for hand in r.record.hands] for r in results]

    alone = [hands([path])[0] for path in paths]
    assert hands(paths) == alone
    assert hands(paths[::-1]) == alone[::-1]
    assert [len(found) >= least for found, least in zip(alone, (1, 2, 2, 0), strict=True)] == [True] * 4


@given(st.integers(100, 5000), st.integers(100, 5000), st.integers(300, 2000))
def test_tiles_cover_a_picture_and_overlap(width, height, side):
    picture = Picture(np.zeros((height, 1, 3), np.uint8))
    picture.width = width
    tiles = tiles_of(picture, side)
    for low, length, size in (("x", "width", width), ("y", "height", height)):
        spans = sorted({(getattr(tile, low), getattr(tile, length)) for tile in tiles})
        assert spans[0][0] == 0 and sum(spans[-1]) == size
        for (start, extent), (after, _) in pairwise(spans):
            assert start + extent - after >= extent / 3 - 2
            assert extent <= 1.3 * side
    assert len(set(tiles)) == len(tiles)


class Finds:
    """A detector that finds the same boxes with the same scores in whatever it is given, and counts that."""

    input_size = 300
    least_score = 0.02

    def __init__(self, boxes=(), scores=()):
        self.found = Boxes(np.reshape(boxes, (-1, 4)).astype(np.float32), np.array(scores, np.float32))
        self.seen = 0

    def boxes(self, images, threshold):
        self.seen += len(images)
        return [self.found] * len(images)


POSE = SimpleNamespace(input_size=192, crop_scale=CROP_SCALE)


def hand_of(size: float, score: float = 0.9) -> Hand:
    return Hand(
        np.array([100, 100, size, size], np.float32),
        keypoints=np.zeros((21, 2)),
        keypoint_scores=np.ones(21),
        score=score,
    )


@pytest.mark.parametrize(
    ("size", "hands", "settings", "seen"),
    [
        ((2000, 1500), [], {"tile": 1000}, 4),
        ((2000, 1500), [], {"tile": 300}, 70),  # more than go through the network at once
        ((2000, 1500), [], {"tile": None}, 0),
        ((2000, 1500), [], {"tile": 1000, "boxes": {}}, 0),
        ((1200, 1000), [], {"tile": 1000}, 0),  # hardly larger than a tile
        ((2000, 1500), [hand_of(320)], {"tile": 1000}, 0),  # near
        ((2000, 1500), [hand_of(280)], {"tile": 1000}, 4),  # far
        ((2000, 1500), [hand_of(320, score=0.6)], {"tile": 1000}, 4),  # near, if it is a hand at all
    ],
)
def test_tiles_are_searched_only_where_hands_may_be_far(size, hands, settings, seen):
    detector = Finds()
    networks = Networks(detector, POSE)
    picture = Picture(np.zeros((size[1], size[0], 3), np.uint8))
    assert far_candidates(picture, hands, networks, AnnotateSettings(0.3, 1, **settings)) == []
    assert detector.seen == seen


def test_places_that_overlap_better_ones_and_faint_ones_come_last():
    best, inside, apart, faint, fainter = (
        *((80, 80, 100, 100), (120, 120, 30, 30), (180, 180, 100, 100)),
        *((0, 0, 60, 60), (240, 0, 60, 60)),
    )
    picture = Picture(np.zeros((300, 300, 3), np.uint8))
    networks = Networks(Finds([best, inside, apart, faint, fainter], [0.9, 0.8, 0.3, 0.2, 0.05]), POSE)
    (places,) = candidates([(Frame("a.jpg", lambda: picture), picture)], networks, AnnotateSettings(0.3, 1))
    found = [(round(float(place.box_score), 2), bool(place.faint), bool(place.last)) for place in places]
    assert found == [(0.9, False, False), (0.8, False, True), (0.3, False, False), (0.2, True, True)]


def test_where_a_detector_says_how_a_hand_points_its_crop_stands_upright():
    found = Boxes(np.float32([[100, 120, 80, 60], [10, 10, 50, 50]]), np.float32([0.9, 0.8]), np.float32([-90, 30]))
    picture = Picture(np.zeros((300, 300, 3), np.uint8))
    pointing_right, leaning_left = places_of(picture, found, POSE)
    wrist, tip = pointing_right.crop.to_crop(np.array([[110.0, 150.0], [170.0, 150.0]]))
    assert wrist[0] == pytest.approx(tip[0]) and wrist[1] > tip[1]
    up = np.array([-np.sin(np.radians(30)), -np.cos(np.radians(30))])
    middle, above = leaning_left.crop.to_crop(np.array([[35, 35], [35, 35] + 10 * up]))
    assert middle == pytest.approx([95.5, 95.5])
    assert above[0] == pytest.approx(middle[0]) and above[1] < middle[1]
    unclear, unknown = (
        places_of(picture, found._replace(rotations=rotations), POSE)[0].crop.matrix
        for rotations in (np.float32([np.nan, 30]), None)
    )
    assert (unclear == unknown).all() and unclear[0, 1] == 0  # as it stands


@pytest.mark.parametrize(
    ("box", "faint", "score", "known"),
    [
        ((110, 110, 90, 90), False, 0.9, True),  # within the hand's
        ((110, 110, 90, 90), False, 0.7, False),  # but that may be none
        ((90, 90, 120, 120), False, 0.9, True),  # around it
        ((300, 300, 100, 100), False, 0.9, False),  # elsewhere
        ((300, 300, 100, 100), True, 0.9, True),
        ((300, 300, 100, 100), True, 0.7, False),
    ],
)
def test_what_a_sure_hand_makes_needless(box, faint, score, known):
    box = np.array(box, np.float32)
    place = Candidate(Picture(np.zeros((500, 500, 3), np.uint8)), box, crop_around(box, 192), 0.3, faint, last=True)
    assert is_known(place, [hand_of(100, score)]) is known
    assert not is_known(place, [])


def test_tiles_from_the_command_line(tmp_path):
    cv2.imwrite(str(tmp_path / "far.png"), far_away([(930, 700)]).pixels[..., ::-1])
    arguments = ("predict", tmp_path / "far.png", "-o", tmp_path / "out", "--tile")
    assert handpose(*arguments, "AUTO", "--dry-run").exit_code == 0
    assert handpose(*arguments, 500).exit_code == 0
    results = read_results(tmp_path / "out")
    assert len(results["files"][0]["hands"]) == 1
    assert results["info"]["arguments"]["tile"] == 500
    for wrong in ("100", "big"):
        result = handpose("predict", tmp_path / "far.png", "-o", tmp_path / "other", "--tile", wrong)
        assert result.exit_code == 2
        assert result.stderr.endswith(
            f"Invalid value for '--tile': '{wrong}' is no tile: give auto, or its side in pixels, at least 300.\n"
        )
