"""Folders and patterns: everything in them is read, or counted in a line; links and locked folders do no harm."""

import ntpath
import os
import shutil
import subprocess
import sys

import pytest
from conftest import SAMPLES, handpose, read_results

from handpose_cli.media.discover import NoInputError, discover
from handpose_cli.media.suffixes import IMAGE_SUFFIXES, VIDEO_SUFFIXES


def found(*arguments, **options):
    """Return the names, and what was said."""
    said = []
    inputs = discover([str(argument) for argument in arguments], say=said.append, **options)
    return [entry.name for entry in inputs], said


def touch(folder, *names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()


def test_what_is_passed_over_is_counted_by_suffix(tmp_path):
    touch(
        tmp_path, "a.jpg", "b.json", "c.json", "README", "d.TXT", ".e.jpg", ".git/f.jpg", "inner/g.jpg", "inner/h.xmp"
    )
    assert found(tmp_path)[0] == ["a.jpg"]
    (line,) = found(tmp_path)[1]
    assert line.startswith("Passed over: 5 files not taken for images or videos (")
    kinds = line.partition("(")[2].partition(")")[0].split(", ")
    assert sorted(kinds) == ["1 .txt", "1 hidden .jpg", "1 without a suffix", "2 .json"]
    assert line.endswith("), 1 folder inside (-r looks into them)")
    names, (line,) = found(tmp_path, recursive=True)
    assert names == ["a.jpg", "inner/g.jpg"]
    assert line.startswith("Passed over: 6 files") and "folder" not in line


@pytest.mark.parametrize("argument", ["a", "a/*"])
def test_texts_with_a_video_s_or_an_image_s_name_are_passed_over(tmp_path, monkeypatch, argument):
    """A folder of a program's own photos had a failure for each of its TypeScript files."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a").mkdir()
    for name, content in {
        "app.ts": b'import { hand } from "./hand";\n\texport default hand; // \xe2\x9c\x8b\r\n',
        "app.d.mts": "export {};\n".encode("utf-16"),
        "go.mod": b"module example.org/hands\n",
        "scene.HDR": b"ENVI\nsamples = 640\n",
        "sky.hdr": b"#?RADIANCE\nFORMAT=32-bit_rle_rgbe\n\n-Y 1 +X 1\n\x80\x80\x80\x80",
        "film.ts": b"G@\0\x10\0\0\xb0\r" + b"\xff" * 180,
        "film.m2ts": b"a text by a name that texts do not have",
        "empty.ts": b"",
    }.items():
        (tmp_path / "a" / name).write_bytes(content)
    os.mkfifo(tmp_path / "a" / "pipe.ts")
    names, (line,) = found(argument)
    assert names == ["empty.ts", "film.m2ts", "film.ts", "pipe.ts", "sky.hdr"]
    assert line.startswith("Passed over: 4 files not taken for images or videos (")
    assert sorted(line.partition("(")[2].strip(")").split(", ")) == ["1 .hdr", "1 .mod", "1 .mts", "1 .ts"]
    assert found("a/app.ts") == (["app.ts"], [])  # named by itself, a failure


def test_a_folder_of_media_alone_says_nothing(tmp_path):
    names = [f"a{suffix}" for suffix in sorted(IMAGE_SUFFIXES | VIDEO_SUFFIXES)]
    touch(tmp_path, *names)
    assert found(tmp_path) == (sorted(names), [])


@pytest.mark.parametrize("argument", ["in", "in/**", "in/**/*.jpg", "in/*"])
def test_what_systems_keep_beside_photos_is_passed_over_and_said(tmp_path, monkeypatch, argument):
    """Thumbnails and deleted files gave each photo twice and more, and lost+found was a failure of each run."""
    monkeypatch.chdir(tmp_path)
    touch(tmp_path, "in/a.jpg", "in/@eaDir/a.jpg/SYNOPHOTO_THUMB_XL.jpg", "in/sub/b.jpg", "in/sub/@eaDir/b.jpg/X.jpg")
    touch(tmp_path, "in/$RECYCLE.BIN/c.jpg", "in/lost+found/c.jpg")
    names, (line,) = found(argument, recursive=True)
    assert names == ["a.jpg", "sub/b.jpg"]
    assert line == "Passed over: 4 folders that systems keep ($RECYCLE.BIN, @eaDir, lost+found)"
    assert found("in/$RECYCLE.BIN") == (["c.jpg"], [])  # named by itself


def test_a_photos_library_gives_its_originals_and_photos_in_the_cloud_are_counted(tmp_path):
    """Their smaller copies were annotated too, and of what is only in the cloud nothing was said."""
    touch(tmp_path, "My.photoslibrary/originals/0/a.jpg", "My.photoslibrary/resources/derivatives/0/a_1.jpg")
    touch(tmp_path, "resources/b.jpg", "resources/.c.heic.icloud", "resources/.notes.txt.icloud")
    names, (line,) = found(tmp_path, recursive=True)
    assert names == ["My.photoslibrary/originals/0/a.jpg", "resources/b.jpg"]
    assert line == (
        "Passed over: 1 file not taken for images or videos (1 hidden .icloud, not downloaded), "
        "1 folder that systems keep (resources)"
    )


def test_what_patterns_match_in_such_folders_is_passed_over_too(tmp_path, monkeypatch):
    """Annotated copies became inputs of the next run where they lie as deep as the photos do."""
    monkeypatch.chdir(tmp_path)
    touch(tmp_path, "in/cam/a.jpg", "in/@eaDir/a.jpg", "out/annotated/a.jpg")
    copies = {"left_out": lambda folder: folder.endswith("annotated")}
    for pattern in ("*/*/*.jpg", "./*/*/*.jpg", f"{tmp_path}/*/*/*.jpg"):
        names, (line,) = found(pattern, **copies)
        assert names == ["a.jpg"]
        assert line == "Passed over: 1 folder of annotated copies, 1 folder that systems keep (@eaDir)"
    assert found("out/annotated/*.jpg", **copies) == found("in/@eaDir/*.jpg", **copies) == (["a.jpg"], [])  # named


def test_what_systems_keep_in_a_store_is_passed_over_too():
    fsspec = pytest.importorskip("fsspec")
    for name in ("a.jpg", "@eaDir/a.jpg/X.jpg", "sub/b.jpg"):
        fsspec.filesystem("memory").pipe_file(f"/kept/{name}", b"")
    names, (line,) = found("memory://kept", recursive=True)
    assert (names, line) == (["a.jpg", "sub/b.jpg"], "Passed over: 1 folder that systems keep (@eaDir)")


def test_named_folders_without_media_are_told_among_others(tmp_path):
    """As where a drive is not mounted: nothing was said of it."""
    touch(tmp_path, "in/a.jpg", "other/b.txt")
    (tmp_path / "usb").mkdir()
    names, said = found(tmp_path / "in", tmp_path / "usb", tmp_path / "other")
    assert names == ["in/a.jpg"]
    assert said == [
        "Passed over: 1 file not taken for images or videos (1 .txt)",
        f"No images or videos in: {tmp_path}/usb, {tmp_path}/other",
    ]


@pytest.mark.parametrize("argument", ["in", "in/**", "in/**/*.jpg"])
def test_linked_folders_are_followed_and_circles_end(tmp_path, monkeypatch, argument):
    monkeypatch.chdir(tmp_path)
    touch(tmp_path, "in/a.jpg", "in/real/b.jpg", "else/c.jpg", "else/deep/d.jpg")
    for link, target in {"in/linked": "../else", "in/real/up": "..", "in/real/side": "../linked", "else/in": "../in",
                         "in/to_itself": "to_itself", "in/again": "real"}.items():  # fmt: skip
        (tmp_path / link).symlink_to(target)
    names, _ = found(argument, recursive=True)
    assert names == ["a.jpg", "linked/c.jpg", "linked/deep/d.jpg", "real/b.jpg"]


def test_patterns_count_what_they_pass_over(tmp_path):
    touch(tmp_path, "a.jpg", "a.json", "b.jpg")
    assert found(tmp_path / "a*") == (["a.jpg"], ["Passed over: 1 file not taken for images or videos (1 .json)"])


@pytest.mark.parametrize(
    "content", [b"\xef\xbb\xbfa.jpg\r\nb.jpg\r\n", "\ufeffa.jpg\nb.jpg".encode("utf-16-le"), b"b.jpg\na.jpg"]
)
def test_lists_as_programs_write_them(tmp_path, content):
    touch(tmp_path, "a.jpg", "b.jpg")
    (tmp_path / "list.txt").write_bytes(content)
    assert found(tmp_path / "list.txt")[0] == ["a.jpg", "b.jpg"]


def test_a_name_in_a_list_may_have_what_unicode_takes_for_ends_of_lines(tmp_path):
    names = ["a\x0bb.jpg", "c\x85d.jpg", "e\u2028f.jpg"]
    touch(tmp_path, *names)
    (tmp_path / "list.txt").write_text("\r\n".join(["# chosen", *names]), encoding="utf-8")
    assert found(tmp_path / "list.txt")[0] == names


def test_inputs_on_several_drives_are_refused(tmp_path, monkeypatch):
    """Which there are on Windows alone: their names have no folder to begin from."""
    touch(tmp_path, "a.jpg")
    monkeypatch.setattr(os.path, "commonpath", lambda roots: ntpath.commonpath(["C:/photos", "D:/photos"]))
    result = handpose("predict", tmp_path, "-o", tmp_path / "out")
    assert (result.exit_code, result.stderr) == (
        1, "Error: The inputs are on several drives: annotate those of each in a run by themselves\n"
    )  # fmt: skip


def test_what_failed_is_told_in_a_line_whatever_its_name(tmp_path):
    (tmp_path / "a\nb\x1b[31m.jpg").write_text("no image")
    result = handpose("predict", tmp_path, "-o", tmp_path / "out")
    assert result.exit_code == 3
    assert result.stderr.splitlines()[0].startswith("a\\nb\\x1b[31m.jpg: not an image (")
    assert [entry["file"] for entry in read_results(tmp_path / "out")["files"]] == ["a\nb\x1b[31m.jpg"]


def test_two_files_never_have_one_name_in_the_results(tmp_path):
    touch(tmp_path, "caf\\xe9.jpg", os.fsdecode(b"caf\xe9.jpg"))
    result = handpose("predict", tmp_path, "-o", tmp_path / "out")
    assert (result.exit_code, result.stderr) == (
        1,
        f"Error: '{tmp_path}/caf\\\\xe9.jpg' and '{tmp_path}/caf\\udce9.jpg' would both be caf\\xe9.jpg in the "
        "results: rename one\n",
    )


def test_names_that_are_no_utf8(tmp_path):
    folder = os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9")
    os.mkdir(folder)  # noqa: PTH102
    shutil.copy(SAMPLES / "no_hand.jpg", f"{folder}/a.jpg")
    result = handpose("predict", folder, "-o", tmp_path / "out", "--views", 1)
    assert result.exit_code == 0
    info = read_results(tmp_path / "out")["info"]
    assert info["arguments"]["inputs"] == [f"{tmp_path}/caf\\xe9"]
    (tmp_path / "list.txt").write_bytes(b"caf\xe9/a.jpg\n")
    assert found(tmp_path / "list.txt")[0] == ["a.jpg"]
    assert handpose("predict", folder, "-o", tmp_path / "out", "--views", 1, "--resume").exit_code == 0


def test_urls_are_refused_and_no_folder_of_that_name_is_made(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(NoInputError) as error:
        discover(["nosuch://bucket/photos"])
    assert str(error.value).startswith("nosuch://")
    calls = (
        ("merge", SAMPLES, "-o", "s3://b/o"),
        ("predict", SAMPLES, "-o", "out", "--summary-json", "gs://b/o.json"),
        ("predict", SAMPLES, "-o", "out", "--boxes", "s3://b/o.json"),
        ("convert-labels", SAMPLES, "https://b/o.json", "--to", "coco"),
        ("train", "--data", SAMPLES, "-o", "s3://b/run"),
    )
    for call in calls:
        result = handpose(*call)
        assert result.exit_code == 2
        assert "is a URL: give a path, of a folder that is mounted." in result.stderr.splitlines()[-1]
    assert list(tmp_path.iterdir()) == []


WITHOUT = "--bounding-set=-dac_override,-dac_read_search", "--inh-caps=-dac_override,-dac_read_search"


@pytest.mark.skipif(os.name == "nt" or (os.geteuid() == 0 and shutil.which("setpriv") is None), reason="reads all")
def test_a_locked_folder_is_a_failure_and_read_when_it_is_open(tmp_path):
    for name in ("ok", "locked"):
        (tmp_path / "in" / name).mkdir(parents=True)
        shutil.copy(SAMPLES / "no_hand.jpg", tmp_path / "in" / name / "a.jpg")
    (tmp_path / "in" / "locked").chmod(0)
    command = [sys.executable, "-c", "from handpose_cli.cli import cli; cli()", "predict", "--views", "1", "-r"]
    prefix = ["setpriv", *WITHOUT] if os.geteuid() == 0 else []

    def predict(argument, *options):
        call = [*prefix, *command, str(argument), "-o", str(tmp_path / "out"), *options]
        result = subprocess.run(call, capture_output=True, text=True, check=False)
        return result.returncode, {e["file"]: e.get("failure") for e in read_results(tmp_path / "out")["files"]}

    try:
        denied = "cannot be read: Permission denied"
        assert predict(tmp_path / "in") == (3, {"locked": denied, "ok/a.jpg": None})
        assert predict(tmp_path / "in" / "**" / "*.jpg", "--overwrite") == (3, {"locked": denied, "ok/a.jpg": None})
        assert predict(tmp_path / "in" / "locked", "--overwrite") == (3, {"locked": denied})
        assert predict(tmp_path / "in" / "locked" / "a.jpg", "--overwrite") == (3, {"a.jpg": denied})
        predict(tmp_path / "in", "--overwrite")
    finally:
        (tmp_path / "in" / "locked").chmod(0o755)
    assert predict(tmp_path / "in", "--resume") == (0, {"locked/a.jpg": None, "ok/a.jpg": None})
