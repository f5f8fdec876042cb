"""Damaged videos: what is read of them does not depend on the number of threads."""

import av
import numpy as np
import pytest
from made_up_videos import noisy_video, read_all

from handpose_cli.media import decoding
from handpose_cli.media.cut_short import declared_size


def read_on_threads(path, monkeypatch):
    """Return for several numbers of threads the frames, and the error."""
    results = []
    for count in (1, 2, 5, 16):
        whole = decoding.main_stream

        def with_threads(container, whole=whole, count=count):
            stream = whole(container)
            stream.codec_context.thread_count = count
            return stream

        with monkeypatch.context() as patch:
            patch.setattr(decoding, "main_stream", with_threads)
            found, error = read_all(path)
        results.append(([(frame.index, frame.time, frame.pixels.tobytes()) for frame in found], str(error)))
    return results


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.avi", "a.ts", "a.flv"])
def test_what_is_read_of_a_cut_video_does_not_depend_on_threads(tmp_path, monkeypatch, name):
    data = noisy_video(tmp_path / name, 40, **({"movflags": "faststart"} if name == "a.mp4" else {})).read_bytes()
    for share in (0.5, 0.83, 0.97):
        (tmp_path / f"cut-{name}").write_bytes(data[: int(share * len(data))])
        results = read_on_threads(tmp_path / f"cut-{name}", monkeypatch)
        assert results[0][0]
        assert all(result == results[0] for result in results)


@pytest.mark.parametrize("seed", range(6))
def test_nor_do_the_frames_of_a_damaged_one(tmp_path, monkeypatch, seed):
    """Near its end too, where the decoder holds several; libavcodec may lose the mark of damage that it has mended."""
    random = np.random.default_rng(seed)
    data = bytearray(noisy_video(tmp_path / "a.mp4", 40, movflags="faststart").read_bytes())
    begin = len(data) * (3 if seed % 2 else 9) // 10
    for at in random.integers(begin, len(data), 3):
        data[at : at + 9] = random.bytes(9)
    (tmp_path / "b.mp4").write_bytes(data)
    results = [found for found, _ in read_on_threads(tmp_path / "b.mp4", monkeypatch)]
    assert len(results[0]) > 10
    assert all(found == results[0] for found in results)


@pytest.mark.parametrize("name", ["libsvtav1.mp4", "libvpx.webm", "libvpx-vp9.webm"])
def test_nor_do_those_of_other_codecs(tmp_path, monkeypatch, name):
    codec = name.partition(".")[0]
    try:
        av.Codec(codec, "w")
    except av.codec.codec.UnknownCodecError:
        pytest.skip(f"PyAV without {codec}")
    data = noisy_video(tmp_path / name, 40, codec).read_bytes()
    random = np.random.default_rng(1)
    for _ in range(4):
        damaged = bytearray(data)
        for at in random.integers(len(data) // 5, len(data) * 4 // 5, 30):
            damaged[at] ^= 1 << random.integers(8)
        (tmp_path / f"b-{name}").write_bytes(damaged)
        results = read_on_threads(tmp_path / f"b-{name}", monkeypatch)
        assert results[0][0]
        assert all(result == results[0] for result in results)


def test_damage_that_hevcs_decoder_does_not_mark_is_said_all_the_same(tmp_path, monkeypatch):
    path = noisy_video(tmp_path / "a.mkv", 40, "libx265")
    with av.open(str(path)) as container:
        middle = bytes([*container.demux(video=0)][20])
    data = path.read_bytes()
    at = data.index(middle) + 6  # behind the length and the head of its one NAL unit: the slice's head
    path.write_bytes(data[:at] + bytes([data[at] ^ 0x7F]) + b"\x5a" * 3 + data[at + 4 :])
    results = read_on_threads(path, monkeypatch)
    assert results[0][1] == "damaged: some frames may be wrong, and it is not known which"
    assert all(result == results[0] for result in results)


@pytest.mark.parametrize("name", ["a.avi", "a.mov", "a.mkv"])
def test_damage_in_motion_jpegs_is_said_and_no_frame_is_lost(tmp_path, monkeypatch, name):
    """Its decoder marks nothing either; such videos had hands as if all were well."""
    data = bytearray(noisy_video(tmp_path / name, 20, "mjpeg").read_bytes())
    found, error = read_all(tmp_path / name)
    assert (len(found), error) == (20, None)
    with av.open(str(tmp_path / name)) as container:
        picture = bytes([*container.demux(video=0)][8])
    at = data.index(picture) + len(picture) // 2
    data[at : at + 200] = bytes(byte ^ 255 for byte in data[at : at + 200])
    (tmp_path / name).write_bytes(data)
    results = read_on_threads(tmp_path / name, monkeypatch)
    assert (len(results[0][0]), results[0][1]) == (20, "damaged: some frames may be wrong, and it is not known which")
    assert all(result == results[0] for result in results)


def ogg_video(path):
    """Write one of 60 frames on a few dozen pages."""
    with av.open(str(path), "w", format="ogg") as container:
        stream = container.add_stream("libvpx", rate=25)
        stream.width, stream.height, stream.pix_fmt = 96, 64, "yuv420p"
        random = np.random.default_rng(0)
        for _ in range(60):
            pixels = random.integers(0, 256, (64, 96, 3), np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        container.mux(stream.encode())
    return path.read_bytes()


def test_damaged_pages_of_an_ogg_are_told(tmp_path):
    """The frames on them were missing without a word; and so were those behind the end of one that was cut short."""
    video = tmp_path / "a.ogv"
    whole = ogg_video(video)
    size, half = len(whole), len(whole) // 2
    found, error = read_all(video)
    assert (len(found), error) == (60, None)
    damaged = "damaged: {} of its pages, with what frames they have"
    for content, message in (
        (whole + b"TAG" + bytes(125), "None"),
        (whole[:half], f"cut short: {half} of {half + len(whole[half:].partition(b'OggS')[0])} bytes"),
        (whole[:half] + bytes(10) + whole[half + 10 :], damaged.format(1)),
        (whole[:half] + whole[half + 10 :], damaged.format(2)),  # and what comes before the next page
        (whole[:half] + b"OggS" + whole[half:], damaged.format(2)),
    ):
        video.write_bytes(content)
        found, error = read_all(video)
        assert str(error) == message
        assert (len(found) == 60) == (error is None), (message, size)


def test_a_transport_stream_that_ends_within_a_packet_is_cut_short(tmp_path):
    """Where it lost only whole frames, its decoder had nothing to say."""
    video = tmp_path / "a.ts"
    whole = noisy_video(video).read_bytes()
    assert len(whole) % 188 == 0
    timed = b"".join(bytes(4) + whole[at : at + 188] for at in range(0, len(whole), 188))  # as camcorders have it
    for unit, content in ((188, whole), (192, timed)):
        end = 500 * unit
        for length, message in ((end, 0), (end - 1, end), (end - unit + 6, end), (end + 4000, 0)):
            video.write_bytes(content[: min(length, end)] + bytes(max(length - end, 0)))
            assert declared_size(video) == message
