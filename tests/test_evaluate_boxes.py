"""Scoring boxes where labels have nothing else: exact figures of boxes made by hand."""

import json
from dataclasses import asdict

import numpy as np
import pytest
from conftest import SAMPLES, handpose
from labelled import open_hand, write

from handpose_cli import evaluate, read_labels
from handpose_cli.records import Hand, ImageRecord


def box(x, y, side, score=None) -> Hand:
    return Hand(box=np.array([x, y, side, side], np.float32), score=score)


def picture(name: str, *hands: Hand, exhaustive: bool = True) -> ImageRecord:
    return ImageRecord(name, 1000, 500, list(hands), exhaustive=exhaustive)


LABELS = [
    picture("a.jpg", box(0, 0, 50), box(200, 0, 200)),  # small and medium
    picture("b.jpg", box(0, 0, 400)),  # large
    picture("none.jpg"),
    picture("some.jpg", box(0, 0, 200), exhaustive=False),
]
PREDICTED = [
    picture("a.jpg", box(0, 0, 50, 0.9), box(500, 0, 40, 0.5)),  # finds the small one, and a small one that is none
    picture("b.jpg", box(0, 0, 400, 0.8)),
    picture("none.jpg", box(0, 0, 300, 0.3)),
    picture("some.jpg", box(0, 0, 200, 0.7), box(500, 0, 200, 0.6)),  # the second may be a hand that has no label
]


def test_figures_of_boxes():
    found = evaluate(LABELS, PREDICTED).detection
    assert found.recall[0.5] == 3 / 4
    assert found.precision[0.5] == 2 / 4  # of the images with all hands
    assert found.box_ap.at50 == pytest.approx(2 / 3, abs=0.01)  # both found ones score more than the false ones
    assert found.recall_at_precision95 == pytest.approx(2 / 3)
    assert (found.not_exhaustive, found.empty_images, found.false_hands_an_empty_image) == (1, 1, 1.0)
    sizes = {name: tuple(asdict(each).values()) for name, each in found.by_size.items()}
    assert sizes == {"small": (1, 1.0, 1 / 2, 1.0), "medium": (2, 1 / 2, None, 0.0), "large": (1, 1.0, 1 / 2, 1.0)}


@pytest.mark.parametrize("seed", range(5))
def test_average_precision_of_a_size_is_that_of_coco(seed):
    """Where all hands, labelled and predicted, are of that size."""
    rng = np.random.default_rng(seed)
    labels = [picture(f"{i}.jpg", *(box(*rng.integers(0, 800, 2), 150) for _ in range(3))) for i in range(20)]
    predicted = [
        picture(label.file, *(box(*(hand.box[:2] + rng.normal(0, 25, 2)), 150, rng.random()) for hand in label.hands))
        for label in labels
    ]
    found = evaluate(labels, predicted).detection
    assert 0.2 < found.box_ap.at50 < 0.9
    assert found.by_size["medium"].average_precision == pytest.approx(found.box_ap.at50, abs=1e-6)
    assert found.by_size["large"].average_precision is None


def test_only_recall_where_labels_may_lack_hands(tmp_path):
    labels = write(tmp_path / "labels.json", "handpose", LABELS)
    predictions = write(tmp_path / "predictions.json", "handpose", PREDICTED)
    call = ("evaluate", "--labels", labels, "--predictions", predictions)
    figures = json.loads(handpose(*call, "--not-exhaustive", "--json").stdout)
    assert figures["detection"]["recall@iou0.5"] == 3 / 4
    assert figures["detection"]["precision@iou0.5"] is None
    assert figures["detection"]["box_ap"] == {"AP": None, "AP50": None, "AP75": None}
    assert figures["detection"]["not_exhaustive"] == 4
    assert {size["precision"] for size in figures["detection"]["by_size"].values()} == {None}
    assert figures["calibration"]["hands"] is None
    assert figures["end_to_end"]["extra"] == 0


def test_the_tables_are_of_finding_hands_alone(tmp_path):
    labels = write(tmp_path / "labels.json", "handpose", LABELS)
    predictions = write(tmp_path / "predictions.json", "handpose", PREDICTED)
    report = tmp_path / "report.html"
    shown = handpose("evaluate", "--labels", labels, "--predictions", predictions, "--report", report)
    assert shown.exit_code == 0, shown.stderr
    assert "Finding hands: 4 labelled" in shown.stdout
    assert "medium: from 0.1" in shown.stdout
    assert "pck" not in shown.stdout
    page = report.read_text(encoding="utf-8")
    assert "<td>false_hands_an_empty_image</td><td>1.000</td>" in page
    assert "<td>small hands: 1 labelled, recall / precision / AP@iou0.5</td><td>1.000 / 0.500 / 1.000</td>" in page


def test_labels_without_any_hand_are_for_false_ones(tmp_path):
    labels = write(tmp_path / "labels.json", "handpose", [picture("a.jpg"), picture("b.jpg")])
    found = write(tmp_path / "found.json", "handpose", [picture("a.jpg", box(1, 2, 40)), picture("b.jpg")])
    call = ("evaluate", "--labels", labels, "--predictions", found)
    result = handpose(*call, "--json", "--report", tmp_path / "r.html")
    assert (result.exit_code, result.stderr.splitlines()[0]) == (
        0, f"{labels}: no image has a hand: only false hands are counted"
    )  # fmt: skip
    figures = json.loads(result.stdout)["detection"]
    assert (figures["empty_images"], figures["false_hands_an_empty_image"]) == (2, 0.5)
    write(labels, "handpose", [picture("a.jpg", exhaustive=False)])
    result = handpose(*call)
    assert (result.exit_code, result.stderr) == (1, f"Error: {labels}: no hand to score against\n")


def test_no_threshold_divides_hands_of_one_score():
    labels = [picture("a.jpg", box(0, 0, 50), box(200, 0, 50))]
    sure = [picture("a.jpg", box(0, 0, 50), box(200, 0, 50), box(500, 0, 50))]  # without scores: all count as 1
    assert evaluate(labels, sure).detection.recall_at_precision95 == 0.0
    scored = [picture("a.jpg", box(0, 0, 50, 0.9), box(200, 0, 50, 0.4), box(500, 0, 50, 0.4))]
    assert evaluate(labels, scored).detection.recall_at_precision95 == 0.5


def test_boxes_say_themselves_whether_they_are_all(tmp_path):
    labels = write(tmp_path / "labels.json", "handpose", [picture("a.jpg", open_hand())])
    entry = {"image": "a.jpg", "width": 1000, "height": 500, "boxes": [[500, 0, 50, 50]], "exhaustive": False}
    (tmp_path / "boxes.json").write_text(json.dumps([entry]))
    found = write(tmp_path / "found.json", "handpose", [picture("a.jpg", open_hand(score=0.9), box(0, 400, 60, 0.8))])
    call = ("evaluate", "--labels", labels, "--predictions", found, "--json", "--boxes")
    some = json.loads(handpose(*call, f"label-list:{tmp_path}/boxes.json").stdout)
    assert (some["detection"]["not_exhaustive"], some["end_to_end"]["extra"]) == (1, 0)
    (tmp_path / "boxes.json").write_text(json.dumps([{**entry, "exhaustive": True}]))
    every = json.loads(handpose(*call, f"label-list:{tmp_path}/boxes.json").stdout)
    assert (every["detection"]["not_exhaustive"], every["end_to_end"]["extra"]) == (0, 1)


def test_the_networks_are_scored_on_boxes_alone(tmp_path):
    label = next(record for record in read_labels(SAMPLES / "labels.json") if record.file == "two_hands.jpg")
    boxes = [hand.box.tolist() for hand in label.hands]
    entry = {"image": "two_hands.jpg", "width": label.width, "height": label.height, "boxes": boxes}
    (tmp_path / "boxes.json").write_text(json.dumps([entry]))
    call = ("evaluate", "--labels", f"label-list:{tmp_path}/boxes.json", "--images", SAMPLES)
    figures = json.loads(handpose(*call, "--weights", "hourglass-lite", "--views", 1, "--json", "-q").stdout)
    assert (figures["detection"]["hands"], figures["detection"]["recall@iou0.5"]) == (2, 1.0)
    assert figures["pose"]["hands"] == 0
