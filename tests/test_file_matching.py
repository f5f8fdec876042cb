"""Which predicted image is which labelled one: like names are joined, unlike ones are not."""

import time
import unicodedata
from urllib.parse import quote

import numpy as np
import pytest
from conftest import SAMPLES, handpose
from hypothesis import given
from hypothesis import strategies as st
from labelled import write

from handpose_cli.formats import FormatError
from handpose_cli.labels import file_matching
from handpose_cli.labels.file_matching import by_image, rename
from handpose_cli.labels.file_names import clip_of, parts_of, place_of
from handpose_cli.records import Hand, ImageRecord

FOLDERS = st.lists(st.text("abcé ü", min_size=1, max_size=4).map(str.strip).filter(bool), max_size=4)
STEMS = st.text("abc01é_ -", min_size=1, max_size=6).map(str.strip).filter(bool)
NAMES = st.builds(lambda folders, stem: "/".join([*folders, f"{stem}.jpg"]), FOLDERS, STEMS)
SPELLINGS = {
    "as it is": lambda name: name,
    "here": lambda name: f"./{name}",
    "backslashes": lambda name: name.replace("/", "\\"),
    "drive": lambda name: "C:\\" + name.replace("/", "\\"),
    "decomposed": lambda name: unicodedata.normalize("NFD", name),
    "percent": quote,
    "twice a slash": lambda name: name.replace("/", "//"),
    "up and down": lambda name: f"x/../{name}",
    "URL": lambda name: f"file:///{quote(name)}",
}


def keyed(*names):
    """Return records of files, or of (file, frame)."""
    pairs = [name if isinstance(name, tuple) else (name, None) for name in names]
    return by_image(ImageRecord(file, 10, 10, frame=frame) for file, frame in pairs)


def matched(names, labels):
    """Return which name was put under which label."""
    records = keyed(*names)
    names_of = {id(record): record.file for record in records.values()}
    return {
        key: names_of[id(record)]
        for key, record in rename(records, keyed(*labels), "prediction").items()
        if key in keyed(*labels)
    }


@given(NAMES, st.sampled_from(list(SPELLINGS)), st.sampled_from(list(SPELLINGS)))
def test_one_file_however_it_is_spelled(name, first, second):
    label, prediction = SPELLINGS[first](name), SPELLINGS[second](name)
    assert matched([prediction], [label]) == {(label, None): prediction}


@given(st.sets(NAMES, min_size=1, max_size=8), st.sampled_from(list(SPELLINGS)))
def test_spelled_alike_each_finds_its_own_and_no_other(names, spelling):
    spelled = {name: SPELLINGS[spelling](name) for name in names}
    assert matched(list(spelled.values()), list(names)) == {(name, None): spelled[name] for name in names}


@given(st.sets(NAMES, min_size=1, max_size=6), st.sets(NAMES, min_size=1, max_size=6))
def test_what_is_joined_is_the_end_of_the_other_and_nobody_is_lost(names, labels):
    try:
        renamed = rename(keyed(*names), keyed(*labels), "prediction")
    except FormatError:
        return
    assert len(renamed) == len(names)
    assert {record.file for record in renamed.values()} == names
    for (file, _), record in renamed.items():
        short, long = sorted((parts_of(file), parts_of(record.file)), key=len)
        assert long[-len(short) :] == short


@given(STEMS)
def test_two_videos_frames_are_told_apart_by_their_folders(stem):
    labels, names = [f"a/{stem}.jpg", f"b/{stem}.jpg"], [f"run/b/{stem}.jpg", f"run/a/{stem}.jpg"]
    assert matched(names, labels) == {(labels[0], None): names[1], (labels[1], None): names[0]}


def test_one_that_could_be_of_two_is_an_error_that_names_both():
    with pytest.raises(FormatError) as error:
        rename(keyed("frame_000000.jpg"), keyed("a/frame_000000.jpg", "b/frame_000000.jpg"), "prediction")
    assert str(error.value) == (
        "frame_000000.jpg could be the prediction for a/frame_000000.jpg or b/frame_000000.jpg; name it with its folder"
    )
    with pytest.raises(FormatError) as error:
        rename(keyed(("a/v.mp4", 1), ("b/v.mp4", 2)), keyed(("v.mp4", 1), ("v.mp4", 2)), "box")
    assert str(error.value) == "a/v.mp4 and b/v.mp4 could both be the box for v.mp4; rename one of them"


def test_an_image_in_the_run_that_is_not_labelled_takes_no_label():
    labels = ["a/1.jpg", "b/1.jpg"]
    assert matched(["1.jpg", *labels], labels) == {("a/1.jpg", None): "a/1.jpg", ("b/1.jpg", None): "b/1.jpg"}


@pytest.mark.parametrize(
    ("label", "prediction"),
    [
        (("v.mp4", 12), "images/v.mp4/000012.jpg"),
        ("images/v.mp4/000012.jpg", ("v.mp4", 12)),
        ("v.mp4/000012.jpg", ("videos/v.mp4", 12)),
        (("set/v.mp4", 0), "v.mp4\\frame_000000.png"),
        ("v.mp4/000012.jpg", "run/v.mp4/000012.jpg"),
        (("scan.tif", 2), "images/scan.tif/000002.jpg"),
        (("v.mp4", 3), ("v", 3)),
    ],
)
def test_a_frame_and_its_image_are_one(label, prediction):
    (key,) = keyed(label)
    assert list(matched([prediction], [label])) == [key]


def test_frames_count_from_zero():
    with pytest.raises(FormatError, match="no prediction is of a labelled image"):
        rename(keyed("v.mp4/000001.jpg"), keyed(("v.mp4", 0)), "prediction")


def test_hands_of_an_image_listed_twice_are_joined_without_changing_what_was_passed():
    records = [ImageRecord("a.jpg", 9, 9, [Hand([0, 0, n, n])]) for n in (1, 2, 3)]
    for _ in range(2):
        assert [hand.box[2] for hand in by_image(records)["a.jpg", None].hands] == [1, 2, 3]
    assert [len(record.hands) for record in records] == [1, 1, 1]


def test_entries_for_two_sizes_are_two_images_of_one_name():
    records = [ImageRecord("a.jpg", None, None), ImageRecord("a.jpg", 640, 480), ImageRecord("a.jpg", 1280, 960)]
    assert by_image(records[:2])["a.jpg", None].width == 640
    with pytest.raises(FormatError) as error:
        by_image(records)
    assert str(error.value) == (
        "a.jpg: listed twice, for 640 x 480 and for 1280 x 960 pixels, as two images of one name would be. "
        "Rename one of them"
    )


def test_many_files_of_one_name_are_quick():
    labels = keyed(*(f"clip{i:05d}/000000.jpg" for i in range(6000)))
    records = keyed(*(f"run/clip{i:05d}/000000.jpg" for i in range(6000)))
    start = time.perf_counter()
    assert set(rename(records, labels, "prediction")) == set(labels)
    assert time.perf_counter() - start < 10  # it took minutes


@pytest.mark.parametrize(
    ("file", "clip"),
    [
        ("v.mp4/000012.jpg", "v.mp4"),
        (".\\set\\v.mp4\\000012.jpg", "set/v.mp4"),
        ("walk/frame_000012.png", "walk"),
        ("walk/images/frame_000012.png", "walk"),
        ("a/walk_frame12.png", "a/walk"),
        ("labeled-data/walk/img0012.png", "labeled-data/walk"),
        ("images/000012.jpg", None),
        ("images/frame_000012.jpg", None),
        ("frame_000012.jpg", None),
        ("img0012.png", None),
        ("v.mp4/cover.jpg", None),
        ("keyframes/mainframe1.jpg", None),
    ],
)
def test_the_video_that_a_frame_is_of(file, clip):
    assert clip_of(file, None) == clip


def test_a_name_with_odd_parts_is_still_a_name():
    assert parts_of("") == ("",)
    assert parts_of("..") == ("..",)
    assert parts_of("100%.jpg") == ("100%.jpg",)
    assert parts_of("%ff.jpg") == ("%ff.jpg",)  # not UTF-8: part of the name
    assert place_of("v.mp4/" + "1" * 30 + ".jpg", None)[1] is None


@pytest.mark.parametrize("spelled", [".\\two_hands.jpg", "C:\\two_hands.jpg", "two%5Fhands.jpg"])
def test_boxes_for_predict_are_found_however_they_are_spelled(spelled, tmp_path):
    write(tmp_path / "b.json", "handpose", [ImageRecord(spelled, None, None, [Hand([120, 140, 260, 200])])])
    done = handpose("predict", SAMPLES / "two_hands.jpg", "-o", tmp_path / "o", "--boxes", tmp_path / "b.json")
    assert done.exit_code == 0 and "1 images, 1 hands" in done.stderr


@pytest.mark.parametrize(("most", "reads"), [(4, 1), (3, 3)])
@pytest.mark.parametrize("names", ["ab", "aba"])
def test_few_hands_are_read_once(monkeypatch, most, reads, names):
    monkeypatch.setattr(file_matching, "IN_MEMORY", most + 2 * (len(names) == 3))
    count = 0

    def read():
        nonlocal count
        count += 1
        yield from (ImageRecord(name, 9, 9, [Hand(np.ones(4))]) for name in names)

    again = file_matching.gathered(read)
    for _ in range(2):
        records = list(again())
        assert [(record.file, len(record.hands)) for record in records] == [("a", names.count("a")), ("b", 1)]
        records[0].hands.clear()  # shows in no other reading
    assert count == reads + (reads > 1 and len(names) == 3)
