"""How boxes overlap."""

import numpy as np
import pytest

from handpose_cli.boxes import iou, share_inside

BOXES = np.array([[0, 0, 10, 10], [20, 20, 4, 4], [3, 3, 0, 0]], np.float32)
OTHERS = np.array([[0, 0, 10, 10], [5, 0, 10, 10]], np.float32)


def test_intersection_over_union():
    assert iou(BOXES, OTHERS) == pytest.approx(np.array([[1, 1 / 3], [0, 0], [0, 0]]))
    assert iou(BOXES, OTHERS) == pytest.approx(iou(OTHERS, BOXES).T)
    assert iou(BOXES[:0], OTHERS).shape == (0, 2)


def test_the_share_inside_is_of_the_first_box():
    assert share_inside(BOXES, OTHERS) == pytest.approx(np.array([[1, 0.5], [0, 0], [0, 0]]))
    assert share_inside(np.array([[2, 2, 4, 4]]), OTHERS) == pytest.approx(np.array([[1, 0.25]]))
