"""Labels for one size are not scored against images or predictions of another."""

import json
from dataclasses import replace

import cv2
import numpy as np
import pytest
from conftest import SAMPLES, handpose
from tiny_training import train, write_training_folder

from handpose_cli.evaluation.sizes import same_size
from handpose_cli.formats.errors import FormatError
from handpose_cli.records import Hand, ImageRecord

NAME = "spread_street.jpg"


@pytest.fixture(scope="module")
def halves(tmp_path_factory):
    """An image at half its size, its labels at the whole, and predictions for the whole and for the half."""
    folder = tmp_path_factory.mktemp("halves")
    image = cv2.imread(str(SAMPLES / NAME))
    entries = json.loads((SAMPLES / "labels.json").read_text())
    (folder / "labels.json").write_text(json.dumps([entry for entry in entries if entry["file"] == NAME]))
    for name, factor in (("whole", 1), ("half", 2)):
        (folder / name).mkdir()
        cv2.imwrite(str(folder / name / NAME), cv2.resize(image, None, fx=1 / factor, fy=1 / factor))
        result = handpose("predict", folder / name, "-o", folder / f"of_{name}", "--views", 1)
        assert result.exit_code == 0
    return folder


def evaluate(folder, *options):
    return handpose("evaluate", "--labels", folder / "labels.json", "--json", "-q", *options)


def pck_of(result):
    assert result.exit_code == 0, result.stderr
    return json.loads(result.stdout)["end_to_end"]["metrics"]["pck@0.1/bbox"]["value"]


def test_predictions_of_another_size_are_refused_or_the_labels_scaled(halves):
    wrong = ("--predictions", halves / "of_half" / "predictions.json")
    result = evaluate(halves, *wrong)
    assert (result.exit_code, result.stderr) == (
        1,
        f"Error: {NAME}: its labels are for 576 x 576 pixels, what was predicted is 288 x 288. "
        "Scale the labels with --rescale\n",
    )
    assert pck_of(evaluate(halves, "--predictions", halves / "of_whole" / "predictions.json")) > 0.8
    assert pck_of(evaluate(halves, *wrong, "--rescale")) > 0.8


def test_images_of_another_size_are_refused_or_the_labels_scaled(halves):
    wrong = ("--weights", "hourglass-lite", "--views", 1, "--images", halves / "half")
    result = evaluate(halves, *wrong)
    assert (result.exit_code, result.stderr) == (
        1,
        f"Error: {NAME}: its labels are for 576 x 576 pixels, the image is 288 x 288. "
        "Scale the labels with --rescale\n",
    )
    assert pck_of(evaluate(halves, *wrong, "--rescale")) > 0.8


def test_training_refuses_images_of_another_size(tmp_path, tiny_preset):
    write_training_folder(tmp_path)
    image = cv2.imread(str(tmp_path / "3.png"))
    cv2.imwrite(str(tmp_path / "3.png"), image[::2, ::2])
    result = train(tmp_path, tmp_path / "run", "--epochs", 1, "--export", "none")
    assert result.exit_code == 1
    assert result.stderr.endswith(
        f"Error: {tmp_path / '3.png'}: its labels are for 160 x 160 pixels, the image is 80 x 80\n"
    )


def record(width, height):
    points = np.stack(np.meshgrid(np.arange(7), np.arange(3)), axis=-1).reshape(21, 2).astype(np.float32)
    hand = Hand(np.array([0, 0, 6, 2], np.float32), keypoints=points, area=12.0, head_size=5.0)
    return ImageRecord("a.jpg", width, height, [hand])


def test_scaled_labels_lie_where_the_scaled_pixels_do():
    scaled = same_size(record(100, 50), 300, 150, "it", rescale=True)
    (hand,) = scaled.hands
    assert (scaled.width, scaled.height) == (300, 150)
    # pixel 0 became pixels 0 to 2, with pixel 1 in their middle
    assert hand.keypoints[[0, 20]].tolist() == [[1, 1], [19, 7]]
    assert hand.box.tolist() == [0, 0, 18, 6]
    assert (hand.area, hand.head_size) == (108, 15)


@pytest.mark.parametrize(("width", "height"), [(100, 50), (None, None), (0, 0)])
def test_the_same_or_an_unknown_size_changes_nothing(width, height):
    label = record(100, 50)
    assert same_size(label, width, height, "it", rescale=False) is label
    unknown = replace(label, width=None, height=None)
    assert same_size(unknown, 300, 150, "it", rescale=False) is unknown


def test_rounding_is_no_other_aspect_but_a_turned_picture_is():
    assert same_size(record(333, 500), 167, 250, "it", rescale=True).width == 167
    for rescale in (True, False):
        with pytest.raises(FormatError) as error:
            same_size(record(100, 50), 50, 100, "the image", rescale)
        assert str(error.value) == (
            "a.jpg: its labels are for 100 x 50 pixels, the image is 50 x 100: they are not of the same picture"
        )


@pytest.mark.parametrize("size", [(0, 0), (-1, -1), (50, None), (None, None)])
def test_a_size_that_is_none_is_looked_for_in_the_image(tmp_path, size):
    """sleap-io writes 0 x 0 into COCO files."""
    cv2.imwrite(str(tmp_path / "a.png"), np.zeros((30, 50, 3), np.uint8))
    entry = {"id": 1, "file_name": "a.png", "width": size[0], "height": size[1]}
    annotation = {"id": 1, "image_id": 1, "category_id": 1, "bbox": [5, 6, 20, 12]}
    content = {"images": [entry], "annotations": [annotation], "categories": [{"id": 1, "name": "hand"}]}
    (tmp_path / "c.json").write_text(json.dumps(content))
    call = ("convert-labels", tmp_path / "c.json", tmp_path / "yolo", "--to", "yolo-pose")
    assert "a.png: its size is not known. Say where the images are with --images" in handpose(*call).stderr
    assert handpose(*call, "--images", tmp_path).exit_code == 0
    (text,) = (tmp_path / "yolo").rglob("a.txt")
    assert text.read_text().startswith("0 0.30000000 0.40000000 0.40000000 0.40000000 ")


def test_labels_of_another_size_than_the_images_are_not_converted_silently(tmp_path):
    cv2.imwrite(str(tmp_path / "a.png"), np.zeros((60, 100, 3), np.uint8))
    labels = [{"file": "a.png", "width": 50, "height": 30, "hands": [{"box": [5, 6, 20, 12]}]}]
    (tmp_path / "l.json").write_text(json.dumps(labels))
    call = ("convert-labels", tmp_path / "l.json", tmp_path / "o.csv", "--to", "handpose", "--images", tmp_path)
    done = handpose(*call)
    assert (done.exit_code, done.stderr) == (
        1,
        "Error: a.png: its labels are for 50 x 30 pixels, the image is 100 x 60. Scale the labels with --rescale\n",
    )
    assert handpose(*call, "--rescale").exit_code == 0
    (entry,) = json.loads((tmp_path / "o.csv").read_text())["files"]
    assert (entry["width"], entry["hands"][0]["box"]) == (100, [10, 12, 40, 24])
