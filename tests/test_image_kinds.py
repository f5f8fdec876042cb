"""Kinds of images: each is read upright, with the size that its head says, in its real range, page by page."""

import io
import json
import os
import struct
import subprocess
import sys
from fractions import Fraction
from types import SimpleNamespace

import av
import cv2
import numpy as np
import pytest
from conftest import SAMPLES, handpose, read_results
from hypothesis import given, settings
from hypothesis import strategies as st
from made_up_videos import make_video
from PIL import Image, ImageOps

from handpose_cli.media.errors import UnreadableError
from handpose_cli.media.image_head import read_head
from handpose_cli.media.images import image_size, open_image, read_image
from handpose_cli.media.pages import open_pages, page_count
from handpose_cli.media.suffixes import IMAGE_SUFFIXES

RED, GREEN, BLUE, GREY = (255, 0, 0), (0, 255, 0), (0, 0, 255), (90, 90, 90)
HEIF = {".heic", ".heif", ".hif"}
# kinds that cannot say which way up they are
UPRIGHT = {".gif", ".bmp", ".dib", ".jp2", ".j2k", ".j2c", ".jpc", ".jpf", ".jpx", ".ppm", ".pgm", ".pbm", ".pnm",
           ".pam", ".pfm", ".ras", ".sr", ".hdr"}  # fmt: skip
BY_OPENCV = {".pfm", ".ras", ".sr", ".hdr"}


def quarters() -> Image.Image:
    """160 x 80 pixels: red and green above, blue and grey below."""
    pixels = np.zeros((80, 160, 3), np.uint8)
    pixels[:40, :80], pixels[:40, 80:], pixels[40:, :80], pixels[40:, 80:] = RED, GREEN, BLUE, GREY
    return Image.fromarray(pixels)


def corners(image):
    return np.array([image[9, 9], image[9, -9], image[-9, 9], image[-9, -9]])


def by_ffmpeg(codec, pixels):
    """An image encoded by FFmpeg, which OpenCV's own writer of PAM is no measure for: it exchanges red and blue."""
    encoder = av.CodecContext.create(codec, "w")
    encoder.height, encoder.width, encoder.pix_fmt, encoder.time_base = *pixels.shape[:2], "rgb24", Fraction(1, 25)
    return b"".join(bytes(packet) for packet in encoder.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))


def save(image, path, orientation=1):
    if path.suffix in BY_OPENCV:
        bgr = np.asarray(image)[..., ::-1]
        bgr = bgr if path.suffix not in (".pfm", ".hdr") else (bgr / 255).astype(np.float32)
        assert cv2.imwrite(str(path), bgr)
        return
    if path.suffix == ".pam":
        path.write_bytes(by_ffmpeg("pam", np.asarray(image)))
        return
    exif = Image.Exif()
    exif[0x0112] = orientation
    kinds = {".apng": "PNG", ".dib": "BMP", ".jif": "JPEG", ".pnm": "PPM"}
    image = image.convert({".pgm": "L", ".pbm": "1"}.get(path.suffix, "RGB"))
    given = exif.tobytes() if path.suffix in HEIF else exif  # of others than bytes pillow-heif 1.8 has no orientation
    image.save(path, kinds.get(path.suffix) or Image.registered_extensions()[path.suffix], exif=given, quality=95)


@pytest.mark.parametrize("suffix", sorted(IMAGE_SUFFIXES - HEIF))
def test_the_size_in_the_head_is_that_of_the_picture_whichever_way_up(tmp_path, suffix):
    path = tmp_path / f"a{suffix}"
    for orientation in range(1, 9):
        save(quarters(), path, orientation)
        image = read_image(path)
        turned = orientation >= 5 and suffix not in UPRIGHT
        assert image.shape == ((160, 80, 3) if turned else (80, 160, 3))
        assert image_size(path) == image.shape[1::-1]
        picture = open_image(path)
        assert (picture.width, picture.height) == image_size(path)
        if orientation == 1 and suffix not in (".pgm", ".pbm"):
            assert corners(image) == pytest.approx(np.array([RED, GREEN, BLUE, GREY]), abs=30)


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".tif", ".avif"])
def test_all_eight_orientations_are_those_of_exif(tmp_path, suffix):
    path = tmp_path / f"a{suffix}"
    for orientation in range(1, 9):
        save(quarters(), path, orientation)
        with Image.open(path) as stored:
            assert stored.getexif().get(0x0112, 1) == orientation
            upright = np.asarray(ImageOps.exif_transpose(stored).convert("RGB"))
        assert corners(read_image(path)) == pytest.approx(corners(upright), abs=6)


def test_of_a_damaged_file_too(tmp_path):
    """OpenCV leaves the first picture of several as it is stored if another one is damaged."""
    exif = Image.Exif()
    exif[0x0112] = 6
    first, second = quarters(), Image.effect_noise((160, 80), 50).convert("RGB")
    for name in ("a.png", "a.webp"):
        first.save(tmp_path / name, save_all=True, append_images=[second], exif=exif, lossless=True)
        data = bytearray((tmp_path / name).read_bytes())
        at = len(data) - 500
        data[at : at + 9] = b"damagedby"
        (tmp_path / name).write_bytes(data)
        image = read_image(tmp_path / name)
        assert image_size(tmp_path / name) == image.shape[1::-1] == (80, 160)
        assert corners(image) == pytest.approx(np.array([BLUE, RED, GREY, GREEN]), abs=6)


def test_a_damaged_animation_is_as_unreadable_as_a_still_image(tmp_path):
    """OpenCV 5.0 reads on where a first picture is damaged: what it gives is wrong, and now and then it crashes."""
    first, second = (Image.effect_noise((160, 120), 50 * i).convert("RGB") for i in (1, 2))
    first.save(tmp_path / "a.png", save_all=True, append_images=[second])
    data = bytearray((tmp_path / "a.png").read_bytes())
    assert np.array_equal(read_image(tmp_path / "a.png"), np.asarray(first))
    at = data.index(b"IDAT") + 2000
    data[at : at + 30] = bytes(30)
    (tmp_path / "a.png").write_bytes(data)
    with pytest.raises(UnreadableError, match=r"^damaged or cut short"):
        read_image(tmp_path / "a.png")


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 70), st.integers(1, 70), st.integers(0, 9), st.sampled_from([".jpg", ".png", ".webp", ".tif"]))
def test_sizes_and_orientations_of_any_kind(tmp_path_factory, width, height, orientation, suffix):
    path = tmp_path_factory.mktemp("sizes") / f"a{suffix}"
    save(Image.new("RGB", (width, height)), path, orientation)
    assert image_size(path) == read_image(path).shape[1::-1]


def test_exif_elsewhere_in_the_file_counts_too(tmp_path):
    """Behind the pixels of a PNG, behind XMP in a JPEG, big-endian."""
    save(quarters(), tmp_path / "a.png", 6)
    data = (tmp_path / "a.png").read_bytes()
    at = data.index(b"eXIf") - 4
    length = 12 + int.from_bytes(data[at : at + 4], "big")
    rest = data[:at] + data[at + length :]
    end = rest.index(b"IEND") - 4
    (tmp_path / "b.png").write_bytes(rest[:end] + data[at : at + length] + rest[end:])
    save(quarters(), tmp_path / "a.jpg", 6)
    data = (tmp_path / "a.jpg").read_bytes()
    xmp = b"http://ns.adobe.com/xap/1.0/\0<x/>"
    (tmp_path / "b.jpg").write_bytes(data[:2] + b"\xff\xe1" + (len(xmp) + 2).to_bytes(2, "big") + xmp + data[2:])
    exif = b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0"
    quarters().save(tmp_path / "c.jpg", exif=exif)
    for name in ("b.png", "b.jpg", "c.jpg"):
        assert image_size(tmp_path / name) == read_image(tmp_path / name).shape[1::-1] == (80, 160)


def exif(*entries, order="<"):
    """EXIF with entries: tag, type, how many values, and their bytes."""
    head = {"<": b"II*\0", ">": b"MM\0*"}[order] + struct.pack(f"{order}IH", 8, len(entries))
    packed = (struct.pack(f"{order}HHI4s", *entry) for entry in entries)
    return b"Exif\0\0" + head + b"".join(packed) + bytes(4)


TURNED, UPRIGHT_TAG = (0x0112, 3, 1, b"\6"), (0x0112, 3, 1, b"\1")


@pytest.mark.parametrize(
    ("segments", "turned"),
    [
        ([exif(TURNED)], True),
        ([exif((0x0112, 4, 1, b"\6"))], True),  # LONG
        ([exif((0x0112, 4, 1, b"\0\0\0\6"), order=">")], True),
        ([exif((0x0112, 1, 1, b"\6"))], True),  # BYTE
        ([exif((0x0112, 3, 2, b"\6\0\6\0"))], True),  # twice
        ([exif(TURNED, UPRIGHT_TAG)], True),
        ([exif(TURNED), exif(UPRIGHT_TAG)], True),
        ([exif(UPRIGHT_TAG), exif(TURNED)], False),
        ([b"other", exif(TURNED)], True),
        ([exif((0x0112, 3, 1, b"\0"))], False),
        ([exif((0x0112, 3, 1, b"\11"))], False),
        ([exif(TURNED)[:17]], False),
    ],
)
def test_any_way_to_write_the_orientation_of_a_jpeg(tmp_path, segments, turned):
    """The first one counts, for the size and for the pixels alike."""
    image = quarters().resize((1280, 1280 // 2 + 16 * 30))
    data = io.BytesIO()
    image.save(data, "JPEG", quality=95)
    added = b"".join(b"\xff\xe1" + struct.pack(">H", len(segment) + 2) + segment for segment in segments)
    path = tmp_path / "a.jpg"
    path.write_bytes(data.getvalue()[:2] + added + b"\0\xff" + data.getvalue()[2:])
    size = image.size[::-1] if turned else image.size
    assert image_size(path) == read_image(path).shape[1::-1] == size
    expected = [BLUE, RED, GREY, GREEN] if turned else [RED, GREEN, BLUE, GREY]
    picture = open_image(path)
    assert (picture.width, picture.height) == size
    for pixels in (read_image(path), picture.reduced(2)[0]):
        assert corners(pixels) == pytest.approx(np.array(expected), abs=6)


def test_labels_of_shares_are_in_the_upright_picture(tmp_path):
    """All readers take an image's size from the one place."""
    for suffix in (".jpg", ".png", ".webp", ".tif", ".avif"):
        folder = tmp_path / suffix[1:]
        (folder / "labels").mkdir(parents=True)
        (folder / "images").mkdir()
        save(quarters(), folder / "images" / f"a{suffix}", 6)
        joints = " ".join(["0.5 0.25 2"] * 21)
        (folder / "labels" / "a.txt").write_text(f"0 0.5 0.5 0.2 0.2 {joints}\n")
        (folder / "data.yaml").write_text("names: {0: hand}\nkpt_shape: [21, 3]\ntrain: images\nval: images\n")
        result = handpose("convert-labels", f"yolo-pose:{folder}", folder / "o.json", "--to", "handpose")
        assert result.exit_code == 0, result.stderr
        (entry,) = json.loads((folder / "o.json").read_text())["files"]
        assert (entry["width"], entry["height"]) == (80, 160)


@pytest.mark.parametrize("bits", [8, 10, 12, 14, 16])
@pytest.mark.parametrize("suffix", [".png", ".tif", ".ppm"])
def test_sixteen_bits_of_which_fewer_are_used(tmp_path, suffix, bits):
    bgr = np.asarray(quarters())[..., ::-1].astype(np.uint16)
    bgr = bgr << (bits - 8) | bgr >> max(0, 16 - bits)
    for number in range(5):  # OpenCV gave deep TIFFs in one order of colours or another
        cv2.imwrite(str(tmp_path / f"{number}{suffix}"), bgr)
        image = read_image(tmp_path / f"{number}{suffix}")
        assert (corners(image) == [RED, GREEN, BLUE, GREY]).all()


@pytest.mark.parametrize(("kind", "factor"), [(np.float32, 1 / 255), (np.float32, 1), (np.float32, 100), (np.int32, 9)])
def test_tiffs_of_32_bits(tmp_path, kind, factor):
    grey = np.linspace(0, 255, 64 * 48).reshape(48, 64)
    Image.fromarray((grey * factor).astype(kind)).save(tmp_path / "a.tif")
    image = read_image(tmp_path / "a.tif")
    assert image.shape == (48, 64, 3)
    assert image[..., 0] == pytest.approx(grey, abs=1)


def photo(progressive=False) -> bytes:
    data = io.BytesIO()
    Image.open(SAMPLES / "ok_bracelet.jpg").save(data, "JPEG", progressive=progressive)
    return data.getvalue()


@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize(("cut", "added"), [(1, b""), (2, b""), (2, bytes(3)), (2, bytes(5000))])
def test_a_jpeg_that_lacks_its_end_marker_alone_is_whole(tmp_path, progressive, cut, added):
    data = photo(progressive)
    (tmp_path / "a.jpg").write_bytes(data)
    (tmp_path / "b.jpg").write_bytes(data[:-cut] + added)
    assert np.array_equal(read_image(tmp_path / "b.jpg"), read_image(tmp_path / "a.jpg"))


@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize("share", [0.3, 0.7, 0.95])
def test_a_jpeg_that_lacks_pixels_is_not(tmp_path, progressive, share, capfd):
    data = photo(progressive)
    (tmp_path / "a.jpg").write_bytes(data[: int(share * len(data))])
    with pytest.raises(UnreadableError, match=r"^damaged or cut short, or of a kind that cannot be decoded$"):
        read_image(tmp_path / "a.jpg")
    assert capfd.readouterr().err == ""


def shades(count):
    return [Image.new("RGB", (64, 48), (0, 0, 60 * i)) for i in range(count)]


@pytest.mark.parametrize("suffix", [".tif", ".gif", ".webp", ".png", ".apng", ".avif", ".mpo"])
def test_pages_are_counted_and_read(tmp_path, suffix):
    path = tmp_path / f"a{suffix}"
    count = 2 if suffix == ".mpo" else 4  # of which Pillow 13 writes wrong places of more
    first, *others = shades(count)
    kind = {".apng": "PNG", ".mpo": "MPO"}.get(suffix)
    first.save(path, kind, save_all=True, append_images=others)
    assert page_count(path) == count
    pages = [page.pixels for page in open_pages(path, 10**6)]
    assert [page.shape for page in pages] == [(48, 64, 3)] * count
    assert [int(page[20, 20, 2]) for page in pages] == pytest.approx([0, 60, 120, 180][:count], abs=6)
    first.save(path, kind)
    assert page_count(path) == 1


def test_an_avif_of_a_general_brand(tmp_path):
    """mif1 is HEIC's as well: which of both a file is, the brands behind say."""
    path = tmp_path / "a.avif"
    shades(2)[1].save(path)
    data = path.read_bytes()
    assert data[4:12] == b"ftypavif"
    path.write_bytes(data[:8] + b"mif1" + data[12:])
    assert int(read_image(path)[20, 20, 2]) == pytest.approx(60, abs=3)
    assert page_count(path) == 1
    path.write_bytes(data[:8] + b"mif1" + data[12:].replace(b"avif", b"heic"))
    assert read_head(io.BytesIO(path.read_bytes())).kind == "HEIC"


def test_an_animated_png_may_say_so_behind_its_palette_profile_or_texts(tmp_path):
    first, *others = [shade.quantize(200, dither=0) for shade in shades(3)]
    first.putpalette(list(range(256)) * 3)
    path = tmp_path / "a.png"
    first.save(path, save_all=True, append_images=others, icc_profile=b"p" * 500, dpi=(72, 72))
    assert path.read_bytes().index(b"acTL") > 64
    assert page_count(path) == 3
    first.save(path, icc_profile=b"acTL" * 500)
    assert page_count(path) == 1


@pytest.mark.parametrize("suffix", [".gif", ".avif"])
def test_what_pillow_takes_for_too_large_is_read_and_its_limit_left_to_the_program(tmp_path, monkeypatch, suffix):
    first, *others = shades(2)
    first.save(tmp_path / f"a{suffix}", save_all=True, append_images=others)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    assert read_image(tmp_path / f"a{suffix}").shape == (48, 64, 3)
    assert len(list(open_pages(tmp_path / f"a{suffix}", 10**6))) == 2
    assert Image.MAX_IMAGE_PIXELS == 100


def test_a_tiffs_smaller_copies_are_no_pages(tmp_path):
    from PIL import TiffImagePlugin

    first, second, third = shades(3)
    info = TiffImagePlugin.ImageFileDirectory_v2()
    info[254] = 1
    data = io.BytesIO()
    with TiffImagePlugin.AppendingTiffWriter(data, new=True) as file:
        for image, tags in ((first, {}), (second.resize((32, 24)), info), (third, {})):
            image.save(file, format="TIFF", tiffinfo=tags)
            file.newFrame()
    (tmp_path / "a.tif").write_bytes(data.getvalue())
    assert page_count(tmp_path / "a.tif") == 2
    assert [int(page.pixels[20, 20, 2]) for page in open_pages(tmp_path / "a.tif", 10**6)] == [0, 120]


def test_pages_left_out_are_said_or_annotated(tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    hand = Image.open(SAMPLES / "ok_bracelet.jpg").resize((288, 200))
    hand.save(folder / "a.tif", save_all=True, append_images=[Image.new("RGB", (64, 48)), hand])
    hand.save(folder / "b.png")
    result = handpose("predict", folder, "-o", tmp_path / "first", "--views", 1)
    assert result.stderr.splitlines()[0] == (
        "2 pages beyond the first, in 1 files, were left out. Annotate them with --pages"
    )
    out = tmp_path / "all"
    call = ("predict", folder, "-o", out, "--views", 1, "--pages", "--draw", "--track", "--format", "csv")
    assert handpose(*call).exit_code == 0
    pages, single = read_results(out)["files"]
    assert pages["frame_times"] == [[0, None], [1, None], [2, None]]
    assert pages["frame_sizes"] == [[1, 64, 48]]
    assert [hand["frame"] for hand in pages["hands"]] == [0, 2]
    assert pages["hands"][0]["keypoints"] == single["hands"][0]["keypoints"]
    assert sorted(p.name for p in (out / "annotated" / "a.tif").iterdir()) == [f"{i:06d}.jpg" for i in range(3)]
    assert handpose("convert-labels", out / "predictions.json", "--check").exit_code == 0
    before = (out / "predictions.json").read_bytes()
    assert handpose(*call, "--resume").stderr.splitlines()[0] == "2 of 2 inputs are done"
    assert (out / "predictions.json").read_bytes() == before


def test_heic(tmp_path):
    """With `pillow-heif` it is read; without it, a line says what is missing."""
    (tmp_path / "a.heic").write_bytes(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(100))
    message = "HEIC is not read without: pip install 'handpose-cli[heif]'"
    try:
        import pillow_heif
    except ImportError:
        with pytest.raises(UnreadableError) as error:
            read_image(tmp_path / "a.heic")
        assert (str(error.value), error.value.transient) == (message, True)
        return
    with pytest.raises(UnreadableError, match=r"^damaged or cut short"):
        read_image(tmp_path / "a.heic")
    pillow_heif.register_heif_opener()
    save(quarters(), tmp_path / "b.heic", 6)
    assert image_size(tmp_path / "b.heic") == read_image(tmp_path / "b.heic").shape[1::-1] == (80, 160)


def test_of_a_heic_the_picture_that_viewers_show_comes_first(tmp_path):
    """The first in the file had been read, which may be another."""
    pillow_heif = pytest.importorskip("pillow_heif")
    pillow_heif.register_heif_opener()
    others = [Image.new("RGB", (64, 64), colour) for colour in (RED, BLUE)]
    others[0].save(tmp_path / "a.heic", save_all=True, append_images=[quarters(), others[1]], primary_index=1)
    with Image.open(tmp_path / "a.heic") as shown:
        assert shown.size == (160, 80)
    assert image_size(tmp_path / "a.heic") == read_image(tmp_path / "a.heic").shape[1::-1] == (160, 80)
    pages = [page.pixels for page in open_pages(tmp_path / "a.heic", 2**20)]
    assert [page.shape[:2] for page in pages] == [(80, 160), (64, 64), (64, 64)]
    assert pages[1][9, 9].argmax() == 0 and pages[2][9, 9].argmax() == 2


def far_away(place):
    """A BigTIFF whose first directory, or what a tag in it says, is at a place that no file can have."""
    if place == "directory":
        return b"II+\0\x08\0\0\0" + b"\xff" * 8
    width = b"\0\1\x04\0" + (3).to_bytes(8, "little") + b"\xff" * 8
    return b"II+\0\x08\0\0\0" + (16).to_bytes(8, "little") + (1).to_bytes(8, "little") + width + bytes(8)


def test_damaged_heads_are_failures_and_stop_nothing(tmp_path):
    """WebPs of 13 to 20 bytes, and BigTIFFs with places of 64 bits, ended a run with a traceback."""
    whole = io.BytesIO()
    quarters().save(whole, "WEBP", save_all=True, append_images=[quarters().rotate(90)])
    assert whole.getvalue()[12:16] == b"VP8X"
    contents = {f"{end}.webp": whole.getvalue()[:end] for end in range(8, 40)}
    contents |= {f"{place}.tif": far_away(place) for place in ("directory", "tag")}
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
    for pages in ((), ("--pages",)):
        call = ("predict", tmp_path, "-o", tmp_path / "out", "--overwrite", "--views", 1, *pages)
        result = handpose(*call)
        assert result.exit_code == 3, result.output
        files = read_results(tmp_path / "out")["files"]
        assert sum(bool(entry.get("failure")) for entry in files) == len(contents) == len(files)


@pytest.mark.parametrize("pages", [(), ("--pages",)])
def test_what_nobody_foresaw_of_a_file_is_its_failure_alone(tmp_path, monkeypatch, pages):
    """A fault in reading heads ended a run with a traceback, and each that went on with it."""
    quarters().save(tmp_path / "a.png")
    quarters().save(tmp_path / "b.tif")
    make_video(tmp_path / "c.mp4")

    def stumble(*_):
        raise IndexError("index out of range")

    for where in ("images.read_head", "pages.kind_of", "videos.Clock.time"):
        monkeypatch.setattr(f"handpose_cli.media.{where}", stumble)
    result = handpose("predict", tmp_path, "-o", tmp_path / "out", "--views", 1, *pages)
    assert (result.exit_code, len(result.stderr.splitlines())) == (3, 4)
    failures = [entry["failure"] for entry in read_results(tmp_path / "out")["files"]]
    assert failures == ["damaged, or of a kind that cannot be decoded (IndexError: index out of range)"] * 3


def test_heic_is_read_by_resume_when_its_package_is_there(tmp_path, monkeypatch):
    (tmp_path / "a.heic").write_bytes(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(100))
    quarters().save(tmp_path / "b.png")
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    call = ("predict", tmp_path / "a.heic", tmp_path / "b.png", "-o", tmp_path / "out", "--views", 1)
    assert handpose(*call).exit_code == 3
    result = handpose(*call, "--resume")
    assert result.stderr.splitlines()[0] == "1 of 2 inputs are done; left: 1 could not be read before (a.heic)"
    monkeypatch.setitem(sys.modules, "pillow_heif", SimpleNamespace(register_heif_opener=lambda: None))
    handpose(*call, "--resume")
    failures = [entry.get("failure") for entry in read_results(tmp_path / "out")["files"]]
    assert failures == ["damaged or cut short, or of a kind that cannot be decoded", None]
    assert handpose(*call, "--resume").stderr.splitlines()[0] == "2 of 2 inputs are done"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes")
def test_what_is_no_file_is_a_failure_and_does_not_hang(tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    for name in ("a.jpg", "b.mp4", "c.tif"):
        os.mkfifo(folder / name)
    (folder / "d.png").symlink_to("/dev/zero")
    (folder / "e.webp").symlink_to("e.webp")
    code = "from handpose_cli.cli import cli; cli()"
    call = [sys.executable, "-c", code, "predict", str(folder), "-o", str(tmp_path / "out")]
    result = subprocess.run(call, capture_output=True, text=True, timeout=60, check=False)
    assert result.returncode == 3
    failures = {entry["file"]: entry["failure"] for entry in read_results(tmp_path / "out")["files"]}
    assert failures == {
        **dict.fromkeys(("a.jpg", "b.mp4", "c.tif"), "a named pipe, not a file"),
        "d.png": "a device, not a file",
        "e.webp": "cannot be read: Too many levels of symbolic links",
    }
