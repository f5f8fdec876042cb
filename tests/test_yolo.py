"""YOLO data sets as people have them: layouts, names, splits, images in place, Ultralytics' predictions."""

import json
import logging
import re
import shlex
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
import yaml
from conftest import SAMPLES, handpose

from handpose_cli.formats import FORMATS, FormatError, ReadOptions
from handpose_cli.labels.recognise import recognise
from handpose_cli.records import KEYPOINT_NAMES, Hand, ImageRecord

SHAPE = {"kpt_shape": [21, 3]}
HAND = {**SHAPE, "names": ["hand"], "kpt_names": {0: list(KEYPOINT_NAMES)}}


@pytest.fixture(autouse=True)
def notes(caplog):
    caplog.set_level(logging.WARNING, "handpose_cli")
    return lambda folder: [r.getMessage().replace(f"{folder}/", "") for r in caplog.records]


def image(path, width=100, height=50):
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imencode(".png", np.zeros((height, width), np.uint8))[1].tofile(path)


def text(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content if isinstance(content, str) else yaml.safe_dump(content))


def line(kind=0, marks=(2,) * 21, behind="", shift=0.0):
    joints = " ".join(f"{0.01 * (i + 1) + shift:.4f} 0.5 {mark}" for i, mark in enumerate(marks))
    return f"{kind} 0.5 0.5 0.2 0.4 {joints} {behind}\n"


def pair(root, folder, stem, content=None):
    parts = folder.split("/")
    labels = "/".join("labels" if part == "images" else part for part in parts)
    image(root / folder / f"{stem}.png")
    text(root / labels / f"{stem}.txt", line() if content is None else content)


def read(path, images=None, **options):
    return list(FORMATS["yolo-pose"].read(path, images, ReadOptions(**options)))


def test_roboflows_layout(tmp_path):
    text(tmp_path / "data.yaml", {**HAND, "train": "../train/images", "val": "../valid/images"})
    pair(tmp_path, "train/images", "a")
    pair(tmp_path, "valid/images", "b", "")
    assert recognise(tmp_path).name == "yolo-pose"
    records = read(tmp_path)
    assert [(r.file, len(r.hands)) for r in records] == [("train/images/a.png", 1), ("valid/images/b.png", 0)]


def test_an_image_without_a_label_file_shows_no_hand(tmp_path, notes):
    """To Ultralytics it is background; but a folder without any labels is none of the data."""
    text(tmp_path / "data.yaml", {**HAND, "train": "images/train"})
    pair(tmp_path, "images/train", "b")
    image(tmp_path / "images/train/a.png", 60, 40)
    image(tmp_path / "images/test/c.png")
    text(tmp_path / "images/train/._a.jpg", "what macOS leaves")
    text(tmp_path / "labels/test/classes.txt", "hand")
    found = [(record.file, record.width, len(record.hands)) for record in read(tmp_path)]
    assert found == [("train/b.png", 100, 1), ("train/a.png", 60, 0)]
    assert notes(tmp_path) == [f"{tmp_path}: 1 images without a label file are taken to show no hand"]
    assert len(read(tmp_path, looked_at=True)) == 1  # of corrections
    text(tmp_path / "list.txt", "images/train/b.png")
    text(tmp_path / "data.yaml", {**HAND, "train": "list.txt"})
    assert len(read(tmp_path)) == 1


@pytest.mark.parametrize("path", ["sub/ds", None])
def test_path_train_and_val_of_the_yaml_are_used(tmp_path, path):
    root = tmp_path / "sub/ds"
    text(tmp_path / "data.yaml", {**HAND, "path": path or str(root), "train": ["images/one", "images/two"]})
    for part in ("one", "two"):
        pair(root, f"images/{part}", "a")
    assert [r.file for r in read(tmp_path)] == ["sub/ds/images/one/a.png", "sub/ds/images/two/a.png"]
    assert [r.file for r in read(tmp_path, root / "images")] == ["one/a.png", "two/a.png"]


def test_a_path_of_another_computer_does_not_hide_the_data(tmp_path):
    text(tmp_path / "data.yaml", {**HAND, "path": "/content/drive/no/such", "train": "images/train"})
    pair(tmp_path, "images/train", "a")
    assert [r.file for r in read(tmp_path)] == ["train/a.png"]


@pytest.mark.parametrize("names", [["face", "left_hand", "handbag"], {0: "face", 1: "left_hand", 2: "handbag"}])
def test_classes_are_chosen_by_whole_words(tmp_path, notes, names):
    text(tmp_path / "data.yaml", {**HAND, "names": names, "kpt_names": list(KEYPOINT_NAMES)})
    pair(tmp_path, "images", "a", line(0) + line(1) + line(2) + line(2))
    ((hand,),) = (record.hands for record in read(tmp_path))
    assert hand.handedness == "left"
    assert [note.replace(str(tmp_path), "DIR") for note in notes(tmp_path)] == [
        "DIR: left out: 3 objects of other classes (2 handbag, 1 face)"
    ]
    assert len(read(tmp_path, classes=("face",))[0].hands) == 1
    with pytest.raises(FormatError, match=r"data.yaml: no class is named 'x'; there are: face, left_hand, handbag$"):
        read(tmp_path, classes=("x",))


def test_joints_go_by_their_names(tmp_path, notes):
    text(tmp_path / "data.yaml", {**HAND, "kpt_names": {0: list(reversed(KEYPOINT_NAMES))}})
    pair(tmp_path, "images", "a")
    assert read(tmp_path)[0].hands[0].keypoints[20] == pytest.approx([1, 25]) and not notes(tmp_path)
    text(tmp_path / "data.yaml", {**SHAPE, "names": ["hand"]})
    assert read(tmp_path)[0].hands[0].keypoints[0] == pytest.approx([1, 25])
    assert notes(tmp_path) == [
        "data.yaml: its keypoints have no names that are understood: taken in the order wrist, thumb_cmc ... little_tip"
    ]


def predictions(root):
    image(root / "images/a.png")
    scored = line(marks=(0.9,) * 20 + (0.25,), behind="0.75").replace("0.2100 0.5 0.25", "0 0 0.25")
    text(root / "labels/a.txt", scored)
    return root


def test_ultralytics_predictions_without_a_yaml_have_scores(tmp_path):
    folder = predictions(tmp_path)
    assert recognise(folder).name == recognise(folder / "labels").name == "yolo-pose"
    for path, images in ((folder, None), (folder / "labels", None), (folder / "labels/a.txt", folder / "images")):
        (record,) = read(path, images)
        (hand,) = record.hands
        assert record.file == "a.png" if images or path == folder else record.file.endswith("images/a.png")
        assert hand.score == 0.75 and hand.keypoint_scores[:2] == pytest.approx([0.9, 0.9])
        assert np.isnan(hand.keypoints[20]).all() and np.isfinite(hand.keypoints[:20]).all()


@pytest.mark.parametrize("behind", ["0.9", ""])
def test_joints_that_all_score_1_or_0_in_a_prediction_are_not_hidden(tmp_path, behind):
    image(tmp_path / "images/a.png")
    sure, unsure = line(marks=(1,) * 20 + (0,), behind=behind), line(marks=(0.5,) * 21)
    text(tmp_path / "labels/a.txt", sure + ("" if behind else unsure))
    hand = read(tmp_path)[0].hands[0]
    assert hand.keypoint_scores.tolist() == [1] * 20 + [0] and hand.visibility is None
    text(tmp_path / "labels/a.txt", line(marks=(1,) * 20 + (0,)))  # as people mark joints, nothing tells otherwise
    assert read(tmp_path)[0].hands[0].visibility.tolist() == [1] * 20 + [0]


def test_joints_that_may_be_marked_or_scored_are_an_error_where_a_file_has_both(tmp_path):
    """They were taken for scores, and hidden joints for what a network is sure of."""
    image(tmp_path / "images/a.png")
    scored, marked, either = (line(marks=marks) for marks in ((0.9,) * 21, (2,) * 20 + (1,), (1,) * 20 + (0,)))
    text(tmp_path / "labels/a.txt", scored + marked)
    assert [hand.keypoint_scores is None for hand in read(tmp_path)[0].hands] == [False, True]
    text(tmp_path / "labels/a.txt", scored + marked + either)
    with pytest.raises(FormatError) as error:
        read(tmp_path)
    assert str(error.value) == (
        f"{tmp_path}/labels/a.txt: line 3: joints marked 0 and 1, which may be scores: other lines have scores, "
        "others marks"
    )


@pytest.mark.parametrize("start", ["", "./"])
def test_a_part_may_be_a_list_of_images(tmp_path, start):
    text(tmp_path / "data.yaml", {**HAND, "train": "train.txt", "val": "val.txt"})
    pair(tmp_path, "one/images/deep", "a")
    pair(tmp_path, "two/images", "b")
    text(tmp_path / "train.txt", f"{start}one/images/deep/a.png\n")
    text(tmp_path / "val.txt", f"{start}two/images/b.png\n\n")
    assert [r.file for r in read(tmp_path)] == ["one/images/deep/a.png", "two/images/b.png"]


def test_whole_numbers_behind_all_hands_are_tracks(tmp_path):
    """Ultralytics writes them where it tracks without `save_conf`."""
    text(tmp_path / "data.yaml", HAND)
    pair(tmp_path, "images", "a", line(behind="1") + line(behind="12", shift=0.1))
    assert [(hand.score, hand.track_id) for hand in read(tmp_path)[0].hands] == [(None, 1), (None, 12)]
    pair(tmp_path, "images", "a", line(behind="1") + line(behind="0.5", shift=0.1))
    assert [(hand.score, hand.track_id) for hand in read(tmp_path)[0].hands] == [(1.0, None), (0.5, None)]


def test_a_track_stands_behind_the_score_and_boxes_stand_alone(tmp_path):
    text(tmp_path / "data.yaml", HAND)
    pair(tmp_path, "images", "a", line(behind="0.5 7") + "0 .5 .5 .2 .4\n0 .5 .5 .2 .4 .25\n0 .5 .5 0 0\n")
    tracked, box, scored = read(tmp_path)[0].hands
    assert (tracked.score, tracked.track_id) == (0.5, 7)
    assert box.keypoints is None and box.score is None and scored.score == 0.25
    pair(tmp_path, "images", "a", line(marks=(1.5,) * 21))
    with pytest.raises(
        FormatError, match=r"labels/a.txt: line 1: visibility must be 0, 1 or 2, or a score from 0 to 1"
    ):
        read(tmp_path)


def boxes(root, yaml=None):
    """Labels of boxes alone, some with a score and a track."""
    image(root / "images/a.png")
    text(root / "labels/a.txt", "0 .5 .5 .2 .4\n0 .5 .5 .1 .2 0.9\n0 .5 .5 .1 .1 0.8 3\n")
    if yaml is not None:
        text(root / "data.yaml", yaml)
    return root


def test_a_set_without_kpt_shape_is_of_boxes(tmp_path):
    root = boxes(tmp_path, {"names": ["left_hand", "face"], "train": "images"})
    (record,) = read(root)
    assert [(hand.keypoints, hand.score, hand.track_id) for hand in record.hands] == [
        (None, None, None), (None, 0.9, None), (None, 0.8, 3),
    ]  # fmt: skip
    assert record.hands[0].box == pytest.approx([40, 15, 20, 20]) and record.hands[0].handedness == "left"
    text(root / "labels/a.txt", line())
    with pytest.raises(FormatError) as error:
        read(root)
    assert str(error.value) == (
        f"{root.resolve()}/labels/a.txt: line 1: expected 5 numbers: class and box, since there is no kpt_shape. "
        "Received: 68"
    )


def test_a_yaml_may_have_another_name_where_it_is_the_only_one_with_classes(tmp_path):
    """FiftyOne calls it dataset.yaml; without it all classes were hands, or there was no data set."""
    text(tmp_path / "dataset.yaml", {"names": {0: "face", 1: "left_hand"}, "val": "./images/val/", **SHAPE})
    text(tmp_path / "args.yaml", {"name": "train", "model": "m.pt"})
    pair(tmp_path, "images/val", "a", line(0) + line(1))
    assert recognise(tmp_path).name == "yolo-pose"
    (record,) = read(tmp_path)
    assert [hand.handedness for hand in record.hands] == ["left"]
    text(tmp_path / "other.yaml", {"names": {0: "hand"}})  # not of a data set
    assert len(list(read(tmp_path))) == 1
    text(tmp_path / "other.yaml", {"names": {0: "hand"}, "val": "images/val"})  # which one is meant?
    with pytest.raises(FormatError, match=r"no data\.yaml, and no \.txt files"):
        read(tmp_path)


def test_boxes_without_a_yaml_are_read_where_the_format_is_named(tmp_path, notes):
    root = boxes(tmp_path)
    assert [len(record.hands) for path in (root, root / "labels") for record in read(path)] == [3, 3]
    assert notes(root) == []
    with pytest.raises(FormatError):
        recognise(root)
    text(root / "labels/a.txt", "an apple\n")
    with pytest.raises(FormatError) as error:
        read(root)
    assert str(error.value) == (
        f"{root}: no data.yaml, and no .txt files with lines of a class, a box and perhaps 21 keypoints, "
        "here or in labels"
    )


def test_predictions_are_scored_by_evaluate(tmp_path):
    predictions(tmp_path / "predicted")
    text(tmp_path / "true/data.yaml", HAND)
    pair(tmp_path / "true", "images", "a")
    images = tmp_path / "true/images"
    done = handpose(
        "evaluate", "--predictions", tmp_path / "predicted/labels", "--labels", tmp_path / "true", "--images", images
    )
    assert done.exit_code == 0, done.stderr
    assert "pck" in done.stdout.lower()


def records(folder, count=10):
    for number in range(count):
        image(folder / f"s/{number}.png")
        hand = Hand(np.array([10, 5, 40, 40], np.float32))
        yield ImageRecord(f"s/{number}.png", 100, 50, [hand])


def labels(folder):
    with FORMATS["handpose"].open_writer(folder / "l.json") as writer:
        for record in records(folder):
            writer.write(record)
    return folder / "l.json"


@pytest.mark.parametrize("how", ["copy", "link"])
def test_a_split_is_one_folder_with_both_sides_and_its_images(tmp_path, how):
    done = handpose("convert-labels", labels(tmp_path), tmp_path / "y", "--to", "yolo-pose", "--split", "0.7",
                    f"--{how}-images")  # fmt: skip
    assert done.exit_code == 0, done.stderr
    content = yaml.safe_load((tmp_path / "y/data.yaml").read_text())
    assert (content["train"], content["val"]) == ("images/train", "images/val")
    stems = {part: {p.stem for p in (tmp_path / f"y/labels/{part}/s").iterdir()} for part in ("train", "val")}
    assert len(stems["train"]) == 7 and len(stems["val"]) == 3 and not stems["train"] & stems["val"]
    for part, listed in stems.items():
        pictures = list((tmp_path / f"y/images/{part}/s").iterdir())
        assert {p.stem for p in pictures} == listed and all(p.is_symlink() == (how == "link") for p in pictures)
    assert len(read(tmp_path / "y")) == 10
    call = ("convert-labels", tmp_path / "l.json", tmp_path / "y", "--to", "yolo-pose", "--copy-images", "--overwrite")
    assert handpose(*call, "--where", "file='s/0.png' or file='s/1.png'").exit_code == 0
    assert sorted(path.name for path in (tmp_path / "y/images").rglob("*.png")) == ["0.png", "1.png"]
    (tmp_path / "y/images/mine.png").write_bytes(b"by hand")
    again = handpose(*call)
    assert again.exit_code == 1 and again.stderr.strip().endswith(
        f"y/images: not replaced: mine.png is not in {tmp_path}. Remove it or choose another folder"
    )
    assert len(read(tmp_path / "y")) == 2 and (tmp_path / "y/images/mine.png").is_file()


def test_images_that_labels_are_made_from_are_never_replaced(tmp_path):
    source = labels(tmp_path / "y/images")
    call = ("convert-labels", source, tmp_path / "y", "--to", "yolo-pose", "--copy-images", "--overwrite")
    done = handpose(*call, "--images", tmp_path / "y/images")
    assert done.exit_code == 1 and "not replaced: " in done.stderr
    assert len(list((tmp_path / "y/images/s").iterdir())) == 10


def test_no_folder_called_images_is_below_the_one_that_ultralytics_replaces_by_labels(tmp_path):
    for name in ("images/a.png", "s/images/b.png", "s/c.png"):
        image(tmp_path / name)
    names = ("images/a.png", "s/images/b.png", "s/c.png")
    boxed = [{"file": name, "width": 100, "height": 50, "hands": [{"box": [5, 5, 20, 20]}]} for name in names]
    (tmp_path / "l.json").write_text(json.dumps(boxed))
    call = ("convert-labels", tmp_path / "l.json", tmp_path / "y", "--to", "yolo-pose", "--copy-images")
    done = handpose(*call)
    assert done.exit_code == 0
    assert "2 folders `images` in images' names, where Ultralytics would look for their labels" in done.stderr
    pictures = sorted((tmp_path / "y/images").rglob("*.png"))
    assert [path.relative_to(tmp_path / "y").as_posix() for path in pictures] == [
        "images/a.png", "images/s/b.png", "images/s/c.png",
    ]  # fmt: skip
    for picture in pictures:  # Ultralytics' img2label_paths
        assert Path("/labels/".join(str(picture).rsplit("/images/", 1))).with_suffix(".txt").is_file()
    assert len(read(tmp_path / "y")) == 3
    (tmp_path / "y/images/s/b.png").unlink()
    assert handpose(*call, "--overwrite", "--where", "file = 'images/a.png'").exit_code == 0


def test_images_that_are_not_there_are_counted(tmp_path):
    path = labels(tmp_path)
    (tmp_path / "s/3.png").unlink()
    done = handpose("convert-labels", path, tmp_path / "y", "--to", "yolo-pose", "--copy-images", "--split", "0.5")
    assert done.exit_code == 0 and "y: left out: 1 images that are not there" in done.stderr
    assert "\n9 images, 9 hands, from handpose to yolo-pose (5 train, 4 val): " in done.stderr
    wrong = handpose("convert-labels", path, tmp_path / "c.csv", "--to", "csv", "--copy-images")
    assert wrong.exit_code == 1 and "files of the format csv have no place for images" in wrong.stderr


def test_the_pages_example(tmp_path, monkeypatch):
    page = (SAMPLES.parent / "handpose_cli" / "formats" / "README.md").read_text(encoding="utf-8")
    section = page.partition("## YOLO\n")[2].partition("\n## ")[0]
    made, scored = re.findall(r"`((?:convert-labels|evaluate) [^`]+)`", section)
    monkeypatch.chdir(tmp_path)
    for file in SAMPLES.glob("*.jpg"):
        (tmp_path / file.name).symlink_to(file)
    records = json.loads((SAMPLES / "labels.json").read_text(encoding="utf-8"))
    (tmp_path / "labels.json").write_text(json.dumps([entry for entry in records if "frame" not in entry]))
    assert handpose(*shlex.split(made)).exit_code == 0
    shutil.copytree("hands/labels/val", "runs/pose/predict/labels")  # as if Ultralytics had predicted these
    done = handpose(*shlex.split(scored), "--json", "-q")
    assert done.exit_code == 0, done.stderr
    assert json.loads(done.stdout)["end_to_end"]["missed"] == 0
