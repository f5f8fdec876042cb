"""Annotated copies: where they lie, and that videos keep their timing."""

import errno
import io
import os
import shutil
from contextlib import nullcontext
from fractions import Fraction
from itertools import accumulate
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from conftest import SAMPLES, handpose
from hypothesis import given, settings
from hypothesis import strategies as st
from made_up_videos import make_video, set_matrix
from PIL import Image, ImageCms

from handpose_cli.media import annotated_copies
from handpose_cli.media.annotated_copies import copy_path, save_image, write_video
from handpose_cli.media.errors import EncodingError
from handpose_cli.media.images import open_image
from handpose_cli.runs import predict as runs_predict

PICTURE = np.full((32, 48, 3), 90, np.uint8)


def shown(path):
    """Times and durations of the frames in seconds, and the stream's frame rate and size."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        found = [(frame.time, float(frame.duration * frame.time_base)) for frame in container.decode(stream)]
        return *map(list, zip(*found, strict=True)), float(stream.average_rate), (stream.width, stream.height)


@pytest.mark.parametrize(
    ("file", "copy"),
    [
        ("a.jpg", "a.jpg"), ("in/a.PNG", "in/a.PNG"), ("a.bmp", "a.bmp.jpg"), ("a.tiff", "a.tiff.jpg"),
        ("a.xyz", "a.xyz.jpg"), ("a.mp4", "a.mp4"), ("in/a.MOV", "in/a.MOV.mp4"), ("a.m4v", "a.m4v.mp4"),
    ],
)  # fmt: skip
def test_where_copies_lie(file, copy):
    assert copy_path(Path("out"), file) == Path("out", copy)


@pytest.mark.parametrize("name", ["a.jpg", "a.webp", "a.bmp", "a.png"])
@pytest.mark.parametrize("shape", [(20, 30), (2, 70_000)])
def test_a_picture_of_any_size_can_be_saved(tmp_path, name, shape):
    """Smaller where the format has a limit."""
    save_image(tmp_path, name, np.full((*shape, 3), (250, 10, 10), np.uint8))
    copy = cv2.imread(str(copy_path(tmp_path, name)))
    longest = {"a.jpg": 65_500, "a.bmp": 65_500, "a.webp": 16_383, "a.png": 70_000}[name]
    assert copy.shape[1] == min(shape[1], longest)
    assert copy[0, 5].tolist() == pytest.approx([10, 10, 250], abs=8)


def test_copies_say_what_their_colours_mean(tmp_path):
    """Those of phones' photos, whose colours are wider than screens', came out dull."""
    wide = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    (tmp_path / "in").mkdir()
    with Image.open(SAMPLES / "two_hands.jpg") as image:
        small = image.resize((200, 100))
    given = {
        "a.jpg": wide, "b.png": wide, "c.webp": wide, "d.tif": wide, "e.jpg": None,
        "f.tif": wide + bytes(100_000),  # more than a JPEG holds
        "g.jpg": wide[:16] + b"CMYK" + wide[20:],  # its copy has no such colours
    }  # fmt: skip
    for name, profile in given.items():
        (small.convert("CMYK") if name == "g.jpg" else small).save(tmp_path / "in" / name, icc_profile=profile)
    assert handpose("predict", tmp_path / "in", "-o", tmp_path / "out", "--draw", "--views", 1).exit_code == 0
    for name, profile in given.items():
        with Image.open(copy_path(tmp_path / "out" / "annotated", name)) as copy:
            assert copy.size == small.size
            assert copy.info.get("icc_profile") == (profile if name < "e" else None)
    small.save(tmp_path / "two.tif", save_all=True, append_images=[small], icc_profile=wide)
    assert handpose("predict", tmp_path / "two.tif", "-o", tmp_path / "two", "--draw", "--pages").exit_code == 0
    with Image.open(tmp_path / "two" / "annotated" / "two.tif" / "000001.jpg") as copy:
        assert copy.info.get("icc_profile") == wide


@settings(max_examples=10, deadline=None)
@given(st.lists(st.integers(1, 4000), min_size=1, max_size=30), st.floats(0, 1e6), st.sampled_from([0, 12.5, 25, 60]))
def test_the_timing_is_kept(tmp_path_factory, steps, first, fps):
    """Counted from the first frame; the last one is shown for one frame's time."""
    path = tmp_path_factory.mktemp("copies") / "a.mp4"
    times = [ms / 1000 for ms in accumulate([0, *steps])]
    write_video(path, ((first + time, PICTURE) for time in times), fps)
    found, durations, _, _ = shown(path)
    assert found == pytest.approx(times, abs=2e-5)
    assert durations == pytest.approx([*np.diff(times), 1 / (fps or 30)], abs=3e-5)


@pytest.mark.parametrize("fps", [Fraction(25), Fraction(30_000, 1001), Fraction(24_000, 1001), Fraction(120)])
def test_the_frame_rate_is_kept(tmp_path, fps):
    write_video(tmp_path / "a.mp4", ((float(i / fps), PICTURE) for i in range(100)), float(fps))
    assert shown(tmp_path / "a.mp4")[2] == pytest.approx(float(fps), rel=1e-5)


def test_frames_that_were_left_out_stay_out(tmp_path):
    write_video(tmp_path / "a.mp4", ((i / 25, PICTURE) for i in range(0, 100, 10)), 25)
    times, _, _, _ = shown(tmp_path / "a.mp4")
    assert times == pytest.approx([i / 25 for i in range(0, 100, 10)])


def test_clocks_that_start_again_or_jump(tmp_path):
    """As in joined recordings; and two frames of one time."""
    times = [10, 10.04, 10.04, 10.08, 3, 3.04, 90_000, 90_000.04]
    write_video(tmp_path / "a.mp4", ((time, PICTURE) for time in times), 25)
    found, _, _, _ = shown(tmp_path / "a.mp4")
    assert found == pytest.approx([0, 0.04, 0.04, 0.08, 0.12, 0.16, 0.2, 0.24], abs=1e-4)


@pytest.mark.parametrize(("shape", "size"), [((1, 1), (2, 2)), ((33, 51), (52, 34)), ((2, 20_000), (16_384, 2))])
def test_odd_sizes(tmp_path, shape, size):
    write_video(tmp_path / "a.mp4", [(0, np.zeros((*shape, 3), np.uint8))] * 2, 25)
    assert shown(tmp_path / "a.mp4")[3] == size


def test_pictures_that_change_their_size(tmp_path):
    pictures = [(0.0, PICTURE), (0.04, np.full((64, 64, 3), 200, np.uint8)), (0.08, PICTURE)]
    write_video(tmp_path / "a.mp4", pictures, 25)
    with av.open(str(tmp_path / "a.mp4")) as container:
        found = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    assert [image.shape for image in found] == [(32, 48, 3)] * 3
    assert [int(image[16, 24, 0]) for image in found] == pytest.approx([90, 200, 90], abs=4)


@pytest.mark.parametrize(("is_turned", "size", "aspect"), [(False, (64, 48), "4/3"), (True, (48, 64), "3/4")])
def test_pixels_that_are_not_square_stay_so(tmp_path, is_turned, size, aspect):
    """As of DV and DVD recordings; where a camera was turned, height is width."""
    video = make_video(tmp_path / "a.mp4", 2, pixel_aspect=Fraction(4, 3))
    if is_turned:
        set_matrix(video, 0, 1, -1, 0)
    assert handpose("predict", video, "-o", tmp_path / "out", "--draw").exit_code == 0
    with av.open(str(tmp_path / "out/annotated/a.mp4")) as container:
        stream = container.streams.video[0]
        assert ((stream.width, stream.height), str(stream.sample_aspect_ratio)) == (size, aspect)


@pytest.mark.parametrize(("size", "matrix"), [((720, 1280), 1), ((720, 576), 1), ((480, 640), 6)])
def test_colours_are_those_that_players_show(tmp_path, size, matrix):
    """The tags say how they were converted: as players take it of HD, and of smaller videos, without tags too."""
    write_video(tmp_path / "a.mp4", [(0, np.full((*size, 3), (200, 60, 40), np.uint8))], 25)
    with av.open(str(tmp_path / "a.mp4")) as container:
        tags = container.streams.video[0].codec_context
        assert (tags.colorspace, tags.color_primaries, tags.color_trc, tags.color_range) == (matrix, 1, 1, 1)
        (frame,) = container.decode(video=0)
    by_tags = "ITU709" if matrix == 1 else "ITU601"
    shown = frame.reformat(format="rgb24", src_colorspace=by_tags).to_ndarray()
    assert shown[100, 100].tolist() == pytest.approx([200, 60, 40], abs=4)


def test_a_copy_appears_when_it_is_complete(tmp_path):
    def broken():
        yield 0.0, PICTURE
        yield 0.04, PICTURE
        assert not (tmp_path / "a.mp4").exists()
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_video(tmp_path / "a.mp4", broken(), 25)
    write_video(tmp_path / "b.mp4", [], 25)
    assert not list(tmp_path.iterdir())


def test_how_copies_are_drawn_is_an_option(tmp_path):
    cv2.imwrite(str(tmp_path / "two.png"), cv2.imread(str(SAMPLES / "two_hands.jpg")))  # whose lines keep their colour

    def copy(*options):
        done = handpose("predict", tmp_path / "two.png", "-o", tmp_path / "out", "--draw", "--overwrite", *options)
        assert done.exit_code == 0, done.stderr
        return open_image(tmp_path / "out/annotated/two.png").pixels.astype(int)

    usual, hidden, by_hand = copy(), copy("--hide", "box,score"), copy("--colours", "hand", "--hide", "score")
    cyan = [((image - [0, 255, 255]) ** 2).sum(axis=2) < 5000 for image in (usual, hidden, by_hand)]
    assert cyan[0].sum() > 1000 and max(cyan[1].sum(), cyan[2].sum()) < 100
    done = handpose("predict", SAMPLES, "-o", tmp_path / "other", "--draw", "--hide", "box,name")
    assert done.exit_code == 2
    assert "'name' is nothing that can be hidden: give box or score, or both as box,score." in " ".join(
        done.stderr.replace("\n", " ").split()
    )


def test_side_by_side_shows_what_was_found_and_what_it_was_smoothed_to(tmp_path):
    def copy(*options):
        call = (
            "predict",
            SAMPLES / "moving_hand.mp4",
            "-o",
            tmp_path / "out",
            "--end",
            0.5,
            "--views",
            1,
            "--overwrite",
        )
        done = handpose(*call, *options)
        assert done.exit_code == 0, done.stderr
        with av.open(str(tmp_path / "out/annotated/moving_hand.mp4")) as container:
            frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
        return np.stack(frames)[:, :-40].astype(float)  # without the captions

    found, smoothed, both = copy("--draw", "--track"), copy("--draw", "--smooth"), copy("--smooth", "--side-by-side")
    assert both.shape == (*found.shape[:2], 2 * found.shape[2], 3)
    left, right = np.split(both, 2, axis=2)
    differs = lambda one, two: (np.abs(one - two).max(axis=3) > 60).mean()  # noqa: E731
    assert differs(found, smoothed) > 0.002
    assert differs(left, found) < 0.0002 and differs(right, smoothed) < 0.0002
    done = handpose("predict", SAMPLES / "moving_hand.mp4", "-o", tmp_path / "other", "--side-by-side", "--track")
    assert (done.exit_code, done.stderr.splitlines()[-1]) == (
        2, "Error: --side-by-side shows what --smooth changes. Give both."
    )  # fmt: skip


def test_a_resumed_run_draws_all_copies_in_one_style(tmp_path):
    (tmp_path / "in").mkdir()
    for name in ("two_hands.jpg", "pinch_field.jpg"):
        (tmp_path / "in" / name).symlink_to(SAMPLES / name)

    def copies(folder, *options):
        done = handpose("predict", tmp_path / "in", "-o", folder, "--draw", "--views", 1, *options)
        assert done.exit_code == 0, done.stderr
        return [path.read_bytes() for path in sorted((folder / "annotated").iterdir())], (
            done.stdout + done.stderr
        ).splitlines()

    usual, _ = copies(tmp_path / "out")
    wanted, _ = copies(tmp_path / "other", "--colours", "score", "--hide", "box")
    _, lines = copies(tmp_path / "out", "--colours", "score", "--hide", "box", "--resume", "--dry-run")
    said = "All annotated copies are made again: coloured by score, without box; they were in the usual style"
    assert f"{said}." in lines and copies(tmp_path / "out", "--resume")[0] == usual
    again, lines = copies(tmp_path / "out", "--colours", "score", "--hide", "box", "--resume")
    assert lines[0] == said and again == wanted != usual
    again, lines = copies(tmp_path / "out", "--resume")
    assert lines[0].endswith("made again: in the usual style; they were coloured by score, without box")
    assert again == usual


def test_a_copy_that_cannot_be_written_stops_the_run_soon(tmp_path, monkeypatch):
    """And not at its end: until then all that its error holds would stay in memory, for each video."""
    for number in range(30):
        shutil.copy(SAMPLES / "moving_hand.mp4", tmp_path / f"{number:02d}.mp4")
    drawn = []

    def full_disk(entry, *_):
        drawn.append(entry.name)
        raise OSError(errno.ENOSPC, "No space left on device", entry.name)

    monkeypatch.setattr(runs_predict, "draw_video", full_disk)
    result = handpose("predict", tmp_path, "-o", tmp_path / "out", "--draw", "--end", 0.05, "--views", 1)
    assert result.exit_code == 1
    assert "00.mp4: No space left on device" in result.stderr
    assert len(drawn) < 30


def draw_clips(tmp_path, *options):
    return handpose("predict", tmp_path / "in", "-o", tmp_path / "out", "--draw", "--views", 1, *options)


def test_a_video_that_is_gone_or_another_one_before_it_is_drawn_loses_its_copy_alone(tmp_path, monkeypatch):
    (tmp_path / "in").mkdir()
    for name in ("changed", "gone", "kept"):
        make_video(tmp_path / "in" / f"{name}.mp4", 5)
    draw_video = runs_predict.draw_video

    def later(entry, *arguments):
        if entry.name == "gone.mp4":
            entry.path.rename(tmp_path / "gone.mp4")
        if entry.name == "changed.mp4":
            make_video(entry.path, 7)
        return draw_video(entry, *arguments)

    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(runs_predict, "draw_video", later)
        result = draw_clips(tmp_path)
    lines = result.stderr.splitlines()
    assert (result.exit_code, lines[:2]) == (3, [
        "changed.mp4: no annotated copy: it has changed since it was annotated",
        "gone.mp4: no annotated copy: cannot be read: No such file or directory",
    ])  # fmt: skip
    assert lines[2].startswith("3 inputs, 15 images, 0 hands, 2 failures in ")
    assert [path.name for path in (tmp_path / "out/annotated").iterdir()] == ["kept.mp4"]
    assert len((tmp_path / "out/predictions.json").read_text()) > 100
    (tmp_path / "gone.mp4").rename(tmp_path / "in/gone.mp4")
    result = draw_clips(tmp_path, "--resume")
    assert (result.exit_code, result.stderr.splitlines()[0]) == (
        0, "2 of 3 inputs are done; left: 1 changed since (changed.mp4)"
    )  # fmt: skip
    assert len(list((tmp_path / "out/annotated").iterdir())) == 3


def test_without_an_encoder_there_are_no_copies_of_videos(tmp_path, monkeypatch):
    (tmp_path / "in").mkdir()
    make_video(tmp_path / "in/a.mp4", 5)
    monkeypatch.setattr(annotated_copies, "_ENCODER", "libnosuch")
    result = draw_clips(tmp_path)
    assert (result.exit_code, result.stderr.splitlines()[0]) == (
        3, "a.mp4: no annotated copy: PyAV's FFmpeg has no libnosuch, which encodes H.264"
    )  # fmt: skip
    assert len((tmp_path / "out/predictions.json").read_text()) > 100


def test_what_ffmpeg_says_is_not_hidden_by_a_files_name(tmp_path, monkeypatch):
    """PyAV's errors of the file system have a file name that cannot be set."""

    def no_threads(*_, **__):
        av.error.err_check(-errno.EAGAIN)

    monkeypatch.setattr(annotated_copies, "_encoder", no_threads)
    with pytest.raises(EncodingError, match=r"^FFmpeg cannot encode it: Resource temporarily unavailable$"):
        write_video(tmp_path / "a.mp4", [(0.0, PICTURE)], 25)
    assert not list(tmp_path.iterdir())


def test_a_full_disk_is_no_fault_of_the_encoder(tmp_path, monkeypatch):
    class Full(io.BytesIO):
        def write(self, data):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(annotated_copies, "atomic", lambda *_: nullcontext(Full()))
    with pytest.raises(OSError, match="No space left on device"):
        write_video(tmp_path / "a.mp4", [(0.0, PICTURE)] * 50, 25)
