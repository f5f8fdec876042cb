"""Two detectors, the quicker one first: which image is shown to the second, and whose answer counts."""

import numpy as np
import pytest
from conftest import SAMPLES, handpose, read_results

from handpose_cli import engine
from handpose_cli.engine.cascade import NEAR, SURE, Cascade
from handpose_cli.engine.contract import Boxes
from handpose_cli.media.images import read_image

WIDTH, HEIGHT = 400, 300
LARGE, SMALL = (50, 40, 1.1 * NEAR * WIDTH, 60), (50, 40, 0.9 * NEAR * WIDTH, 60)


class Finds:
    """A detector that finds in an image what is told for its first pixel, and notes which images it saw."""

    input_size, least_score = 192, 0.25

    def __init__(self, **found):
        self.found, self.seen = found, []

    def boxes(self, images, threshold):
        names = [chr(image[0, 0, 0]) for image in images]
        self.seen += names
        return [self.found[name] for name in names]


def boxes(*found, rotations=None):
    """Return boxes of (box, score)."""
    sides, scores = [box for box, _ in found], [score for _, score in found]
    turned = None if rotations is None else np.float32(rotations)
    return Boxes(np.reshape(np.float32(sides), (-1, 4)), np.float32(scores), turned)


def image(name):
    pixels = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    pixels[0, 0] = ord(name)
    return pixels


@pytest.mark.parametrize(
    ("found", "again"),
    [
        (boxes((LARGE, SURE + 0.01)), False),
        (boxes((SMALL, 0.99), (LARGE, SURE + 0.01)), False),
        (boxes((LARGE, SURE - 0.01)), True),
        (boxes((SMALL, 0.99)), True),
        (boxes((SMALL, 0.99), (LARGE, 0.3)), True),  # none is both sure and near
        (boxes(), True),
    ],
)
def test_the_second_looks_where_the_first_sees_no_hand_that_is_sure_and_near(found, again):
    first, second = Finds(a=found), Finds(a=boxes(((1, 2, 30, 40), 0.7)))
    (answer,) = Cascade(first, lambda: second).boxes([image("a")], 0.25)
    assert second.seen == (["a"] if again else [])
    assert answer.boxes.tolist() == (second if again else first).found["a"].boxes.tolist()


def test_the_second_is_loaded_once_and_only_if_it_is_needed():
    loaded = []

    def load():
        loaded.append(Finds(a=boxes()))
        return loaded[-1]

    cascade = Cascade(Finds(a=boxes(), b=boxes((LARGE, 0.9))), load)
    cascade.boxes([image("b")], 0.25)
    assert not loaded
    cascade.boxes([image("a"), image("b")], 0.25)
    cascade.boxes([image("a")], 0.25)
    assert len(loaded) == 1


def test_a_batch_is_answered_as_its_images_are_alone_and_in_order():
    first = Finds(a=boxes(), b=boxes((LARGE, 0.9), rotations=[20]), c=boxes((SMALL, 0.9), rotations=[50]))
    second = Finds(a=boxes(((1, 2, 30, 40), 0.7)), c=boxes(((5, 6, 70, 80), 0.8), (SMALL, 0.6)))
    together = Cascade(first, lambda: second).boxes([image(name) for name in "cab"], 0.25)
    assert second.seen == ["c", "a"]
    for name, answer in zip("cab", together, strict=True):
        (alone,) = Cascade(first, lambda: second).boxes([image(name)], 0.25)
        for one, other in zip(alone, answer, strict=True):
            assert np.array_equal(one, other, equal_nan=True) if one is not None else other is None


def test_the_second_ones_boxes_point_as_the_firsts_of_the_same_hands():
    first = Finds(a=boxes((SMALL, 0.9), ((300, 200, 20, 20), 0.4), rotations=[50, 80]))
    second = Finds(a=boxes(((200, 10, 40, 40), 0.8), ((52, 41, *SMALL[2:]), 0.6)))
    (answer,) = Cascade(first, lambda: second).boxes([image("a")], 0.25)
    assert answer.rotations.tolist() == pytest.approx([np.nan, 50], nan_ok=True)
    nothing = Cascade(first, lambda: Finds(a=boxes())).boxes([image("a")], 0.25)[0]
    assert len(nothing.boxes) == 0


def test_boxes_that_point_and_such_that_do_not_go_together():
    some, others = boxes((LARGE, 0.9), rotations=[20]), boxes((SMALL, 0.8), (LARGE, 0.7))
    joined = Boxes.joined([some, others])
    assert joined.scores.tolist() == pytest.approx([0.9, 0.8, 0.7])
    assert joined.rotations.tolist() == pytest.approx([20, np.nan, np.nan], nan_ok=True)
    assert Boxes.joined([others, others]).rotations is None


@pytest.mark.parametrize("name", ["litert", "keras"])
def test_the_bundled_cascade_sees_the_samples_hands_and_where_they_point(name):
    (found,) = engine.load_detector(name).boxes([read_image(SAMPLES / "open_palm_sleeve.jpg")], 0.25)
    (alone,) = engine.load_detector(name, "ssd-hand").boxes([read_image(SAMPLES / "open_palm_sleeve.jpg")], 0.25)
    assert found.scores[0] > SURE
    assert found.boxes.tolist() == alone.boxes.tolist()
    assert np.isfinite(found.rotations[0])


def test_each_detector_can_be_had_alone_and_is_named_in_the_results(tmp_path):
    for name in ("ssd-hand", "ssd-palm"):
        call = ("predict", SAMPLES / "open_palm_sleeve.jpg", "-o", tmp_path / name, "--detector", name, "--views", 1)
        assert handpose(*call).exit_code == 0
        results = read_results(tmp_path / name)
        assert set(results["info"]["weights"]) == {f"{name}.tflite", "hourglass-lite.tflite", "hourglass-wide.tflite"}
        assert len(results["files"][0]["hands"]) == 1
