"""The result file's JSON Schema: what the project writes follows it, what is damaged does not, and `--check` tells."""

import copy
import json
import tempfile
from pathlib import Path

import numpy as np
import pytest
from conftest import SAMPLES, handpose
from hypothesis import HealthCheck, given, settings
from labelled import image, open_hand, write
from record_strategies import record_lists

from handpose_cli.labels.schema import checked_records, load_schema, problems_of
from handpose_cli.records import KEYPOINT_NAMES, Hand, ImageRecord

SCORES = np.full(21, 0.9, np.float32)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(records=record_lists())
def test_what_is_written_follows_the_schema(records):
    with tempfile.TemporaryDirectory() as folder:
        path = write(Path(folder, "r.json"), "handpose", records)
        found = []
        read = list(checked_records(path, lambda *problem: found.append(problem)))
        assert problems_of(json.loads(path.read_text(encoding="utf-8"))) == []
    assert (found, len(read)) == ([], len(records))


def test_what_predict_writes_follows_the_schema(samples_run):
    path = samples_run[0] / "predictions.json"
    done = handpose("convert-labels", "--check", path)
    assert done.stdout.startswith("84 images, 84 hands, handpose;")
    assert "against the schema" not in done.stdout
    assert problems_of(json.loads(path.read_text(encoding="utf-8"))) == []


def test_labels_from_elsewhere_follow_it(tmp_path):
    handpose("convert-labels", SAMPLES, tmp_path / "l.json", "--to", "handpose")
    assert handpose("convert-labels", "--check", tmp_path / "l.json").exit_code == 0


@pytest.fixture(scope="module")
def document(tmp_path_factory) -> dict:
    """A result file with every property: a still image, labels, a video that is damaged, one unreadable input."""
    half = open_hand(visibility=np.arange(21, dtype=np.uint8) % 3, area=90.0, head_size=20.0)
    half.keypoints[half.visibility == 0] = np.nan
    raw = open_hand().keypoints
    smooth = open_hand(track_id=1, score=0.5, keypoint_scores=SCORES, raw_keypoints=raw, interpolated=True)
    smooth.flags = ("small", "low_scores")
    records = [
        ImageRecord("a.jpg", 400, 300, [open_hand(handedness="left", score=0.9, keypoint_scores=SCORES)], sample="s"),
        ImageRecord("b.jpg", 400, 300, [half, Hand(np.array([1, 2, 3, 4], np.float32))]),
        ImageRecord("c.mp4", 400, 300, [smooth], frame=0, time=0.0, fps=25.0),
        ImageRecord("c.mp4", 400, 300, [], frame=1, time=0.04, fps=25.0),
        ImageRecord("c.mp4", None, None, failure="damaged after frame 1"),
        ImageRecord("d.jpg", None, None, failure="empty file (0 bytes)"),
    ]
    path = write(tmp_path_factory.mktemp("schema") / "r.json", "handpose", records)
    return json.loads(path.read_text())


def at(document: dict, path: tuple):
    for key in path:
        document = document[key]
    return document


def places(value, path: tuple = ()):
    """Yield the path of every value in a document."""
    if path:
        yield path
    for key in value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ():
        yield from places(value[key], (*path, key))


def as_text(path: tuple) -> str:
    return "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in path)


def problems_after(document: dict, path: tuple, change) -> list[tuple[str, str]]:
    """Return the problems after what is at `path[-1]` of a copy has been changed by `change(parent, key)`."""
    changed = copy.deepcopy(document)
    change(at(changed, path[:-1]), path[-1])
    return problems_of(changed)


def test_no_required_property_may_lack(document):
    schema = load_schema()
    required = [((name,), schema["required"]) for name in schema["required"]]
    required.append((("info", "format_version"), schema["properties"]["info"]["required"]))
    for number, entry in enumerate(document["files"]):
        names = schema["definitions"]["entry"]["required"]
        required += [(("files", number, name), names) for name in names]
        for hand in range(len(entry["hands"])):
            names = schema["definitions"]["hand"]["required"]
            required += [(("files", number, "hands", hand, name), names) for name in names]
    assert len(required) == 4 + 1 + 4 * 4 + 4 * 7
    for path, _ in required:
        found = problems_after(document, path, lambda parent, key: parent.pop(key))
        assert (as_text(path[:-1]), f"must contain {path[-1]}") in found
    for name in ("frames", "frame_times"):
        found = problems_after(document, ("files", 2, name), lambda parent, key: parent.pop(key))
        assert found == [(".files[2]", f"must contain {name} too")]


def test_no_value_may_be_of_another_type(document):
    for path in places(document):
        wrong = {"files": 0} if not isinstance(at(document, path), dict) else ["files"]
        found = problems_after(document, path, lambda parent, key, wrong=wrong: parent.__setitem__(key, wrong))
        assert any(where.startswith(as_text(path)) for where, _ in found), path
        assert all("Received: " in what or "must contain" in what for _, what in found), found


def test_no_fixed_length_may_be_another(document):
    grows = {"hands", "files", "skeleton", "frame_times", "flags"}
    for path in places(document):
        length = len(at(document, path)) if isinstance(at(document, path), list) else 0
        if length == 0 or path[-1] in grows:
            continue
        for change, received in ((lambda p, key: p[key].pop(), length - 1),
                                 (lambda p, key: p[key].append(p[key][-1]), length + 1)):  # fmt: skip
            expected = (as_text(path), f"must contain exactly {length} items. Received: {received}")
            assert expected in problems_after(document, path, change)


@pytest.mark.parametrize(
    ("path", "value", "problem"),
    [
        (("files", 0, "hands", 0, "score"), 1.5, "must be smaller than or equal to 1. Received: 1.5"),
        (("files", 0, "hands", 0, "score"), -0.1, "must be bigger than or equal to 0. Received: -0.1"),
        (("files", 0, "hands", 0, "score"), True, "must be number or null. Received: true"),
        (("files", 0, "hands", 0, "keypoints", 20, 2), 1.0001,
         "must be smaller than or equal to 1. Received: 1.0001"),
        (("files", 0, "hands", 0, "keypoints", 20, 0), None, "must be number. Received: null"),
        (("files", 0, "hands", 0, "box", 3), -1, "must be bigger than or equal to 0. Received: -1"),
        (("files", 0, "hands", 0, "handedness"), "Left",
         'must be one of "left", "right", null. Received: "Left"'),
        (("files", 0, "hands", 0, "frame"), 0, "must be null. Received: 0"),
        (("files", 0, "hands", 0, "track_id"), 1.5, "must be integer or null. Received: 1.5"),
        (("files", 1, "hands", 0, "visibility", 4), 3, "must be one of 0, 1, 2. Received: 3"),
        (("files", 2, "hands", 0, "frame"), None, "must be integer. Received: null"),
        (("files", 2, "hands", 0, "raw_keypoints", 0, 1), None, "must be number. Received: null"),
        (("files", 2, "frame_times", 1, 0), -1, "must be bigger than or equal to 0. Received: -1"),
        (("files", 0, "width"), 0, "must be bigger than or equal to 1. Received: 0"),
        (("files", 3, "failure"), "", 'must be longer than or equal to 1 characters. Received: ""'),
        (("files", 3, "file"), ["x" * 99], "must be string. Received: a list of 1"),
        (("keypoint_names", 1), "x" * 99, 'must be "thumb_cmc". Received: "' + 59 * "x" + "..."),
        (("skeleton", 0, 1), 21, "must be smaller than or equal to 20. Received: 21"),
        (("info", "format_version"), 2, "must be 1. Received: 2"),
    ],
)  # fmt: skip
def test_values_out_of_range(document, path, value, problem):
    found = problems_after(document, path, lambda parent, key: parent.__setitem__(key, value))
    assert found == [(as_text(path), problem)]


def test_every_property_is_described():
    schema = load_schema()
    parts = [schema, schema["properties"]["info"], *schema["definitions"].values()]
    for part in parts:
        assert part["description"]
        for name, property in part["properties"].items():
            assert property["description"].endswith("."), name
    names = [item["const"] for item in schema["properties"]["keypoint_names"]["items"]]
    assert names == list(KEYPOINT_NAMES)


# === handpose convert-labels --check ===


def check(tmp_path, content) -> tuple[list[str], list[list[str]]]:
    """Return the first line and the table's rows of a check that finds something."""
    path = tmp_path / "r.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    done = handpose("convert-labels", "--check", f"handpose:{path}")
    assert (done.exit_code, done.stderr) == (1, "")
    first, *table = done.stdout.splitlines()
    return first, [[cell.strip() for cell in line.split("│")[1:-1]] for line in table if line.startswith("│")]


def test_the_check_lists_what_is_against_the_schema(tmp_path, document):
    wrong = copy.deepcopy(document)
    for _ in range(4):
        wrong["files"].append(copy.deepcopy(wrong["files"][0]))
        wrong["files"][-1]["hands"][0]["box"] = [1, 2]
    wrong["files"][-1]["hands"][0]["score"] = 2
    del wrong["files"][3]["width"]
    wrong["skeleton"][3] = [1, 21]
    first, rows = check(tmp_path, wrong)
    assert first == "5 images, 4 hands, handpose; kinds of problem: 4"  # two frames, and why c.mp4 ends
    assert rows == [
        ["against the schema: files[].hands[].box", "4",
         "files[4].hands[0].box must contain exactly 4 items. Received: 2"],
        ["", "", "files[5].hands[0].box must contain exactly 4 items. Received: 2"],
        ["", "", "files[6].hands[0].box must contain exactly 4 items. Received: 2"],
        ["against the schema: files[]", "1", "files[3] must contain width"],
        ["against the schema: files[].hands[].score", "1",
         "files[7].hands[0].score must be smaller than or equal to 1. Received: 2"],
        ["against the schema: skeleton[][]", "1", "skeleton[3][1] must be smaller than or equal to 20. Received: 21"],
    ]  # fmt: skip


def test_the_hands_are_numbered_in_a_video_too(tmp_path, document):
    wrong = copy.deepcopy(document)
    clip = wrong["files"][2]
    clip["hands"] = [copy.deepcopy(clip["hands"][0]) for _ in range(3)]
    clip["hands"][2]["keypoints"][20] = [1, "far"]
    _, rows = check(tmp_path, wrong)
    assert [row[2] for row in rows] == [
        "files[2].hands[2].keypoints[20] must contain exactly 3 items. Received: 2",
        'files[2].hands[2].keypoints[20][1] must be number. Received: "far"',
    ]


def test_the_rest_is_looked_through_as_before(tmp_path):
    path = write(tmp_path / "l.json", "handpose", [image("a[b].jpg", open_hand(), open_hand()), image("c.jpg")])
    content = json.loads(path.read_text())
    content["files"][1]["hands"] = None
    assert check(tmp_path, content) == (
        "1 images, 2 hands, handpose; kinds of problem: 2",
        [
            ["against the schema: files[].hands", "1", "files[1].hands must be array. Received: null"],
            ["the same hand twice in an image", "1", "a[b].jpg, hand 1"],
        ],
    )


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("[]", "the file must be object. Received: a list of 0"),
        ("{}", "the file must contain info, keypoint_names, skeleton, files"),
        ('{"files": [7]}', "files[0] must be object. Received: 7"),
        ('{"info": {"format_version": 1}, "keypoint_names": [], "skeleton": [], "files": {}}',
         "files must be array. Received: an object"),
    ],
)  # fmt: skip
def test_a_file_of_another_kind(tmp_path, content, told):
    first, rows = check(tmp_path, content)
    assert first.startswith("0 images, 0 hands, handpose; ")
    assert told in [row[2] for row in rows]


def test_a_file_that_is_cut_short_is_checked_as_far_as_it_goes(tmp_path, document):
    wrong = copy.deepcopy(document)
    wrong["files"][0]["hands"][0]["box"] = 1
    _, rows = check(tmp_path, json.dumps(wrong)[:-40])
    assert [row[2] for row in rows] == [
        "files[0].hands[0].box must be array. Received: 1",
        f"{tmp_path / 'r.json'}: cannot be read as JSON: parse error: premature EOF",
    ]


def test_what_the_schema_cannot_say_is_told_too(tmp_path, document):
    wrong = copy.deepcopy(document)
    wrong["files"][0]["hands"][0]["keypoints"][0][0] = 1e200
    _, rows = check(tmp_path, wrong)
    told = "files[0]: keypoints must be 21 x 2 finite numbers. Received: a number that is not finite"
    assert rows == [["cannot be read", "1", told]]


def test_other_names_are_for_later_versions_unless_they_look_misspelt(tmp_path, document):
    more = copy.deepcopy(document)
    more["licence"] = "none"
    more["files"][0]["camera"] = more["files"][0]["hands"][0]["gesture"] = {"id": 1}
    assert problems_of(more) == []
    more["files"][1]["hands"][0]["visibilty"] = more["files"][1]["hands"][0].pop("visibility")
    for point in more["files"][1]["hands"][0]["keypoints"]:
        point[:2] = 5, 6
    _, rows = check(tmp_path, more)
    assert ["misspelt, and so ignored?", "1", "files[1].hands[0].visibilty is nearly visibility"] in rows
