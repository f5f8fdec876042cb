"""The tool in Python: the same hands as on the command line, and clear errors."""

import doctest
import itertools
import json
import pickle
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
import pytest
from conftest import SAMPLES, handpose, read_results
from labelled import image, open_hand, write

import handpose_cli
from handpose_cli import (
    Annotator,
    FormatError,
    Hand,
    ImageRecord,
    UnreadableError,
    api,
    draw_hands,
    evaluate,
    read_image,
    read_labels,
)
from handpose_cli.formats.handpose_json import hand_to_json
from handpose_cli.weights import WeightsError

TWO = SAMPLES / "two_hands.jpg"
CLIP = SAMPLES / "moving_hand.mp4"


@pytest.fixture(scope="module")
def annotator():
    return Annotator.load()


def written(hands):
    return [hand_to_json(hand, None, None) for hand in hands]


def test_the_hands_are_those_of_the_command_line(annotator, samples_run):
    results = {entry["file"]: entry for entry in read_results(samples_run[0])["files"]}
    images = sorted(SAMPLES.glob("*.jpg"))
    for path, hands in zip(images, annotator.batch(images), strict=True):
        assert json.loads(json.dumps(written(hands))) == results[path.name]["hands"]


def test_an_array_is_an_image_as_a_file_is(annotator):
    pixels = cv2.cvtColor(cv2.imread(str(TWO)), cv2.COLOR_BGR2RGB)
    hands = annotator(pixels)
    assert len(hands) == 2
    assert written(hands) == written(annotator(TWO)) == written(annotator(str(TWO)))


@pytest.mark.parametrize("track", [True, False])
def test_a_video_gives_the_records_of_the_command_line(annotator, tmp_path, track):
    options = ("--track",) if track else ()
    assert handpose("predict", CLIP, "-o", tmp_path / "out", *options).exit_code == 0
    expected = read_results(tmp_path / "out")["files"][0]["hands"]
    records = list(annotator.video(CLIP, track=track))
    found = [hand_to_json(hand, record.frame, record.time) for record in records for hand in record.hands]
    assert json.loads(json.dumps(found)) == expected
    assert [record.frame for record in records] == list(range(len(records)))
    assert {hand.track_id for record in records for hand in record.hands} == ({1} if track else {None})


@pytest.mark.parametrize("track", [True, False])
def test_a_damaged_video_gives_its_records_and_then_the_reason(annotator, tmp_path, track):
    whole = CLIP.read_bytes()
    (tmp_path / "cut.ts").write_bytes(b"")
    path = tmp_path / "cut.mp4"
    cut = bytearray(whole)
    middle = len(cut) // 2
    cut[middle : middle + 4000] = bytes(4000)
    path.write_bytes(cut)
    records = []
    with pytest.raises(UnreadableError, match=f"^{path}: "):
        for record in annotator.video(path, track=track):
            records.append(record)
    assert records
    assert all(record.failure is None for record in records)
    with pytest.raises(UnreadableError, match=r"cut.ts: "):
        list(annotator.video(tmp_path / "cut.ts", track=track))
    with pytest.raises(UnreadableError, match=r"two_hands.jpg: no video by its name$"):
        list(annotator.video(TWO))


def test_settings_are_those_of_the_options(tmp_path):
    annotator = Annotator.load(detector=None, views=1, max_hands=1)
    (hand,) = annotator(TWO)
    assert handpose("predict", TWO, "-o", tmp_path, "--detector", "whole-image", "--views", 1).exit_code == 0
    assert json.loads(json.dumps(written([hand]))) == read_results(tmp_path)["files"][0]["hands"]


@pytest.mark.parametrize(
    ("image", "received"),
    [
        (np.zeros((10, 10, 3)), "float64 [10, 10, 3]"),
        (np.zeros((10, 10), np.uint8), "uint8 [10, 10]"),
        (np.zeros((10, 10, 4), np.uint8), "uint8 [10, 10, 4]"),
        (np.zeros((3, 10, 10), np.uint8), "uint8 [3, 10, 10]"),
        ([[1, 2, 3]], "list"),
        (None, "NoneType"),
    ],
)
def test_what_is_no_image_is_refused(annotator, image, received):
    with pytest.raises(ValueError) as error:
        annotator(image)
    assert str(error.value) == (
        f"an image must be a uint8 array [height, width, 3], RGB, or a path. Received: {received}"
    )


def test_an_image_without_pixels_is_refused(annotator):
    with pytest.raises(ValueError, match=r"^an image must have pixels. Received: \[0, 5, 3\]$"):
        annotator(np.zeros((0, 5, 3), np.uint8))


def test_a_file_that_is_no_image_is_named(annotator, tmp_path):
    (tmp_path / "a.jpg").write_text("hello")
    for name in ("a.jpg", "none.jpg"):
        with pytest.raises(UnreadableError, match=f"^{tmp_path / name}: "):
            annotator(tmp_path / name)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"engine": "torch"}, "engine must be one of litert, keras. Received: 'torch'"),
        ({"views": 5}, "views must be 1, 2, 3 or 4. Received: 5"),
        ({"views": "2"}, "views must be 1, 2, 3 or 4. Received: '2'"),
        ({"score_threshold": 2}, "score_threshold must be from 0 to 1. Received: 2"),
        ({"score_threshold": "0.5"}, "score_threshold must be from 0 to 1. Received: '0.5'"),
        ({"max_hands": 0}, "max_hands must be at least 1, or None. Received: 0"),
        ({"tile": 10}, "tile must be at least 300 pixels, or None. Received: 10"),
        ({"weights": "none"}, "No such weights: none (bundled are hand-landmarks, hourglass-lite, hourglass-wide)"),
    ],
)
def test_wrong_settings_are_named(settings, message):
    with pytest.raises(ValueError) as error:
        Annotator.load(**settings)
    assert str(error.value) == message
    assert isinstance(error.value, WeightsError) == ("weights" in settings)


def test_threads_may_share_an_annotator(annotator):
    """LiteRT has one place for a network's input and output: unguarded, most answers were another picture's."""
    images = [read_image(path) for path in sorted(SAMPLES.glob("*.jpg"))]
    alone = [written(annotator(image)) for image in images]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(lambda image: written(annotator(image)), images * 2)) == alone * 2


def test_in_another_process_an_annotator_loads_its_networks_again(annotator):
    other = pickle.loads(pickle.dumps(Annotator.load(views=1, max_hands=1)))
    assert written(other(TWO)) == written(Annotator.load(views=1)(TWO))[:1]
    with pytest.raises(TypeError, match=r"cannot be pickled: use Annotator.load$"):
        pickle.dumps(Annotator(annotator.networks, annotator.settings))


def test_what_stands_for_no_detector_and_for_tiles_on_the_command_line_does_so_here(annotator):
    assert Annotator.load(detector="whole-image").networks.detector is None
    assert Annotator.load(tile="auto").settings.tile == 600


@pytest.mark.parametrize("images", [str(TWO), TWO, np.zeros((9, 9, 3), np.uint8)])
def test_one_image_is_no_batch(annotator, images):
    with pytest.raises(ValueError, match=r"^images must be several: a list of arrays or paths, or an array "):
        annotator.batch(images)


def test_a_batch_takes_a_few_images_at_a_time(annotator, monkeypatch):
    monkeypatch.setattr(api.annotator, "AT_ONCE", 2)
    images = sorted(SAMPLES.glob("*.jpg"))[:3]
    assert [written(hands) for hands in annotator.batch(iter(images))] == [written(annotator(path)) for path in images]
    given = itertools.chain(images, ["none.jpg"])
    with pytest.raises(UnreadableError, match=r"^none.jpg: "):
        annotator.batch(given)


def test_a_batch_may_come_in_one_array_that_is_filled_again(annotator):
    """As by cv2.VideoCapture.read(image): all of those that were read at a time had the last one's hands."""
    images = [read_image(SAMPLES / name) for name in ("two_hands.jpg", "no_hand.jpg", "thumb_plaza.jpg")]
    shape = np.max([image.shape for image in images], axis=0)
    whole = [np.pad(image, [(0, n - side) for n, side in zip(shape, image.shape, strict=True)]) for image in images]
    buffer = np.empty(shape, np.uint8)

    def camera():
        for picture in whole:
            buffer[:] = picture
            yield buffer

    found = [written(hands) for hands in annotator.batch(camera())]
    assert found == [written(annotator(image)) for image in whole]
    assert len({len(hands) for hands in found}) > 1


def test_settings_may_be_numbers_of_numpy(annotator):
    """As out of np.arange: they were refused as out of range, which they are not."""
    numbers = {"score_threshold": np.float32(0.5), "views": np.int64(1), "max_hands": np.uint8(1)}
    other = Annotator.load(**numbers, tile=np.int32(400))
    assert other.settings == Annotator.load(score_threshold=0.5, views=1, max_hands=1, tile=400).settings
    assert next(annotator.video(CLIP, every=np.int64(30), track=False)).frame == 0
    with pytest.raises(ValueError, match=r"^views must be 1, 2, 3 or 4. Received: 2.0$"):
        Annotator.load(views=np.float64(2))
    records = list(read_labels(SAMPLES / "labels.json"))
    thresholds = np.array([0.1, 0.25], np.float32)
    figures = evaluate(records, records, thresholds=thresholds, seed=np.int64(1), score_threshold=np.float32(0))
    assert json.loads(json.dumps(figures.to_json()))["settings"]["seed"] == 1


def test_what_is_no_image_says_what_it_is_instead(annotator):
    for path, reason in ((CLIP, "a video by its name: use Annotator.video"),
                         ("https://host/a.jpg", "a URL: fetch it first, or use handpose predict")):  # fmt: skip
        with pytest.raises(UnreadableError) as error:
            annotator(path)
        assert str(error.value) == f"{path}: {reason}"


@pytest.mark.parametrize("every", [0, -1, 2.5])
def test_every_is_checked_before_the_video_is_read(annotator, every):
    with pytest.raises(ValueError, match=f"^every must be a whole number from 1 on. Received: {every}$"):
        annotator.video(CLIP, every=every)


def test_only_pictures_are_drawn_on(annotator):
    image = read_image(TWO)
    assert (draw_hands(image, annotator(image)) != image).any()
    for wrong in (np.dstack([image, image[..., :1]]), image[..., 0], image.astype(np.float32) / 255, str(TWO)):
        with pytest.raises(ValueError, match=r"^an image must be a uint8 array \[height, width, 3\], RGB\. Received: "):
            draw_hands(wrong, [])


def test_an_image_that_cannot_be_read_is_named(tmp_path):
    with pytest.raises(UnreadableError, match=f"^{tmp_path}/none.jpg: cannot be read: "):
        read_image(tmp_path / "none.jpg")


def test_names_are_found_by_completion():
    assert {"Annotator", "FormatError", "KEYPOINT_NAMES", "draw_hands", "evaluate"} <= set(dir(handpose_cli))
    assert all(hasattr(handpose_cli, name) for name in dir(handpose_cli))


def test_labels_are_read_in_any_format(samples_run):
    by_file = {record.file: record for record in read_labels(SAMPLES / "labels.json") if record.frame is None}
    predicted = {record.file: record for record in read_labels(f"csv:{samples_run[0] / 'predictions.csv'}")}
    assert len(by_file["two_hands.jpg"].hands) == len(predicted["two_hands.jpg"].hands) == 2
    with pytest.raises(FormatError):
        read_labels("nowhere.json")


def test_reading_takes_one_class_and_refuses_a_folder_that_is_not_there(tmp_path):
    path = write(tmp_path / "l.json", "coco", [image("a.jpg", open_hand())])
    assert [len(record.hands) for record in read_labels(path, classes="hand")] == [1]
    with pytest.raises(ValueError) as error:
        read_labels(path, images="nowhere")
    assert str(error.value) == "images must be a folder, or the file that names them. Received: 'nowhere'"


def test_records_as_dictionaries():
    keypoints = np.arange(42, dtype=np.float32).reshape(21, 2)
    keypoints[3] = np.nan
    hand = Hand(np.array([1, 2, 3, 4], np.float32), keypoints=keypoints, score=np.float32(0.5), handedness="left")
    record = handpose_cli.ImageRecord("a.jpg", 10, 20, [hand])
    described = json.loads(json.dumps(record.to_dict()))
    assert described["hands"][0]["keypoints"][3] == [None, None]
    assert described["hands"][0]["keypoints"][4] == [8.0, 9.0]
    assert described == {
        "file": "a.jpg", "width": 10, "height": 20,
        "hands": [{"box": [1, 2, 3, 4], "keypoints": described["hands"][0]["keypoints"], "score": 0.5,
                   "handedness": "left", "visibility": [2, 2, 2, 0, *[2] * 17], "interpolated": False}],
    }  # fmt: skip
    assert hand != Hand(hand.box, keypoints=hand.keypoints)


def test_the_examples_in_the_docstrings(monkeypatch):
    monkeypatch.chdir(SAMPLES.parent)
    tried = [doctest.testmod(module) for module in (api.annotator, api.labels)]
    assert [result.failed for result in tried] == [0, 0]
    assert sum(result.attempted for result in tried) >= 5


def test_the_face_is_light_until_it_is_used():
    code = "import sys, handpose_cli; print(sorted({'cv2', 'numpy', 'av', 'tensorflow'} & set(sys.modules)))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout == "[]\n"
    with pytest.raises(AttributeError, match="has no attribute 'Detector'"):
        handpose_cli.Detector  # noqa: B018


def test_the_readme_example_runs(monkeypatch, capsys):
    monkeypatch.chdir(SAMPLES.parent)
    section = (SAMPLES.parent / "README.md").read_text().partition("### In Python")[2]
    example = re.findall(r"```python\n(.*?)```", section, re.DOTALL)[0]
    exec(example, {})
    lines = capsys.readouterr().out.splitlines()
    assert sum(line.startswith(("left ", "right ")) for line in lines) == 2
    assert lines[-2].startswith("{'file': ")
    assert [float(number) > 0.8 for number in lines[-1].split()] == [True, True]


def test_evaluate_scores_files_records_and_annotators(tmp_path):
    labels = list(handpose_cli.read_labels(SAMPLES / "labels.json"))
    by_path = handpose_cli.evaluate(SAMPLES / "labels.json", SAMPLES / "labels.json")
    by_records = handpose_cli.evaluate(labels, labels, norms=("px",), thresholds=(3,))
    assert by_path["pck@0.05/bbox"].value == by_records["pck@3px"].value == 1
    assert (by_path.labels["format"], by_records.labels) == ("label-list", {"images": 84, "hands": 84})
    first = labels[:1]
    alone = handpose_cli.evaluate(first, labels[:2], boxes=SAMPLES / "labels.json", exhaustive=False)
    assert (alone.settings["exhaustive"], alone.detection.not_exhaustive) == (False, 84)
    assert alone.detection.hands == 84  # all that have a box, of which two are predicted
    with pytest.raises(ValueError, match=r"norms must be some of bbox, palm, px, head. Received: 'box'"):
        handpose_cli.evaluate(labels, labels, norms=("box",))
    with pytest.raises(ValueError, match=r"oks_area must be one of box, box53, field. Received: 'all'"):
        handpose_cli.evaluate(labels, labels, oks_area="all")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"predictions": [[Hand([1, 2, 3, 4])]]}, "predictions must be records (ImageRecord). Received one of: list"),
        ({"predictions": None}, "predictions must be a path or records (ImageRecord). Received: NoneType"),
        ({"norms": ()}, "norms must be some of bbox, palm, px, head. Received none"),
        ({"thresholds": (0.1, float("nan"))}, "thresholds must be finite and above 0. Received: nan"),
        ({"thresholds": -1}, "thresholds must be finite and above 0. Received: -1.0"),
        ({"score_threshold": 50}, "score_threshold must be from 0 to 1. Received: 50"),
        ({"images": "nowhere"}, "images must be a folder, or the file that names them. Received: 'nowhere'"),
        (
            {"predictions": [ImageRecord("two_hands.jpg", 576, 288, [Hand([1, 2, 3, 4])])]},
            "two_hands.jpg: its labels are for 1152 x 576 pixels, what was predicted is 576 x 288: pass rescale=True",
        ),
    ],
)
def test_what_cannot_be_evaluated_is_refused(given, message):
    labels = [record for record in read_labels(SAMPLES / "labels.json") if record.file == "two_hands.jpg"]
    with pytest.raises(ValueError) as error:
        handpose_cli.evaluate(labels, **{"predictions": labels, **given})
    assert str(error.value) == message


def test_thresholds_that_are_nearly_the_same_have_two_names():
    labels = SAMPLES / "labels.json"
    figures = handpose_cli.evaluate(labels, labels, thresholds=(0.1, 0.1000001, np.float32(0.2)))
    assert [name for name in figures.end_to_end.metrics if "pck" in name] == [
        "pck@0.1/bbox",
        "pck@0.1000001/bbox",
        "pck@0.2/bbox",
    ]


def test_an_iterator_that_was_read_already_is_not_an_empty_set():
    labels = SAMPLES / "labels.json"
    records = read_labels(labels)
    assert handpose_cli.evaluate(labels, records, norms="px", thresholds=3)["pck@3px"].value == 1
    for given in ((labels, records), (records, labels)):
        with pytest.raises(ValueError, match="are an iterator that gives no records, or none any more: pass a list"):
            handpose_cli.evaluate(*given)


def test_an_annotators_settings_count_where_it_is_scored():
    labels = [record for record in read_labels(SAMPLES / "labels.json") if record.file == "two_hands.jpg"]
    for settings, found in (({}, 2), ({"max_hands": 1}, 1), ({"score_threshold": 1.0}, 0)):
        figures = handpose_cli.evaluate(labels, Annotator.load(views=1, **settings), images=SAMPLES)
        assert figures.end_to_end.found == found
    assert figures.predictions == {
        "weights": "hourglass-lite", "detector": "ssd", "engine": "litert", "views": 1,
    }  # fmt: skip
    with pytest.raises(FormatError, match=r"no such image: two_hands.jpg: pass images=FOLDER$"):
        handpose_cli.evaluate(labels, Annotator.load())


def test_an_annotator_is_scored_as_the_command_scores_its_networks(tmp_path):
    result = handpose("evaluate", "--labels", SAMPLES, "--weights", "hourglass-lite", "--views", 1, "--json", "-q")
    by_command = json.loads(result.stdout)
    figures = handpose_cli.evaluate(SAMPLES, handpose_cli.Annotator.load(views=1)).to_json()
    for part in ("pose", "end_to_end", "error_split", "detection", "calibration", "handedness"):
        assert figures[part] == by_command[part]
