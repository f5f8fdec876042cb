"""MediaPipe's results as people save them: every layout gives the same hands, in pixels."""

import csv
import json

import cv2
import numpy as np
import pytest
from conftest import handpose
from hypothesis import given
from hypothesis import strategies as st
from labelled import image, open_hand, write

from handpose_cli.formats import FormatError, ReadOptions
from handpose_cli.formats.mediapipe import read, recognises
from handpose_cli.labels.recognise import recognise
from handpose_cli.records import NUM_JOINTS

WIDTH, HEIGHT = 400, 300
LEFT, RIGHT = open_hand(60), open_hand(220, 120)
NAMES = ["WRIST", *(f"THUMB_{joint}" for joint in ("CMC", "MCP", "IP", "TIP"))]
NAMES += [
    f"{f}_{j}" for f in ("INDEX_FINGER", "MIDDLE_FINGER", "RING_FINGER", "PINKY") for j in ("MCP", "PIP", "DIP", "TIP")
]


def triples(hand, shares=True):
    points = hand.keypoints / [WIDTH, HEIGHT] if shares else hand.keypoints
    return [[float(x), float(y), -0.01] for x, y in points]


def objects(hand, **more):
    return [{"x": x, "y": y, "z": z, **more} for x, y, z in triples(hand)]


def message(hand):  # NormalizedLandmarkList by MessageToDict
    return {"landmark": objects(hand)}


def classified(label):
    return {"classification": [{"index": 0, "score": 0.75, "label": label}]}


TASKS = {
    "handedness": [
        [{"index": 1, "score": 0.75, "display_name": side, "category_name": side}] for side in ("Left", "Right")
    ],
    "hand_landmarks": [objects(hand, visibility=0.0, presence=0.0, name=None) for hand in (LEFT, RIGHT)],
    "hand_world_landmarks": [objects(LEFT), objects(RIGHT)],
}
SIDES = [classified("Left"), classified("Right")]
OLD = {"multi_hand_landmarks": [message(LEFT), message(RIGHT)], "multi_handedness": SIDES}
SIDED, PLAIN = ["left", "right"], [None, None]
LAYOUTS = {
    "tasks by image": ({"a.jpg": TASKS}, SIDED),
    "older by image": ({"a.jpg": OLD}, SIDED),
    "messages by image": ({"a.jpg": [message(LEFT), message(RIGHT)]}, PLAIN),
    "triples by image": ({"b.jpg": [], "a.jpg": [triples(LEFT), triples(RIGHT)], "c.jpg": None}, PLAIN),
    "pairs by image": ({"a.jpg": [[p[:2] for p in triples(hand)] for hand in (LEFT, RIGHT)]}, PLAIN),
    "objects by image": ({"a.jpg": [objects(LEFT), objects(RIGHT)]}, PLAIN),
    "list": (
        [{"image": "a.jpg", "landmarks": [triples(LEFT), triples(RIGHT)], "handedness": ["Left", "Right"]}], SIDED
    ),
    "list of tasks": ([{"file": "a.jpg", **TASKS}], SIDED),
    "list of hands": (
        [{"file_name": "a.jpg", "hands": [{"landmarks": objects(LEFT), "handedness": "Left", "score": 0.75},
                                          {"landmarks": objects(RIGHT), "handedness": "Right", "score": 0.75}]}],
        SIDED,
    ),
    "around": ({"results": [{"file": "a.jpg", "width": WIDTH, "height": HEIGHT, **OLD}]}, SIDED),
    "around by name": ({"model": {"version": 1}, "images": {"a.jpg": TASKS}}, SIDED),
    "JavaScript": (
        {"a.jpg": {"landmarks": TASKS["hand_landmarks"], "worldLandmarks": [],
                   "handednesses": [[{"score": 0.75, "categoryName": side}] for side in ("Left", "Right")]}},
        SIDED,
    ),
    "holistic": ({"a.jpg": {"left_hand_landmarks": message(LEFT), "right_hand_landmarks": message(RIGHT)}}, SIDED),
    "one result": ({"image": "a.jpg", **TASKS}, SIDED),
}  # fmt: skip


@pytest.fixture
def photo(tmp_path):
    cv2.imencode(".jpg", np.zeros((HEIGHT, WIDTH), np.uint8))[1].tofile(tmp_path / "a.jpg")
    return tmp_path


def saved(path, content):
    path.write_text(json.dumps(content))
    return path


def assert_both(records, sides=PLAIN, file="a.jpg"):
    (record,) = [record for record in records if record.hands]
    assert record.file == file
    assert [hand.handedness for hand in record.hands] == sides
    for hand, expected in zip(record.hands, (LEFT, RIGHT), strict=True):
        np.testing.assert_allclose(hand.keypoints, expected.keypoints, atol=1e-3)
    return record


@pytest.mark.parametrize("layout", LAYOUTS)
def test_json(layout, photo):
    content, sides = LAYOUTS[layout]
    path = saved(photo / "r.json", content)
    if layout != "around by name":
        assert recognise(path).name == "mediapipe"
    record = assert_both(read(path), sides)
    assert (record.width, record.height) == (WIDTH, HEIGHT)
    if sides == SIDED and layout not in ("list", "holistic"):
        assert [hand.score for hand in record.hands] == [0.75, 0.75]


@pytest.mark.parametrize(
    ("key", "label"),
    [("name", lambda n: NAMES[n].lower()), ("id", lambda n: n), ("index", lambda n: n + 1),
     ("landmark", NAMES.__getitem__), ("id", lambda n: 7)],
)  # fmt: skip
def test_landmarks_go_by_their_names_or_numbers_where_these_are_all_told(key, label, photo):
    order = list(range(21)) if label(0) == label(1) else [*range(20, -1, -1)]
    points = objects(LEFT)
    landmarks = [{key: label(place), **points[place]} for place in order]
    ((hand,),) = (record.hands for record in read(saved(photo / "r.json", {"a.jpg": [landmarks]})))
    assert hand.keypoints == pytest.approx(LEFT.keypoints, abs=0.01)


def test_a_file_of_one_result_a_folder_of_them_and_json_lines(photo):
    folder = photo / "results"
    folder.mkdir()
    assert_both(read(saved(photo / "a.json", [message(LEFT), message(RIGHT)])))
    assert recognises(photo / "results", b"") is False
    saved(folder / "a.json", TASKS)
    assert recognise(folder).name == "mediapipe"
    assert_both(read(folder, photo), SIDED)
    (photo / "r.jsonl").write_text("".join(json.dumps({"image": f"{n}.jpg", **OLD}) + "\n\n" for n in "a"))
    assert_both(read(photo / "r.jsonl"), SIDED)


def table(path, header, rows, delimiter=","):
    with path.open("w", newline="") as file:
        csv.writer(file, delimiter=delimiter).writerows([header, *rows])
    return path


def flat(hand, digits=None):
    return [value for point in triples(hand) for value in point]


@pytest.mark.parametrize(
    "column", ["{axis}{number}", "{number}_{axis}", "{name}_{axis}", "{axis}_{name}", "landmark_{number}_{axis}"]
)
def test_a_wide_table(column, photo):
    columns = [column.format(axis=axis, number=n, name=name) for n, name in enumerate(NAMES) for axis in "xyz"]
    rows = [["a.jpg", "Left", 0.9, *flat(LEFT)], ["a.jpg", "Right", "", *flat(RIGHT)], ["none.jpg", "", "", *[""] * 63]]
    path = table(photo / "r.csv", ["file", "handedness", "score", *columns], rows)
    assert recognise(path).name == "mediapipe"
    records = list(read(path))
    assert_both(records, SIDED)
    assert [hand.score for hand in records[0].hands] == [0.9, None]
    assert [record.file for record in records] == ["a.jpg", "none.jpg"]


def test_both_hands_in_a_row_with_semicolons_and_decimal_commas(photo):
    columns = [f"{side}_{name}_{axis}" for side in SIDED for name in NAMES for axis in "xyz"]
    row = ["a.jpg", *(str(value).replace(".", ",") for value in flat(LEFT) + flat(RIGHT))]
    assert_both(read(table(photo / "r.csv", ["image", *columns], [row], ";")), SIDED)
    columns = [f"hand{n}_{name}_{axis}" for n in "01" for name in NAMES for axis in "xyz"]
    assert_both(read(table(photo / "r.csv", ["image", *columns], [["a.jpg", *flat(LEFT), *flat(RIGHT)]])))


@pytest.mark.parametrize("names", [NAMES, range(21), range(1, 22), [f"{n}.0" for n in range(21)]])
@pytest.mark.parametrize("hands", [True, False])
def test_a_long_table(names, hands, photo):
    both = enumerate((LEFT, RIGHT))
    rows = [["a.jpg", n, name, *point] for n, hand in both for name, point in zip(names, triples(hand), strict=True)]
    rows = rows[::-1] if hands else [[row[0], "", *row[2:]] for row in rows]
    path = table(photo / "r.csv", ["filename", "hand_id", "landmark", "x", "y", "z"], rows)
    assert recognise(path).name == "mediapipe"
    if not hands:  # a landmark again: the next hand
        path = table(path, ["filename", "landmark", "x", "y", "z"], [[row[0], *row[2:]] for row in rows])
        assert_both(read(path))
    else:
        (record,) = read(path)
        np.testing.assert_allclose(record.hands[1].keypoints, LEFT.keypoints, atol=1e-3)


def test_the_rows_of_a_long_table_belong_to_their_tracks(photo):
    """Of the first track a joint is missing; the second one's is not taken for it."""
    rows = [
        ["a.jpg", track, n, *point] for track, hand in ((1, LEFT), (2, RIGHT)) for n, point in enumerate(triples(hand))
    ]
    path = table(photo / "r.csv", ["filename", "track", "landmark", "x", "y", "z"], rows[:8] + rows[9:])
    (record,) = read(path)
    assert [hand.track_id for hand in record.hands] == [1, 2]
    assert np.isnan(record.hands[0].keypoints[8]).all()
    np.testing.assert_allclose(record.hands[1].keypoints, RIGHT.keypoints, atol=1e-3)


def test_our_own_table_of_shares_by_name_only(photo):
    """As the tool's `csv` has columns, but with MediaPipe's numbers: evaluate refuses it, and says how it is read."""
    shares = [
        image("a.jpg", type(hand)(hand.box, keypoints=hand.keypoints / [WIDTH, HEIGHT])) for hand in (LEFT, RIGHT)
    ]
    path = write(photo / "r.csv", "csv", [shares[0]])
    assert recognise(path).name == "csv"
    (record,) = read(path)
    np.testing.assert_allclose(record.hands[0].keypoints, LEFT.keypoints, atol=2)  # the table rounds to 1/100
    labels = write(photo / "l.json", "handpose", [image("a.jpg", LEFT)])
    done = handpose("evaluate", "--labels", labels, "--predictions", path)
    assert done.exit_code == 1 and done.stderr.endswith("are read as they are if named mediapipe:PATH\n")
    done = handpose("evaluate", "--labels", labels, "--predictions", f"mediapipe:{path}", "--json", "-q")
    assert (done.exit_code, json.loads(done.stdout)["predictions"]["format"]) == (0, "mediapipe")


def test_pixels_are_left_as_they_are(tmp_path):
    content = {"a.jpg": [triples(LEFT, shares=False), triples(RIGHT, shares=False)]}
    record = assert_both(read(saved(tmp_path / "r.json", content)))
    assert record.width is None


def test_a_video_that_only_the_user_knows(tmp_path):
    options = ReadOptions(video="v.mp4")
    path = saved(tmp_path / "r.json", {"0": [], "7": [triples(LEFT, shares=False), triples(RIGHT, shares=False)]})
    assert assert_both(read(path, options=options), file="v.mp4").frame == 7
    path = saved(tmp_path / "r.json", [[], [triples(LEFT, shares=False), triples(RIGHT, shares=False)]])
    assert assert_both(read(path, options=options), file="v.mp4").frame == 1
    columns = [f"{axis}{n}" for n in range(21) for axis in "xyz"]
    rows = [[3, *np.ravel(triples(hand, shares=False))] for hand in (LEFT, RIGHT)]
    path = table(tmp_path / "r.csv", ["frame", *columns], rows)
    assert assert_both(read(path, options=options), file="v.mp4").frame == 3
    done = handpose("convert-labels", path, tmp_path / "o.json", "--to", "handpose")
    assert done.stderr == (
        f"Error: {path}: no column with the images' names (file, image, filename ...). Name the video with --video\n"
    )
    done = handpose("convert-labels", path, tmp_path / "o.json", "--to", "handpose", "--video", "v.mp4")
    assert done.exit_code == 0 and json.loads((tmp_path / "o.json").read_text())["files"][0]["file"] == "v.mp4"


def test_sleaps_analysis_csv_keeps_tracks_and_scores_also_with_one_track_behind_the_other(tmp_path, caplog):
    joints = sorted(NAMES)
    header = ["track", "frame_idx", "instance.score"]
    header += [f"{name}.{column}" for name in joints for column in ("x", "y", "score")] + ["video_fps"]

    def cells(hand, score):
        places = dict(zip(NAMES, hand.keypoints, strict=True))
        return [cell for name in joints for cell in (*places[name], score if name == "WRIST" else "")]

    rows = [
        ["b", 3, 0.9, *cells(LEFT, 0.5), 25],
        ["b", 5, "", *cells(LEFT, ""), 25],
        ["a", 3, 0.8, *cells(RIGHT, 0.4), 25],
    ]
    path = table(tmp_path / "s.csv", header, rows)
    assert recognise(path).name == "mediapipe"
    records = list(read(path, options=ReadOptions(video="v.mp4")))
    found = [(r.frame, h.track_id, h.score, h.keypoint_scores) for r in records for h in r.hands]
    assert [hand[:3] for hand in found] == [(3, 0, 0.9), (3, 1, 0.8), (5, 0, None)]
    assert found[0][3].tolist() == [0.5, *[1.0] * 20] and found[2][3] is None
    assert_both(records[:1], file="v.mp4")
    assert {record.message for record in caplog.records} == {f"{path}: left out: 1 columns: video_fps"}
    sided = [[f"{side}_hand", 3, 0.9, *cells(LEFT, 0.5), 25] for side in ("left", "right")]
    (record,) = read(table(tmp_path / "sides.csv", header, sided), options=ReadOptions(video="v.mp4"))
    assert [hand.handedness for hand in record.hands] == ["left", "right"]
    (tmp_path / "s.slp").write_bytes(b"\x89HDF\r\n\x1a\n")
    assert handpose("convert-labels", tmp_path / "s.slp", tmp_path / "o.csv", "--to", "csv").stderr == (
        f"Error: {tmp_path}/s.slp: SLEAP's own files are not read. Export the analysis CSV, in SLEAP or by "
        "'sio convert s.slp -o s.csv', or COCO by '... -o s.json --to coco'\n"
    )


def test_names_of_columns_by_the_user(photo):
    columns = [f"{axis}_Punkt{n}" for n in range(21) for axis in "xy"]
    row = ["a.jpg", *(value for point in triples(LEFT) for value in point[:2])]
    with pytest.raises(FormatError, match="no columns of landmarks"):
        list(read(table(photo / "r.csv", ["file", *columns], [row])))


def test_a_name_too_long_and_a_head_that_is_no_csv(tmp_path):
    with pytest.raises(FormatError, match=r"the size of b{3000}\.jpg is neither"):
        list(read(saved(tmp_path / "r.json", {"b" * 3000 + ".jpg": [triples(LEFT)]})))
    assert not recognises(tmp_path / "r.csv", b"file,x,y\rlandmark\n")


def words(*content):
    return [pytest.param(*each, id=each[1][:40]) for each in content]


@pytest.mark.parametrize(
    ("content", "error"),
    words(
        ({"a.jpg": [triples(LEFT)]}, ": a.jpg: coordinates from 0 to 1, and the size of a.jpg is neither in the file "
         "nor is the image in {folder}"),
        ({"a.jpg": [triples(LEFT)[:20]]}, ": a.jpg: 21 landmarks of a hand expected. Received: 20"),
        ({"a.jpg": {"pose_landmarks": []}}, ": a.jpg: no hands' landmarks: hand_landmarks, handLandmarks, "
         "multi_hand_landmarks ... expected"),
        ([{"landmarks": []}], ": [0]: the name of the image is missing (image, file, file_name, filename ...)"),
        ([{"image": "a.jpg", "frame": 1.5, "landmarks": []}], ": [0]: a whole number from 0 expected. Received: 1.5"),
        ({"a.jpg": [[["x", 1]] * 21]}, ": a.jpg: could not convert string to float: 'x'"),
        ({"a.jpg": [[{"x": 1}] * 21]}, ": a.jpg: no 'y'"),
        ({"version": 1, "things": {"k": 3}}, ": no hands' landmarks. Received: version, things"),
        ({"image": "a.jpg", "width": 640}, ": no hands' landmarks. Received: image, width"),
    ),
)  # fmt: skip
def test_errors_name_the_place(content, error, tmp_path):
    path = saved(tmp_path / "r.json", content)
    with pytest.raises(FormatError) as raised:
        list(read(path))
    assert str(raised.value) == f"{path}{error}".replace("{folder}", str(tmp_path))


@pytest.mark.parametrize(
    ("row", "error"),
    [("0,1,5,2,5", "5 cells for 4 columns. With decimal commas, ; or tabs must be between cells\n"),
     ("0,1.5", "2 cells for 4 columns: the file ends within a line")],
)  # fmt: skip
def test_rows_with_more_or_cut_off_cells_are_no_hands(row, error, tmp_path):
    path = tmp_path / "r.csv"
    path.write_text(f"frame,x0,y0,x1\n0,1,2,3\n{row}" + ("\n" if error.endswith("\n") else ""))
    with pytest.raises(FormatError) as raised:
        list(read(path, None, ReadOptions(video="v.mp4")))
    assert str(raised.value) == f"{path}: line 3: {error.strip()}"


def test_a_size_that_is_missing_is_asked_for_by_its_option(photo):
    path = saved(photo / "r.json", {"x/b.jpg": [triples(LEFT)]})
    done = handpose("convert-labels", path, photo / "o.json", "--to", "handpose")
    assert done.exit_code == 1 and done.stderr.endswith(". Say where the images are with --images\n")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 30) | st.floats(allow_nan=False)
    | st.sampled_from(["a.jpg", "Left", ""]),
    lambda inner: st.lists(inner, max_size=4)
    | st.dictionaries(st.sampled_from(["a.jpg", "7", "landmark", "hands", "landmarks", "handedness", "frame", "image",
                                       "images", "hand_landmarks", "x", "left_hand_landmarks", "width"]),
                      inner, max_size=4)
    | st.just([[0.5, 0.5]] * NUM_JOINTS),
    max_leaves=12,
)  # fmt: skip


@given(content=JSON, video=st.sampled_from([None, "v.mp4"]))
def test_anything_gives_records_or_one_line(content, video, tmp_path_factory):
    path = saved(tmp_path_factory.getbasetemp() / "any.json", content)
    recognises(path, path.read_bytes())
    try:
        for record in read(path, options=ReadOptions(video=video)):
            assert isinstance(record.file, str) and all(hand.keypoints.shape == (21, 2) for hand in record.hands)
    except FormatError as error:
        assert "\n" not in str(error)
