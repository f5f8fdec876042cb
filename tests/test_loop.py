"""The loop: choose what is doubtful, correct it elsewhere, merge it back, and see what the correction changed."""

import json
import re
import shlex
import shutil
from zipfile import ZipFile

import numpy as np
import pytest
from conftest import SAMPLES, handpose
from labelled import image, moved, open_hand, write

from handpose_cli.formats import FormatError, load
from handpose_cli.labels.where import parse_where
from handpose_cli.records import ImageRecord


def sure(score=0.9, **fields):
    return open_hand(score=score, keypoint_scores=np.full(21, score), **fields)


PREDICTED = [
    image("p/a.jpg", sure(), sure(0.3, x=250)),
    image("p/b.jpg", sure(0.8, handedness="left")),
    image("p/none.jpg"),
    ImageRecord("p/z.jpg", None, None, failure="empty file (0 bytes)"),
    ImageRecord("v.mp4", 400, 300, [sure(0.6, track_id=4)], frame=7, time=0.28, fps=25),
    ImageRecord("v.mp4", 400, 300, [sure(0.7, track_id=4)], frame=8, time=0.32, fps=25),
]


@pytest.fixture
def predictions(tmp_path):
    return write(tmp_path / "predictions.json", "handpose", PREDICTED)


def chosen(source, *options):
    target = source.with_name("chosen.json")
    done = handpose("convert-labels", source, target, "--to", "handpose", "--overwrite", *options)
    assert done.exit_code == 0, done.stderr
    return [(record.file, record.frame) for record in load("handpose").read(target)]


def test_the_worst_images_are_chosen_with_all_their_hands(predictions):
    assert chosen(predictions, "--worst", 2) == [("p/a.jpg", None), ("v.mp4", 7)]
    assert chosen(predictions, "--worst", 9) == [("p/a.jpg", None), ("p/b.jpg", None), ("v.mp4", 7), ("v.mp4", 8)]
    assert chosen(predictions, "--worst", 1, "--where", "handedness = left") == [("p/b.jpg", None)]


def test_flagged_images_are_chosen_and_those_that_are_not_there_are_said(predictions, tmp_path):
    flags = [{"file": "v.mp4", "frame": 8, "hand": 0, "note": "thumb"}, {"file": "x.jpg", "frame": None, "hand": 0}]
    (tmp_path / "f.json").write_text(json.dumps(flags))
    assert chosen(predictions, "--flagged", tmp_path / "f.json") == [("v.mp4", 8)]
    done = handpose("convert-labels", predictions, "--to", "csv", "--dry-run", "--flagged", tmp_path / "f.json")
    assert f"{tmp_path / 'f.json'}: 1 of 2 flagged images are not in the labels\n1 images chosen\n" in done.stderr
    (tmp_path / "f.json").write_text('[{"frame": 3}]')
    done = handpose("convert-labels", predictions, "--to", "csv", "--dry-run", "--flagged", tmp_path / "f.json")
    line = f"Error: {tmp_path / 'f.json'}: entry 0: a file and a frame (a whole number or null) are needed\n"
    assert (done.exit_code, done.stderr) == (1, line)


def test_notes_of_flagged_hands_come_along_to_label_studio(predictions, tmp_path):
    flags = [
        {"file": "p/a.jpg", "frame": None, "hand": 1, "note": "thumb <b>"},
        {"file": "v.mp4", "frame": 8, "hand": 0},
    ]
    (tmp_path / "f.json").write_text(json.dumps(flags))
    call = ("convert-labels", predictions, tmp_path / "t.json", "--flagged", tmp_path / "f.json", "--to")
    assert handpose(*call, "label-studio").exit_code == 0
    a, video = json.loads((tmp_path / "t.json").read_text())
    regions = {r["id"]: r.get("meta", {}).get("text") for r in a["predictions"][0]["result"] if "parentID" not in r}
    assert regions == {"1-0": None, "1-1": ["thumb <b>"]}
    assert all("text" not in r.get("meta", {}) for r in video["predictions"][0]["result"])
    assert "coco drops the notes of 1 flagged hands" in handpose(*call, "coco", "--overwrite").stderr.splitlines()


@pytest.mark.parametrize(
    ("text", "files"),
    [
        ("score < 0.65", ["p/a.jpg", "v.mp4"]),
        ("score<.65 and not file='v.mp4'", ["p/a.jpg"]),
        ("hands = 0", ["p/none.jpg"]),
        ("(handedness = left or track_id = 4) and score >= 0.7", ["p/b.jpg", "v.mp4"]),
        ("handedness = null and frame = null and hands != 0", ["p/a.jpg"]),
        ("corrected = true", []),
        ("handedness = Right and hands != 1", []),
        ("file = p/b.jpg and handedness = LEFT", ["p/b.jpg"]),
        ("file != 7 and score < .65", ["p/a.jpg", "v.mp4"]),
        ("flags = cut_by_edge", []),
    ],
)
def test_conditions(predictions, text, files):
    assert [file for file, _ in chosen(predictions, "--where", text)] == files


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "'': ends where a field is expected"),
        ("score <", "'score <': ends where a value after score < is expected"),
        ("score 3", "'score 3': one of = == != < <= > >= is expected after score, not '3'"),
        ("score < 1 2", "'score < 1 2': '2' is one too many: and, or or nothing is expected"),
        ("score < 0,8", "'score < 0,8': a number is expected after score <, not '0,8'"),
        ("track_id = true", "'track_id = true': a number is expected after track_id =, not 'true'"),
        ("corrected = yes", "'corrected = yes': true or false is expected after corrected =, not 'yes'"),
        ("handedness = L", "'handedness = L': left, right or null is expected after handedness =, not 'L'"),
        ("(score < 1", "'(score < 1': ends where ) is expected"),
        ("score < 'x", "\"score < 'x\": \"'x\" is not understood"),
        ("__import__('os') = 1", "\"__import__('os') = 1\": '__import__' is no field. There are: score, joint_score, "
         "handedness, track_id, interpolated, flags, size, hands, file, frame, time, width, height, corrected"),
    ],
)  # fmt: skip
def test_what_is_no_condition(text, message):
    with pytest.raises(FormatError) as error:
        parse_where(text)
    assert str(error.value) == message


def as_looked_at(path):
    """Make annotations of a Label Studio file's predictions, as its users do."""
    tasks = json.loads(path.read_text())
    for task in tasks:
        task["annotations"] = task.pop("predictions")
    path.write_text(json.dumps(tasks))


def test_label_studio_tasks_that_nobody_has_looked_at_correct_nothing(predictions, tmp_path):
    back = write(tmp_path / "back.json", "label-studio", [PREDICTED[0], PREDICTED[1]])
    tasks = json.loads(back.read_text())
    tasks[0]["annotations"] = tasks[0]["predictions"]
    back.write_text(json.dumps(tasks))
    merged = tmp_path / "merged.json"
    done = handpose("convert-labels", predictions, merged, "--to", "handpose", "--update", back)
    assert done.stderr.splitlines()[0] == f"{back}: left out: 1 tasks without an annotation"
    assert [r.file for r in load("handpose").read(merged) if r.corrected] == ["p/a.jpg"]


@pytest.mark.parametrize("name", ["cvat", "coco", "label-studio", "parquet"])
def test_corrected_hands_take_the_predictions_place_and_the_rest_stays(predictions, tmp_path, name):
    corrected = [
        image("p/a.jpg", moved(PREDICTED[0].hands[0], [0, 0]), moved(PREDICTED[0].hands[1], [9, 0])),
        ImageRecord("v.mp4/000007.jpg", 400, 300, [moved(PREDICTED[4].hands[0], [0, 0], handedness="right")]),
        image("p/none.jpg", open_hand()),
        image("other.jpg", open_hand()),
    ]
    back = write(tmp_path / f"back{load(name).suffix}", name, corrected)
    if name == "label-studio":
        as_looked_at(back)
    merged = tmp_path / "merged.json"
    done = handpose("convert-labels", predictions, merged, "--to", "handpose", "--update", back)
    assert done.exit_code == 0, done.stderr
    assert done.stderr.splitlines()[:2] == [
        f"{back}: left out: 1 images that are not in {predictions}: other.jpg",
        f"{back}: 3 images corrected: 2 hands changed, 1 added, 0 removed, 1 as they were",
    ]
    records = list(load("handpose").read(merged))
    assert [(r.file, r.frame, r.failure, r.corrected) for r in records] == [
        (r.file, r.frame, r.failure, r.file in ("p/a.jpg", "p/none.jpg") or r.frame == 7) for r in PREDICTED
    ]
    a, b, _, _, seven, eight = records
    assert [hand.score for hand in a.hands] == [None, None]
    assert a.hands[1].keypoints == pytest.approx(moved(PREDICTED[0].hands[1], [9, 0]).keypoints, abs=0.02)
    assert (b.hands[0].score, eight.hands[0].score) == (0.8, 0.7)
    assert (seven.time, seven.hands[0].track_id, seven.hands[0].handedness) == (0.28, 4, "right")
    assert chosen(merged, "--where", "corrected = true") == [("p/a.jpg", None), ("p/none.jpg", None), ("v.mp4", 7)]
    assert chosen(merged, "--worst", 9) == [("p/b.jpg", None), ("v.mp4", 8)]


def test_what_a_person_has_looked_at_is_no_longer_doubtful(tmp_path):
    doubtful = sure(0.3, flags=("low_scores",), raw_keypoints=open_hand().keypoints, interpolated=True, track_id=1)
    predicted = [ImageRecord("v.mp4", 400, 300, [doubtful], frame=0, time=0.0, fps=25)]
    predictions = write(tmp_path / "p.json", "handpose", predicted)
    merged = tmp_path / "merged.json"
    call = ("convert-labels", predictions, merged, "--to", "handpose", "--update", predictions)
    assert handpose(*call).exit_code == 0
    ((hand,),) = (record.hands for record in load("handpose").read(merged))
    assert (hand.flags, hand.interpolated, hand.raw_keypoints, hand.score, hand.track_id) == ((), False, None, None, 1)


@pytest.mark.parametrize("name", ["handpose", "parquet"])
def test_the_head_says_how_labels_were_predicted_and_by_what_they_were_corrected(predictions, tmp_path, name):
    content = json.loads(predictions.read_text())
    content["info"] |= {"tool": "handpose 0.1.0", "arguments": {"inputs": ["p"]}, "started": "2026-01-01T00:00:00"}
    predictions.write_text(json.dumps(content))
    first = write(tmp_path / "one.json", "coco", [image("p/b.jpg", moved(PREDICTED[1].hands[0], [9, 0]))])
    second = write(tmp_path / "two.json", "coco", [image("p/a.jpg", sure()), image("p/none.jpg", open_hand())])
    once, twice = tmp_path / f"once{load(name).suffix}", tmp_path / "twice.json"
    for source, target, to, back in ((predictions, once, name, first), (once, twice, "handpose", second)):
        assert handpose("convert-labels", source, target, "--to", to, "--update", back).exit_code == 0
    info = json.loads(twice.read_text())["info"]
    assert (info["format_version"], info["tool"], info["arguments"]) == (1, "handpose 0.1.0", {"inputs": ["p"]})
    times = [each.pop("merged") for each in info["corrections"]]
    assert all(re.fullmatch(r"20\d\d-\d\d-\d\dT[\d:]{8}\+00:00", time) for time in times)
    same = {"format": "coco", "hands_added": 0, "hands_removed": 0, "hands_as_they_were": 0}
    assert info["corrections"] == [
        {**same, "file": str(first), "images": 1, "hands_changed": 1},
        {**same, "file": str(second), "images": 2, "hands_changed": 0, "hands_added": 1, "hands_removed": 1,
         "hands_as_they_were": 1},
    ]  # fmt: skip
    assert handpose("convert-labels", twice, "--check").exit_code == 0
    page = tmp_path / "page.html"
    assert handpose("convert-labels", twice, page, "--to", "report").exit_code == 0
    assert f"{second} (20" in page.read_text() and "2 images, 0 hands changed, 1 hands added" in page.read_text()


def test_a_head_that_is_not_as_it_should_be_is_left_out(predictions, tmp_path):
    content = json.loads(predictions.read_text())
    content["info"] |= {"arguments": {"inputs": 3}, "weights": [], "corrections": ["x"], "note": "mine"}
    predictions.write_text(json.dumps(content))
    for target, to in (("again.json", "handpose"), ("page.html", "report")):
        done = handpose("convert-labels", predictions, tmp_path / target, "--to", to)
        assert done.exit_code == 0, done.output
    assert json.loads((tmp_path / "again.json").read_text())["info"] == {"format_version": 1, "note": "mine"}


def test_what_the_correction_changed_is_evaluated_on_its_images_alone(predictions, tmp_path):
    back = write(tmp_path / "back.json", "coco", [image("p/a.jpg", sure(), moved(PREDICTED[0].hands[1], [40, 0]))])
    done = handpose("evaluate", "--labels", back, "--predictions", predictions, "--json")
    figures = json.loads(done.stdout)
    assert (figures["images_without_labels"], figures["end_to_end"]["hands"]) == (4, 2)
    assert figures["end_to_end"]["metrics"]["pck@0.1/bbox"]["value"] == 0.5
    assert "4 predicted images have no labels and do not count" in done.stderr


def test_corrections_of_other_images_and_sizes_are_errors(predictions, tmp_path):
    call = ("convert-labels", predictions, tmp_path / "m.json", "--to", "handpose", "--update")
    other = write(tmp_path / "other.json", "coco", [image("other.jpg", open_hand())])
    done = handpose(*call, other)
    line = "Error: no correction is of a predicted image: corrections are of files such as other.jpg, predictions"
    assert (done.exit_code, done.stderr) == (1, f"{line} of files such as p/a.jpg\n")
    half = write(tmp_path / "half.json", "coco", [ImageRecord("p/b.jpg", 200, 150, [open_hand(50, 50, 40)])])
    done = handpose(*call, half)
    assert (done.exit_code, done.stderr.splitlines()[-1]) == (
        1,
        "Error: p/b.jpg: its labels are for 200 x 150 pixels, its prediction is 400 x 300. "
        "Scale the labels with --rescale",
    )
    assert handpose(*call, half, "--rescale").exit_code == 0


@pytest.mark.parametrize(
    ("name", "target", "folder"),
    [("coco", "t.json", "t.images"), ("label-studio", "t.json", "t.images"), ("yolo-pose", "t", "t/images"),
     ("cvat", "t.zip", None)],
)  # fmt: skip
def test_the_images_come_along_frames_too(tmp_path, name, target, folder):
    shutil.copy(SAMPLES / "two_hands.jpg", tmp_path)
    shutil.copy(SAMPLES / "moving_hand.mp4", tmp_path)
    records = [image("gone.jpg", open_hand()), ImageRecord("moving_hand.mp4", 480, 480, [open_hand()], frame=3, time=0)]
    source = write(
        tmp_path / "predictions.json", "handpose", [*records, ImageRecord("two_hands.jpg", 1152, 576, [open_hand()])]
    )
    call = ("convert-labels", source, tmp_path / target, "--to", name, "--copy-images")
    done = handpose(*call)
    assert done.exit_code == 0, done.stderr
    assert "left out: 1 images that are not there" in done.stderr
    if folder is None:
        with ZipFile(tmp_path / target) as archive:
            names = archive.namelist()
        assert sorted(names) == sorted(
            ["annotations.xml", "images/moving_hand.mp4/000003.jpg", "images/two_hands.jpg", "labels.json"]
        )
    else:
        placed = (path for path in (tmp_path / folder).rglob("*") if path.is_file())
        found = sorted(path.relative_to(tmp_path / folder).as_posix() for path in placed)
        assert found == ["moving_hand.mp4/000003.jpg", "two_hands.jpg"]
    if name == "coco":
        (tmp_path / target).unlink()
        done = handpose(*call)
        line = "not replaced: it has images. Replace it with --overwrite or choose another TARGET"
        assert (done.exit_code, done.stderr.splitlines()[-1]) == (1, f"Error: {tmp_path / folder}: {line}")
    assert handpose(*call, "--overwrite").exit_code == 0
    if name == "label-studio":
        as_looked_at(tmp_path / target)
    back = handpose("convert-labels", source, tmp_path / "m.json", "--to", "handpose", "--update", tmp_path / target)
    assert f"{2 if name == 'yolo-pose' else 3} images corrected" in back.stderr


@pytest.mark.parametrize(
    ("name", "target"), [("coco", "t.json"), ("label-studio", "t.json"), ("yolo-pose", "t"), ("cvat", "t.zip")]
)
def test_images_to_copy_that_are_not_there_are_an_error_if_all_are_or_with_strict(tmp_path, name, target):
    labels = write(tmp_path / "l.json", "coco", [image("a.jpg", open_hand()), image("b.jpg", open_hand())])
    call = ("convert-labels", labels, tmp_path / target, "--to", name, "--copy-images")
    none = handpose(*call)
    assert (none.exit_code, none.stderr) == (
        1,
        f"Error: {tmp_path}: none of the 2 images is there, such as a.jpg. Say where the images are with --images\n",
    )
    shutil.copy(SAMPLES / "two_hands.jpg", tmp_path / "a.jpg")
    some = handpose(*call, "--strict")
    assert (some.exit_code, some.stderr) == (
        1, "Error: b.jpg: the target would lack this image, which is not there. Without --strict it does\n"
    )  # fmt: skip
    assert sorted(path.name for path in tmp_path.rglob("*") if path.is_file()) == ["a.jpg", "l.json"]
    assert handpose(*call).exit_code == 0


@pytest.mark.parametrize("name", ["../out.jpg", "a/../../out.jpg", "/out.jpg", "..\\out.jpg", "C:\\out.jpg"])
def test_no_image_leads_out_of_cvat_s_zip(tmp_path, name):
    (tmp_path / "in").mkdir()
    shutil.copy(SAMPLES / "two_hands.jpg", tmp_path / "out.jpg")
    labels = write(tmp_path / "in/l.json", "coco", [image(name, open_hand())])
    done = handpose("convert-labels", labels, tmp_path / "t.zip", "--to", "cvat", "--copy-images")
    assert (done.exit_code, done.stderr) == (1, f"Error: {name}: a name that leads out of the folder to write\n")
    assert not (tmp_path / "t.zip").exists()


def test_the_readmes_example(tmp_path, samples_run, monkeypatch):
    readme = (SAMPLES.parent / "README.md").read_text(encoding="utf-8")
    lines = readme.split("<!-- loop -->\n```\n")[1].split("```")[0].splitlines()
    monkeypatch.chdir(tmp_path)
    (tmp_path / "samples").symlink_to(SAMPLES)
    shutil.copytree(samples_run[0], tmp_path / "out")
    assert lines[0] == "handpose predict samples/ -o out"  # as it is there already
    for line in lines[1:]:
        done = handpose(*shlex.split(line)[1:])
        assert done.exit_code == 0, (line, done.stderr)
    corrected = list(load("coco").read(tmp_path / "corrected.coco.json"))
    assert len(corrected) == 20
    assert all(record.corrected and record.hands for record in corrected)
