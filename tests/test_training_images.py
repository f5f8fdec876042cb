"""Which images training has of its labels: what is missing is an error, frames of videos are made images or counted."""

import json
import shlex
import shutil

import cv2
import numpy as np
import pytest
from conftest import SAMPLES, handpose
from labelled import image, open_hand, write
from made_up_videos import make_video
from tiny_training import no_graphs, train

from handpose_cli.formats import FormatError
from handpose_cli.records import Hand, ImageRecord
from handpose_cli.training.data.places import find_places
from handpose_cli.training.data.samples import read_samples
from handpose_cli.training.detection.photos import read_photos

COUNTED = "left out: 8 labelled frames of videos"
REMEDY = "handpose convert-labels ... NEW.coco.json --to coco --copy-images --images VIDEOS"
SHORT = ("--epochs", 1, "--steps-per-epoch", 1, "--export", "none")


def in_frames(*hands):
    return [ImageRecord("v.mp4", 64, 48, list(hands), frame=n) for n in range(8)]


@pytest.fixture
def clip(tmp_path):
    """Labels of a video's frames, and the video elsewhere."""
    (tmp_path / "videos").mkdir()
    make_video(tmp_path / "videos" / "v.mp4", count=8)
    return write(tmp_path / "labels.json", "handpose", in_frames(open_hand(20, 10, 20)))


def places(source):
    return list(find_places([source], seed=0))


def photos(source):
    return read_photos([source])


def samples(source):
    return read_samples([source])


@no_graphs()
def test_the_remedy_that_is_printed_makes_images_that_are_trained_on(clip, folder, tmp_path, tiny_preset, monkeypatch):
    refused = handpose("train", "--data", clip, "-o", tmp_path / "run")
    assert (refused.exit_code, refused.stderr) == (
        1,
        f"{clip}: {COUNTED}. Make images of them, and train on these: {REMEDY}\n"
        f"Error: no hands with keypoints in: {clip}\n",
    )
    monkeypatch.chdir(tmp_path)
    words = refused.stderr.splitlines()[0].partition("on these: handpose ")[2].replace("VIDEOS", "videos")
    converted = handpose(*shlex.split(words.replace("...", str(clip))))
    assert converted.exit_code == 0, converted.stderr
    trained = train("NEW.coco.json", tmp_path / "run", "--val", folder, *SHORT)
    assert trained.exit_code == 0, trained.stderr
    assert "left out" not in trained.stderr and trained.stderr.startswith("8 hands to train on, ")


@pytest.mark.parametrize("read", [samples, photos, places])
@pytest.mark.parametrize("how", [("--copy-images",), ("--extract-frames", "made")])
def test_frames_that_were_made_images_are_read_by_everything(clip, tmp_path, caplog, how, read):
    if read is places:
        boxed = Hand(open_hand(20, 10, 20).box)
        write(clip, "handpose", in_frames(boxed))
    new = tmp_path / "made" / "new.coco.json"
    how = [tmp_path / word if word == "made" else word for word in how]
    done = handpose("convert-labels", clip, new, "--to", "coco", "--images", tmp_path / "videos", *how)
    assert done.exit_code == 0, done.stderr
    caplog.clear()
    found = list(read(str(new)))
    assert len({item.image for item in found}) == 8 and not caplog.records
    assert all(cv2.imread(str(item.image)).shape == (48, 64, 3) for item in found)


@pytest.mark.parametrize("read", [samples, places, photos])
def test_frames_without_images_are_counted_beside_photographs(tmp_path, caplog, read):
    """Also by detectors and as negatives."""
    shutil.copy(SAMPLES / "no_hand.jpg", tmp_path / "a.jpg")
    near = ImageRecord("a.jpg", 576, 430, [open_hand(200, 200, 80)])
    labels = write(tmp_path / "l.json", "handpose", [near, *in_frames(open_hand(20, 10, 20))])
    assert read(str(labels))
    assert [line.getMessage() for line in caplog.records] == [f"{labels}: {COUNTED}"]


@pytest.mark.parametrize(
    ("read", "message"),
    [
        (samples, "no hands with keypoints in: {}"),
        (places, "no hands with a box alone and no places without one in: {}"),
        (photos, "no labelled photographs in: {}"),
    ],
)
def test_frames_alone_leave_nothing(clip, read, message):
    with pytest.raises(FormatError) as error:
        read(str(clip))
    assert str(error.value) == message.format(clip)


def test_negatives_that_are_missing_or_nothing_get_one_line(folder, tmp_path, tiny_preset):
    entry = {"image": "a.jpg", "width": 576, "height": 430, "boxes": [[10, 10, 40, 40]]}
    negatives = tmp_path / "boxes.json"
    negatives.write_text(json.dumps([entry]))
    result = train(folder, tmp_path / "run", "--negatives", f"label-list:{negatives}")
    assert (result.exit_code, result.stderr) == (
        1, f"Error: {negatives}: no such image: {tmp_path / 'a.jpg'}. Put the images beside their labels\n"
    )  # fmt: skip
    frames = write(tmp_path / "frames.json", "handpose", in_frames(open_hand(20, 10, 20)))
    result = train(folder, tmp_path / "run", "--negatives", frames)
    assert (result.exit_code, result.stderr.splitlines()) == (
        1,
        [
            f"{frames}: {COUNTED}. Make images of them, and train on these: {REMEDY}",
            f"Error: no hands with a box alone and no places without one in: {frames}. "
            "Name others with --negatives, or leave it out",
        ],
    )
    assert not (tmp_path / "run").exists()


def test_a_detector_is_not_trained_on_frames_alone(clip, tmp_path):
    result = handpose("train", "--preset", "ssd-hand", "--data", clip, "-o", tmp_path / "run")
    assert (result.exit_code, result.stderr.splitlines()) == (
        1,
        [
            f"{clip}: {COUNTED}. Make images of them, and train on these: {REMEDY}",
            f"Error: no labelled photographs in: {clip}",
        ],
    )


def test_photographs_and_frames_that_one_command_has_gathered(tmp_path, caplog):
    """As from `samples/`, whose labels are of both."""
    new = tmp_path / "new.coco.json"
    done = handpose("convert-labels", SAMPLES, new, "--to", "coco", "--copy-images", "--images", SAMPLES)
    assert done.exit_code == 0, done.stderr
    assert len(samples(str(new))) == 84 and len(photos(str(new))) == 84 and not caplog.records


def test_no_image_is_needed_of_labels_without_keypoints(tmp_path):
    shutil.copy(SAMPLES / "no_hand.jpg", tmp_path / "a.jpg")
    records = [ImageRecord("a.jpg", 576, 430, [open_hand()]), image("elsewhere.jpg")]
    assert len(samples(str(write(tmp_path / "l.json", "handpose", records)))) == 1


def crop_labels(folder, joints, groups=8):
    """Labels of hands with so many joints, in frames of as many clips."""
    points = [[100 + 9 * n, 90 + 5 * n] if n < joints else None for n in range(21)]
    records = []
    for n in range(8):
        shutil.copy(SAMPLES / "no_hand.jpg", folder / f"walk{n % groups}_frame_{n}.jpg")
        keypoints = np.array([point or [np.nan, np.nan] for point in points], np.float32)
        hand = Hand(np.array([90, 80, 99, 99], np.float32), keypoints=keypoints)
        records.append(ImageRecord(f"walk{n % groups}_frame_{n}.jpg", 576, 430, [hand]))
    return write(folder / "labels.json", "handpose", records)


@pytest.mark.parametrize("preset", ["hourglass-2", "ssd-hand"])
def test_one_clip_cannot_be_split_by_any_share(tmp_path, preset):
    result = handpose("train", "--preset", preset, "--data", crop_labels(tmp_path, 21, 1), "-o", tmp_path / "run")
    assert (result.exit_code, result.stderr) == (
        1,
        "Error: the labels are all of one sample, such as a video: no part can be held back. Name others with --val\n",
    )


def test_hands_of_one_joint_are_not_trained_on_and_counted(tmp_path):
    """Of one joint there is no box to crop by: a single pixel was shown as a hand."""
    (tmp_path / "one").mkdir()
    data, one = crop_labels(tmp_path, 21), crop_labels(tmp_path / "one", 1)
    call = ("train", "--data", data, "--data", one, "--val", data, "-o", tmp_path / "run", "--batch-size", 9)
    assert handpose(*call).stderr.splitlines() == [
        "left out: 8 hands to train on, whose joints are all in one place",
        "Error: 8 hands to train on are fewer than a batch of 9. Choose a smaller --batch-size",
    ]


def test_hands_of_one_joint_cannot_choose_the_best_epoch(tmp_path):
    data = crop_labels(tmp_path, 1)
    result = handpose("train", "--data", data, "-o", tmp_path / "run", "--val-split", 0.5)
    assert (result.exit_code, result.stderr) == (
        1,
        "Error: no hand to validate on has joints in two places, to measure errors by its size. "
        "Name others with --val\n",
    )


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda path: path.write_bytes(b""), "empty file (0 bytes)"),
        (lambda path: cv2.imwrite(str(path), np.zeros((90, 96, 3), np.uint8)),
         "its labels are for 160 x 160 pixels, the image is 96 x 90"),
    ],
)  # fmt: skip
def test_images_that_cannot_be_trained_on_are_refused_before_anything_is_done(folder, tmp_path, damage, said):
    shutil.copytree(folder, tmp_path / "d")
    damage(tmp_path / "d/3.png")
    done = train(tmp_path / "d", tmp_path / "run", *SHORT)
    assert (done.exit_code, done.stderr) == (1, f"Error: {tmp_path}/d/3.png: {said}\n")
    assert not (tmp_path / "run").exists()
