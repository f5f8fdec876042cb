"""Sources: every kind of picture comes out upright and as 8-bit RGB, and every bad one says why it does not."""

import os
import zlib

import cv2
import numpy as np
import pytest
from conftest import SAMPLES
from PIL import Image

from handpose_cli.media.discover import NoInputError, discover
from handpose_cli.media.errors import UnreadableError
from handpose_cli.media.frames import frames
from handpose_cli.media.images import read_image

RED, GREEN, BLUE, GREY = (255, 0, 0), (0, 255, 0), (0, 0, 255), (90, 90, 90)


def quarters() -> Image.Image:
    """80 x 40 pixels: red and green above, blue and grey below."""
    pixels = np.zeros((40, 80, 3), np.uint8)
    pixels[:20, :40], pixels[:20, 40:], pixels[20:, :40], pixels[20:, 40:] = RED, GREEN, BLUE, GREY
    return Image.fromarray(pixels)


def corners(image: np.ndarray) -> np.ndarray:
    """The colours near the corners: top left, top right, bottom left, bottom right."""
    return np.array([image[5, 5], image[5, -5], image[-5, 5], image[-5, -5]])


@pytest.mark.parametrize("suffix", ["jpg", "jpeg", "png", "webp", "bmp", "tif", "tiff"])
def test_every_image_format(tmp_path, suffix):
    quarters().save(tmp_path / f"a.{suffix}", quality=95)
    image = read_image(tmp_path / f"a.{suffix}")
    assert (image.shape, image.dtype) == ((40, 80, 3), np.uint8)
    assert corners(image) == pytest.approx(np.array([RED, GREEN, BLUE, GREY]), abs=12)


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "tiff"])
def test_exif_orientation_is_applied_once(tmp_path, suffix):
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned clockwise by 90 degrees
    quarters().save(tmp_path / f"a.{suffix}", quality=95, exif=exif)
    image = read_image(tmp_path / f"a.{suffix}")
    assert image.shape == (80, 40, 3)
    assert corners(image) == pytest.approx(np.array([BLUE, RED, GREY, GREEN]), abs=12)


@pytest.mark.parametrize(
    ("mode", "suffix"),
    [("CMYK", "jpg"), ("CMYK", "tiff"), ("RGBA", "png"), ("RGBA", "webp"), ("RGBA", "tiff"), ("P", "png")],
)
def test_other_colour_modes_become_rgb(tmp_path, mode, suffix):
    quarters().convert(mode).save(tmp_path / f"a.{suffix}", quality=95)
    assert corners(read_image(tmp_path / f"a.{suffix}")) == pytest.approx(np.array([RED, GREEN, BLUE, GREY]), abs=12)


@pytest.mark.parametrize("mode", ["L", "LA"])
def test_grey_images_become_rgb(tmp_path, mode):
    quarters().convert(mode).save(tmp_path / "a.png")
    assert (read_image(tmp_path / "a.png")[-5, -5] == GREY).all()


@pytest.mark.parametrize("suffix", ["png", "tiff"])
def test_16_bits_keep_the_upper_8(tmp_path, suffix):
    bgr = np.asarray(quarters())[..., ::-1].astype(np.uint16) * 257
    cv2.imwrite(str(tmp_path / f"a.{suffix}"), bgr)
    assert (corners(read_image(tmp_path / f"a.{suffix}")) == [RED, GREEN, BLUE, GREY]).all()


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "bmp", "tiff"])
def test_an_image_cut_short_is_refused(tmp_path, suffix):
    """Not silently filled with grey."""
    picture = cv2.imread(str(SAMPLES / "horns_forest.jpg"))
    data = cv2.imencode(f".{suffix}", picture)[1].tobytes()
    (tmp_path / f"a.{suffix}").write_bytes(data[: len(data) * 7 // 10])
    with pytest.raises(UnreadableError) as error:
        read_image(tmp_path / f"a.{suffix}")
    assert str(error.value) == "damaged or cut short, or of a kind that cannot be decoded"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "empty file (0 bytes)"),
        (b"hello", "not an image (JPEG, PNG, WebP, AVIF, HEIC, GIF, JPEG 2000, TIFF, BMP or PNM)"),
    ],
)
def test_files_that_are_no_images(tmp_path, content, message):
    (tmp_path / "a.jpg").write_bytes(content)
    with pytest.raises(UnreadableError) as error:
        read_image(tmp_path / "a.jpg")
    assert str(error.value) == message


def test_a_missing_image_may_come_back_and_a_damaged_one_not(tmp_path):
    with pytest.raises(UnreadableError, match=r"^cannot be read: No such file or directory$") as error:
        read_image(tmp_path / "a.jpg")
    assert error.value.transient
    (tmp_path / "a.jpg").write_bytes(b"hello")
    with pytest.raises(UnreadableError) as error:
        read_image(tmp_path / "a.jpg")
    assert not error.value.transient


def _chunk(name: bytes, data: bytes) -> bytes:
    return len(data).to_bytes(4, "big") + name + data + zlib.crc32(name + data).to_bytes(4, "big")


@pytest.mark.parametrize("side", [16_385, 20_000, 60_000])
def test_an_image_that_would_fill_the_memory_is_refused(tmp_path, side):
    """Two kilobytes of PNG can stand for gigabytes of pixels."""
    head = side.to_bytes(4, "big") * 2 + bytes([8, 2, 0, 0, 0])
    pixels = zlib.compress(bytes(10_000))
    chunks = _chunk(b"IHDR", head) + _chunk(b"IDAT", pixels) + _chunk(b"IEND", b"")
    (tmp_path / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n" + chunks)
    with pytest.raises(UnreadableError) as error:
        read_image(tmp_path / "a.png")
    assert str(error.value) == f"too large to be read: {side} x {side} pixels; the limit is 268435456 in all"


def test_a_chunk_that_claims_to_be_longer_than_its_file_is_refused(tmp_path):
    """OpenCV would take 4 GB of memory for it. What stands behind a picture's end does not matter."""
    quarters().save(tmp_path / "a.png")
    data = (tmp_path / "a.png").read_bytes()
    (tmp_path / "a.png").write_bytes(data + b"\xff" * 100)
    assert read_image(tmp_path / "a.png").shape == (40, 80, 3)
    (tmp_path / "a.png").write_bytes(data[:33] + b"\xff\xff\xff\x00IDAT" + data[41:])
    with pytest.raises(UnreadableError, match=r"^damaged or cut short, or of a kind that cannot be decoded$"):
        read_image(tmp_path / "a.png")


@pytest.mark.parametrize("content", [None, b"hello"])
def test_a_file_name_that_is_no_utf8_can_be_read(tmp_path, content):
    path = tmp_path / os.fsdecode(b"caf\xe9.png")
    if content is None:
        quarters().save(path)
        assert read_image(path).shape == (40, 80, 3)
    else:
        path.write_bytes(content)
        with pytest.raises(UnreadableError):
            read_image(path)


def touch(folder, *names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()


def names(*arguments, **kwargs):
    return [entry.name for entry in discover([str(a) for a in arguments], **kwargs)]


def test_a_folder_gives_its_images_and_videos_sorted(tmp_path):
    touch(tmp_path, "b.PNG", "a.jpg", "c.mp4", "notes.txt", "labels.json", ".hidden.jpg", "inner/d.jpg", ".git/e.jpg")
    assert names(tmp_path) == ["a.jpg", "b.PNG", "c.mp4"]
    assert names(tmp_path, recursive=True) == ["a.jpg", "b.PNG", "c.mp4", "inner/d.jpg"]


def test_names_are_relative_to_what_the_arguments_share(tmp_path):
    touch(tmp_path, "one/a.jpg", "two/a.jpg")
    assert names(tmp_path / "one", tmp_path / "two") == ["one/a.jpg", "two/a.jpg"]
    assert names(tmp_path / "one" / "a.jpg") == ["a.jpg"]


def test_an_input_named_twice_is_read_once(tmp_path):
    touch(tmp_path, "a.jpg")
    assert names(tmp_path, tmp_path / "a.jpg", tmp_path / "*.jpg") == ["a.jpg"]


def test_a_name_that_is_no_utf8_can_be_written(tmp_path):
    (tmp_path / os.fsdecode(b"caf\xe9.jpg")).touch()
    assert names(tmp_path) == ["caf\\xe9.jpg"]


def test_patterns_lists_and_standard_input(tmp_path):
    touch(tmp_path, "x1.jpg", "x2.jpg", "x.md", "y.jpg", "inner/x3.jpg")
    assert names(tmp_path / "x*.jpg") == ["x1.jpg", "x2.jpg"]
    assert names(tmp_path / "**" / "x*.jpg") == ["inner/x3.jpg", "x1.jpg", "x2.jpg"]
    (tmp_path / "list.txt").write_text("# chosen\nx2.jpg\n\ninner\n")
    assert names(tmp_path / "list.txt") == ["inner/x3.jpg", "x2.jpg"]
    assert names("-", standard_input=[f"{tmp_path / 'y.jpg'}\n"]) == ["y.jpg"]


def test_what_find_print0_gives_is_read(tmp_path):
    touch(tmp_path, "x.jpg", "two\nlines.jpg")
    listed = f"{tmp_path}/x.jpg\0{tmp_path}/two\nlines.jpg\0"
    assert names("-", standard_input=listed.splitlines(keepends=True)) == ["two\nlines.jpg", "x.jpg"]
    with pytest.raises(NoInputError) as caught:
        names("-", standard_input=[f"{tmp_path}/x.jpg\0no.jpg\0"])
    assert str(caught.value) == "standard input, entry 2: no such file: no.jpg"


def test_a_file_named_by_itself_is_taken_whatever_its_suffix(tmp_path):
    touch(tmp_path, "a.xyz")
    assert names(tmp_path / "a.xyz") == ["a.xyz"]


def test_arguments_that_name_nothing(tmp_path):
    (tmp_path / "inner").mkdir()
    (tmp_path / "list.txt").write_text("\nnot_there.jpg\n")
    cases = {
        f"{tmp_path}/no": f"No such file or folder, and no match as a pattern: {tmp_path}/no",
        f"{tmp_path}/*.jpg": f"No such file or folder, and no match as a pattern: {tmp_path}/*.jpg",
        f"{tmp_path}": f"No images or videos in: {tmp_path}",
        f"{tmp_path}/list.txt": f"{tmp_path}/list.txt, line 2: no such file: not_there.jpg",
    }
    for argument, message in cases.items():
        with pytest.raises(NoInputError) as error:
            discover([argument])
        assert str(error.value) == message


def test_a_video_that_fails_ends_with_a_frame_that_fails(tmp_path):
    (tmp_path / "a.mp4").write_bytes(b"hello")
    (frame,) = frames(discover([str(tmp_path / "a.mp4")]))
    assert (frame.file, frame.index) == ("a.mp4", None)
    with pytest.raises(UnreadableError):
        frame.read()


def test_lists_have_names_that_begin_with_a_number_sign_or_end_with_a_blank(tmp_path):
    for name in ("#1.jpg", "b.jpg", " c.jpg "):
        (tmp_path / name).touch()
    (tmp_path / "list.txt").write_text("# the good ones\n#1.jpg\n  b.jpg\n c.jpg \n#not-there.jpg\n")
    assert names(tmp_path / "list.txt") == [" c.jpg ", "#1.jpg", "b.jpg"]
