"""Videos: every frame, upright, at its exact time; and of damaged ones what can be had, with a word about it."""

import gc
import io
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from itertools import accumulate

import av
import numpy as np
import pytest
from av.bitstream import BitStreamFilterContext
from hypothesis import given, settings
from hypothesis import strategies as st
from made_up_videos import grey_of, make_video, move, noisy_video, read_all, set_matrix, turn_stream
from PIL import Image

from handpose_cli.media import decoding
from handpose_cli.media.discover import discover
from handpose_cli.media.errors import UnreadableError
from handpose_cli.media.frames import frames
from handpose_cli.media.stretches import divide_video, read_stretch
from handpose_cli.media.videos import frame_rate, read_video


def times_of(path):
    return [frame.time for frame in read_video(path)]


def greys_of(found):
    return [int(frame.pixels[30, 40, 0]) for frame in found]


def test_every_frame_with_its_time(tmp_path):
    video = make_video(tmp_path / "a.mp4", 50)
    found = list(read_video(video))
    assert [frame.index for frame in found] == list(range(50))
    assert [frame.time for frame in found] == [i / 25 for i in range(50)]
    assert greys_of(found) == pytest.approx([grey_of(i) for i in range(50)], abs=3)
    assert frame_rate(video) == found[0].fps == 25


@settings(max_examples=12, deadline=None)
@given(st.lists(st.integers(1, 3000), min_size=2, max_size=40), st.sampled_from(["mp4", "mov", "mkv"]))
def test_times_of_a_variable_frame_rate(tmp_path_factory, steps, suffix):
    """In whole milliseconds, which Matroska can tell."""
    times = [Fraction(ms, 1000) for ms in accumulate([0, *steps])]
    video = make_video(tmp_path_factory.mktemp("vfr") / f"a.{suffix}", times=times)
    assert times_of(video) == pytest.approx([float(time) for time in times], abs=1e-9)


def test_frames_of_an_avi_come_in_order(tmp_path):
    """It tells no presentation times; with B-frames it must be seen through."""
    video = make_video(tmp_path / "a.avi", 40)
    found = list(read_video(video))
    assert greys_of(found) == pytest.approx([grey_of(i) for i in range(40)], abs=3)
    assert np.diff([frame.time for frame in found]) == pytest.approx([1 / 25] * 39)


def test_a_stream_that_does_not_begin_at_0(tmp_path):
    video = make_video(tmp_path / "a.mp4", 20)
    for name in ("later.mp4", "later.mkv"):
        moved = move(video, tmp_path / name, Fraction(3))
        assert times_of(moved) == pytest.approx([3 + i / 25 for i in range(20)])
    with av.open(str(moved)) as container:
        assert container.start_time == 3_000_000
    stream = make_video(tmp_path / "a.mpg", 20, format="mpegts")
    assert np.diff(times_of(stream)) == pytest.approx([1 / 25] * 19)


def test_what_an_edit_list_cuts_off_is_no_frame(tmp_path):
    video = move(make_video(tmp_path / "a.mp4", 40), tmp_path / "cut.mp4", Fraction(-10, 25))
    with av.open(str(video)) as container:
        assert sum(packet.is_discard for packet in container.demux(video=0)) == 10
    found, error = read_all(video)
    assert error is None
    assert [frame.index for frame in found] == list(range(30))
    assert [frame.time for frame in found] == pytest.approx([i / 25 for i in range(30)])
    assert greys_of(found) == pytest.approx([grey_of(i) for i in range(10, 40)], abs=3)


def test_a_stream_without_times_gets_them_from_the_frame_rate(tmp_path):
    found = list(read_video(make_video(tmp_path / "a.mpg", 30, format="h264")))
    assert [frame.time for frame in found] == pytest.approx([i / found[0].fps for i in range(30)])


def test_a_stream_without_times_may_tell_its_frame_rate(tmp_path):
    """libavformat takes all for 25 frames a second."""
    path = tmp_path / "a.h264"
    with av.open(str(path), "w", format="h264") as container:
        stream = container.add_stream("libx264", rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for _ in range(8):
            container.mux(stream.encode(av.VideoFrame(64, 48, "yuv420p")))
        container.mux(stream.encode())
    assert (frame_rate(path), times_of(path)) == (10.0, pytest.approx([i / 10 for i in range(8)]))


def test_the_frame_rate_of_a_dv_tape(tmp_path):
    path = make_video(tmp_path / "a.dv", 5, (720, 576), codec="dvvideo")
    assert (frame_rate(path), times_of(path)) == (25.0, pytest.approx([i / 25 for i in range(5)]))


@pytest.fixture(scope="module")
def uneven(tmp_path_factory):
    """A video of a variable frame rate, and its frames' times."""
    times = [Fraction(ms, 1000) for ms in accumulate([0, *([40, 40, 90, 7, 300] * 6)])]
    return make_video(tmp_path_factory.mktemp("uneven") / "a.mp4", times=times), [float(time) for time in times]


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 8), st.none() | st.floats(0, 2.8), st.none() | st.floats(0, 4))
def test_some_of_the_frames(uneven, every, start, end):
    video, times = uneven
    low, high = 0 if start is None else start, 99 if end is None else end
    expected = [(index, time) for index, time in enumerate(times) if low <= time < high]
    found, error = read_all(video, every=every, start=start, end=end)
    assert [(frame.index, frame.time) for frame in found] == expected[::every]
    assert (error is None) == bool(expected)


@pytest.mark.parametrize(
    ("start", "end", "message"),
    [
        (5, None, "no frame from 5 s: those read are at 0.000 to 0.240 s"),
        (None, 0, "no frame before 0 s: those read are at 0.000 to 0.000 s"),
        (0.05, 0.07, "no frame from 0.05 s and before 0.07 s: those read are at 0.000 to 0.080 s"),
    ],
)
def test_a_range_without_frames_is_told(tmp_path, start, end, message):
    found, error = read_all(make_video(tmp_path / "a.mp4"), start=start, end=end)
    assert (found, str(error)) == ([], message)


@pytest.mark.parametrize(
    "matrix",
    [
        (1, 0, 0, 1), (0, 1, -1, 0), (-1, 0, 0, -1), (0, -1, 1, 0),
        (-1, 0, 0, 1), (1, 0, 0, -1), (0, 1, 1, 0), (0, -1, -1, 0),
    ],
)  # fmt: skip
def test_a_video_is_turned_upright(tmp_path, matrix):
    """By quarters, and mirrored; a stored point (x, y) is shown at (a x + c y, b x + d y)."""
    a, b, c, d = matrix
    video = make_video(tmp_path / "a.mp4")
    set_matrix(video, *matrix)
    (frame, *_) = read_video(video)
    height, width = (48, 64) if a else (64, 48)
    assert frame.pixels.shape == (height, width, 3)
    x, y = a * -24 + c * -16, b * -24 + d * -16  # of the white corner, from the picture's centre
    expected = np.zeros((height, width))
    expected[height // 2 + y, width // 2 + x] = 255
    points = np.array([(height // 2 + j, width // 2 + i) for i in (x, -x) for j in (y, -y)])
    assert [frame.pixels[tuple(p)][0] for p in points] == pytest.approx([expected[tuple(p)] for p in points], abs=3)


@pytest.mark.parametrize(("every", "start"), [(1, None), (3, 0.05)])
def test_the_stream_s_own_word_on_how_it_is_turned_holds_for_the_frames_behind(tmp_path, every, start):
    """H.264 says so with a frame now and then; the others lay on their sides, and all of them behind --start."""
    video = make_video(tmp_path / "a.mp4")
    frames = list(read_video(turn_stream(video, tmp_path / "b.mp4"), every, start))
    stored = list(read_video(video, every, start))
    assert len(frames) == len(stored) > 1
    for frame, other in zip(frames, stored, strict=True):
        assert np.array_equal(frame.pixels, np.rot90(other.pixels))


@pytest.fixture
def no_collector():
    """Large things must not wait for the garbage collector, which comes by seldom."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def large_things():
    """Return what is in memory of pictures, but for tiny ones, and of open files."""
    return [
        thing
        for thing in gc.get_objects()
        if isinstance(thing, av.container.InputContainer) or (isinstance(thing, av.VideoFrame) and thing.width > 16)
    ]


def test_a_frame_is_free_as_soon_as_nobody_has_it(tmp_path, no_collector):
    set_matrix(video := make_video(tmp_path / "a.mp4", 40), 0, 1, -1, 0)
    assert {frame.pixels.shape for frame in read_video(video)} == {(64, 48, 3)}
    stretches = divide_video(video, 1, None, None, 24, 8)
    assert len(stretches) == 2
    for stretch in stretches:
        assert {frame.pixels.shape for frame in read_stretch(video, stretch)} == {(64, 48, 3)}
    assert large_things() == []


def test_a_damaged_video_is_free_as_soon_as_it_is_read(tmp_path, no_collector):
    data = noisy_video(tmp_path / "a.mkv").read_bytes()
    (tmp_path / "cut.mkv").write_bytes(data[: len(data) // 2])

    def read(frame):
        try:
            return frame.read().pixels.shape
        except UnreadableError as error:
            return str(error)

    found = [read(frame) for frame in frames(discover([str(tmp_path / "cut.mkv")]))]
    assert found[0] == (64, 96, 3)
    assert found[-1].startswith("cut short")
    assert large_things() == []


def test_what_a_stream_cuts_off_on_the_left_is_not_shown(tmp_path):
    whole, cut = make_video(tmp_path / "a.mp4", size=(64, 64)), tmp_path / "b.mp4"
    with av.open(str(whole)) as source, av.open(str(cut), "w") as target:
        stream = target.add_stream_from_template(source.streams.video[0])
        crop = BitStreamFilterContext("h264_metadata=crop_left=6:crop_top=2", source.streams.video[0], stream)
        for packet in source.demux(video=0):
            for cropped in crop.filter(packet if packet.size else None):
                cropped.stream = stream
                target.mux(cropped)
    expected = next(iter(read_video(whole))).pixels[2:, 6:]
    assert np.array_equal(next(iter(read_video(cut))).pixels, expected)


def test_exif_in_a_videos_pictures(tmp_path):
    """As cameras write it into motion JPEG; PyAV cannot list this side data."""
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned clockwise by 90 degrees
    picture = np.zeros((48, 64, 3), np.uint8)
    picture[:16, :16] = 255
    data = io.BytesIO()
    Image.fromarray(picture).save(data, "JPEG", exif=exif)
    with av.open(str(tmp_path / "a.avi"), "w") as container:
        stream = container.add_stream("mjpeg", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuvj420p"
        for i in range(3):
            packet = av.Packet(data.getvalue())
            packet.stream, packet.time_base, packet.pts, packet.dts = stream, Fraction(1, 25), i, i
            container.mux(packet)
    found = list(read_video(tmp_path / "a.avi"))
    assert [frame.pixels.shape for frame in found] == [(64, 48, 3)] * 3
    assert found[0].pixels[5, -5, 0] > 200


def test_a_cover_picture_is_no_video(tmp_path):
    data = io.BytesIO()
    Image.new("RGB", (32, 32)).save(data, "JPEG")
    for name in ("film.mp4", "song.mp4"):
        with av.open(str(tmp_path / name), "w") as container:
            cover = container.add_stream("mjpeg", rate=25)
            cover.width, cover.height, cover.pix_fmt = 32, 32, "yuvj420p"
            cover.disposition = av.stream.Disposition.attached_pic
            pictures = []
            if name == "film.mp4":
                film = container.add_stream("libx264", rate=25)
                film.width, film.height, film.pix_fmt = 64, 48, "yuv420p"
                pictures = [film.encode(av.VideoFrame.from_ndarray(np.zeros((48, 64, 3), np.uint8))) for _ in range(3)]
                pictures.append(film.encode())
            packet = av.Packet(data.getvalue())
            packet.stream, packet.time_base, packet.pts, packet.dts = cover, Fraction(1, 25), 0, 0
            for packets in ([packet], *pictures):
                container.mux(packets)
    assert [frame.pixels.shape for frame in read_video(tmp_path / "film.mp4")] == [(48, 64, 3)] * 3
    found, error = read_all(tmp_path / "song.mp4")
    assert (found, str(error)) == ([], "no video stream in the file")


def test_frames_are_converted_later_on_other_threads(tmp_path):
    """All are held at once, and their video is closed."""
    video = make_video(tmp_path / "a.mp4", 200)
    held = list(frames(discover([str(video)])))
    with ThreadPoolExecutor(4) as pool:
        greys = list(pool.map(lambda frame: int(frame.read().pixels[30, 40, 0]), held))
    assert greys == pytest.approx([grey_of(i) for i in range(200)], abs=3)


@pytest.mark.parametrize("content", [b"", b"hello", b"\x00" * 5000])
def test_files_that_are_no_videos(tmp_path, content):
    (tmp_path / "a.mp4").write_bytes(content)
    with pytest.raises(
        UnreadableError, match=r"^(empty file \(0 bytes\)|not a video that can be decoded: .+)$"
    ) as error:
        list(read_video(tmp_path / "a.mp4"))
    assert not error.value.transient


def test_a_missing_video_may_come_back(tmp_path):
    with pytest.raises(UnreadableError, match=r"^cannot be read: No such file or directory$") as error:
        list(read_video(tmp_path / "a.mp4"))
    assert error.value.transient


def test_a_video_with_huge_frames_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(decoding, "MOST_PIXELS", 3000)
    found, error = read_all(make_video(tmp_path / "a.mp4"))
    assert (found, str(error)) == ([], "too large to be read: 64 x 48 pixels; the limit is 3000 in all")


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("a.mp4", {"movflags": "faststart"}, "cut short or damaged: {found} of 60 frames"),
        ("a.mp4", {"movflags": "frag_keyframe+empty_moov"}, "cut short or damaged: {found} of {indexed} frames"),
        ("a.mkv", {}, "cut short: {size} of {whole} bytes"),
        ("a.webm", {"f": "matroska"}, "cut short: {size} of {whole} bytes"),
    ],
)
def test_a_video_cut_short_gives_its_frames_and_then_says_so(tmp_path, name, options, message):
    video = noisy_video(tmp_path / "whole.mkv" if name == "a.webm" else tmp_path / name, **options)
    assert read_all(video)[1] is None
    data = video.read_bytes()
    cut = tmp_path / f"cut-{name}"
    cut.write_bytes(data[: len(data) * 6 // 10])
    found, error = read_all(cut)
    assert 24 <= len(found) < 60
    assert [frame.index for frame in found] == list(range(len(found)))
    indexed = 0
    if "indexed" in message:  # a fragment is indexed as a whole
        with av.open(str(cut)) as container:
            list(container.demux(video=0))
            indexed = len(container.streams.video[0].index_entries)
    size, whole = cut.stat().st_size, len(data)
    assert str(error) == message.format(found=len(found), size=size, whole=whole, indexed=indexed)
    assert not error.transient


@pytest.mark.parametrize("name", ["a.avi", "a.mpg", "a.wmv"])
def test_other_videos_cut_short(tmp_path, name):
    """In the middle of a frame."""
    video = noisy_video(tmp_path / name)
    (tmp_path / f"cut-{name}").write_bytes(video.read_bytes()[: video.stat().st_size * 6 // 10])
    found, error = read_all(tmp_path / f"cut-{name}")
    assert 24 <= len(found) < 60
    assert error is not None
    *others, failing = frames(discover([str(tmp_path / f"cut-{name}")]))
    assert [frame.index for frame in others] == [frame.index for frame in found]
    assert failing.index is None
    with pytest.raises(UnreadableError) as again:
        failing.read()
    assert str(again.value) == str(error)


def test_what_follows_the_damage_is_read_too(tmp_path):
    """Noise in the middle of a transport stream; the indices go on, and the error comes last."""
    video = make_video(tmp_path / "a.mpg", 90, size=(640, 480), format="mpegts")
    whole = list(read_video(video))
    data = bytearray(video.read_bytes())
    middle = len(data) // 2 // 188 * 188
    data[middle : middle + 1880] = np.random.default_rng(0).bytes(1880)
    (tmp_path / "b.mpg").write_bytes(data)
    found, error = read_all(tmp_path / "b.mpg")
    assert [frame.index for frame in found] == list(range(len(found)))
    assert found[-1].time == whole[-1].time
    assert {frame.time for frame in found} <= {frame.time for frame in whole}
    assert str(error).startswith("damaged after frame ")
    assert 20 < int(str(error).split()[3].rstrip(":")) < 70


@pytest.mark.parametrize("format", ["mpegts", "h264"])
def test_a_recording_may_begin_anywhere(tmp_path, format):
    """Without its first key frame; players say nothing of this either."""
    video = make_video(tmp_path / "a.mpg", 90, size=(320, 240), format=format)
    data = video.read_bytes()
    (tmp_path / "b.mpg").write_bytes(data[len(data) // 4 :])
    found, error = read_all(tmp_path / "b.mpg")
    assert 30 <= len(found) < 90
    assert error is None


@pytest.mark.parametrize("default", [None, 0, 1])
def test_the_main_stream_is_the_default_one_or_else_the_largest(tmp_path, default):
    """As players do; not the first one."""
    sizes = [(64, 48), (160, 120), (32, 32)]
    with av.open(str(tmp_path / "a.mkv"), "w") as container:
        streams = []
        for number, size in enumerate(sizes):
            stream = container.add_stream("libx264", rate=25)
            stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
            stream.disposition = av.stream.Disposition.default if number == default else av.stream.Disposition(0)
            streams.append(stream)
        for stream, (width, height) in zip(streams, sizes, strict=True):
            picture = av.VideoFrame.from_ndarray(np.zeros((height, width, 3), np.uint8))
            container.mux([*stream.encode(picture), *stream.encode()])
    with av.open(str(tmp_path / "a.mkv")) as container:
        marked = [bool(stream.disposition & av.stream.Disposition.default) for stream in container.streams.video]
    if default is not None:
        assert marked == [number == default for number in range(3)]
    width, height = sizes[1 if default is None else default]
    assert [frame.pixels.shape for frame in read_video(tmp_path / "a.mkv")] == [(height, width, 3)]


def test_times_count_from_the_beginning(tmp_path):
    """A transport stream's first frame hardly ever has the time 0."""
    video = make_video(tmp_path / "a.ts", 50, fps=25)
    whole = list(read_video(video))
    assert whole[0].time > 0.05
    found, error = read_all(video, start=0, end=1)
    assert error is None
    assert [frame.index for frame in found] == list(range(25))
    assert [frame.time for frame in found] == [frame.time for frame in whole[:25]]
    found, error = read_all(video, start=1.0)
    assert (found[0].index, error) == (25, None)
    _, error = read_all(video, start=5)
    assert str(error) == "no frame from 5 s: those read are at 0.000 to 1.960 s"


@pytest.mark.parametrize(
    ("suffix", "codec", "format"),
    [
        ("3gp", "mpeg4", None), ("3g2", "libx264", None), ("flv", "flv", None), ("f4v", "libx264", None),
        ("ogv", "libvpx", "ogg"), ("mxf", "mpeg2video", None), ("vob", "mpeg2video", None), ("wmv", "wmv2", None),
        ("asf", "wmv2", None), ("ts", "libx264", None), ("m2ts", "libx264", "mpegts"), ("m2t", "libx264", "mpegts"),
        ("mts", "libx264", "mpegts"), ("m2v", "mpeg2video", "mpeg2video"), ("mod", "mpeg2video", "vob"),
        ("divx", "mpeg4", "avi"), ("qt", "libx264", "mov"), ("nut", "libx264", None), ("y4m", "rawvideo", None),
        ("h264", "libx264", "h264"), ("ivf", "libvpx", None), ("wtv", "mpeg2video", None), ("rm", "rv10", None),
        ("mk3d", "libx264", "matroska"), ("swf", "flv", None),
    ],
)  # fmt: skip
def test_containers(tmp_path, suffix, codec, format):
    """Found in a folder by their suffixes, and read."""
    with av.open(str(tmp_path / f"a.{suffix}"), "w", format=format) as container:
        stream = container.add_stream(codec, rate=25)
        stream.width, stream.height, stream.pix_fmt = 176, 144, "yuv420p"
        for index in range(6):
            pixels = np.full((144, 176, 3), grey_of(index), np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels).reformat(format="yuv420p")))
        container.mux(stream.encode())
    (entry,) = discover([str(tmp_path)])
    assert entry.is_video
    found, error = read_all(entry.path)
    assert error is None
    assert [int(frame.pixels[30, 40, 0]) for frame in found] == pytest.approx([grey_of(i) for i in range(6)], abs=12)
