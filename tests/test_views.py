"""Several views of a hand: what is asked of the network, and how its answers become one."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from handpose_cli.annotator import pose
from handpose_cli.annotator.tta import merge, upright
from handpose_cli.engine.contract import of_maps
from handpose_cli.engine.keypoint_network import DecodedKeypoints
from handpose_cli.networks.hourglass.heatmaps import encode
from handpose_cli.records import MIDDLE_MCP, WRIST

POINTS = arrays(np.float64, (21, 2), elements=st.floats(-500, 500))
IMAGE_SIZE = 300


class SpotFinder:
    """A network that finds the spots of `spots`, each by its red (green marks its inside), as sure as it is told."""

    def __init__(self, sure, is_hand=1.0):
        self.sure, self.is_hand, self.calls = sure, is_hand, []

    def __call__(self, crops):
        self.calls.append(crops)
        n, size = crops.shape[:2]
        points = np.zeros((n, 21, 2))
        for joint in range(21):
            near = (np.abs(crops[..., 0] * 255 - 10 * joint) <= 4) & (crops[..., 1] > 0.99)
            near = near.reshape(n, -1)
            rows, columns = np.divmod(np.arange(size * size), size)
            points[:, joint, 0] = (near * columns).sum(axis=1) / near.sum(axis=1)
            points[:, joint, 1] = (near * rows).sum(axis=1) / near.sum(axis=1)
        maps = self.sure * encode((points + 0.5) / 4 - 0.5, size // 4, 1.5)
        left_side = crops[:, :, : size // 2].mean(axis=(1, 2, 3)) > crops[:, :, size // 2 :].mean(axis=(1, 2, 3))
        return {"heatmaps": maps, "hand": np.stack([np.full(n, self.is_hand), left_side], axis=1).astype(np.float32)}


CONTRACT = of_maps(192, "heatmaps", hand_head=True)


def find_keypoints(network, hands, views=1, contract=CONTRACT):
    return pose.find_keypoints(DecodedKeypoints(network, contract), hands, views)


@pytest.fixture
def spots():
    """Keypoints on a ring, the wrist below the middle MCP joint; an image with a square of its own red at each."""
    angles = np.linspace(0, 2 * np.pi, 21, endpoint=False) + 1.8
    keypoints = np.rint(150 + np.stack([70 * np.cos(angles), 90 * np.sin(angles)], axis=1)).astype(int)
    image = np.zeros((IMAGE_SIZE, IMAGE_SIZE, 3), np.uint8)
    for joint, (x, y) in enumerate(keypoints):
        image[y - 4 : y + 5, x - 4 : x + 5] = (10 * joint, 255, 0)
    return keypoints, image, np.array([70, 50, 160, 200], np.float32)


@pytest.mark.parametrize("views", [1, 2, 3, 4])
def test_every_view_leads_back_to_the_image(spots, views):
    keypoints, image, box = spots
    network = SpotFinder(sure=0.42)
    found = find_keypoints(network, [(image, box)], views)
    assert len(network.calls) == views
    assert found.keypoints[0] == pytest.approx(keypoints, abs=2.0)
    assert found.scores[0] == pytest.approx(0.42, abs=0.08)


@pytest.mark.parametrize(
    ("sure", "is_hand", "of_two", "of_four"),
    [
        (np.ones(21), 1.0, 1, 3),  # beyond doubt
        (np.array([0.25] + [1.0] * 20), 1.0, 2, 3),  # a joint in doubt
        (np.full(21, 0.6), 1.0, 1, 4),
        (np.full(21, 0.05), 1.0, 1, 1),  # hopeless
        (np.full(21, 0.2), 0.9, 2, 4),
    ],
)
def test_doubt_asks_for_a_second_and_a_fourth_view(spots, sure, is_hand, of_two, of_four):
    _, image, box = spots
    for views, calls in ((2, of_two), (4, of_four)):
        network = SpotFinder(sure, is_hand)
        find_keypoints(network, [(image, box)], views)
        assert len(network.calls) == calls


@pytest.mark.parametrize(
    ("aside", "larger", "calls"), [(0, 0, 1), (40, 0, 2), (0, 60, 2), (0, -60, 2)], ids=["well", "off", "far", "near"]
)
def test_a_hand_whose_crop_was_cut_badly_is_looked_at_again(spots, aside, larger, calls):
    keypoints, image, (x, y, width, height) = spots
    box = np.array([x + aside - larger / 2, y - larger / 2, width + larger, height + larger], np.float32)
    network = SpotFinder(1.0)
    found = find_keypoints(network, [(image, box)], 2)
    assert len(network.calls) == calls
    assert found.keypoints[0] == pytest.approx(keypoints, abs=2.5)


def test_a_mirrored_view_answers_for_the_other_side(spots):
    _, image, box = spots
    image[:, : IMAGE_SIZE // 2, 2] = 200  # "right" to SpotFinder; mirrored it says left, which means right
    network = SpotFinder(sure=0.6)
    assert find_keypoints(network, [(image, box)], views=4).is_right[0] == 1.0
    assert [calls.shape[0] for calls in network.calls] == [1, 1, 1, 1]


def test_three_views_that_are_sure_end_the_doubt(spots):
    """The first view doubts its joints, less than the others make good."""

    class SureLater(SpotFinder):
        def __call__(self, crops):
            self.sure = 1.0 if self.calls else 0.6
            return super().__call__(crops)

    _, image, box = spots
    for views in (3, 4):
        network = SureLater(None)
        found = find_keypoints(network, [(image, box), (image, box)], views)
        assert [len(call) for call in network.calls] == [2, 2, 2]
        assert found.scores.min() > 0.8


class Sideways(SpotFinder):
    """Finds the wrist and the middle MCP joint, but takes each other joint for the one beside it where a hand lies."""

    def __call__(self, crops):
        outputs = super().__call__(crops)
        wrist, knuckle = (outputs["heatmaps"][..., joint].max(axis=2).argmax(axis=1) for joint in (WRIST, MIDDLE_MCP))
        others = [joint for joint in range(21) if joint not in (WRIST, MIDDLE_MCP)]
        for maps, lies in zip(outputs["heatmaps"], wrist <= knuckle + 2, strict=True):
            if lies:
                maps[..., others] = maps[..., others[1:] + others[:1]]
        return outputs


def turned_quarter(spots, turns):
    keypoints, image, (x, y, w, h) = spots
    for _ in range(turns):  # counterclockwise
        image = np.ascontiguousarray(np.rot90(image))
        keypoints = np.stack([keypoints[:, 1], IMAGE_SIZE - 1 - keypoints[:, 0]], axis=1)
        x, y, w, h = y, IMAGE_SIZE - x - w, h, w
    return keypoints, image, np.array([x, y, w, h], np.float32)


@pytest.mark.parametrize(("sure", "views", "calls"), [(1.0, 2, 2), (1.0, 4, 3), (0.6, 2, 2), (0.6, 4, 3)])
@pytest.mark.parametrize("turns", [1, 2, 3])
def test_a_hand_that_lies_is_turned_upright_and_the_first_answer_does_not_count(spots, turns, sure, views, calls):
    keypoints, image, box = turned_quarter(spots, turns)
    network = Sideways(sure=sure)
    found = find_keypoints(network, [(image, box)], views)
    assert len(network.calls) == calls
    assert found.keypoints[0] == pytest.approx(keypoints, abs=2.0)
    assert np.abs(find_keypoints(network, [(image, box)]).keypoints[0] - keypoints).max() > 10


@pytest.mark.parametrize(("most_tilt", "calls"), [(45.0, 1), (0.0, 2)])
def test_a_contract_says_from_which_tilt_on_a_hand_is_turned_upright(spots, most_tilt, calls):
    keypoints, image, box = spots
    network = SpotFinder(sure=1.0)
    found = find_keypoints(network, [(image, box)], 2, replace(CONTRACT, most_tilt=most_tilt))
    assert len(network.calls) == calls  # the hand is turned by some degrees
    assert found.keypoints[0] == pytest.approx(keypoints, abs=2.0)


@pytest.mark.parametrize("scale", [1.3, 1.6])
def test_a_contract_says_how_much_of_the_image_its_crops_show(spots, scale):
    keypoints, image, box = spots
    network = SpotFinder(sure=1.0)
    find_keypoints(network, [(image, box)], 1, replace(CONTRACT, crop_scale=scale))
    (crop,) = network.calls[0]
    green = np.argwhere(crop[..., 1] > 0.5)
    assert np.ptp(green[:, 0]) == pytest.approx(192 / (scale * 200) * np.ptp(keypoints[:, 1]), abs=9)


def test_lying_and_standing_hands_go_together(spots):
    lying, standing = turned_quarter(spots, 1), spots
    hands = [(image, box) for _, image, box in (lying, standing, lying)]
    found = find_keypoints(Sideways(sure=0.6), hands, views=4)
    for points, (keypoints, _, _) in zip(found.keypoints, (lying, standing, lying), strict=True):
        assert points == pytest.approx(keypoints, abs=2.0)


def test_hands_of_a_batch_do_not_change_each_other(spots):
    _, image, box = spots
    larger = np.array([50, 30, 200, 240], np.float32)
    together = find_keypoints(SpotFinder(0.5), [(image, box), (image, larger)], views=4)
    alone = find_keypoints(SpotFinder(0.5), [(image, larger)], views=4)
    assert np.array_equal(together.keypoints[1], alone.keypoints[0])
    assert np.array_equal(together.scores[1], alone.scores[0])


@given(POINTS)
def test_upright_puts_the_middle_finger_above_the_wrist_and_the_hand_inside(keypoints):
    inside = upright(keypoints, CONTRACT.input_size, CONTRACT.crop_scale).to_crop(keypoints)
    wrist, knuckle = inside[WRIST], inside[MIDDLE_MCP]
    assert knuckle[0] == pytest.approx(wrist[0], abs=1e-6)
    assert knuckle[1] <= wrist[1] + 1e-6
    assert (inside > 0).all() and (inside < 191).all()


@given(POINTS, st.integers(1, 4))
def test_views_that_agree_change_nothing(keypoints, views):
    merged, scores = merge(np.stack([keypoints[None]] * views), np.full((views, 1, 21), 0.7))
    assert merged[0] == pytest.approx(keypoints, rel=1e-4, abs=1e-3)
    assert scores == pytest.approx(0.7)


def test_a_view_that_stands_alone_is_left_out():
    views = np.zeros((3, 1, 21, 2), np.float32)
    views[..., 1] = np.linspace(0, 100, 21)
    views[1, :, :, 0] = 1.0
    views[2, 0, 5] = (60, 80)  # took another finger's tip
    merged, scores = merge(views, np.full((3, 1, 21), 0.9, np.float32))
    assert merged[0, 5] == pytest.approx([0.5, 25.0], abs=0.05)
    assert scores[0, 5] == pytest.approx(0.6, abs=0.01)
    assert scores[0, 6] == pytest.approx(0.9, abs=0.02)


def test_views_without_any_score_give_their_mean():
    views = np.zeros((2, 1, 21, 2), np.float32)
    views[1] = 10
    merged, scores = merge(views, np.zeros((2, 1, 21), np.float32))
    assert merged == pytest.approx(5.0)
    assert (scores == 0).all()


def with_second(network, second, contract=CONTRACT):
    return DecodedKeypoints(network, contract, lambda: DecodedKeypoints(second, replace(CONTRACT, crop_scale=1.5)))


@pytest.mark.parametrize(
    ("views", "sure", "calls"),
    [
        (1, 0.4, (1, 0)),
        (2, 0.9, (1, 0)),
        (2, np.array([0.3] + [0.9] * 20), (2, 0)),  # a joint in doubt
        (2, 0.4, (1, 1)),
        (3, 0.4, (2, 1)),
        (4, 0.4, (2, 2)),
        (4, 0.05, (1, 0)),  # hopeless
    ],
)
def test_the_second_network_looks_at_hard_hands(spots, views, sure, calls):
    keypoints, image, box = spots
    network, second = SpotFinder(sure), SpotFinder(0.6)
    found = pose.find_keypoints(with_second(network, second), [(image, box)], views)
    assert (len(network.calls), len(second.calls)) == calls
    for straight, mirrored in pairwise(second.calls):
        assert (mirrored == straight[:, :, ::-1]).all()
    assert found.keypoints[0] == pytest.approx(keypoints, abs=2.5)


def test_the_second_network_is_loaded_when_a_hard_hand_comes(spots):
    _, image, box = spots
    loaded = []
    for sure, times in ((1.0, 0), (0.4, 1)):
        network = DecodedKeypoints(
            SpotFinder(sure), CONTRACT, lambda: loaded.append(1) or DecodedKeypoints(SpotFinder(0.6), CONTRACT)
        )
        for _ in range(2):
            pose.find_keypoints(network, [(image, box)], 2)
        assert len(loaded) == times


def test_where_a_hard_hand_lies_the_second_network_answers_alone(spots):
    keypoints, image, box = turned_quarter(spots, 1)
    network, second = Sideways(0.4), SpotFinder(0.6)
    found = pose.find_keypoints(with_second(network, second), [(image, box)], 2)
    assert (len(network.calls), len(second.calls)) == (1, 1)
    assert found.keypoints[0] == pytest.approx(keypoints, abs=2.5)
    assert found.scores[0] == pytest.approx(0.6, abs=0.08)


@pytest.mark.parametrize("turns", [0, 1])
@pytest.mark.parametrize("views", [2, 3, 4])
def test_the_second_network_says_whether_a_hard_hand_is_one(spots, turns, views):
    _, image, box = turned_quarter(spots, turns)
    for is_hand in (0.9, 0.1):
        network = with_second(Sideways(0.4, is_hand=0.5), SpotFinder(0.6, is_hand))
        assert pose.find_keypoints(network, [(image, box)], views).is_hand[0] == pytest.approx(is_hand)


@pytest.mark.parametrize("turns", [0, 1])
def test_the_joints_of_the_first_view_tell_whether_a_hard_hand_is_one(spots, turns):
    _, image, box = turned_quarter(spots, turns)
    first = pose.find_keypoints(with_second(Sideways(0.4), SpotFinder(0.9)), [(image, box)], 1)
    for views in (2, 3, 4):
        found = pose.find_keypoints(with_second(Sideways(0.4), SpotFinder(0.9)), [(image, box)], views)
        assert found.scores.mean() > first.scores.mean() + 0.1
        assert found.evidence == pytest.approx(first.scores)
    easy = pose.find_keypoints(with_second(Sideways(0.8), SpotFinder(0.9)), [(image, box)], 4)
    assert easy.evidence == pytest.approx(easy.scores)
