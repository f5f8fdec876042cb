"""DeepLabCut's tables of videos: read with the video's name, written one a video, as CSV and HDF5."""

import csv
import errno
import importlib.util

import numpy as np
import pytest
from conftest import handpose
from labelled import image, open_hand, write

from handpose_cli.formats import FormatError, ReadOptions
from handpose_cli.formats import _deeplabcut_h5 as h5
from handpose_cli.formats.deeplabcut import open_writer, read
from handpose_cli.labels.recognise import recognise
from handpose_cli.records import KEYPOINT_NAMES, ImageRecord

ANALYSIS = (
    "scorer,net,net,net,net,net,net\nbodyparts,wrist,wrist,wrist,nose,nose,nose\n"
    "coords,x,y,likelihood,x,y,likelihood\n0,10.5,20,0.75,1,2,0.9\n1,,,,1,2,0.9\n"
)
SCORES = np.linspace(0.5, 0.9, 21).round(4).astype(np.float32)
needs_hdf5 = pytest.mark.skipif(
    any(importlib.util.find_spec(name) is None for name in ("pandas", "tables")), reason="an extra"
)


def frame(video, number, *hands):
    return ImageRecord(video, 400, 300, list(hands), frame=number, time=number / 25, fps=25.0)


def mixed():
    scored = open_hand(60, keypoint_scores=SCORES)
    return [image("a.jpg", open_hand()), frame("b/v.mp4", 0, scored), frame("b/v.mp4", 7), image("c.jpg"),
            frame("w.mp4", 3, open_hand(50, track_id=4), open_hand(90, track_id=2))]  # fmt: skip


def test_a_videos_table_needs_its_name(tmp_path):
    path = tmp_path / "clipDLC.csv"
    path.write_text(ANALYSIS)
    assert recognise(path).name == "deeplabcut"
    done = handpose("convert-labels", path, tmp_path / "o.json", "--to", "handpose")
    assert (done.exit_code, done.stderr) == (
        1,
        f"Error: {path}: line 4: the video is not named whose frame this row is. Received: 0. "
        "Name the video with --video\n",
    )
    done = handpose("convert-labels", path, tmp_path / "o.json", "--to", "handpose", "--video", "clip.mp4")
    assert done.exit_code == 0
    assert f"{path}: left out: 1 body parts that are no joints of a hand (1 nose)" in done.stderr
    first, second = read(path, options=ReadOptions(video="clip.mp4"))
    assert (first.file, first.frame, second.file, second.frame, second.hands) == ("clip.mp4", 0, "clip.mp4", 1, [])
    (hand,) = first.hands
    assert hand.keypoints[0].tolist() == [10.5, 20] and hand.keypoint_scores[0] == 0.75


def test_a_joint_that_a_person_put_among_a_networks_is_sure(tmp_path):
    (tmp_path / "t.csv").write_text(
        "scorer,n,n,n,n,n,n\nbodyparts,wrist,wrist,wrist,thumb_tip,thumb_tip,thumb_tip\n"
        "coords,x,y,likelihood,x,y,likelihood\na.jpg,1,2,0.25,3,4,\n"
    )
    (hand,) = next(read(tmp_path / "t.csv")).hands
    assert hand.keypoint_scores[[0, 4, 5]].tolist() == [0.25, 1, 0]


def test_evaluate_takes_the_name_too(tmp_path):
    labels = write(tmp_path / "l.json", "handpose", [frame("v.mp4", n, open_hand(60 + n)) for n in range(3)])
    write(tmp_path / "p.csv", "deeplabcut", [frame("v.mp4", n, open_hand(60 + n)) for n in range(3)])
    table = (tmp_path / "p-videos" / "v.mp4.csv").rename(tmp_path / "clipDLC.csv")
    done = handpose("evaluate", "--labels", labels, "--predictions", table, "--video", "v.mp4", "--json", "-q")
    assert done.exit_code == 0 and '"images_without_predictions": 0' in done.stdout
    done = handpose("evaluate", "--labels", labels, "--predictions", labels, "--video", "v.mp4")
    assert (done.exit_code, done.stderr) == (
        1, "Error: files of the format handpose name the video themselves, where they are of one\n"
    )  # fmt: skip


@pytest.mark.parametrize("suffix", [".csv", pytest.param(".h5", marks=needs_hdf5)])
def test_a_mixed_run_has_a_table_for_its_photos_and_one_for_each_video(suffix, tmp_path):
    path = write(tmp_path / f"t{suffix}", "deeplabcut", mixed())
    assert recognise(path).name == "deeplabcut"
    tables = [file.relative_to(tmp_path).as_posix() for file in tmp_path.rglob("*") if file.is_file()]
    assert sorted(tables) == [f"t-videos/b/v.mp4{suffix}", f"t-videos/w.mp4{suffix}", f"t{suffix}"]
    found = list(read(path))
    assert [(record.file, record.frame) for record in found] == [
        ("a.jpg", None), ("c.jpg", None), ("b/v.mp4", 0), ("b/v.mp4", 7), ("w.mp4", 3)
    ]  # fmt: skip
    np.testing.assert_allclose(found[0].hands[0].keypoints, open_hand().keypoints, atol=1e-3)
    np.testing.assert_allclose(found[2].hands[0].keypoint_scores, SCORES, atol=1e-6)
    assert sorted(hand.track_id for hand in found[4].hands) == [2, 4]
    assert [record.file for record in read(tmp_path / "t-videos")] == ["b/v.mp4", "b/v.mp4", "w.mp4"]
    assert recognise(tmp_path / "t-videos").name == "deeplabcut"
    write(path, "deeplabcut", [image("a.jpg", open_hand())])
    assert not (tmp_path / "t-videos").exists()  # it was of the older table


def test_individuals_of_any_name_are_tracks_and_may_say_the_side(tmp_path):
    path = write(tmp_path / "t.csv", "deeplabcut", [image("a.jpg", open_hand(), open_hand(200.0))])
    text = path.read_text()
    for names, expected in (
        (("track_4", "track_2"), [(4, None), (2, None)]),
        (("right_hand", "mouse1"), [(0, "right"), (1, None)]),
        (("hand0", "left"), [(None, None), (0, "left")]),
    ):
        path.write_text(text.replace("hand0", names[0]).replace("hand1", names[1]))
        (record,) = read(path)
        assert [(hand.track_id, hand.handedness) for hand in record.hands] == expected


def test_nothing_appears_after_an_error(tmp_path):
    with pytest.raises(FormatError, match=r"v.mp4: its frames do not follow each other"):
        write(tmp_path / "t.csv", "deeplabcut", [frame("v.mp4", 0), frame("w.mp4", 0), frame("v.mp4", 1)])
    with pytest.raises(FormatError, match=r"\.\./v.mp4: a name that leads out of the folder to write"):
        write(tmp_path / "t.csv", "deeplabcut", [frame("../v.mp4", 0)])
    assert list(tmp_path.iterdir()) == []


@needs_hdf5
def test_hdf5_as_deeplabcut_writes_it(tmp_path):
    import pandas

    columns = pandas.MultiIndex.from_product(
        [["net"], KEYPOINT_NAMES, ["x", "y", "likelihood"]], names=["scorer", "bodyparts", "coords"]
    )
    values = np.column_stack([open_hand().keypoints, SCORES]).reshape(1, -1).astype(float)
    pandas.DataFrame(values, columns=columns).to_hdf(tmp_path / "clipDLC.h5", key="df_with_missing", format="table")
    (record,) = read(tmp_path / "clipDLC.h5", options=ReadOptions(video="clip.mp4"))
    np.testing.assert_allclose(record.hands[0].keypoints, open_hand().keypoints)
    assert (record.file, record.frame) == ("clip.mp4", 0)
    (tmp_path / "bad.h5").write_bytes(h5.MAGIC + b"x" * 100)
    with pytest.raises(FormatError, match="cannot be read as HDF5"):
        list(read(tmp_path / "bad.h5"))


def test_without_the_extra_one_line_says_how_to_get_it(tmp_path, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    line = ".h5 files need pandas and tables: pip install 'handpose-cli[deeplabcut]', or use .csv instead"
    (tmp_path / "a.h5").write_bytes(h5.MAGIC)
    with pytest.raises(FormatError) as error:
        list(read(tmp_path / "a.h5"))
    assert str(error.value) == line
    with pytest.raises(FormatError) as error, open_writer(tmp_path / "b.h5"):
        pass
    assert str(error.value) == line and not (tmp_path / "b.h5").exists()


@pytest.mark.parametrize("suffix", ["csv", pytest.param("h5", marks=needs_hdf5)])
def test_the_images_table_that_cannot_be_written_leaves_the_videos_tables_of_before(tmp_path, monkeypatch, suffix):
    path = tmp_path / f"labels.{suffix}"
    before = [frame("v.mp4", 0, open_hand())]
    with open_writer(path) as writer:
        for record in before:
            writer.write(record)
    files = {file: file.read_bytes() for file in tmp_path.rglob("*") if file.is_file()}
    tables, rows = [], csv.writer

    def full_at_the_second(file, **options):
        tables.append(file)
        if len(tables) == 2:
            raise OSError(errno.ENOSPC, "No space left on device")
        return rows(file, **options)

    monkeypatch.setattr("csv.writer", full_at_the_second)
    with pytest.raises(OSError, match="No space left"), open_writer(path) as writer:
        writer.write(image("a.jpg", open_hand()))
        writer.write(frame("w.mp4", 0, open_hand()))
    assert {file: file.read_bytes() for file in tmp_path.rglob("*") if file.is_file()} == files
