"""`--class` where a command reads several files: it is said of all of them that name classes."""

import json

import pytest
from conftest import handpose
from labelled import image, moved, open_hand, write

HAND = open_hand()


def coco(path, *names, shift=0.0):
    """A COCO file with a hand of each of these categories, side by side, in one image."""
    hands = [moved(HAND, [120 * number + shift, 0], score=0.9) for number in range(len(names))]
    content = json.loads(write(path, "coco", [image("a.jpg", *hands)]).read_text())
    usual = content["categories"][0]
    content["categories"] = [{**usual, "id": number + 1, "name": name} for number, name in enumerate(names)]
    for number, annotation in enumerate(content["annotations"]):
        annotation["category_id"] = number + 1
    path.write_text(json.dumps(content))
    return path


def test_predictions_and_boxes_are_read_by_the_chosen_class(tmp_path):
    labels = coco(tmp_path / "l.json", "mano", "hand")
    predictions = coco(tmp_path / "p.json", "mano", "hand", shift=1.0)
    boxes = coco(tmp_path / "b.json", "mano", "hand")
    call = ("evaluate", "--labels", labels, "--predictions", predictions, "--boxes", boxes, "--class", "mano")
    done = handpose(*call, "--json")
    figures = json.loads(done.stdout)
    assert (figures["labels"]["hands"], figures["predictions"]["hands"]) == (1, 1)
    assert figures["detection"]["hands"] == 1 and figures["end_to_end"]["found"] == 1
    for path in (labels, predictions, boxes):
        assert (
            f"{path}: left out: 1 annotations of other categories (1 hand). Choose classes with --class" in done.stderr
        )


def test_labels_without_classes_leave_the_choice_to_the_predictions(tmp_path):
    labels = write(tmp_path / "l.json", "handpose", [image("a.jpg", HAND)])
    predictions = coco(tmp_path / "p.json", "mano", "hand")
    call = ("evaluate", "--labels", labels, "--predictions", predictions, "--class", "mano", "--json")
    assert json.loads(handpose(*call).stdout)["predictions"]["hands"] == 1
    own = write(tmp_path / "own.csv", "csv", [image("a.jpg", HAND)])
    done = handpose("evaluate", "--labels", labels, "--predictions", own, "--class", "mano")
    assert (done.exit_code, done.stderr) == (
        1, "Error: files of the format handpose, csv have no names of classes to choose by\n"
    )  # fmt: skip


def test_each_file_needs_one_of_the_classes(tmp_path):
    labels, predictions = coco(tmp_path / "l.json", "mano"), coco(tmp_path / "p.json", "palm", "hand")
    call = ("evaluate", "--labels", labels, "--predictions", predictions, "--json", "--class", "mano")
    done = handpose(*call)
    assert (done.exit_code, done.stderr) == (
        1, f"Error: {predictions}: no category is named 'mano'; there are: palm, hand\n"
    )  # fmt: skip
    assert json.loads(handpose(*call, "--class", "palm").stdout)["end_to_end"]["found"] == 1


def test_results_lists_without_their_coco_file_are_read_whole_and_say_so(tmp_path):
    labels = write(tmp_path / "l.xml", "cvat", [image("a.jpg", HAND)])
    results = write(tmp_path / "r.json", "coco-results", [image("a.jpg", moved(HAND, 1.0, score=0.8))])
    done = handpose("evaluate", "--labels", labels, "--predictions", results, "--class", "hand", "--json")
    assert json.loads(done.stdout)["end_to_end"]["found"] == 1
    assert done.stderr.splitlines()[0] == (
        f"{results}: its categories have no names without the COCO file of its images: all are taken for hands"
    )


@pytest.mark.parametrize("format", ["coco", "cvat"])
def test_corrections_are_read_by_the_chosen_class(tmp_path, format):
    source = write(tmp_path / "p.json", "handpose", [image("a.jpg", HAND)])
    corrections = write(tmp_path / f"c.{format}", format, [image("a.jpg", moved(HAND, 9.0))])
    for old in ('"name":"hand"', '"name": "hand"', 'label="hand"', "<name>hand</name>"):
        corrections.write_text(corrections.read_text().replace(old, old.replace("hand", "mano")))
    call = ("convert-labels", source, tmp_path / "o.json", "--to", "handpose", "--update", corrections)
    done = handpose(*call, "--class", "mano")
    assert f"{corrections}: 1 images corrected: 1 hands changed" in done.stderr
