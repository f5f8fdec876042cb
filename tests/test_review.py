"""What the page to look through is made of: counts, timelines, the choice of hands, their pictures."""

import json
import re

import cv2
import numpy as np
import pytest
from conftest import SAMPLES, handpose
from labelled import image, moved, open_hand
from PIL import Image

from handpose_cli import read_labels
from handpose_cli.doubt.order import doubt
from handpose_cli.media.images import open_image
from handpose_cli.media.remote import scratch
from handpose_cli.records import Hand, ImageRecord
from handpose_cli.review.choice import Choice
from handpose_cli.review.statistics import Statistics
from handpose_cli.review.thumbnails import SIDE, thumbnails
from handpose_cli.review.timelines import BINS, MOST_VIDEOS, Timelines

NAME = "predictions.report.html"


def data_of(path):
    text = path.read_text(encoding="utf-8")
    return json.loads(re.search(r'<script type="application/json" id="data">(.*?)</script>', text, re.DOTALL)[1])


def frames(name, hands, first=0):
    return [
        ImageRecord(name, 400, 300, list(found), frame=i, time=i / 10, fps=10.0) for i, found in enumerate(hands, first)
    ]


def test_the_counts():
    statistics = Statistics()
    hand = open_hand(score=0.999, keypoint_scores=np.full(21, 0.3), handedness="left", flags=("small", "mine"))
    records = [
        image("a.jpg", hand, Hand([0, 0, 9, 9])),
        *frames("v.mp4", [[open_hand()], []]),
        *frames("w.mp4", [[open_hand()] * 9]),
        ImageRecord("pages.tiff", 9, 9, frame=0),
        ImageRecord("b.jpg", None, None, failure="empty file (0 bytes)"),
    ]
    for record in records:
        statistics.add(record)
    found = statistics.to_dict()
    histograms = {each["title"]: each["counts"] for each in found.pop("histograms")}
    assert found == {
        "images": 2, "videos": 2, "frames": 3, "hands": 12, "flagged": 1, "failures": 1,
        "flags": {"small": 1, "mine": 1}, "failed": [("b.jpg", "empty file (0 bytes)")],
    }  # fmt: skip
    assert histograms["Score of the hand"] == [0] * 19 + [1]
    assert histograms["Mean score of the joints"].index(1) == 6
    assert histograms["Size of the hand, pixels"] == [1, 0, 0, 11, 0, 0, 0, 0]
    assert histograms["Hands in an image or frame"] == [2, 1, 1, 0, 0, 0, 1]
    assert histograms["Handedness"] == [1, 0, 11]


def test_a_timeline_has_tracks_and_their_gaps():
    one, two = open_hand(track_id=1, score=0.9), open_hand(track_id=2, score=0.4, flags=("low_scores",))
    timelines = Timelines()
    for record in frames("v.mp4", [[one], [one, two], [], [one], [one]]):
        timelines.add(record)
    timelines.finish()
    (video,) = timelines.done
    assert (video["hands"], video["doubtful"]) == ([1, 2, 0, 1, 1], [0, 1, 0, 0, 0])
    assert (video["scores"], video["without"]) == ([0.9, 0.4, None, 0.9, 0.9], 1)
    assert (video["tracks"], video["times"]) == ([[1, [[0, 1], [3, 4]]], [2, [[1, 1]]]], [0.0, 0.4])


def test_long_and_many_videos_are_bounded():
    timelines = Timelines()
    for record in frames("long.mp4", [[open_hand()]] * 1001):
        timelines.add(record)
    for number in range(MOST_VIDEOS + 4):
        timelines.add(frames(f"{number}.mp4", [[]])[0])
    timelines.finish()
    assert (len(timelines.done[0]["hands"]), set(timelines.done[0]["hands"])) == (BINS, {1})
    assert (len(timelines.done), timelines.left_out) == (MOST_VIDEOS, 5)


def test_the_most_doubtful_hands_are_chosen_then_some_at_random():
    choice, again = Choice(5, 10), Choice(5, 10)
    scores = np.random.default_rng(0).permutation(200) / 200
    records = [image(f"{i}.jpg", open_hand(score=float(score))) for i, score in enumerate(scores)]
    for record in records:
        choice.add(record)
        again.add(record)
    most, others = choice.result()
    assert [shown.hand.score for shown in most] == [0, 0.005, 0.01, 0.015, 0.02]
    assert [shown.doubt for shown in most] == [doubt(shown.hand) for shown in most]
    names = [int(shown.record.file.removesuffix(".jpg")) for shown in others]
    assert len(set(names)) == 10 and names == sorted(names)
    assert not {shown.record.file for shown in most} & {shown.record.file for shown in others}
    assert [shown.record.file for shown in again.result()[1]] == [shown.record.file for shown in others]


def test_of_a_track_s_second_the_worst_is_shown():
    choice = Choice(10, 0)
    hands = [[open_hand(track_id=1, score=i / 100), open_hand(track_id=2, score=1 - i / 100)] for i in range(25)]
    for record in [*frames("v.mp4", hands), image("a.jpg", open_hand(score=0.99), open_hand(score=0.98))]:
        choice.add(record)
    found = [(shown.record.frame, shown.hand.track_id) for shown in choice.result()[0]]
    assert found == [(0, 1), (10, 1), (20, 1), (24, 2), (19, 2), (9, 2), (None, None), (None, None)]


def test_pictures_show_the_hand(tmp_path):
    pixels = np.full((300, 400, 3), 200, np.uint8)
    cv2.imwrite(str(tmp_path / "a.png"), pixels)
    choice = Choice()
    for record in (image("a.png", open_hand()), image("gone.png", open_hand()), image("a.png", Hand([-20, 0, 50, 60]))):
        choice.add(record)
    shown = choice.result()[0]
    jpegs = thumbnails(shown, lambda name: str(tmp_path / name) if (tmp_path / name).exists() else None)
    made = {(one.record.file, one.hand.keypoints is None): jpeg for one, jpeg in zip(shown, jpegs, strict=True)}
    assert made.pop(("gone.png", False)) is None
    for jpeg in made.values():
        (tmp_path / "t.jpg").write_bytes(jpeg)
        assert open_image(tmp_path / "t.jpg").pixels.shape == (SIDE, SIDE, 3)
    (tmp_path / "t.jpg").write_bytes(made["a.png", False])
    red, _, blue = np.moveaxis(open_image(tmp_path / "t.jpg").pixels.astype(int), 2, 0)
    assert (red - blue > 60).sum() > 50  # the thumb's red


def test_labels_of_any_format_become_a_page(tmp_path):
    done = handpose("convert-labels", SAMPLES / "labels.json", tmp_path / "p.html", "--to", "report")
    assert done.exit_code == 0
    assert done.stderr == f"84 images, 84 hands, from label-list to report: {tmp_path / 'p.html'}\n"
    data = data_of(tmp_path / "p.html")
    assert (data["hands"], data["flagged"], data["without_picture"], data["settings"]) == (84, 0, 0, [])
    assert all("picture" in entry for entry in data["shown"])
    refused = handpose("convert-labels", SAMPLES / "labels.json", tmp_path / "p.html", "--to", "report")
    assert f"{tmp_path / 'p.html'} exists. Replace it with --overwrite or choose another TARGET." in refused.stderr


def test_pictures_that_are_elsewhere_are_counted_or_named(tmp_path):
    labels = tmp_path / "labels.json"
    labels.write_bytes((SAMPLES / "labels.json").read_bytes())
    assert handpose("convert-labels", labels, tmp_path / "p.html", "--to", "report").exit_code == 0
    assert data_of(tmp_path / "p.html")["without_picture"] == len(data_of(tmp_path / "p.html")["shown"])
    call = ("convert-labels", labels, tmp_path / "q.html", "--to", "report", "--images", SAMPLES)
    assert handpose(*call).exit_code == 0
    assert data_of(tmp_path / "q.html")["without_picture"] == 0


def test_a_resumed_run_and_joined_shards_give_the_same_page(tmp_path):
    inputs = (SAMPLES / "two_hands.jpg", SAMPLES / "grip_indoors.jpg")
    options = ("--views", 1, "--report")
    assert handpose("predict", inputs[0], "-o", tmp_path / "one", *options).exit_code == 0
    assert handpose("predict", *inputs, "-o", tmp_path / "one", *options, "--resume").exit_code == 0
    for number in (1, 2):
        shard = ("-o", tmp_path / f"s{number}", *options, "--shard", f"{number}/2")
        assert handpose("predict", *inputs, *shard).exit_code == 0
    assert handpose("merge", tmp_path / "s1", tmp_path / "s2", "-o", tmp_path / "joined").exit_code == 0
    pages = [data_of(tmp_path / name / NAME) for name in ("one", "joined")]
    for page in pages:
        page.pop("seconds")
        page["settings"] = [row for row in page["settings"] if row[0] not in ("started", "inputs")]
    assert pages[0] == pages[1]
    assert (pages[0]["hands"], pages[0]["without_picture"]) == (3, 0)


@pytest.mark.parametrize("name", ["</script><b>.jpg", "<!--<script>.jpg"])
def test_no_name_gets_out_of_the_data(tmp_path, name):
    with_name = image("a.jpg", moved(open_hand(), [3, 3]))
    with_name.file = name
    from handpose_cli.formats import report

    with report.open_writer(tmp_path / "p.html") as writer:
        writer.write(with_name)
    text = (tmp_path / "p.html").read_text()
    assert text.count("</script>") == 2 and "<!--" not in text
    assert data_of(tmp_path / "p.html")["shown"][0]["file"] == name


def test_a_page_is_not_read(tmp_path):
    (tmp_path / "p.html").touch()
    done = handpose("convert-labels", f"report:{tmp_path / 'p.html'}", tmp_path / "l.csv", "--to", "csv")
    assert (done.exit_code, done.stderr) == (
        1, f"Error: {tmp_path / 'p.html'}: files of the format report are only written, not read\n"
    )  # fmt: skip


def test_the_pages_of_a_file_have_pictures(tmp_path):
    first = Image.open(SAMPLES / "two_hands.jpg")
    pictures = [first, first.transpose(Image.Transpose.FLIP_LEFT_RIGHT)]
    pictures[0].save(tmp_path / "pages.tiff", save_all=True, append_images=pictures[1:])
    call = ("predict", tmp_path / "pages.tiff", "-o", tmp_path / "out", "--pages", "--report", "--views", 1)
    assert handpose(*call).exit_code == 0
    data = data_of(tmp_path / "out" / NAME)
    assert (data["images"], data["videos"], data["timelines"], data["without_picture"]) == (2, 0, [], 0)
    assert {entry["frame"] for entry in data["shown"]} == {0, 1}


def test_a_page_without_hands(tmp_path):
    (tmp_path / "l.json").write_text('{"images": [{"id": 1, "file_name": "a.jpg"}], "annotations": []}')
    assert handpose("convert-labels", tmp_path / "l.json", tmp_path / "p.html", "--to", "report").exit_code == 0
    assert data_of(tmp_path / "p.html")["shown"] == []
    assert len(list(read_labels(tmp_path / "l.json"))) == 1


def test_pictures_of_what_is_at_urls_are_fetched_up_to_so_many_bytes(tmp_path, monkeypatch):
    fsspec = pytest.importorskip("fsspec")
    names = ("two_hands.jpg", "grip_indoors.jpg", "moving_hand.mp4")
    store = fsspec.filesystem("memory")
    for name in names:
        store.pipe(f"/report/{name}", (SAMPLES / name).read_bytes())

    def page(source, out):
        assert handpose("predict", source, "-o", tmp_path / out, "--report", "--views", 1, "--every", 9).exit_code == 0
        return data_of(tmp_path / out / NAME)

    (tmp_path / "in").mkdir()
    for name in names:
        (tmp_path / "in" / name).write_bytes((SAMPLES / name).read_bytes())
    there, here = page("memory://report", "there"), page(tmp_path / "in", "here")
    assert there["shown"] == here["shown"]
    assert there["without_picture"] == 0 and len(there["shown"]) > 3
    assert list(scratch().iterdir()) == []
    # no room for what lies behind the first file
    first = there["shown"][0]["file"]
    monkeypatch.setattr("handpose_cli.review.thumbnails.MOST_FETCHED", (SAMPLES / first).stat().st_size)
    some = page("memory://report", "some")
    assert {entry["file"] for entry in some["shown"] if "picture" in entry} == {first}
    assert some["without_picture"] > 0
