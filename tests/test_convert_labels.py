"""`handpose convert-labels`: what is converted, split, refused and told; `--check` finds what is wrong."""

import json

import numpy as np
import pytest
from conftest import SAMPLES, handpose
from labelled import image, make_freihand, moved, open_hand, placed, write

from handpose_cli.formats import FORMATS, load
from handpose_cli.labels.lint import OTHER_ORDERS, lint
from handpose_cli.records import Hand, ImageRecord


def tracked(**fields) -> Hand:
    return open_hand(track_id=3, score=0.5, keypoint_scores=np.full(21, 0.9, np.float32), **fields)


def test_it_says_what_the_target_drops(tmp_path):
    records = [image("a.jpg", tracked(handedness="left")), image("b.jpg", open_hand()), image("c.jpg")]
    write(tmp_path / "l.json", "handpose", records)
    done = handpose("convert-labels", tmp_path / "l.json", tmp_path / "t.csv", "--to", "csv")
    assert (done.exit_code, done.stdout) == (0, "")
    assert done.stderr == (
        f"3 images, 2 hands, from handpose to csv: {tmp_path / 't.csv'}\n"
        "csv drops image sizes (in 3 images)\n"
        "csv drops images without hands (in 1 images)\n"
    )
    assert len((tmp_path / "t.csv").read_text().splitlines()) == 1 + 2 * 21


@pytest.mark.parametrize(
    ("call", "option"),
    [
        (("convert-labels", SAMPLES), "--split"),
        (("evaluate", "--labels", SAMPLES), "--score-threshold"),
        (("predict", SAMPLES), "--score-threshold"),
    ],
)
def test_a_share_or_a_score_that_is_no_number_is_refused(call, option):
    done = handpose(*call, option, "nan")
    message = f"Error: Invalid value for '{option}': 'nan' is no number."
    assert (done.exit_code, done.stderr.splitlines()[-1]) == (2, message)


def test_quiet_it_prints_nothing_but_errors(tmp_path):
    source = write(tmp_path / "l.json", "handpose", [image("a.jpg", tracked(handedness="left")), image("b.jpg")])
    other = write(tmp_path / "u.json", "handpose", [image("a.jpg", moved(open_hand(), 5)), image("z.jpg")])
    call = ("convert-labels", source, tmp_path / "t.csv", "--to", "csv", "-q")
    done = handpose(*call, "--update", other, "--worst", 1)  # with notes of readers, corrections, choice and writer
    assert (done.exit_code, done.output, (tmp_path / "t.csv").exists()) == (0, "", True)
    done = handpose("convert-labels", source, "--to", "yolo-pose", "--dry-run", "--worst", 1, "--quiet")
    assert (done.exit_code, done.output) == (0, "")
    done = handpose(*call)
    assert (done.exit_code, done.stderr) == (
        1, f"Error: {tmp_path / 't.csv'} exists. Replace it with --overwrite or choose another TARGET.\n"
    )  # fmt: skip
    wrong = write(tmp_path / "wrong.json", "handpose", [image("a.jpg", open_hand(), open_hand())])
    assert [(done.exit_code, done.output) for done in (
        handpose("convert-labels", path, "--check", "-q") for path in (source, wrong)
    )] == [(0, ""), (1, "")]  # fmt: skip


@pytest.mark.parametrize("to", ["handpose", "csv", "coco", "yolo-pose", "cvat"])
def test_an_image_that_is_listed_twice_is_written_once(tmp_path, to):
    records = [image("a.jpg", open_hand()), image("b.jpg", open_hand()), image("a.jpg", open_hand(200), open_hand(20))]
    write(tmp_path / "l.json", "coco", records)
    done = handpose("convert-labels", tmp_path / "l.json", tmp_path / "t", "--to", to, "--split", "0.5")
    assert (done.exit_code, done.stderr.splitlines()[0]) == (
        0, "1 images are listed more than once, such as a.jpg: their hands are joined"
    )  # fmt: skip
    assert done.stderr.splitlines()[1].startswith(f"2 images, 4 hands, from coco to {to} (1 train, 1 val): ")
    if to != "yolo-pose":
        parts = [list(load(to).read(tmp_path / f"t-{part}")) for part in ("train", "val")]
        assert sorted((record.file, len(record.hands)) for part in parts for record in part) == [
            ("a.jpg", 3), ("b.jpg", 1)
        ]  # fmt: skip


@pytest.mark.parametrize("to", ["handpose", "cvat", "deeplabcut"])
def test_frames_of_videos_that_take_turns_are_brought_together(tmp_path, to):
    frames = [ImageRecord(f"{name}.mp4", 400, 300, [open_hand()], frame=n) for n in (2, 0, 1) for name in "vw"]
    path = write(tmp_path / "l.json", "coco", [*frames, image("a.jpg", open_hand())][: 7 if to == "handpose" else 6])
    done = handpose("convert-labels", path, tmp_path / "t", "--to", to)
    assert (done.exit_code, done.stderr.splitlines()[-1].startswith("Error")) == (0, False), done.stderr
    assert "listed more than once" not in done.stderr
    if to == "handpose":
        entries = json.loads((tmp_path / "t").read_text())["files"]
        assert [(entry["file"], len(entry["hands"])) for entry in entries] == [("v.mp4", 3), ("w.mp4", 3), ("a.jpg", 1)]
        assert [frame for frame, _ in entries[0]["frame_times"]] == [0, 1, 2]


def test_a_video_that_broke_off_stays_one_entry(tmp_path):
    def entry(file, frame, **more):
        hand = {"frame": frame, "time": None, "box": [1, 2, 3, 4], "score": None, "handedness": None, "track_id": None,
                "keypoints": None}  # fmt: skip
        return {"file": file, "width": 9, "height": 9, "fps": 2, "frame_times": [[frame, None]], "hands": [hand]} | more

    whole = json.loads(write(tmp_path / "l.json", "handpose", []).read_text())
    whole["files"] = [entry("v.mp4", 0), entry("w.mp4", 0), entry("v.mp4", 1, failure="cut")]
    (tmp_path / "l.json").write_text(json.dumps(whole))
    done = handpose("convert-labels", tmp_path / "l.json", tmp_path / "t.json", "--to", "handpose")
    assert done.exit_code == 0, done.stderr
    written = json.loads((tmp_path / "t.json").read_text())["files"]
    assert [(one["file"], len(one["hands"]), one.get("failure")) for one in written] == [
        ("v.mp4", 2, "cut"), ("w.mp4", 1, None)
    ]  # fmt: skip


def test_two_images_of_one_name_and_two_sizes_are_not_mixed(tmp_path):
    write(tmp_path / "l.json", "coco", [image("a.jpg", open_hand()), ImageRecord("a.jpg", 800, 600, [open_hand()])])
    done = handpose("convert-labels", tmp_path / "l.json", tmp_path / "t.json", "--to", "handpose")
    assert (done.exit_code, done.stderr) == (
        1, "Error: a.jpg: listed twice, for 400 x 300 and for 800 x 600 pixels, as two images of one name would be. "
        "Rename one of them\n"
    )  # fmt: skip
    assert [path.name for path in tmp_path.iterdir()] == ["l.json"]


def test_strict_makes_a_loss_an_error_and_writes_nothing(tmp_path):
    write(tmp_path / "l.json", "handpose", [image("b.jpg", open_hand()), image("a.jpg", tracked())])
    done = handpose("convert-labels", tmp_path / "l.json", tmp_path / "t.csv", "--to", "csv", "--strict")
    assert (done.exit_code, done.stderr) == (
        1, "Error: b.jpg: the target would drop image sizes. Without --strict it does\n"
    )  # fmt: skip
    assert [path.name for path in tmp_path.iterdir()] == ["l.json"]
    kept = handpose("convert-labels", tmp_path / "l.json", tmp_path / "t.json", "--to", "coco", "--strict")
    assert kept.exit_code == 0


def test_a_dry_run_counts_and_writes_nothing(tmp_path):
    done = handpose("convert-labels", SAMPLES, "--to", "openpose", "--dry-run")
    first, *rest = done.stderr.splitlines()
    assert first == "84 images, 84 hands, from label-list to openpose, nothing written (--dry-run)"
    assert "openpose drops image sizes (in 84 images)" in rest


def test_a_split_keeps_the_versions_of_a_pose_together(tmp_path):
    make_freihand(tmp_path / "f", poses=10)
    call = ("convert-labels", tmp_path / "f", tmp_path / "l.coco.json", "--to", "coco", "--split", "0.8")
    done = handpose(*call)
    assert done.stderr.splitlines()[0].startswith("40 images, 40 hands, from freihand to coco (32 train, 8 val): ")
    parts = {}
    for part in ("train", "val"):
        coco = json.loads((tmp_path / f"l-{part}.coco.json").read_text())
        parts[part] = {entry["sample"] for entry in coco["images"]}
        numbers = [int(entry["file_name"][-12:-4]) for entry in coco["images"]]
        assert {number % 10 for number in numbers} == {number % 10 for number in numbers if number < 10}
        assert len(numbers) == 4 * len(parts[part])
    assert (len(parts["train"]), len(parts["val"])) == (8, 2)
    assert not parts["train"] & parts["val"]
    again = {path.name: path.read_bytes() for path in tmp_path.glob("*.json")}
    assert handpose(*call, "--overwrite").exit_code == 0
    assert {path.name: path.read_bytes() for path in tmp_path.glob("*.json")} == again
    assert handpose(*call, "--overwrite", "--seed", "1").exit_code == 0
    assert (tmp_path / "l-val.coco.json").read_bytes() != again["l-val.coco.json"]


def test_a_split_keeps_the_frames_of_a_video_together(tmp_path):
    done = handpose("convert-labels", SAMPLES, tmp_path / "l.json", "--to", "handpose", "--split", "0.5")
    assert done.exit_code == 0, done.stderr
    counts = [
        sum(record.frame is not None for record in load("handpose").read(tmp_path / f"l-{part}.json"))
        for part in ("train", "val")
    ]
    assert sorted(counts) == [0, 72]


@pytest.mark.parametrize("to", [name for name, format in FORMATS.items() if format.writes])
def test_the_samples_labels_convert_to_every_format_and_back(tmp_path, to):
    (tmp_path / "images").mkdir()
    done = handpose("convert-labels", SAMPLES, tmp_path / "labels", "--to", to)
    assert done.exit_code == 0, done.stderr
    if FORMATS[to].reads and to != "coco-results":  # whose images are numbered by another file
        images = ("--images", SAMPLES) if to == "yolo-pose" else ()
        back = handpose("convert-labels", tmp_path / "labels", "--from", to, "--to", "csv", "--dry-run", *images)
        if to == "yolo-pose":  # needs images for their sizes, and the video's frames are none on disk
            assert "no image moving_hand.mp4/000000.jpg or the like" in back.stderr
        else:
            images_left = 84 if "no_hands" in load(to).keeps else 83
            assert f"{images_left} images, 84 hands, from {to} to csv" in back.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("l.json", "t.json"), 2, "Missing option '--to'. Choose from: handpose, csv, "),
        (("l.json", "--to", "coco"), 2, "Missing argument 'TARGET'."),
        (("l.json", "--check", "--to", "coco"), 2,
         "--check only reads: it goes with SOURCE and what says how that is read."),
        (("l.json", "t.csv", "--to", "csv", "--seed", "3"), 2, "--seed is for --split."),
        (("l.json", "t.csv", "--to", "csv", "--rescale"), 2,
         "--rescale is for --images or --update, which say what sizes there are."),
        (("none.json", "t.json", "--to", "coco"), 2, "Invalid value for 'SOURCE': 'none.json' does not exist."),
        (("l.json", "l.json", "--to", "coco"), 1,
         "l.json exists. Replace it with --overwrite or choose another TARGET."),
        (("text.txt", "t.json", "--to", "coco"), 1, "text.txt: of no known label format. Name it; there are: "),
        (("cut.json", "t.json", "--to", "coco"), 1, "cut.json: cannot be read as JSON: parse error: premature EOF"),
        (("l.json", "/proc/t.json", "--to", "csv"), 1, "Cannot write to /proc/t.json: "),
        (("l.json", "t.json", "--to", "csv", "--split", "0.9"), 1,
         "2 samples cannot be split 0.9 to 0.1. Choose another --split"),
    ],
)  # fmt: skip
def test_wrong_use_gets_one_line_and_leaves_nothing(tmp_path, monkeypatch, arguments, code, message):
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "l.json", "coco", [image("a.jpg", open_hand()), image("b.jpg")])
    (tmp_path / "cut.json").write_bytes((tmp_path / "l.json").read_bytes()[:-40])
    (tmp_path / "text.txt").write_text("hello")
    done = handpose("convert-labels", *arguments)
    assert (done.exit_code, done.stdout) == (code, "")
    assert message in done.stderr.strip().splitlines()[-1]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cut.json", "l.json", "text.txt"]


def test_files_of_others_are_not_touched(tmp_path):
    write(tmp_path / "l.json", "coco", [image("a.jpg", open_hand())])
    for name in ("t.config.xml", "o.part", "o.old"):
        (tmp_path / name).write_text("mine")
    refused = handpose("convert-labels", tmp_path / "l.json", tmp_path / "t.json", "--to", "label-studio")
    assert refused.stderr == (
        f"Error: {tmp_path / 't.config.xml'} exists. Replace it with --overwrite or choose another TARGET.\n"
    )
    assert handpose("convert-labels", tmp_path / "l.json", tmp_path / "o", "--to", "openpose").exit_code == 0
    assert all((tmp_path / name).read_text() == "mine" for name in ("t.config.xml", "o.part", "o.old"))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["l.json", "o", "o.old", "o.part", "t.config.xml"]


def test_other_categories_and_crowds_are_left_out_with_a_warning(tmp_path, caplog):
    path = write(tmp_path / "l.json", "coco", [image("a.jpg", open_hand(), open_hand(200))])
    coco = json.loads(path.read_text())
    coco["categories"].append({"id": 7, "name": "person", "keypoints": ["nose"] * 17})
    coco["annotations"].append({"id": 9, "image_id": 1, "category_id": 7, "keypoints": [0] * 51, "bbox": [0, 0, 9, 9]})
    coco["annotations"][1]["iscrowd"] = 1
    path.write_text(json.dumps(coco))
    (record,) = load("coco").read(path)
    assert len(record.hands) == 1
    assert [entry.getMessage() for entry in caplog.records] == [
        f"{path}: left out: 1 crowds, 1 annotations of other categories (1 person)"
    ]


def test_sizes_come_from_the_images_where_a_format_needs_them(tmp_path):
    handpose("convert-labels", SAMPLES, tmp_path / "l.csv", "--to", "csv")
    call = ("convert-labels", tmp_path / "l.csv", tmp_path / "l.xml", "--to", "cvat")
    assert "its size is not known. Say where the images are with --images" in handpose(*call).stderr
    assert handpose(*call, "--images", SAMPLES).exit_code == 0
    assert all(record.width for record in load("cvat").read(tmp_path / "l.xml"))


def test_the_formats_are_listed():
    done = handpose("convert-labels", "--formats")
    assert [line.split()[0] for line in done.stdout.splitlines()] == list(FORMATS)


# === --check ===


def problems(*records: ImageRecord) -> dict[str, int]:
    return {finding.what: finding.count for finding in lint(records)[2]}


def test_nothing_is_found_in_the_samples_labels():
    done = handpose("convert-labels", "--check", SAMPLES)
    assert (done.exit_code, done.stdout) == (0, "84 images, 84 hands, label-list; kinds of problem: 0\n")


def test_found_problems_are_listed_with_an_exit_code(tmp_path):
    write(tmp_path / "l.json", "coco", [image("a.jpg", open_hand(), open_hand())])
    done = handpose("convert-labels", "--check", tmp_path / "l.json")
    assert done.exit_code == 1
    assert done.stdout.startswith("1 images, 2 hands, coco; kinds of problem: 1\n")
    assert "the same hand twice in an image" in done.stdout and "a.jpg, hand 1" in done.stdout


def test_places_and_units():
    points = open_hand().keypoints
    assert problems(image("a.jpg", placed(points / 400))) == {
        "unit mistake suspected: coordinates from 0 to 1, not pixels": 1
    }
    assert problems(image("a.jpg", placed(points * 50))) == {
        "unit mistake suspected: coordinates far beyond the image": 1
    }
    assert problems(image("a.jpg", placed(points + np.array([330, 0])))) == {"keypoints far outside the image": 1}
    assert problems(image("a.jpg", placed(points + np.array([-105, 0])))) == {}  # just behind the edge
    wide = open_hand(300, 20)
    assert problems(image("a.jpg", placed(wide.keypoints[:, ::-1]))) == {
        "x and y swapped suspected: inside the image the other way round": 1
    }


def test_boxes_and_repeated_entries():
    hand = open_hand(200, 50)
    swapped = Hand(hand.box[[1, 0, 3, 2]], keypoints=hand.keypoints)
    assert problems(image("a.jpg", swapped)) == {"keypoints outside their box: x and y swapped in the box": 1}
    elsewhere = Hand(np.array([0, 200, 50, 50], np.float32), keypoints=hand.keypoints)
    assert problems(image("a.jpg", elsewhere)) == {"keypoints outside their box: box elsewhere": 1}
    assert problems(image("a.jpg", Hand(np.array([5, 5, 0, 5])))) == {"box without an area": 1}
    for labelled in (1, 2):  # whose own box has no area
        few = np.where(np.arange(21)[:, None] < labelled, [120, 60], np.nan).astype(np.float32)
        assert problems(image("a.jpg", Hand(np.array([100, 50, 40, 40], np.float32), keypoints=few))) == {}
        assert problems(image("a.jpg", Hand(np.array([200, 50, 40, 40], np.float32), keypoints=few))) == {
            "keypoints outside their box: box elsewhere": 1
        }
    assert problems(image("a.jpg", hand), image("a.jpg", open_hand())) == {"image listed twice": 1}


def test_implausible_bones():
    assert problems(image("a.jpg", moved(open_hand(), np.eye(21, 2, -8) * 120))) == {"implausible bone length": 1}


@pytest.mark.parametrize("order", OTHER_ORDERS)
def test_another_sets_joint_order_is_suspected(order):
    right = [open_hand(100 + 3 * i, 90 + i, 80 + i) for i in range(8)]
    assert problems(*(image(f"{i}.jpg", hand) for i, hand in enumerate(right))) == {}
    stored = np.argsort(OTHER_ORDERS[order])  # as a file in that order has them
    wrong = [image(f"{i}.jpg", placed(hand.keypoints[stored])) for i, hand in enumerate(right)]
    assert f"wrong joint order suspected: looks like {order}" in problems(*wrong)
