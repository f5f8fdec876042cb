"""The detector: equal to the published graph, and its boxes come out right."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from handpose_cli import engine, weights
from handpose_cli.boxes import iou
from handpose_cli.engine.contract import Contract, of_cells
from handpose_cli.engine.detector import DecodedBoxes
from handpose_cli.networks.ssd.anchors import decode_boxes, make_anchors

# What the published TensorFlow graph (npm handtrackjs 0.1.5) answers for 20 images, run by TensorFlow 2.21:
# `images` uint8 [20, 100, 100, 3] RGB, to be enlarged three times by repeating pixels; `scores` of all anchors; and
# `boxes` (ymin, xmin, ymax, xmax as fractions) of the anchors in `anchor`.
REFERENCE = Path(__file__).parent / "data" / "ssd_reference.npz"


@pytest.fixture(scope="module")
def reference():
    with np.load(REFERENCE) as file:
        return dict(file)


@pytest.fixture(scope="module")
def inputs(reference):
    return reference["images"].repeat(3, axis=1).repeat(3, axis=2).astype(np.float32)


def boxes_of(outputs, reference):
    anchors = make_anchors()[reference["anchor"]]
    encodings = np.take_along_axis(outputs["encodings"], reference["anchor"][..., None].astype(int), axis=1)
    x, y, width, height = np.moveaxis(decode_boxes(encodings, anchors), -1, 0)
    return np.stack([y, x, y + height, x + width], axis=-1)


def test_keras_detector_equals_the_published_graph(inputs, reference):
    from handpose_cli.engine.keras import KerasNetwork, load_weights
    from handpose_cli.networks.ssd.model import build_ssd

    model = build_ssd()
    load_weights(model, weights.FOLDER / "ssd-egohands.weights.h5")
    outputs = KerasNetwork(model)(inputs)
    assert np.abs(outputs["scores"] - reference["scores"]).max() < 1e-4
    assert np.abs(boxes_of(outputs, reference) - reference["boxes"]).max() < 1e-4


@pytest.mark.parametrize("name", ["litert", "keras"])
def test_the_light_detector_answers_as_the_published_one(inputs, reference, name):
    """It is distilled from it, and LiteRT runs it in 8 bits."""
    outputs = engine.load_detector(name, "ssd-egohands-lite").network(inputs)
    off = np.abs(outputs["scores"].max(axis=1) - reference["scores"].max(axis=1))
    assert np.median(off) < 0.1
    rows = np.arange(len(inputs))
    sure = np.flatnonzero(reference["scores"].max(axis=1) > 0.7)
    assert len(sure) >= 5
    known = np.take_along_axis(reference["scores"], reference["anchor"].astype(int), axis=1)
    published = reference["boxes"][rows, known.argmax(axis=1)][:, [1, 0, 3, 2]]  # x, y, and the other corner
    anchor = outputs["scores"].argmax(axis=1)
    ours = decode_boxes(outputs["encodings"][rows, anchor], make_anchors()[anchor])
    published[:, 2:] -= published[:, :2]
    assert np.median([iou(ours[[i]], published[[i]])[0, 0] for i in sure]) > 0.7


def boxes_in(hands: dict[int, float], width: int, height: int):
    """What an SSD finds whose boxes equal the anchors, with the scores given by anchor index."""
    scores = np.zeros((1, 1917), np.float32)
    scores[0, list(hands)] = list(hands.values())
    contract = Contract("detector", 300, "ssd", {"scores": "scores", "encodings": "encodings"}, highest=255)
    detector = DecodedBoxes(
        lambda images: {"scores": scores, "encodings": np.zeros((1, 1917, 4), np.float32)}, contract
    )
    (found,) = detector.boxes([np.zeros((height, width, 3), np.uint8)], 0.3)
    return found.boxes, found.scores


@pytest.mark.parametrize(("fit", "rotation"), [("letterbox", -45.0), ("squeeze", np.degrees(np.arctan2(-2, 1)))])
def test_where_hands_point_is_in_the_images_own_shape(fit, rotation):
    """A hand that points up and to the right in the network's square; the image is twice as wide as high."""
    found = {"logits": np.full((1, 84), -9.0, np.float32), "encodings": np.zeros((1, 84, 4), np.float32)}
    found["logits"][0, 36] = 3.0
    directions = np.zeros((1, 84, 2), np.float32)
    directions[0, 36] = (0.7, -0.7)
    contract = replace(of_cells(64, directions=True), fit=fit)
    detector = DecodedBoxes(lambda images: {**found, "directions": directions}, contract)
    (boxes,) = detector.boxes([np.zeros((100, 200, 3), np.uint8)], 0.3)
    assert boxes.scores == pytest.approx([1 / (1 + np.exp(-3.0))])
    assert boxes.rotations == pytest.approx([rotation], abs=1e-4)
    directions *= 0.2  # so short a vector says nothing
    (unclear,) = detector.boxes([np.zeros((100, 200, 3), np.uint8)], 0.3)
    assert np.isnan(unclear.rotations).tolist() == [True]


def test_boxes_are_scaled_to_the_image_and_sorted():
    boxes, scores = boxes_in({1083 + 6 * 44: 0.5, 1083 + 6 * 77: 0.9}, 200, 100)
    assert scores == pytest.approx([0.9, 0.5])
    # anchor 44 of the second map: row 4, column 4 of 10; a square of 0.35 of the sides around (0.45, 0.45)
    assert boxes[1] == pytest.approx([200 * 0.275, 100 * 0.275, 200 * 0.35, 100 * 0.35], abs=1e-3)


def test_boxes_below_the_threshold_and_doubles_are_dropped():
    square, wider = 1083 + 6 * 44, 1083 + 6 * 44 + 5  # the second is the same square, 1.2 times as large
    boxes, scores = boxes_in({square: 0.8, wider: 0.7, 1083 + 6 * 11: 0.2}, 300, 300)
    assert scores == pytest.approx([0.8])
    assert len(boxes) == 1


def test_boxes_are_clipped():
    boxes, scores = boxes_in({1083: 0.9}, 100, 100)
    assert boxes == pytest.approx(np.array([[0, 0, 22.5, 22.5]]), abs=1e-3)
    assert scores == pytest.approx([0.9])


def test_nothing_found_is_empty():
    boxes, scores = boxes_in({}, 100, 100)
    assert boxes.shape == (0, 4)
    assert scores.shape == (0,)
