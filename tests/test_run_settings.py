"""What a run is asked for, and what of it is the run's identity."""

import json
from dataclasses import fields

from conftest import SAMPLES, handpose

from handpose_cli.annotator.settings import AnnotateSettings
from handpose_cli.media.inputs import Input
from handpose_cli.runs.report import Report
from handpose_cli.runs.settings import NetworkSettings, OutputSettings, RunSettings, Span, TrackSettings
from handpose_cli.runs.shard import Shard

PICTURE = SAMPLES / "two_hands.jpg"


def test_the_identity_is_of_what_changes_a_record(tmp_path):
    asked = RunSettings(
        OutputSettings(tmp_path, ("csv",), True),
        AnnotateSettings(0.4, 2, 3, 600, boxes={("a.jpg", None): []}),
        NetworkSettings("runs/mine", "whole-image", "keras"),
        TrackSettings(True, "one-euro", 0.4),
        Span(2, 1.0, 3.0),
        ("photos",),
    )
    assert asked.identity() == {
        "detector": "whole-image",
        "engine": "keras",
        "score_threshold": 0.4,
        "views": 2,
        "max_hands": 3,
        "tile": 600,
        "track": True,
        "smooth": "one-euro",
        "every": 2,
        "start": 1.0,
        "end": 3.0,
    }


def test_a_run_of_the_command_has_the_identity_of_its_settings(tmp_path):
    out = tmp_path / "out"
    call = ("predict", PICTURE, "-o", out, "--views", 1, "--score-threshold", 0.3, "--max-hands", 1, "--every", 2)
    assert handpose(*call).exit_code == 0
    header = json.loads((out / "journal.jsonl").read_text().splitlines()[0])["settings"]
    same = RunSettings(OutputSettings(out), AnnotateSettings(0.3, 1, 1), span=Span(2))
    beside = {"tool", "versions", "weights", "boxes"}  # which say what the files were
    assert {name: value for name, value in header.items() if name not in beside} == same.identity()


def test_no_two_settings_share_a_name():
    parts = (NetworkSettings, AnnotateSettings, TrackSettings, Span)
    names = [each.name for part in parts for each in fields(part) if each.metadata.get("changes", True)]
    assert len(names) == len(set(names))


def test_shards_are_parts_of_the_inputs_and_together_all_of_them():
    inputs = [Input(f"{number:02d}.jpg", "") for number in range(11)]
    parts = [Shard(number, 3).of(inputs)[1] for number in (1, 2, 3)]
    assert sorted(parts[0] + parts[1] + parts[2]) == inputs
    assert max(map(len, parts)) - min(map(len, parts)) <= 1
    assert str(Shard(2, 3)) == "2/3"


def test_a_report_counts_and_words(tmp_path):
    out = tmp_path / "out"
    (tmp_path / "broken.jpg").write_bytes(b"no picture")
    result = handpose("predict", PICTURE, tmp_path / "broken.jpg", "-o", out, "--summary-json", tmp_path / "sum.json")
    assert result.exit_code == 3
    summary = json.loads((tmp_path / "sum.json").read_text())
    assert list(summary) == [
        "status", "exit_code", "inputs", "images", "hands", "failures", "annotated", "seconds",
    ]  # fmt: skip
    assert [summary[name] for name in ("inputs", "images", "hands", "failures", "annotated")] == [2, 1, 2, 1, 1]
    assert result.stderr.splitlines()[-1].startswith("2 inputs, 1 images, 2 hands, 1 failures in ")
    assert Report().exit_code == 0
