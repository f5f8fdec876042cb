"""`parquet`: tables that other programs read and write; images without hands and failures are in one of their own."""

import importlib
import json
import sys

import numpy as np
import pytest
from conftest import SAMPLES, handpose, read_results
from hypothesis import given, settings
from hypothesis import strategies as st
from labelled import image, open_hand, write
from record_strategies import assert_same, record_lists

pa = pytest.importorskip("pyarrow")
import pyarrow.parquet as pq  # noqa: E402

from handpose_cli.formats import FormatError, _parquet_writer, load, parquet  # noqa: E402
from handpose_cli.records import KEYPOINT_NAMES, ImageRecord  # noqa: E402

HAND = open_hand(score=0.9, keypoint_scores=np.full(21, 0.5), handedness="left")
RECORDS = [
    image("a.jpg", HAND, open_hand(200, score=0.4)),
    ImageRecord("broken.jpg", None, None, failure="empty file (0 bytes)"),
    ImageRecord("clip.mp4", 400, 300, [open_hand(track_id=3)], frame=0, time=0.0, fps=25.0),
    ImageRecord("clip.mp4", 400, 300, [], frame=1, time=0.04, fps=25.0),
    ImageRecord("clip.mp4", 400, 300, [open_hand(track_id=3)], frame=2, time=0.08, fps=25.0),
    ImageRecord("clip.mp4", None, None, failure="damaged after frame 2"),
    image("none.jpg"),
]


def read(path):
    return list(load("parquet").read(path))


def test_a_row_a_hand_and_a_row_an_image(tmp_path):
    path = write(tmp_path / "t.parquet", "parquet", RECORDS)
    hands, images = pq.read_table(path), pq.read_table(tmp_path / "t.images.parquet")
    assert hands.column_names == [
        "file", "frame", "time", "width", "height", "hand", "score", "handedness", "track_id", "box", "keypoints",
        "visibility", "raw_keypoints", "area", "head_size", "interpolated", "flags",
    ]  # fmt: skip
    assert hands.schema.field("keypoints").type == pa.list_(pa.float32())  # of a fixed size older readers fail
    first, second, third, _ = hands.to_pylist()
    assert (first["file"], first["frame"], first["hand"], first["score"]) == ("a.jpg", None, 0, 0.9)
    assert np.array(first["keypoints"]).reshape(21, 3)[:, :2] == pytest.approx(HAND.keypoints, abs=0.006)
    assert (first["keypoints"][2], second["keypoints"][2], second["hand"]) == (0.5, None, 1)
    assert (third["file"], third["frame"], third["time"], third["track_id"]) == ("clip.mp4", 0, 0.0, 3)
    assert images.select(["file", "frame", "hands", "failure"]).to_pylist() == [
        {"file": record.file, "frame": record.frame, "hands": len(record.hands), "failure": record.failure}
        for record in RECORDS
    ]
    for table in (hands, images):
        assert json.loads(table.schema.metadata[b"keypoint_names"]) == list(KEYPOINT_NAMES)
        assert json.loads(table.schema.metadata[b"info"]) == {"format_version": 1}


@settings(max_examples=20)
@given(records=record_lists(), rows=st.integers(1, 4), order=st.randoms(use_true_random=False))
def test_any_order_and_any_row_groups_are_read(tmp_path_factory, records, rows, order):
    path = tmp_path_factory.mktemp("parquet") / "t.parquet"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_parquet_writer, "ROWS", rows)
        patch.setattr(parquet, "ROWS", rows)
        write(path, "parquet", records)
        assert_same(read(path), records)
    with pq.ParquetFile(path) as file:
        assert all(file.metadata.row_group(i).num_rows <= rows for i in range(file.num_row_groups))
    table = pq.read_table(path)
    again = path.with_name("again.parquet")
    write(again, "parquet", records)
    assert pq.read_table(again).equals(table)
    shuffled = list(range(table.num_rows))
    order.shuffle(shuffled)
    pq.write_table(table.take(pa.array(shuffled, pa.int64())), path)
    assert_same(read(path), records)


def test_the_same_records_are_the_same_bytes(tmp_path):
    for name in ("one", "two"):
        write(tmp_path / name / "t.parquet", "parquet", RECORDS)
    for file in ("t.parquet", "t.images.parquet"):
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()


def by_pandas(path, new):
    pandas = pytest.importorskip("pandas")
    frame = pandas.read_parquet(path)
    frame[(frame.score > 0.5) | frame.score.isna()].sample(frac=1, random_state=0).to_parquet(new)


def by_polars(path, new):
    polars = pytest.importorskip("polars")
    polars.read_parquet(path).filter(polars.col("score").is_null() | (polars.col("score") > 0.5)).write_parquet(new)


def by_duckdb(path, new):
    duckdb = pytest.importorskip("duckdb")
    duckdb.sql(f"COPY (FROM '{path}' WHERE score > 0.5 OR score IS NULL) TO '{new}' (FORMAT parquet)")


@pytest.mark.parametrize("by", [by_pandas, by_polars, by_duckdb])
def test_what_other_programs_write_is_read(tmp_path, by):
    by(write(tmp_path / "t.parquet", "parquet", RECORDS), tmp_path / "new.parquet")
    found = sorted(read(tmp_path / "new.parquet"), key=lambda record: (record.file, record.frame or 0))
    kept = [image("a.jpg", HAND), *(record for record in RECORDS[1:] if record.hands)]
    for record in kept:
        record.fps = None  # the table of images has it
    assert_same(found, kept)


def test_without_the_table_of_images_it_is_said(tmp_path):
    path = write(tmp_path / "t.parquet", "parquet", RECORDS)
    (tmp_path / "t.images.parquet").unlink()
    done = handpose("convert-labels", path, tmp_path / "t.json", "--to", "handpose")
    assert done.exit_code == 0
    assert done.stderr.splitlines() == [
        f"{path}: there is no t.images.parquet: images without hands, and failures, are not known",
        f"3 images, 4 hands, from parquet to handpose: {tmp_path / 't.json'}",
    ]


COLUMNS = {"file": ["a.jpg"], "keypoints": [[1.0] * 63]}


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"x": [1.0]}, ": columns file, and keypoints or box, are needed. Received: x"),
        ({"file": ["a"], "failure": ["b"]}, ": a table of images; give the table of hands beside it"),
        ({**COLUMNS, "file": [None]}, ": row 0: file must be a text. Received: None"),
        ({**COLUMNS, "frame": [0.5]}, ": row 0: frame must be a whole number or null. Received: 0.5"),
        ({**COLUMNS, "keypoints": [[1.0] * 62]}, ": row 0: keypoints must be 63 numbers. Received: 62"),
        ({**COLUMNS, "keypoints": [None]}, ": row 0: a hand without a box and without keypoints"),
        ({**COLUMNS, "keypoints": [[float("inf")] * 63]},
         ": row 0: keypoints must be 21 x 2 finite numbers. Received: a number that is not finite"),
        ({**COLUMNS, "keypoints": ["1, 2"]}, ": row 0: could not convert string to float: '1, 2'"),
        ({**COLUMNS, "handedness": ["both"]}, ": row 0: handedness must be left, right or null. Received: 'both'"),
        ({**COLUMNS, "time": ["now"]}, ": row 0: time must be a finite number. Received: 'now'"),
    ],
)  # fmt: skip
def test_tables_that_are_not_as_they_should_be(tmp_path, columns, message):
    path = tmp_path / "t.parquet"
    pq.write_table(pa.table(columns), path)
    with pytest.raises(FormatError) as error:
        read(path)
    assert str(error.value) == f"{path}{message}"


def test_a_file_that_is_cut_short(tmp_path):
    path = write(tmp_path / "t.parquet", "parquet", RECORDS)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(FormatError) as error:
        read(path)
    assert str(error.value).startswith(f"{path}: cannot be read as Parquet: ")
    assert "\n" not in str(error.value)


def test_without_pyarrow_the_command_to_install_it_is_said_before_anything_is_done(tmp_path, monkeypatch):
    path = write(tmp_path / "t.parquet", "parquet", RECORDS)
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    importlib.invalidate_caches()
    line = "Error: the format parquet needs pyarrow: pip install 'handpose-cli[parquet]'\n"
    out = tmp_path / "out"
    for arguments in (
        ("predict", SAMPLES / "no_hand.jpg", "-o", out, "--format", "parquet"),
        ("convert-labels", SAMPLES / "labels.json", out, "--to", "parquet"),
        ("convert-labels", path, out, "--to", "csv"),
    ):
        done = handpose(*arguments)
        assert (done.exit_code, done.stderr) == (1, line), arguments
        assert not out.exists()


def test_a_run_in_parquet_is_the_run_in_json(tmp_path):
    out = tmp_path / "out"
    pictures = [SAMPLES / name for name in ("two_hands.jpg", "no_hand.jpg")]
    assert handpose("predict", *pictures, "-o", out, "--views", 1, "--format", "parquet").exit_code == 0
    assert_same(read(out / "predictions.parquet"), list(load("handpose").read(out / "predictions.json")))
    info = json.loads(pq.read_schema(out / "predictions.parquet").metadata[b"info"])
    whole = read_results(out)["info"]
    assert whole.pop("started")
    assert info == whole
    back = tmp_path / "back.json"
    assert handpose("convert-labels", out / "predictions.parquet", back, "--to", "handpose").exit_code == 0
    assert json.loads(back.read_text())["files"] == read_results(out)["files"]
    figures = [
        json.loads(handpose("evaluate", "--labels", SAMPLES, "--predictions", out / name, "--json").stdout)
        for name in ("predictions.json", "predictions.parquet")
    ]
    for figure in figures:
        assert figure.pop("predictions")["hands"] == 2
    assert figures[0] == figures[1]
    again = tmp_path / "again"
    given_boxes = ("--boxes", out / "predictions.parquet", "--views", 1)
    assert handpose("predict", *pictures, "-o", again, *given_boxes).exit_code == 0
    assert [len(entry["hands"]) for entry in read_results(again)["files"]] == [0, 2]


def test_rows_that_a_join_has_doubled_are_an_error(tmp_path):
    """All hands were there twice, without a word."""
    path = write(tmp_path / "t.parquet", "parquet", [image("a.jpg", open_hand(), open_hand(250)), image("b.jpg")])
    table = pq.read_table(path)
    pq.write_table(pa.concat_tables([table, table]), path)
    with pytest.raises(FormatError) as error:
        read(path)
    assert str(error.value) == f"{path}: row 2: hand 0 of a.jpg is there twice, as after a join of tables"
    other = table.set_column(table.column_names.index("hand"), "hand", pa.array([0, 0], pa.int32()))
    pq.write_table(other, path)  # two hands, though of one number
    assert [len(record.hands) for record in read(path)] == [2, 0]
