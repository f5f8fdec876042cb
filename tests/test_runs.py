"""Runs that stop and go on: the same bytes as if nothing had happened, and only the work that is left."""

import json
import os
import re
import shutil
import signal
import subprocess
import time

import pytest
from chaos import HANDPOSE, call, kill_and_resume, outputs
from conftest import SAMPLES, handpose, read_results
from made_up_inputs import encoded, write_clip, write_inputs

from handpose_cli.commands.option_types import ShardType
from handpose_cli.media.inputs import Input
from handpose_cli.runs import journal as journals
from handpose_cli.runs.plan import describe_change
from handpose_cli.runs.units import MOST_BYTES, _stills

FAST = ("--views", 1)
EVERYTHING = ("-r", "--draw", "--format", "csv", "--smooth", *FAST)


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    """Some pictures, a clip and a damaged file."""
    folder = tmp_path_factory.mktemp("inputs")
    for number in range(4):
        (folder / f"{number}.jpg").write_bytes(encoded(number))
    write_clip(folder / "clip.mp4", frames=20)
    (folder / "text.png").write_text("hello")
    return folder


def copied(finished, tmp_path):
    shutil.copytree(finished, tmp_path / "out")
    return tmp_path / "out"


def resume(inputs, out, *options):
    return handpose("predict", inputs, "-o", out, "--resume", *(options or EVERYTHING))


def test_a_finished_run_has_nothing_left_to_do(inputs, finished, tmp_path):
    out = copied(finished, tmp_path)
    result = resume(inputs, out)
    assert result.exit_code == 3
    assert result.stderr.splitlines()[0] == "6 of 6 inputs are done"
    assert re.fullmatch(
        r"6 inputs, 24 images, \d+ hands, 1 failures in .* s\. Results: .*", result.stderr.splitlines()[1]
    )
    assert (out / "predictions.json").read_bytes() == (finished / "predictions.json").read_bytes()
    assert outputs(out) == outputs(finished)


@pytest.mark.parametrize("share", [0.02, 0.2, 0.45, 0.6, 0.8, 0.97])
def test_from_wherever_the_journal_was_cut_the_rest_is_done_to_the_same_bytes(inputs, finished, tmp_path, share):
    """Whatever was written after the last journal line is missing, half written, or there already."""
    out = copied(finished, tmp_path)
    journal = (out / journals.NAME).read_bytes()
    (out / journals.NAME).write_bytes(journal[: int(share * len(journal))])
    (out / "predictions.json").unlink()
    (out / "annotated" / "clip.mp4.0123abcd.part").write_bytes(b"half")
    assert resume(inputs, out).exit_code == 3
    assert outputs(out) == outputs(finished)


@pytest.mark.parametrize("other_json", [False, True])
def test_a_line_damaged_on_the_disk_costs_only_its_file(inputs, finished, tmp_path, other_json):
    out = copied(finished, tmp_path)
    lines = (out / journals.NAME).read_bytes().splitlines(keepends=True)
    damaged = next(i for i, line in enumerate(lines) if line.startswith(b'{"file": "clip.mp4", "from": 8'))
    lines[damaged] = b"5\n" if other_json else lines[damaged][:50] + b"\0" + lines[damaged][51:]
    (out / journals.NAME).write_bytes(b"".join(lines))
    assert resume(inputs, out).stderr.splitlines()[0] == "5 of 6 inputs are done; left: 1 not begun"
    assert outputs(out) == outputs(finished)


def test_only_what_has_changed_is_done_again(inputs, finished, tmp_path):
    folder, out = tmp_path / "in", copied(finished, tmp_path)
    shutil.copytree(inputs, folder)
    os.utime(folder / "0.jpg")  # a new time, the old content
    (folder / "1.jpg").write_bytes(encoded(7))
    (folder / "2.jpg").unlink()
    (folder / "new.jpg").write_bytes(encoded(8))
    (out / "annotated" / "3.jpg").unlink()
    (out / "annotated" / "clip.mp4").unlink()
    result = resume(folder, out, *EVERYTHING, "--prune")
    assert result.stderr.splitlines()[0] == (
        "3 of 6 inputs are done; left: 1 not begun, 1 changed since (1.jpg), 1 without an annotated copy (3.jpg)"
    )
    assert handpose("predict", folder, "-o", tmp_path / "anew", *EVERYTHING).exit_code == 3
    names = outputs(tmp_path / "anew")
    assert set(outputs(out)) == set(names)
    for name, content in outputs(out).items():
        assert content == names[name] or name == "predictions.json"  # whose `inputs` differ
    assert read_results(out)["files"] == read_results(tmp_path / "anew")["files"]


def test_other_settings_mean_all_anew(inputs, finished, tmp_path):
    out = copied(finished, tmp_path)
    result = resume(inputs, out, "--views", 2, "--max-hands", 1)
    assert result.stderr.splitlines()[:2] == [
        "Settings have changed: max_hands was None and is now 1, smooth was zero-lag and is now None, "
        "track was True and is now False, views was 1 and is now 2",
        "0 of 6 inputs are done; left: 6 not begun",
    ]
    anew = handpose("predict", inputs, "-o", tmp_path / "anew", "--format", "csv", "--views", 2, "--max-hands", 1)
    assert anew.exit_code == 3
    assert outputs(out) == outputs(tmp_path / "anew")
    result = resume(inputs, out)  # what the first settings gave is still known, but for the copies
    assert result.stderr.splitlines()[1] == (
        "2 of 6 inputs are done; left: 4 without an annotated copy (0.jpg, 1.jpg, 2.jpg, ...)"
    )
    assert outputs(out) == outputs(finished)


def test_what_exists_is_refused_and_both_ways_are_named(inputs, finished, tmp_path):
    out = copied(finished, tmp_path)
    result = handpose("predict", inputs, "-o", out)
    assert (result.exit_code, result.stderr) == (
        1,
        f"Error: {out}/predictions.json exists. Go on with --resume, replace it with --overwrite "
        "or choose another --output.\n",
    )
    for path in out.iterdir():
        if path.name != journals.NAME:
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    assert handpose("predict", inputs, "-o", out).stderr == (
        f"Error: {out} holds an unfinished run. Go on with --resume, begin again with --overwrite "
        "or choose another --output.\n"
    )
    assert handpose("predict", inputs, "-o", out, "--resume", "--overwrite").exit_code == 2


def test_overwrite_leaves_nothing_of_the_earlier_run(inputs, finished, tmp_path):
    out = copied(finished, tmp_path)
    assert handpose("predict", inputs / "0.jpg", "-o", out, "--overwrite", *FAST).exit_code == 0
    assert sorted(path.name for path in out.iterdir()) == [journals.NAME, "predictions.json"]


def test_two_runs_do_not_write_to_one_folder(inputs, finished, tmp_path):
    out = copied(finished, tmp_path)
    header = journals.read_journal(out / journals.NAME).headers[-1]
    with journals.open_journal(out / journals.NAME, header):
        result = resume(inputs, out)
    assert (result.exit_code, result.stderr) == (
        1, f"Error: Another run is writing to {out}. Choose another --output.\n"
    )  # fmt: skip
    assert outputs(out) == outputs(finished)


def test_shards_join_to_the_single_run(inputs, finished, tmp_path):
    parts = [tmp_path / f"part{i}" for i in (1, 2, 3)]
    for number, part in enumerate(parts, 1):
        assert handpose("predict", inputs, "-o", part, "--shard", f"{number}/3", *EVERYTHING).exit_code in (0, 3)
    assert [entry["file"] for entry in read_results(parts[0])["files"]] == ["0.jpg", "3.jpg"]
    assert read_results(parts[0])["info"]["shard"] == "1/3"
    result = handpose("merge", *parts, "-o", tmp_path / "all")
    assert result.exit_code == 3
    assert re.fullmatch(
        rf"3 runs, 6 inputs, 24 images, \d+ hands, 1 failures\. Results: {tmp_path}/all/predictions.json\n",
        result.stderr,
    )
    assert outputs(tmp_path / "all") == outputs(finished)
    assert resume(inputs, tmp_path / "all").stderr.startswith("6 of 6 inputs are done\n")


def test_shards_of_a_folder_that_grew_in_between_are_not_joined(inputs, tmp_path):
    """Else d.jpg, in no shard, would be missing from the results without a word."""
    photos, out = tmp_path / "photos", tmp_path / "all"
    photos.mkdir()
    for name in "abcd":
        shutil.copy(inputs / "0.jpg", photos / f"{name}.jpg")
    one, two = ("predict", photos, "-o", tmp_path / "1", *FAST), ("predict", photos, "-o", tmp_path / "2", *FAST)
    assert handpose(*one, "--shard", "1/2").exit_code == 0
    shutil.copy(inputs / "1.jpg", photos / "c2.jpg")
    assert handpose(*two, "--shard", "2/2").exit_code == 0
    result = handpose("merge", tmp_path / "1", tmp_path / "2", "-o", out)
    assert (result.exit_code, result.stderr) == (
        1,
        f"Error: {tmp_path}/1 and {tmp_path}/2 are shards of different inputs (4 and 5), so that some may be in none: "
        "files came or went in between. Run all again on the same, with --resume --prune.\n",
    )
    for predict, number in ((one, 1), (two, 2)):
        assert handpose(*predict, "--shard", f"{number}/2", "--resume", "--prune").exit_code == 0
    assert handpose("merge", tmp_path / "1", tmp_path / "2", "-o", out).exit_code == 0
    assert [entry["file"] for entry in read_results(out)["files"]] == [f"{n}.jpg" for n in ("a", "b", "c", "c2", "d")]


@pytest.mark.parametrize(
    ("text", "shard"),
    [("1/3", "1/3"), ("3/3", "3/3"), ("0/0-2", "1/3"), ("2/0-2", "3/3"), ("7/5-8", "3/4"), ("1/1-1", "1/1")],
)
def test_shards_are_numbered_from_1_or_as_a_job_array_says(text, shard):
    assert str(ShardType().convert(text, None, None)) == shard


def test_runs_are_not_joined_into_one_of_them(inputs, tmp_path):
    """Its journal would be emptied before it is read."""
    one, link = tmp_path / "one", tmp_path / "link"
    assert handpose("predict", inputs / "0.jpg", "-o", one, *FAST).exit_code == 0
    link.symlink_to("one")
    before = outputs(one), (one / journals.NAME).read_bytes()
    for target in (one, link):
        result = handpose("merge", one, "-o", target, "--overwrite")
        assert (result.exit_code, result.stderr) == (
            1,
            f"Error: {target} is one of the runs to be joined, and would be replaced by what they give. "
            "Choose another --output.\n",
        )
    assert (outputs(one), (one / journals.NAME).read_bytes()) == before


def test_weights_that_differ_are_told_without_their_digests():
    """The line had up to a thousand digits."""
    digest = "0123456789abcdef" * 4
    before = {"views": 1, "weights": [digest], "boxes": None}
    assert describe_change(before, {"views": 2, "weights": [digest[::-1], digest], "boxes": digest}) == (
        f"boxes was None and is now {digest}, views was 1 and is now 2, weights are other files"
    )
    assert describe_change({"boxes": digest}, {"boxes": digest[::-1]}) == "boxes are other files"
    assert describe_change(before, dict(before)) == ""


def test_what_cannot_be_joined_is_refused(inputs, finished, tmp_path):
    one, two = tmp_path / "one", tmp_path / "two"
    assert handpose("predict", inputs / "0.jpg", "-o", one, "--shard", "1/2", *FAST).exit_code == 0
    assert handpose("predict", inputs / "1.jpg", "-o", two, "--max-hands", 1, *FAST).exit_code == 0

    def error(*runs):
        result = handpose("merge", *runs, "-o", tmp_path / "all")
        assert result.exit_code == 1
        assert not (tmp_path / "all").exists()
        return result.stderr

    assert error(one) == "Error: Shard 2/2 is missing. Give the folders of all shards.\n"
    assert error(one, two) == (
        f"Error: {one} and {two} were run with different settings: max_hands was None and is now 1. "
        "Run one of them again with --overwrite.\n"
    )
    shutil.copytree(finished, tmp_path / "same")
    assert error(finished, tmp_path / "same") == (
        f"Error: 0.jpg is in {finished} and in {tmp_path}/same. Leave one out.\n"
    )
    journal = tmp_path / "same" / journals.NAME
    journal.write_bytes(b"".join(journal.read_bytes().splitlines(keepends=True)[:-1]))
    assert error(tmp_path / "same") == (
        f"Error: {tmp_path}/same is not complete. Go on with: handpose predict ... --resume\n"
    )
    (tmp_path / "none").mkdir()
    assert (
        error(tmp_path / "none")
        == f"Error: {tmp_path}/none/{journals.NAME} cannot be read: No such file or directory.\n"
    )


def test_too_many_failures_stop_a_run_which_can_go_on(tmp_path):
    write_inputs(tmp_path / "in", 40)
    result = handpose("predict", tmp_path / "in", "-r", "-o", tmp_path / "out", "--max-failures", 2, *FAST)
    assert result.exit_code == 1
    assert result.stderr.splitlines()[-1] == (
        "Error: Stopped, since 3 inputs could not be read (2 may be so). What was done is kept. "
        "Go on with --resume and a larger --max-failures."
    )
    assert not (tmp_path / "out" / "predictions.json").exists()
    result = handpose("predict", tmp_path / "in", "-r", "-o", tmp_path / "out", "--resume", *FAST)
    assert (result.exit_code, len(read_results(tmp_path / "out")["files"])) == (3, 40)
    result = handpose("predict", tmp_path / "in", "-r", "-o", tmp_path / "fast", "--fail-fast", *FAST)
    assert result.exit_code == 1
    assert "since 1 inputs could not be read (0 may be so)" in result.stderr
    assert result.stderr.endswith(" What was done is kept. Go on with --resume, without --fail-fast.\n")


def test_ctrl_c_ends_a_run_cleanly(inputs, finished, tmp_path):
    arguments = [str(a) for a in ("predict", inputs, "-o", tmp_path / "out", *EVERYTHING)]
    process = subprocess.Popen([*HANDPOSE, *arguments], stderr=subprocess.PIPE, text=True)
    journal = tmp_path / "out" / journals.NAME
    while not (journal.exists() and journal.read_bytes().count(b"\n") > 2):
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate()
    assert process.returncode == 130
    assert re.search(r"^Interrupted; \d of 6 inputs are done\. Go on with --resume\.$", errors, re.MULTILINE)
    assert not list((tmp_path / "out").rglob("*.part"))
    assert call(*arguments, "--resume").returncode == 3
    assert outputs(tmp_path / "out") == outputs(finished)


def test_killed_again_and_again_the_output_is_that_of_an_undisturbed_run(tmp_path):
    """The long version is tests/benchmarks/chaos.py."""
    write_inputs(tmp_path / "in", 60, clips=2)
    arguments = ["predict", tmp_path / "in", *EVERYTHING, "-o"]
    assert call(*arguments, tmp_path / "calm").returncode == 3
    assert kill_and_resume([*arguments, tmp_path / "out"], kills=6, within=(0.4, 1.0)) == 3
    assert outputs(tmp_path / "out") == outputs(tmp_path / "calm")


def test_a_dry_run_only_tells(inputs, finished, tmp_path):
    result = handpose("predict", inputs, "-o", tmp_path / "out", "--dry-run")
    assert (result.exit_code, result.stderr) == (0, "")
    names = ["0.jpg", "1.jpg", "2.jpg", "3.jpg", "clip.mp4", "text.png"]
    assert result.stdout.splitlines() == [
        "To annotate: 5 images and 1 videos.",
        *(f"  {inputs / name}" for name in names),
        "Nothing was done (--dry-run).",
    ]
    assert not (tmp_path / "out").exists()
    result = handpose("predict", inputs, "-o", finished, "--dry-run", "--resume", *EVERYTHING)
    assert result.stdout.splitlines() == [
        "To annotate: 0 images and 0 videos.", "6 of 6 inputs are done.", "Nothing was done (--dry-run)."
    ]  # fmt: skip
    assert handpose("predict", inputs, "-o", finished, "--dry-run").exit_code == 1


def test_the_summary_as_json(inputs, tmp_path):
    result = handpose("predict", inputs, "-o", tmp_path / "out", "--summary-json", "-", "-q", *FAST)
    summary = json.loads(result.stdout)
    assert summary.pop("seconds") > 0
    assert summary.pop("hands") == sum(len(entry["hands"]) for entry in read_results(tmp_path / "out")["files"])
    assert summary == {
        "status": "done", "exit_code": 3, "inputs": 6, "images": 24, "failures": 1, "annotated": 24
    }  # fmt: skip
    handpose("predict", inputs, "-o", tmp_path / "out", "--summary-json", tmp_path / "s.json", "-q", *FAST)
    taken = tmp_path / "out" / "predictions.json"
    result = handpose("predict", inputs, "-o", tmp_path / "out", "--summary-json", taken, "--resume", *FAST)
    assert (result.exit_code, result.stderr.splitlines()[-1]) == (
        2, f"Error: --summary-json {taken} would replace a file of the results. Give it another name."
    )  # fmt: skip
    assert json.loads((tmp_path / "s.json").read_text())["status"] == "failed"
    photo = tmp_path / "photo.jpg"
    shutil.copy(inputs / "0.jpg", photo)
    result = handpose("predict", photo, "-o", tmp_path / "other", "--summary-json", photo, *FAST)
    assert (result.exit_code, result.stderr.splitlines()[-1]) == (
        2, f"Error: --summary-json {photo} would replace a file that is no summary. Give it another name."
    )  # fmt: skip
    assert photo.read_bytes() == (inputs / "0.jpg").read_bytes()
    (tmp_path / "new.json").touch()
    for name in ("new.json", "s.json"):
        call = ("predict", photo, "-o", tmp_path / "other", "--overwrite", "--summary-json", tmp_path / name, *FAST)
        assert handpose(*call).exit_code == 0
        assert json.loads((tmp_path / name).read_text())["status"] == "done"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            ("--shard", "3/2"),
            "Invalid value for '--shard': '3/2' is no shard: give I/N with I from 1 to N, such as 1/4; or I/A-B with "
            "I from A to B, such as 0/0-3.",
        ),
        (
            ("--shard", "0/3"),
            "Invalid value for '--shard': '0/3' is no shard: give I/N with I from 1 to N, such as 1/4; or I/A-B with "
            "I from A to B, such as 0/0-3.",
        ),
        (("--start", "1:xx"), "Invalid value for '--start': '1:xx' is no time: give seconds, MM:SS or HH:MM:SS."),
        (("--start", "1:00", "--end", "30"), "--end must be later than --start. Received: --start 60 --end 30"),
        (("--fail-fast", "--max-failures", 3), "--fail-fast means --max-failures 0. Give one of them."),
        (
            ("--boxes", SAMPLES, "--detector", "ssd"),
            "--detector does nothing with --boxes, which says where hands are. Give one of them.",
        ),
        (
            ("--boxes", SAMPLES, "--tile", "auto"),
            "--tile does nothing with --boxes, which says where hands are. Give one of them.",
        ),
        (
            ("--boxes", SAMPLES, "--score-threshold", 0.5),
            "--score-threshold does nothing with --boxes: each hand is kept, whatever it scores. Leave it out.",
        ),
        (
            ("--detector", "whole-image", "--score-threshold", 0.25),
            "--score-threshold does nothing with --detector whole-image: each hand is kept, whatever it scores. Leave "
            "it out.",
        ),
        (
            ("--detector", "whole-image", "--tile", 300),
            "--tile does nothing with --detector whole-image, which takes each image as one hand. Give one of them.",
        ),
        (("--show",), "--show is for a camera, such as camera:0. Give --draw for annotated copies."),
        (("--prune",), "--prune is for --resume."),
        (("--rescale",), "--rescale is for --boxes."),
        (("--side-by-side",), "--side-by-side shows what --smooth changes. Give both."),
        (("--dry-run", "--summary-json", "-"), "--summary-json says how a run ended; --dry-run begins none."),
        (("--colours", "hand"), "--colours says how annotated copies look. Give --draw too."),
        (("--hide", "box"), "--hide says how annotated copies look. Give --draw too."),
        (("--image-prefix", "s3://b/", "--format", "csv"), "--image-prefix is for --format label-studio. Give both."),
    ],
)
def test_wrong_options_are_told_in_a_line(inputs, tmp_path, options, message):
    result = handpose("predict", inputs, "-o", tmp_path / "out", *options)
    assert (result.exit_code, result.stderr.splitlines()[-1]) == (2, f"Error: {message}")


def test_what_does_nothing_passes_where_it_is_not_on_the_command_line_and_where_it_does_something(inputs, tmp_path):
    config = tmp_path / "handpose.toml"
    config.write_text('detector = "ssd-hand"\nscore-threshold = 0.5\ntile = 400\ncolours = "hand"\n'
                      "show = true\nprune = true\nrescale = true\nside-by-side = true\n")  # fmt: skip
    variables = {"HANDPOSE_PREDICT_HIDE": "box", "HANDPOSE_PREDICT_IMAGE_PREFIX": "s3://b/"}
    call = ("predict", inputs, "-o", tmp_path / "out", "--dry-run")
    for options in (
        ("--boxes", SAMPLES, "--config", config),
        ("--boxes", SAMPLES, "--track", "--score-threshold", 0.5),  # hands that begin no track are left out
        ("--sheets", "--colours", "hand", "--smooth"),
        ("--format", "label-studio", "--image-prefix", "s3://b/"),
    ):
        done = handpose(*call, *options, env=variables)
        assert done.exit_code == 0, (options, done.stderr)


def test_large_files_come_in_smaller_batches(tmp_path):
    """Their pictures are in memory at the same time."""
    inputs = []
    for number, share in enumerate([0, 0, 0, 0.6, 0.6, 2, 0, 0.4, 0.5, 0.3]):
        (tmp_path / str(number)).touch()
        os.truncate(tmp_path / str(number), int(share * MOST_BYTES))
        inputs.append(Input(str(number), str(tmp_path / str(number))))
    inputs.append(Input("gone", str(tmp_path / "gone")))
    batches = ["".join(entry.name for entry in batch.inputs) for batch in _stills(inputs, 3)]
    assert batches == ["012", "3", "4", "5", "678", "9gone"]


def test_overwriting_removes_no_folder_that_no_run_has_made(inputs, tmp_path):
    """Though it is named as the one for annotated copies: then it is of the inputs."""
    photos = tmp_path / "photos"
    (photos / "annotated").mkdir(parents=True)
    shutil.copy(inputs / "0.jpg", photos / "a.jpg")
    shutil.copy(inputs / "1.jpg", photos / "annotated" / "b.jpg")
    result = handpose("predict", photos, "-r", "-o", photos, "--overwrite", *FAST)
    assert (result.exit_code, result.stderr) == (
        1,
        f"Error: {photos}/annotated would be removed, and is not of a run of handpose predict. "
        "Choose another --output.\n",
    )
    assert sorted(path.name for path in photos.rglob("*")) == ["a.jpg", "annotated", "b.jpg"]
    assert handpose("predict", photos, "-r", "-o", tmp_path / "out", *FAST).exit_code == 0
    assert [entry["file"] for entry in read_results(tmp_path / "out")["files"]] == ["a.jpg", "annotated/b.jpg"]


@pytest.mark.parametrize("named", ["photos", "photos/**/*.jpg", "link"])
def test_annotated_copies_among_the_inputs_are_no_inputs(inputs, tmp_path, monkeypatch, named):
    monkeypatch.chdir(tmp_path)
    photos = tmp_path / "photos"
    photos.mkdir()
    shutil.copy(inputs / "0.jpg", photos / "a.jpg")
    (tmp_path / "link").symlink_to("photos")
    for out in ("photos/out1", "photos/out2"):
        assert handpose("predict", named, "-r", "-o", out, "--draw", *FAST).exit_code == 0
        result = handpose("predict", named, "-r", "-o", out, "--draw", "--resume", *FAST)
        assert "1 of 1 inputs are done\n" in result.stderr
        number = out[-1]
        assert f"{number} folder{'s' * (number == '2')} of annotated copies\n" in result.stderr.splitlines(True)[0]


def test_a_run_that_goes_on_writes_the_formats_that_it_wrote_before(inputs, tmp_path):
    out = tmp_path / "out"
    assert handpose("predict", inputs / "0.jpg", "-o", out, *FAST, "--format", "csv").exit_code == 0
    assert handpose("predict", inputs / "0.jpg", "-o", out, *FAST, "--resume", "--format", "yolo-pose").exit_code == 0
    assert {path.name for path in out.iterdir()} >= {"predictions.csv", "predictions-yolo-pose"}
    assert read_results(out)["info"]["arguments"]["formats"] == ["csv", "yolo-pose"]


@pytest.mark.parametrize(("format", "own"), [("yolo-pose", {"data.yaml", "labels"}), ("openpose", set())])
def test_what_a_user_put_beside_labels_stays(inputs, tmp_path, format, own):
    out = tmp_path / "out"
    assert handpose("predict", inputs / "0.jpg", "-o", out, *FAST, "--format", format).exit_code == 0
    folder = out / f"predictions-{format}"
    (folder / "images").mkdir()
    shutil.copy(inputs / "0.jpg", folder / "images" / "0.jpg")
    assert {path.name for path in folder.iterdir()} >= own
    assert handpose("predict", inputs / "0.jpg", "-o", out, *FAST, "--overwrite").exit_code == 0
    assert [path.name for path in folder.rglob("*")] == ["images", "0.jpg"]


@pytest.mark.parametrize(("old", "new"), [(b'"width": ', b'"width": 1'), (b'"hands": [{', b'"hands": [ ,{'),
                                          (b'"box": [', b'"bux": [')])  # fmt: skip
def test_what_the_disk_has_changed_in_a_journal_is_done_again(inputs, finished, tmp_path, old, new):
    """Where it was JSON all the same, wrong numbers were published, or there was a traceback at each --resume."""
    out = copied(finished, tmp_path)
    journal = out / journals.NAME
    content = journal.read_bytes()
    assert old in content
    journal.write_bytes(content.replace(old, new, 1))
    assert resume(inputs, out).stderr.splitlines()[0] == "5 of 6 inputs are done; left: 1 not begun"
    assert outputs(out) == outputs(finished)


def test_a_journal_of_an_earlier_version_is_gone_on_with(inputs, finished, tmp_path):
    """Its lines have no checksums."""
    out = copied(finished, tmp_path)
    journal = out / journals.NAME
    journal.write_bytes(re.sub(rb', "sum": "[0-9a-f]{8}"}', b"}", journal.read_bytes()))
    assert resume(inputs, out).stderr.splitlines()[0] == "6 of 6 inputs are done"
    assert outputs(out) == outputs(finished)


def test_results_without_a_journal_are_no_run_to_go_on_with(inputs, finished, tmp_path):
    out = copied(finished, tmp_path)
    (out / journals.NAME).unlink()
    before = outputs(out)
    for options in ((), ("--dry-run",)):
        result = resume(inputs, out, *EVERYTHING, *options)
        assert (result.exit_code, result.stderr) == (
            1,
            f"Error: {out}/predictions.json exists, but there is no run to go on with. "
            "Replace it with --overwrite or choose another --output.\n",
        )
    assert outputs(out) == before


def test_the_same_photos_by_other_names_are_refused(inputs, tmp_path):
    for day in ("day1", "day2"):
        (tmp_path / day).mkdir()
        shutil.copy(inputs / "0.jpg", tmp_path / day / "a.jpg")
    shutil.copy(inputs / "1.jpg", tmp_path / "day2" / "a.jpg")
    out = tmp_path / "out"
    assert handpose("predict", tmp_path / "day1", "-o", out, *FAST).exit_code == 0
    result = handpose("predict", tmp_path / "day1", tmp_path / "day2", "-o", out, "--resume", *FAST)
    assert (result.exit_code, result.stderr) == (
        1,
        "Error: a.jpg of this run is day1/a.jpg now. Name the same as before, drop the old names with --prune, "
        "or choose another --output.\n",
    )
    assert [entry["file"] for entry in read_results(out)["files"]] == ["a.jpg"]
    both = handpose("predict", tmp_path / "day1", tmp_path / "day2", "-o", out, "--resume", "--prune", *FAST)
    assert both.exit_code == 0
    assert [entry["file"] for entry in read_results(out)["files"]] == ["day1/a.jpg", "day2/a.jpg"]


def test_another_folder_s_file_does_not_take_the_place_of_one_that_is_there(inputs, tmp_path):
    days = [tmp_path / name for name in ("day1", "day2")]
    for number, day in enumerate(days):
        day.mkdir()
        shutil.copy(inputs / f"{number}.jpg", day / "a.jpg")
    shutil.copy(inputs / "2.jpg", days[1] / "b.jpg")
    out = tmp_path / "out"
    assert handpose("predict", days[0], "-o", out, *FAST).exit_code == 0
    before = (out / journals.NAME).read_bytes()
    for options in ((), ("--dry-run",)):
        result = resume(days[1], out, *FAST, *options)
        assert (result.exit_code, result.stderr) == (
            1,
            f"Error: a.jpg of this run is {days[0]}/a.jpg, and would be {days[1]}/a.jpg. Name the same as before, "
            "drop the old names with --prune, or choose another --output.\n",
        )
    assert (out / journals.NAME).read_bytes() == before
    assert resume(days[1] / "b.jpg", out, *FAST).exit_code == 0  # of another name
    days[0].rename(tmp_path / "moved")
    assert resume(tmp_path / "moved", out, *FAST).exit_code == 0
    shutil.copytree(tmp_path / "moved", days[0])
    assert resume(days[0], out, *FAST).exit_code == 0
    assert [entry["file"] for entry in read_results(out)["files"]] == ["a.jpg", "b.jpg"]
    assert resume(days[1], out, *FAST, "--prune").exit_code == 0
    shutil.copy(inputs / "3.jpg", days[1] / "a.jpg")
    assert resume(days[1], out, *FAST).stderr.startswith("1 of 2 inputs are done; left: 1 changed since (a.jpg)\n")


def test_a_dry_run_is_refused_where_the_run_would_be(inputs, tmp_path):
    out = tmp_path / "out"
    shutil.copytree(inputs, tmp_path / "in")
    assert handpose("predict", tmp_path / "in", "-o", out, *FAST).exit_code == 3
    before = (out / journals.NAME).read_bytes()
    for inputs_now, options in (((tmp_path / "in" / "0.jpg",), ("--views", 2)), ((tmp_path / "in", SAMPLES), FAST)):
        errors = {
            resume(*inputs_now[:1], out, *inputs_now[1:], *options, *more).stderr.splitlines()[-1]
            for more in ((), ("--dry-run",))
        }
        assert len(errors) == 1
        assert errors.pop().startswith("Error: ")
    assert (out / journals.NAME).read_bytes() == before


def test_who_returns_to_other_settings_gets_their_annotated_copies(inputs, tmp_path):
    """And not those that the run in between has drawn."""
    photos, out = tmp_path / "photos", tmp_path / "out"
    photos.mkdir()
    shutil.copy(SAMPLES / "two_hands.jpg", photos / "a.jpg")
    shutil.copy(inputs / "clip.mp4", photos)
    assert handpose("predict", photos, "-o", out, "--draw", *FAST).exit_code == 0
    first = outputs(out)
    other = ("--max-hands", 1, "--every", 2, "--draw")
    assert resume(photos, out, *other, *FAST).exit_code == 0
    assert outputs(out)["annotated/a.jpg"] != first["annotated/a.jpg"]
    assert resume(photos, out, "--draw", *FAST).exit_code == 0
    assert outputs(out) == first
    assert resume(photos, out, *other, *FAST).exit_code == 0
    assert resume(photos, out, *FAST).exit_code == 0
    assert not list((out / "annotated").glob("*"))
