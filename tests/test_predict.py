"""`handpose predict` from end to end, with the real networks on the samples."""

import csv
import json
import re
import shutil

import cv2
import numpy as np
import pytest
from conftest import SAMPLES, handpose, read_results
from PIL import Image

from handpose_cli import weights
from handpose_cli.formats import label_list

PICTURE = SAMPLES / "open_palm_sleeve.jpg"


def truth():
    """Labelled hands by file name and frame."""
    return {(record.file, record.frame): record.hands for record in label_list.read(SAMPLES / "labels.json")}


def found_by_image(results):
    """Found hands by file name and frame."""
    found = {}
    for entry in results["files"]:
        for hand in entry["hands"]:
            found.setdefault((entry["file"], hand["frame"]), []).append(hand)
    return found


def without_times(path):
    return re.sub(r'"started": "[^"]*"', "", path.read_text(encoding="utf-8"))


def test_the_samples_hands_are_found(samples_run):
    """On at least 90 % of the joints the best hand is within 0.2 of the hand's size of the truth."""
    found = found_by_image(read_results(samples_run[0]))
    near = []
    for key, hands in truth().items():
        for hand in hands:
            size = np.ptp(hand.keypoints, axis=0).max()
            candidates = [np.array(h["keypoints"])[:, :2] for h in found.get(key, [])] or [np.full((21, 2), np.inf)]
            errors = [np.linalg.norm(points - hand.keypoints, axis=1) / size for points in candidates]
            near.append(min(errors, key=np.mean) < 0.2)
    assert np.mean(near) >= 0.9


def test_every_sample_has_an_entry(samples_run):
    out, result = samples_run
    results = read_results(out)
    assert [entry["file"] for entry in results["files"]] == sorted({file for file, _ in truth()})
    assert result.exit_code == 0
    assert re.search(
        r"^13 inputs, 84 images, \d+ hands, 0 failures in .* Results: .*predictions.json$", result.stderr, re.MULTILINE
    )
    clip = next(entry for entry in results["files"] if entry["file"] == "moving_hand.mp4")
    assert (clip["fps"], clip["frames"]) == (24.0, 72)


def test_the_head_says_how_the_results_were_made(samples_run):
    info = read_results(samples_run[0])["info"]
    assert info["format_version"] == 1
    networks = ("ssd-hand", "ssd-palm", "hourglass-lite", "hourglass-wide")
    assert {f"{name}.tflite" for name in networks} == set(info["weights"])
    assert all(len(digest) == 64 for digest in info["weights"].values())
    assert info["arguments"]["score_threshold"] == 0.25


def test_the_table_agrees_with_the_json(samples_run):
    out, _ = samples_run
    with (out / "predictions.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    hands = [hand for entry in read_results(out)["files"] for hand in entry["hands"]]
    assert len(rows) == 21 * len(hands)
    points = np.array([hand["keypoints"] for hand in hands]).reshape(-1, 3)
    assert np.array([[row["x"], row["y"], row["score"]] for row in rows], float) == pytest.approx(points)


def test_annotated_copies_mirror_the_inputs(samples_run):
    import av

    copies = samples_run[0] / "annotated"
    assert {path.name for path in copies.iterdir()} == {file for file, _ in truth()}
    original, copy = (cv2.imread(str(folder / PICTURE.name)) for folder in (SAMPLES, copies))
    assert original.shape == copy.shape
    assert (np.abs(original.astype(int) - copy).max(axis=2) > 60).sum() > 500
    with av.open(str(copies / "moving_hand.mp4")) as container:
        stream = container.streams.video[0]
        assert (stream.codec.canonical_name, stream.width, stream.height) == ("h264", 480, 480)
        times = [frame.time for frame in container.decode(stream)]
    assert times == pytest.approx([i / 24 for i in range(72)], abs=1e-3)
    assert not list(samples_run[0].rglob("*.part"))


@pytest.mark.parametrize("options", [("--threads", 1), ("--threads", 3, "--batch-size", 5)])
def test_the_bytes_do_not_depend_on_threads_and_batches(samples_run, tmp_path, options):
    out = tmp_path / "out"
    assert handpose("predict", SAMPLES, "-o", out, "--draw", "--format", "csv", *options).exit_code == 0
    assert without_times(out / "predictions.json") == without_times(samples_run[0] / "predictions.json")


def test_keras_agrees_with_litert(tmp_path):
    """The bundled LiteRT networks are stored with fewer bits, so nearly."""
    runs = {}
    for engine in ("litert", "keras"):
        assert handpose("predict", PICTURE, "-o", tmp_path / engine, "--engine", engine).exit_code == 0
        runs[engine] = read_results(tmp_path / engine)["files"][0]["hands"]
    assert len(runs["keras"]) == len(runs["litert"]) == 1
    litert, keras = (np.array(runs[name][0]["keypoints"])[:, :2] for name in ("litert", "keras"))
    assert np.linalg.norm(litert - keras, axis=1).mean() < 0.03 * np.ptp(keras, axis=0).max()


def test_whole_image_and_boxes_from_a_file(tmp_path):
    picture = cv2.imread(str(PICTURE))
    (hand,) = truth()[PICTURE.name, None]
    x, y, width, height = (int(v) for v in hand.box)
    (tmp_path / "in").mkdir()
    cv2.imwrite(str(tmp_path / "in" / "crop.png"), picture[y : y + height, x : x + width])
    result = handpose("predict", tmp_path / "in", "-o", tmp_path / "whole", "--detector", "whole-image")
    assert result.exit_code == 0
    (whole,) = read_results(tmp_path / "whole")["files"][0]["hands"]
    assert whole["box"] == [0, 0, width, height]

    size = {"width": picture.shape[1], "height": picture.shape[0]}
    boxes = [{"file": PICTURE.name, **size, "boxes": [hand.box.tolist()]}]
    (tmp_path / "boxes.json").write_text(json.dumps(boxes))
    inputs = PICTURE, SAMPLES / "no_hand.jpg"
    result = handpose("predict", *inputs, "-o", tmp_path / "given", "--boxes", tmp_path / "boxes.json")
    assert (
        f"{tmp_path / 'boxes.json'}: 1 of 2 inputs have no entry (such as no_hand.jpg): they get no hands"
        in result.stderr.splitlines()
    )
    assert result.exit_code == 0
    (given,), none = (entry["hands"] for entry in read_results(tmp_path / "given")["files"][::-1])
    assert none == []
    assert given["box"] == pytest.approx(hand.box.tolist(), abs=0.01)
    difference = np.array(given["keypoints"])[:, :2] - [x, y] - np.array(whole["keypoints"])[:, :2]
    assert np.linalg.norm(difference, axis=1).mean() < 0.05 * max(width, height)

    result = handpose("predict", SAMPLES / "no_hand.jpg", "-o", tmp_path / "x", "--boxes", tmp_path / "boxes.json")
    assert result.exit_code == 1
    assert result.stderr == (
        f"Error: {tmp_path / 'boxes.json'}: no entry of --boxes names one of the inputs (such as no_hand.jpg)\n"
    )


def test_boxes_of_a_video_are_of_frames_that_are_annotated_or_it_is_said(tmp_path):
    """Without a word, a video got no hands whose boxes had no frame numbers, or those of frames between."""
    clip, boxes, size = SAMPLES / "moving_hand.mp4", tmp_path / "boxes.json", {"width": 480, "height": 480}
    box = [150, 150, 200, 200]
    boxes.write_text(json.dumps([{"file": clip.name, **size, "boxes": [box]}]))
    call = ("predict", clip, "-o", tmp_path / "out", "--boxes", boxes, "--every", 36, "--views", 1)
    result = handpose(*call)
    said = f"Error: {boxes}: {clip.name} is a video, and its boxes have no frame numbers\n"
    assert (result.exit_code, result.stderr) == (1, said)
    frames = [{"frame": frame, "hands": [{"box": box}, {"box": [9, 9, 0, 0]}]} for frame in (0, 9, 35, 36)]
    boxes.write_text(json.dumps([{"file": clip.name, **size, "fps": 24, "frames": frames}]))
    result = handpose(*call)
    said = f"{boxes}: 2 of 4 frames with boxes (such as 9) are passed over by --every 36"
    noted = f"{boxes}: left out: 4 boxes without a size"
    assert (result.exit_code, result.stderr.splitlines()[:2]) == (0, [noted, said])
    assert [hand["frame"] for hand in read_results(tmp_path / "out")["files"][0]["hands"]] == [0, 36]
    assert handpose(*call, "--overwrite", "-q").stderr == ""


def test_boxes_of_frames_that_a_run_does_not_come_to_are_counted(tmp_path):
    clip, boxes = SAMPLES / "moving_hand.mp4", tmp_path / "boxes.json"
    frames = [{"frame": frame, "hands": [{"box": [150, 150, 200, 200]}]} for frame in (0, 30, 31, 36, 99)]
    video = {"file": clip.name, "width": 480, "height": 480, "fps": 24, "frames": frames}
    boxes.write_text(json.dumps([video, {**video, "file": "none_of_them.mp4"}]))
    call = ("predict", clip, "-o", tmp_path / "out", "--boxes", boxes, "--views", 1, "--overwrite")
    told = f"{boxes}: {{}} frames with boxes (such as {{}} of moving_hand.mp4) were not annotated: they are {{}}"
    for options, line in (
        ((), told.format("1 of 5", 99, "not in the video")),
        (("--every", 3), told.format("1 of 4", 99, "not in the video")),  # those passed over are in a line before it
        (("--start", 1, "--end", 1.4), told.format("3 of 5", 0, "left out by --start and --end, or not in the video")),
        (("--start", 1.25, "--every", 6),
         told.format("3 of 5", 0, "left out by --start and --every, or not in the video")),
    ):  # fmt: skip
        result = handpose(*call, *options)
        assert (result.exit_code, result.stderr.splitlines()[-2]) == (0, line)
    result = handpose(*call[:-1], "--resume", "--start", 1.25, "--every", 6)  # all is done already
    assert line in result.stderr.splitlines()
    assert handpose(*call, "-q").stderr == ""


def test_boxes_of_two_images_of_one_name_are_refused(tmp_path):
    height, width = cv2.imread(str(PICTURE)).shape[:2]
    entry = {"file": PICTURE.name, "width": width, "height": height, "boxes": [[10, 10, 200, 200]]}
    boxes = tmp_path / "boxes.json"
    boxes.write_text(json.dumps([{**entry, "width": 2 * width, "height": 2 * height}, entry]))
    result = handpose("predict", PICTURE, "-o", tmp_path / "out", "--boxes", boxes)
    sizes = f"{2 * width} x {2 * height} and for {width} x {height}"
    assert (result.exit_code, result.stderr) == (
        1,
        f"Error: {PICTURE.name}: listed twice, for {sizes} pixels, as two images of one name would be. Rename one of "
        "them\n",
    )


@pytest.mark.parametrize("of_pages", [False, True])
def test_boxes_of_a_first_page_are_those_of_the_image(tmp_path, of_pages):
    with Image.open(PICTURE) as image:
        image.save(tmp_path / "a.tif", save_all=True, append_images=[Image.new("RGB", (64, 48))])
    call = ("predict", tmp_path / "a.tif", "--views", 1)
    first, second = ((), ("--pages",)) if not of_pages else (("--pages",), ())
    assert handpose(*call, "-o", tmp_path / "boxes", *first).exit_code == 0
    boxes = tmp_path / "boxes" / "predictions.json"
    assert handpose(*call, "-o", tmp_path / "out", *second, "--boxes", boxes).exit_code == 0
    hands = [read_results(tmp_path / name)["files"][0]["hands"] for name in ("boxes", "out")]
    assert len(hands[0]) == len(hands[1]) > 0


def test_results_can_be_given_as_boxes(samples_run, tmp_path):
    result = handpose("predict", SAMPLES, "-o", tmp_path, "--boxes", samples_run[0] / "predictions.json")
    assert result.exit_code == 0
    before, after = (
        [(entry["file"], h["frame"], h["box"]) for entry in read_results(folder)["files"] for h in entry["hands"]]
        for folder in (samples_run[0], tmp_path)
    )
    assert sorted(map(str, before)) == sorted(map(str, after))


def test_max_hands_threshold_and_every(tmp_path):
    options = ("--max-hands", 1, "--every", 10, "--score-threshold", 0.1)
    inputs = (SAMPLES / "two_hands.jpg", SAMPLES / "moving_hand.mp4")
    assert handpose("predict", *inputs, "-o", tmp_path, *options).exit_code == 0
    clip, two = read_results(tmp_path)["files"]
    assert len(two["hands"]) == 1
    assert clip["frames"] == 8
    assert {hand["frame"] for hand in clip["hands"]} <= set(range(0, 72, 10))
    assert handpose("predict", *inputs, "-o", tmp_path, "--score-threshold", 1, "--overwrite").exit_code == 0
    assert not any(entry["hands"] for entry in read_results(tmp_path)["files"])


def test_bad_inputs_get_a_record_and_do_not_stop_the_run(tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    shutil.copy(PICTURE, folder / "good.jpg")
    (folder / "cut.jpg").write_bytes(PICTURE.read_bytes()[:20_000])
    (folder / "empty.png").touch()
    (folder / "text.jpg").write_text("hello")
    (folder / "text.mp4").write_text("hello")
    cv2.imwrite(str(folder / "tiny.png"), np.zeros((1, 1, 3), np.uint8))
    result = handpose("predict", folder, "-o", tmp_path / "out", "--draw")
    assert result.exit_code == 3
    entries = {entry["file"]: entry for entry in read_results(tmp_path / "out")["files"]}
    assert list(entries) == sorted(path.name for path in folder.iterdir())
    assert len(entries["good.jpg"]["hands"]) == 1
    assert (entries["tiny.png"]["width"], entries["tiny.png"]["hands"]) == (1, [])
    failures = {name: entry["failure"] for name, entry in entries.items() if "failure" in entry}
    assert failures == {
        "cut.jpg": "damaged or cut short, or of a kind that cannot be decoded",
        "empty.png": "empty file (0 bytes)",
        "text.jpg": "not an image (JPEG, PNG, WebP, AVIF, HEIC, GIF, JPEG 2000, TIFF, BMP or PNM)",
        "text.mp4": "not a video that can be decoded: Invalid data found when processing input",
    }
    for name, failure in failures.items():
        assert f"{name}: {failure}\n" in result.stderr
    assert {path.name for path in (tmp_path / "out" / "annotated").iterdir()} == {"good.jpg", "tiny.png"}


def test_odd_inputs_get_annotated_copies_too(tmp_path):
    """A link to nothing, a picture too wide for JPEG, and two joined clips of different size and the same times."""
    import av

    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "link.mp4").symlink_to(tmp_path / "gone.mp4")
    cv2.imwrite(str(folder / "wide.png"), np.zeros((20, 70_000, 3), np.uint8))
    joined = b""
    for size in ((64, 48), (81 * 2, 60)):
        with av.open(str(tmp_path / "part.ts"), "w") as container:
            stream = container.add_stream("libx264", rate=25)
            stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
            for _ in range(5):
                pixels = np.zeros((size[1], size[0], 3), np.uint8)
                container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
            container.mux(stream.encode())
        joined += (tmp_path / "part.ts").read_bytes()
    (folder / "joined.mpg").write_bytes(joined)
    result = handpose("predict", folder, "-o", folder / "out", "--draw")
    assert result.exit_code == 3
    entries = {entry["file"]: entry for entry in read_results(folder / "out")["files"]}
    assert entries["link.mp4"]["failure"] == "cannot be read: No such file or directory"
    assert entries["joined.mpg"]["frames"] == 10
    copies = folder / "out" / "annotated"
    assert {path.name for path in copies.iterdir()} == {"joined.mpg.mp4", "wide.png"}
    with av.open(str(copies / "joined.mpg.mp4")) as container:
        assert len(list(container.decode(video=0))) == 10

    assert handpose("predict", folder, "-r", "-o", folder / "out", "--overwrite").exit_code == 3
    assert len(read_results(folder / "out")["files"]) == 3  # the copies have not become inputs


def test_a_20_megapixel_image(tmp_path):
    cv2.imwrite(str(tmp_path / "large.jpg"), cv2.resize(cv2.imread(str(PICTURE)), (5120, 4096)))
    assert handpose("predict", tmp_path / "large.jpg", "-o", tmp_path / "out").exit_code == 0
    (hand,) = read_results(tmp_path / "out")["files"][0]["hands"]
    (expected,) = truth()[PICTURE.name, None]
    height, width = cv2.imread(str(PICTURE)).shape[:2]
    scale = np.array([5120 / width, 4096 / height])
    error = np.linalg.norm(np.array(hand["keypoints"])[:, :2] / scale - expected.keypoints, axis=1)
    assert np.median(error) < 0.1 * np.ptp(expected.keypoints, axis=0).max()


def error_of(*arguments):
    result = handpose("predict", *arguments)
    assert result.stdout == ""
    return result.exit_code, result.stderr


def test_wrong_calls_are_told_in_a_line(tmp_path):
    (tmp_path / "file").touch()
    (tmp_path / "empty").mkdir()
    (tmp_path / "w.tflite").write_text("no network")
    out = tmp_path / "out"
    assert error_of(tmp_path / "no.jpg", "-o", out) == (
        2, f"Error: No such file or folder, and no match as a pattern: {tmp_path}/no.jpg\n"
    )  # fmt: skip
    assert error_of(tmp_path / "empty", "-o", out) == (
        1, f"Error: No images or videos in: {tmp_path}/empty. Add -r to look into the folders inside.\n"
    )  # fmt: skip
    assert error_of(PICTURE, "-o", tmp_path / "file" / "out") == (
        1,
        f"Error: Cannot write to {tmp_path}/file/out: Not a directory. "
        "Choose another --output, or go on with --resume.\n",
    )  # fmt: skip
    assert error_of(PICTURE, "-o", out, "--weights", "nothing") == (
        2, "Error: No such weights: nothing (bundled are hand-landmarks, hourglass-lite, hourglass-wide). "
        "Give --weights a file, a run folder or one of these.\n"
    )  # fmt: skip
    assert error_of(PICTURE, "-o", out, "--weights", tmp_path / "w.tflite", "--engine", "keras") == (
        1,
        f"Error: The engine keras needs a .weights.h5 file. Received: {tmp_path}/w.tflite. Choose another --engine.\n",
    )
    code, message = error_of(PICTURE, "-o", out, "--weights", tmp_path / "w.tflite")
    assert (code, message.count("\n")) == (1, 1)
    assert message.startswith(f"Error: {tmp_path}/w.tflite: not a LiteRT network: ")
    assert error_of(PICTURE, "-o", out, "--weights", "ssd-egohands-lite") == (
        1,
        f"Error: {weights.FOLDER / 'ssd-egohands-lite.tflite'}: its contract says that it is for: detector. "
        "Needed: keypoints\n",
    )  # fmt: skip
    assert not out.exists()


def test_existing_results_are_kept_unless_told_otherwise(tmp_path):
    (tmp_path / "predictions.json").write_text("precious")
    assert error_of(PICTURE, "-o", tmp_path) == (
        1,
        f"Error: {tmp_path}/predictions.json exists. Replace it with --overwrite or choose another --output.\n",
    )
    assert (tmp_path / "predictions.json").read_text() == "precious"
    assert handpose("predict", PICTURE, "-o", tmp_path, "--overwrite", "-q").stderr == ""
    assert read_results(tmp_path)["files"]


def test_a_span_of_a_video(tmp_path):
    span = ("--start", "0:01", "--end", 1.5, "--every", 3)
    result = handpose("predict", SAMPLES / "moving_hand.mp4", "-o", tmp_path, "--views", 1, "--draw", *span)
    assert result.exit_code == 0
    (clip,) = read_results(tmp_path)["files"]
    assert clip["frame_times"] == [[24, 1.0], [27, 1.125], [30, 1.25], [33, 1.375]]
    import av

    with av.open(str(tmp_path / "annotated" / "moving_hand.mp4")) as container:
        assert [frame.time for frame in container.decode(video=0)] == pytest.approx([0, 0.125, 0.25, 0.375])


def test_options_from_a_file_and_the_environment(tmp_path):
    (tmp_path / "handpose.toml").write_text(
        '[predict]\nviews = 1\nmax-hands = 1\nscore-threshold = 0.7\nformat = ["csv"]'
    )
    arguments = ("predict", PICTURE, "-o", tmp_path / "out", "--config", tmp_path / "handpose.toml", "--max-hands", 3)
    assert handpose(*arguments, env={"HANDPOSE_PREDICT_SCORE_THRESHOLD": "0.6"}).exit_code == 0
    used = read_results(tmp_path / "out")["info"]["arguments"]
    assert (used["views"], used["max_hands"], used["score_threshold"], used["formats"]) == (1, 3, 0.6, ["csv"])
