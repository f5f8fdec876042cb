"""Coordinates from 0 to 1 where pixels are expected, and what else labels' names and units are checked for."""

import json

import numpy as np
import pytest
from conftest import handpose
from labelled import image, open_hand, placed, write

from handpose_cli.evaluation.run import read_truth, score_predictions
from handpose_cli.evaluation.settings import EvaluateSettings
from handpose_cli.formats import FormatError
from handpose_cli.labels.convert import choose_train, sample_of
from handpose_cli.labels.lint import OTHER_ORDERS, lint
from handpose_cli.labels.source import Source
from handpose_cli.labels.units import in_pixels
from handpose_cli.records import Hand, ImageRecord
from handpose_cli.training.data.samples import read_samples

ADVICE = ". Results of MediaPipe are read as they are if named mediapipe:PATH\n"


def shares(hand: Hand, **fields) -> Hand:
    return placed(hand.keypoints / [400, 300], **fields)


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
    predictions = f"Error: {files / 'p.csv'}: 2 of 2 hands have coordinates from 0 to 1, where pixels are expected: "
    for sides in (("l.csv", "p.csv"), ("p.csv", "l.csv")):
        done = handpose("evaluate", "--labels", files / sides[0], "--predictions", files / sides[1])
        assert (done.exit_code, done.stderr) == (1, f"{predictions}a.jpg, hand 0{ADVICE}")
    boxes = ("--boxes", files / "b.json")
    done = handpose("evaluate", "--labels", files / "l.csv", "--predictions", files / "l.csv", *boxes)
    assert done.exit_code == 1 and done.stderr.endswith(ADVICE)


def test_records_from_a_program_are_refused_alike():
    good, bad = image("a.jpg", open_hand()), image("a.jpg", shares(open_hand()))
    settings = EvaluateSettings()
    with pytest.raises(FormatError, match="the predictions: 1 of 1 hands have coordinates from 0 to 1"):
        score_predictions(read_truth([good], settings), [bad], settings)
    with pytest.raises(FormatError, match="the labels: 1 of 1 hands have coordinates from 0 to 1"):
        read_truth([bad], settings)


@pytest.mark.parametrize("name", ["", ".", "a\0b.jpg"])
def test_an_image_without_a_name_is_an_error(tmp_path, name):
    path = write(tmp_path / "l.json", "coco", [image(name, open_hand())])
    done = handpose("convert-labels", path, tmp_path / "o", "--to", "yolo-pose")
    line = f"Error: {path}: an image must have a name. Received: {name!r}\n"
    assert (done.exit_code, done.stderr) == (1, line)


def test_a_hand_of_zeros_was_not_found():
    nothing = placed(np.zeros((21, 2)))
    assert len(list(in_pixels([image("a.jpg", nothing, nothing, open_hand())], "f"))) == 1
    with pytest.raises(FormatError, match="1 of 1 hands"):
        list(in_pixels([image("a.jpg", nothing, nothing, shares(open_hand()))], "f"))


def test_a_clips_frames_stay_on_one_side():
    names = [f"v{clip}.mp4/{frame:06d}.jpg" for clip in range(10) for frame in range(20)]
    records = [image(name, open_hand()) for name in names]
    train = choose_train(records, 0.5, seed=0)
    sides = {(record.file.split("/")[0], sample_of(record) in train) for record in records}
    assert len(sides) == 10 and sum(side for _, side in sides) == 5
    assert sample_of(ImageRecord("v1.mp4", 9, 9, frame=3)) == sample_of(records[20]) == "v1.mp4"


@pytest.mark.parametrize(
    ("stem", "sample"),
    [
        ("train/photo1_jpg", "train/photo1.jpg"),
        ("photo1_JPG", "photo1.JPG"),
        ("walk_frame_000012_png", "walk"),
        ("walk_mp4-12_jpg", "walk.mp4"),
    ],
)
def test_what_roboflow_made_of_one_photo_or_clip_stays_on_one_side(stem, sample):
    versions = [f"{stem}.rf.{digit * 32}.jpg" for digit in "0a"]
    assert [sample_of(image(name, open_hand())) for name in versions] == [sample, sample]
    assert sample_of(image("photo1.rf.jpg", open_hand())) == "photo1.rf.jpg"


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


def test_scores_that_are_none_from_0_to_1_are_not_converted_trained_on_or_cut_off_by(tmp_path):
    percent = write(tmp_path / "p.csv", "csv", [image("a.jpg", open_hand(score=87.5))])
    line = f"{percent}: a.jpg, hand 0: scores must be from 0 to 1. Received: 87.5"
    done = handpose("convert-labels", percent, tmp_path / "o.json", "--to", "handpose")
    assert (done.exit_code, done.stderr) == (1, f"Error: {line}\n") and not (tmp_path / "o.json").exists()
    with pytest.raises(FormatError) as error:
        read_samples([str(percent)])
    assert str(error.value) == line
    scored = ("evaluate", "--labels", percent, "--predictions", percent)
    assert handpose(*scored).exit_code == 0  # they are ranks there
    done = handpose(*scored, "--score-threshold", 0.5)
    assert (done.exit_code, done.stderr) == (1, f"Error: {line}. Leave out --score-threshold\n")


def test_scores_a_little_beyond_are_cut_off_and_said(tmp_path, caplog):
    peaks = np.linspace(-0.02, 1.2, 21, dtype=np.float32)
    write(tmp_path / "p.csv", "csv", [image("a.jpg", open_hand(score=1.25, keypoint_scores=peaks), open_hand())])
    (record,) = Source(tmp_path / "p.csv").read_scored()
    assert record.hands[0].score == 1 and record.hands[0].keypoint_scores == pytest.approx(peaks.clip(0, 1), abs=1e-4)
    line = f"{tmp_path / 'p.csv'}: scores of 1 hands lie a little below 0 or above 1: taken for 0 and 1"
    assert [entry.getMessage() for entry in caplog.records] == [line]
