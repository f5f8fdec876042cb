"""Stretches of a video: the same frames as by decoding it from its start, or none at all."""

from fractions import Fraction

import av
import numpy as np
import pytest
from made_up_videos import damage_packet, move, turn_stream

from handpose_cli.media.errors import UnreadableError
from handpose_cli.media.stretches import InexactError, divide_video, read_stretch
from handpose_cli.media.videos import read_video

SPANS = [(1, None, None), (3, None, None), (2, 1.3, None), (1, 2.0, 3.0), (5, None, 3.01), (1, 3.9, None)]


def write(path, codec="libx264", count=120, **options):
    """Write a video whose frames all differ, with a key frame every second or so."""
    random = np.random.default_rng(0)
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=25)
        stream.width, stream.height, stream.gop_size = 96, 64, 24
        stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
        stream.options = options
        for index in range(count):
            pixels = random.integers(0, 30, (64, 96, 3), np.uint8) + np.uint8(index)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        container.mux(stream.encode())
    return path


def seen(frames):
    return [(frame.index, frame.time, frame.fps, frame.pixels.tobytes()) for frame in frames]


@pytest.mark.parametrize(
    ("name", "codec", "options"),
    [
        ("a.mp4", "libx264", {}),
        ("a.mkv", "libx264", {}),
        ("v.webm", "libvpx-vp9", {"cpu-used": "8"}),
        ("m.mov", "mjpeg", {}),
        ("h.mp4", "libx265", {"x265-params": "log-level=none:open-gop=0"}),
    ],
)
def test_stretches_have_the_frames_of_the_whole(tmp_path, name, codec, options):
    path = write(tmp_path / name, codec, **options)
    for every, start, end in SPANS:
        stretches = divide_video(path, every, start, end, 24, 8)
        assert len(stretches) > 1
        assert all(len(stretch.chosen) % 8 == 0 for stretch in stretches[:-1])
        found = seen(frame for stretch in stretches for frame in read_stretch(path, stretch))
        assert found == seen(read_video(path, every, start, end))


def test_what_one_stretch_says_for_others_cannot_be_known_there(tmp_path):
    path = turn_stream(write(tmp_path / "a.mp4"), tmp_path / "turned.mp4")
    first, *_ = divide_video(path, 1, None, None, 24, 8)
    with pytest.raises(InexactError):
        list(read_stretch(path, first))


def test_times_that_begin_late_are_kept(tmp_path):
    path = move(write(tmp_path / "a.mp4"), tmp_path / "late.mp4", Fraction(7, 5))
    stretches = divide_video(path, 1, 0.5, None, 24, 8)
    assert len(stretches) > 2
    assert seen(f for s in stretches for f in read_stretch(path, s)) == seen(read_video(path, 1, 0.5))


@pytest.mark.parametrize(
    ("name", "codec", "options"),
    [
        ("open.mp4", "libx264", {"x264-params": "open-gop=1:bframes=3"}),
        ("refresh.mp4", "libx264", {"x264-params": "intra-refresh=1"}),
        ("a.avi", "mpeg4", {}),
        ("a.ts", "libx264", {}),
        ("v8.webm", "libvpx", {}),
    ],
)
def test_what_cannot_be_divided_for_certain_is_not(tmp_path, name, codec, options):
    """There is no place to begin behind the first frames, or times or packets are not what they seem."""
    stretches = divide_video(write(tmp_path / name, codec, **options), 1, None, None, 24, 8)
    assert len(stretches) <= 2
    assert all(stretch.key == 0 for stretch in stretches)


def test_a_video_with_an_edit_list_is_not_divided(tmp_path):
    path = move(write(tmp_path / "a.mp4"), tmp_path / "cut.mp4", Fraction(-1, 5))
    assert len(list(read_video(path))) < 120
    assert divide_video(path, 1, None, None, 24, 8) == []


def test_a_file_that_is_none_or_is_cut_short_is_not_divided(tmp_path):
    (tmp_path / "text.mp4").write_text("hello")
    whole = write(tmp_path / "a.mkv").read_bytes()
    (tmp_path / "short.mkv").write_bytes(whole[: len(whole) // 2])
    for name in ("text.mp4", "short.mkv", "nowhere.mp4"):
        assert divide_video(tmp_path / name, 1, None, None, 24, 8) == []


def test_damage_is_seen_in_the_stretch_that_has_it_and_wanted_or_not(tmp_path):
    path = write(tmp_path / "a.mp4")
    damage_packet(path, 60)
    with pytest.raises(UnreadableError):
        list(read_video(path, 50))
    stretches = divide_video(path, 50, None, None, 24, 1)
    failed = []
    for number, stretch in enumerate(stretches):
        try:
            list(read_stretch(path, stretch))
        except InexactError:
            failed.append(number)
    assert failed
