"""What a detector's cells are asked: who answers for a hand, who must not, and of whom nothing is known."""

import numpy as np
import pytest

from handpose_cli.networks.ssd.cells import cells, decode_boxes
from handpose_cli.training.detection.targets import HAND, NONE, UNASKED, cell_targets

CENTRES, STRIDES = cells(256)
NOTHING = np.zeros((0, 4), np.float32)


def asked(boxes=NOTHING, unclear=NOTHING, exhaustive=True, directions=None):
    boxes = np.reshape(boxes, (-1, 4)).astype(np.float32)
    directions = np.zeros((len(boxes), 2), np.float32) if directions is None else np.float32(directions)
    return cell_targets(boxes, directions, np.reshape(unclear, (-1, 4)), exhaustive, 256)


def kinds_at(target, stride, x, y):
    """Return what the cell of a stride that holds a point is asked."""
    own = np.flatnonzero((stride == STRIDES) & (np.abs(CENTRES - [x, y]) <= stride / 2).all(axis=1))
    return target[own[0], 0]


@pytest.mark.parametrize(("side", "strides"), [(20, {8}), (38, {8, 16}), (60, {16}), (90, {16, 32}), (200, {32})])
def test_strides_answer_for_hands_of_their_size(side, strides):
    target = asked([128 - side / 2, 128 - side / 2, side, side])
    assert {int(s) for s in STRIDES[target[:, 0] == HAND]} == strides


@pytest.mark.parametrize("box", [(100.0, 60.0, 20.0, 17.0), (30, 31, 45, 60), (5, 9, 190, 240), (250, 1, 6, 9)])
def test_the_cells_of_a_hand_give_its_box(box):
    target = asked(box)
    own = target[:, 0] == HAND
    assert own.any()
    found = decode_boxes(target[own, 1:5], CENTRES[own], STRIDES[own])
    assert found == pytest.approx(np.tile(np.float32(box), (int(own.sum()), 1)), abs=1e-3)


def test_the_cells_of_hands_give_where_each_points():
    target = asked([(20, 20, 40, 40), (120, 120, 90, 90)], directions=[(0, -1), (0.6, 0.8)])
    own = target[:, 0] == HAND
    left = CENTRES[own, 0] < 80
    assert (target[own][left, 5:] == np.float32([0, -1])).all() and (
        target[own][~left, 5:] == np.float32([0.6, 0.8])
    ).all()
    assert not target[~own, 5:].any()


def test_fine_strides_find_no_small_hands_in_a_large_one():
    target = asked([20, 20, 200, 200])
    fine = target[(STRIDES == 8), 0]
    assert (fine == NONE).all()


def test_between_middle_and_edge_of_a_hand_nothing_is_asked_and_at_its_edge_background():
    target = asked([28, 28, 200, 200])
    assert kinds_at(target, 32, 128, 128) == HAND
    assert kinds_at(target, 32, 128 + 0.28 * 200, 128) == UNASKED
    assert kinds_at(target, 32, 128 + 0.42 * 200, 128) == NONE


def test_a_stride_that_is_nearly_of_the_hands_size_is_asked_nothing():
    target = asked([128 - 55, 128 - 55, 110, 110])  # stride 16 answers up to 100
    assert kinds_at(target, 16, 128, 128) == UNASKED
    assert kinds_at(target, 8, 128, 128) == NONE


def test_where_not_all_hands_are_boxed_there_is_no_background_outside_the_boxes():
    target = asked([28, 28, 100, 100], exhaustive=False)
    outside = ~(np.abs(CENTRES - 78) <= 50).all(axis=1)
    assert (target[outside, 0] == UNASKED).all()
    assert {HAND, NONE} <= set(target[~outside, 0])


def test_what_is_unclear_is_not_asked():
    target = asked(unclear=[40, 40, 60, 60])
    assert kinds_at(target, 8, 70, 70) == UNASKED
    assert kinds_at(target, 8, 150, 70) == NONE


def test_of_two_hands_on_one_cell_the_smaller_has_it():
    small, large = (120, 120, 88, 88), (110, 110, 96, 99)
    for both in ((small, large), (large, small)):
        target = asked(both)
        own = (target[:, 0] == HAND) & (np.abs(CENTRES - 164) <= 10).all(axis=1)
        assert decode_boxes(target[own, 1:5], CENTRES[own], STRIDES[own])[:, 2] == pytest.approx(88, abs=1e-3)
