"""Coordinates from 0 to 1 where pixels are expected, and what else labels' names and units are checked for."""

import json

import numpy as np
import pytest
from conftest import handpose
from labelled import image, moved, open_hand, placed, write

from handpose_cli.labels.convert import choose_train, sample_of
from handpose_cli.labels.lint import NORMALISED, OTHER_ORDERS, lint
from handpose_cli.labels.units import Units
from handpose_cli.records import Hand, ImageRecord

ADVICE = (
    "are from 0 to 1, where pixels are expected. Multiply x by the image's width and y by its height; MediaPipe's "
    "results are read as they are by mediapipe:PATH"
)


def shares(hand: Hand, **fields) -> Hand:
    return placed(hand.keypoints / [400, 300], **fields)


def units_of(*hands: Hand) -> str:
    units = Units()
    for hand in hands:
        units.add(hand)
    return units.normalised


@pytest.fixture
def files(tmp_path):
    """Labels, and predictions in shares of the image; one hand of them reaches outside."""
    labels = [image("a.jpg", open_hand()), image("b.jpg", open_hand(150))]
    outside = [image("a.jpg", shares(open_hand(360))), image("b.jpg", shares(open_hand(150)))]
    write(tmp_path / "l.csv", "csv", labels)
    write(tmp_path / "p.csv", "csv", outside)
    boxes = [Hand(hand.box / 400) for hand in (open_hand(), open_hand(150))]
    write(tmp_path / "b.json", "handpose", [image("a.jpg", boxes[0]), image("b.jpg", boxes[1])])
    return tmp_path


def test_evaluate_refuses_shares_on_every_side(files):
    done = handpose("evaluate", "--labels", files / "l.csv", "--predictions", files / "p.csv")
    assert (done.exit_code, done.stderr) == (1, f"Error: {files / 'p.csv'}: its keypoints {ADVICE}\n")
    done = handpose("evaluate", "--labels", files / "p.csv", "--predictions", files / "l.csv")
    assert (done.exit_code, done.stderr) == (1, f"Error: {files / 'p.csv'}: its keypoints {ADVICE}\n")
    done = handpose(
        "evaluate", "--labels", files / "l.csv", "--predictions", files / "l.csv", "--boxes", files / "b.json"
    )
    assert (done.exit_code, done.stderr) == (1, f"Error: {files / 'b.json'}: its boxes {ADVICE}\n")


def test_check_and_convert_say_it_of_the_whole_file(files):
    done = handpose("convert-labels", files / "p.csv", "--check")
    assert done.exit_code == 1 and NORMALISED in done.stdout
    _, _, findings = lint([image("a.jpg", shares(open_hand(360))), *[image("b.jpg", shares(open_hand()))] * 9])
    assert {f.what: f.count for f in findings}[NORMALISED] == 10
    done = handpose("convert-labels", files / "p.csv", files / "o.json", "--to", "handpose")
    assert "the keypoints are from 0 to 1, where pixels are expected, and are taken as they are\n" in done.stderr


def test_train_refuses_shares(files):
    from handpose_cli.formats import FormatError
    from handpose_cli.training.data.samples import read_samples

    for name in "ab":
        (files / f"{name}.jpg").touch()
    with pytest.raises(FormatError, match="its keypoints are from 0 to 1"):
        read_samples([str(files / "p.csv")])


def test_one_small_hand_or_a_missed_one_is_no_unit():
    assert units_of(shares(open_hand())) == "keypoints"
    assert units_of(Hand([0.1, 0.2, 0.3, 0.3])) == "boxes"
    assert units_of(shares(open_hand()), open_hand()) == ""
    assert units_of(placed(np.zeros((21, 2)))) == ""  # some programs write a hand that they did not find so
    assert units_of(*[shares(open_hand(n)) for n in range(50)], moved(shares(open_hand()), [5, 0])) == "keypoints"
    assert units_of() == ""


def test_a_clips_frames_stay_on_one_side():
    names = [f"v{clip}.mp4/{frame:06d}.jpg" for clip in range(10) for frame in range(20)]
    records = [image(name, open_hand()) for name in names]
    train = choose_train(records, 0.5, seed=0)
    sides = {(record.file.split("/")[0], sample_of(record) in train) for record in records}
    assert len(sides) == 10 and sum(side for _, side in sides) == 5
    assert sample_of(ImageRecord("v1.mp4", 9, 9, frame=3)) == sample_of(records[20]) == "v1.mp4"


def test_a_clips_frames_are_one_hand_to_judge_the_order_by():
    stored = np.argsort(next(iter(OTHER_ORDERS.values())))
    wrong = [image(f"v.mp4/{i:06d}.jpg", placed(open_hand(100 + i).keypoints[stored])) for i in range(50)]
    assert not any("joint order" in finding.what for finding in lint(wrong)[2])


def test_two_spellings_of_one_image_are_listed_twice():
    records = [ImageRecord("v.mp4", 400, 300, [open_hand()], frame=1), image("./v.mp4/000001.jpg", open_hand())]
    assert [finding.what for finding in lint(records)[2]] == ["image listed twice"]


def test_the_tools_own_frames_are_not_accused(tmp_path):
    records = [ImageRecord("v.mp4", 400, 300, [open_hand(100 + i)], frame=i, time=i / 25, fps=25.0) for i in range(8)]
    write(tmp_path / "l.json", "handpose", records)
    handpose("convert-labels", tmp_path / "l.json", tmp_path / "o.coco.json", "--to", "coco")
    assert json.loads((tmp_path / "o.coco.json").read_text())["images"][3]["file_name"] == "v.mp4/000003.jpg"
    done = handpose("convert-labels", tmp_path / "o.coco.json", "--check")
    assert (done.exit_code, done.stdout) == (0, "8 images, 8 hands, coco; kinds of problem: 0\n")
