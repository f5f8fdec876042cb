"""Runs on successive ranges of one video's time, joined to one."""

import re
import shutil

import pytest
from chaos import outputs
from conftest import handpose, read_results
from made_up_inputs import encoded, write_clip
from made_up_videos import damage_packet

from handpose_cli.runs import journal as journals

FAST = ("--views", 1, "--format", "csv")


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    """A photograph, a clip of 1.25 s, one that ends within its first half second, and one that is damaged."""
    folder = tmp_path_factory.mktemp("inputs")
    (folder / "a.jpg").write_bytes(encoded(0))
    write_clip(folder / "clip.mp4", frames=30, gop=6)
    write_clip(folder / "short.mp4", frames=6)
    damaged = folder / "damaged.mp4"
    write_clip(damaged, frames=30, gop=6)
    damage_packet(damaged, 14)
    return folder


def predict(inputs, out, *span):
    result = handpose("predict", inputs, "-o", out, *FAST, *span)
    assert result.exit_code in (0, 3), result.stderr
    return out


@pytest.fixture(scope="module")
def parts(inputs, tmp_path_factory):
    """Runs on three ranges, of which the first is done in two shards."""
    folder = tmp_path_factory.mktemp("parts")
    first = ("--end", 0.5)
    return [
        predict(inputs, folder / "late", "--start", 1, "--end", 3),
        predict(inputs, folder / "one", *first, "--shard", "1/2"),
        predict(inputs, folder / "two", *first, "--shard", "2/2"),
        predict(inputs, folder / "middle", "--start", 0.5, "--end", 1),
    ]


def error(*runs):
    out = runs[0].parent / "refused"
    result = handpose("merge", *runs, "-o", out)
    assert (result.exit_code, out.exists()) == (1, False)
    return result.stderr


def test_they_join_to_the_bytes_of_one_run(inputs, parts, tmp_path):
    result = handpose("merge", *parts, "-o", tmp_path / "all")
    assert result.exit_code == 3, result.stderr
    whole = predict(inputs, tmp_path / "whole", "--end", 3)
    assert outputs(tmp_path / "all") == outputs(whole)
    assert handpose("merge", *parts, "-o", tmp_path / "all", "--overwrite", "-q").output == ""
    found = read_results(tmp_path / "all")
    arguments = found["info"]["arguments"]
    assert (arguments["start"], arguments["end"]) == (None, 3)
    files = {entry["file"]: entry for entry in found["files"]}
    assert [frame for frame, _ in files["clip.mp4"]["frame_times"]] == list(range(30))
    assert (files["short.mp4"]["frames"], files["short.mp4"].get("failure")) == (6, None)
    assert files["damaged.mp4"]["failure"].startswith("damaged after frame")
    resumed = handpose("predict", inputs, "-o", tmp_path / "all", *FAST, "--end", 3, "--resume")
    assert resumed.stderr.splitlines()[0] == "4 of 4 inputs are done"


def test_a_hand_has_one_track_through_all_ranges(inputs, tmp_path):
    more = ("--track", "--draw")
    one = predict(inputs / "clip.mp4", tmp_path / "one", "--end", 0.5, *more)
    two = predict(inputs / "clip.mp4", tmp_path / "two", "--start", 0.5, *more)
    result = handpose("merge", two, one, "-o", tmp_path / "all")
    assert result.stderr.splitlines()[0] == (
        "Annotated copies that were not joined, since each run has its range: 1 (clip.mp4)"
    )
    [entry] = read_results(tmp_path / "all")["files"]
    assert len({hand["track_id"] for hand in entry["hands"]}) == 1
    assert len(entry["hands"]) == 30


def test_what_does_not_join_is_refused_in_a_line(inputs, parts, tmp_path):
    late, one, two, middle = parts
    assert error(late, one, two) == (
        f"Error: {one} has videos from 0 s to 0.5 s and {late} from 1 s to 3 s: those from 0.5 s to 1 s are missing. "
        "Give the folders of all ranges\n"
    )
    assert error(late, one, middle) == "Error: Shard 2/2 is missing. Give the folders of all shards.\n"
    over = predict(inputs / "clip.mp4", tmp_path / "over", "--start", 0.25)
    assert error(middle, over) == (
        f"Error: {over} has videos from 0.25 s to the end and {middle} from 0.5 s to 1 s, so that some frames are in "
        "both. Leave one out, or run it again on another range\n"
    )
    some = predict(inputs / "clip.mp4", tmp_path / "some", "--start", 1)
    assert error(middle, some) == (
        f"Error: damaged.mp4 is not in {some}, so its frames from 1 s to the end are missing\n"
    )
    (tmp_path / "in").mkdir()
    write_clip(tmp_path / "in" / "clip.mp4", frames=30, skip=1)
    other = predict(tmp_path / "in", tmp_path / "other", "--start", 1)
    alone = predict(inputs / "clip.mp4", tmp_path / "alone", "--end", 1)
    assert error(alone, other) == (
        f"Error: clip.mp4 was not the same file in {alone} and in {other}. Run one of them again with it\n"
    )
    shutil.copytree(alone, tmp_path / "same")
    assert error(alone, tmp_path / "same") == f"Error: clip.mp4 is in {alone} and in {tmp_path}/same. Leave one out.\n"


def test_a_part_that_failed_is_not_hidden_by_those_that_did_not(inputs, tmp_path):
    one = predict(inputs / "clip.mp4", tmp_path / "one", "--end", 0.5)
    two = predict(inputs / "clip.mp4", tmp_path / "two", "--start", 0.5)
    journal = one / journals.NAME
    lines = journal.read_text().splitlines(keepends=True)
    end = next(number for number, line in enumerate(lines) if '"end": true' in line)
    failed = '"records": [{"failure": "ended its worker 3 times", "hands": []}]'
    without_sum = re.sub(r', "sum": "\w+"', "", lines[end])
    lines[end] = without_sum.replace('"records": []', failed)
    journal.write_text("".join(lines))
    result = handpose("merge", one, two, "-o", tmp_path / "all")
    assert result.exit_code == 3
    [entry] = read_results(tmp_path / "all")["files"]
    assert (entry["frames"], entry["failure"]) == (30, "ended its worker 3 times")
