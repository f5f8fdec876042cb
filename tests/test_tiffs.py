"""TIFFs of odd forms: decoded right, or refused with a line that names the form; never read as other pixels."""

import struct

import numpy as np
import pytest
from PIL import Image

from handpose_cli.media.errors import UnreadableError
from handpose_cli.media.images import image_size, open_image, read_image
from handpose_cli.media.pages import open_pages, page_count
from handpose_cli.media.turning import turned

RGB = np.zeros((32, 48, 3), np.uint8)
RGB[:16, :24], RGB[:16, 24:], RGB[16:, :24], RGB[16:, 24:] = (255, 0, 0), (0, 255, 0), (0, 0, 255), (90, 90, 90)
GREY = np.ascontiguousarray(RGB.max(axis=-1) // 2 + RGB[..., 0] // 4)
SUBFILE, BITS, COMPRESSION, COLOURS, ORIENTATION, PLANES, SUB, EXTRA = 254, 258, 259, 262, 274, 284, 330, 338
STRIPS, ROWS, LENGTHS, FORMAT = 273, 278, 279, 339


def directory(pixels):
    """Tags that describe pixels [h, w] or [h, w, samples] in the one strip that is to follow."""
    samples = 1 if pixels.ndim == 2 else pixels.shape[2]
    bits = 8 * pixels.dtype.itemsize
    return {256: [pixels.shape[1]], 257: [pixels.shape[0]], BITS: [bits] * samples, COMPRESSION: [1],
            COLOURS: [1 if samples == 1 else 2], 277: [samples], ROWS: [pixels.shape[0]],
            FORMAT: [3 if pixels.dtype.kind == "f" else 1] * samples}  # fmt: skip


def tiff(*pages, order="<"):
    """Return a TIFF of pages: pixels and tags that differ from the usual, None for none."""
    file = {"<": b"II*\0", ">": b"MM\0*"}[order] + bytes(4)
    link = 4
    for pixels, tags in pages:
        data = pixels.astype(pixels.dtype.newbyteorder(order)).tobytes()
        all_tags = directory(pixels) | {STRIPS: [len(file)], LENGTHS: [len(data)]} | tags
        file += data
        entries = b""
        for tag, values in sorted((tag, values) for tag, values in all_tags.items() if values):
            packed = struct.pack(f"{order}{len(values)}I", *values)
            if len(packed) > 4:
                file, packed = file + packed, struct.pack(f"{order}I", len(file))
            entries += struct.pack(f"{order}HHI", tag, 4, len(values)) + packed
        file = file[:link] + struct.pack(f"{order}I", len(file)) + file[link + 4 :]
        file += struct.pack(f"{order}H", len(entries) // 12) + entries
        link = len(file)
        file += bytes(4)
    return file


@pytest.fixture
def read(tmp_path):
    def read(*pages, **options):
        path = tmp_path / "a.tif"
        path.write_bytes(tiff(*pages, **options))
        image = read_image(path)
        assert image_size(path) == image.shape[1::-1]
        assert np.array_equal(open_image(path).pixels, image)
        return image

    return read


@pytest.fixture
def refusal(read):
    def refusal(*pages):
        with pytest.raises(UnreadableError) as error:
            read(*pages)
        return str(error.value)

    return refusal


def deep(pixels):
    return pixels.astype(np.uint16) * 257


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("pixels", [RGB, deep(RGB), (RGB / 255).astype(np.float32)])
def test_the_usual_ones(read, pixels, order):
    assert np.array_equal(read((pixels, {}), order=order), RGB)


@pytest.mark.parametrize(("pixels", "bits"), [(deep(RGB), 16), ((RGB / 255).astype(np.float32), 32)])
def test_deep_ones_with_each_colour_by_itself_are_refused(refusal, pixels, bits):
    """OpenCV makes other pictures of them."""
    size = pixels[..., 0].nbytes
    planes = np.ascontiguousarray(np.moveaxis(pixels, 2, 0)).reshape(pixels.shape)
    tags = {PLANES: [2], STRIPS: [8, 8 + size, 8 + 2 * size], LENGTHS: [size] * 3}
    assert refusal((planes, tags)) == (
        f"a TIFF of {bits} bits with each colour by itself (planar), which is not decoded. "
        "Save it with interleaved colours: tiffcp -p contig OLD NEW"
    )


def test_of_8_bits_they_are_read(read):
    planes = np.ascontiguousarray(np.moveaxis(RGB, 2, 0)).reshape(RGB.shape)
    size = RGB[..., 0].nbytes
    assert np.array_equal(read((planes, {PLANES: [2], STRIPS: [8, 8 + size, 8 + 2 * size], LENGTHS: [size] * 3})), RGB)


@pytest.mark.parametrize(
    ("number", "name"),
    [
        (34712, "JPEG 2000"),
        (34933, "PNG"),
        (50002, "JPEG XL"),
        (50001, "WebP"),
        (34887, "LERC"),
        (60606, "number 60606"),
    ],
)
def test_compressions_that_are_not_decoded_are_named(refusal, number, name):
    """OpenCV makes a black picture of most."""
    assert refusal((RGB, {COMPRESSION: [number]})) == (
        f"a TIFF with {name} compression, which is not decoded. Save it with LZW compression or none"
    )


@pytest.mark.parametrize("compression", ["zstd", "lzma"])
def test_compressions_that_pillow_decodes(tmp_path, compression):
    for number, image in enumerate((RGB, GREY)):
        try:
            Image.fromarray(image).save(tmp_path / f"{number}.tif", compression=compression)
        except OSError:
            pytest.skip("this Pillow is built without it, as 11.3 is")
        assert np.array_equal(read_image(tmp_path / f"{number}.tif")[..., 0], image if image.ndim == 2 else RGB[..., 0])
    Image.fromarray(deep(GREY)).save(tmp_path / "a.tif", compression="zstd")
    with pytest.raises(UnreadableError, match=r"^a TIFF of 16 bits with Zstandard compression, which is not decoded\."):
        read_image(tmp_path / "a.tif")


SMALL = (RGB[::4, ::4], {SUBFILE: [1]})


def test_a_preview_that_comes_first_is_not_the_picture(read, tmp_path):
    second = RGB[:, ::-1]
    assert np.array_equal(read(SMALL, (RGB, {})), RGB)
    assert page_count(tmp_path / "a.tif") == 1
    assert np.array_equal(read((RGB[::4, ::4], {255: [2]}), (RGB, {})), RGB)  # as older programs mark it
    assert np.array_equal(read(SMALL, (RGB, {}), SMALL, (second, {})), RGB)
    assert [page.pixels.tolist() for page in open_pages(tmp_path / "a.tif", 10**6)] == [RGB.tolist(), second.tolist()]
    assert np.array_equal(read(SMALL), SMALL[0])  # there is no other


def test_the_preview_of_a_raw_file_is_not_the_picture(read, refusal):
    assert refusal((SMALL[0], {SUBFILE: [1], SUB: [8]})) == (
        "a raw file, of which only the preview could be read. Convert it to JPEG or TIFF"
    )
    assert refusal((GREY, {COLOURS: [32803]})) == "a camera's raw data. Convert it to JPEG or TIFF"
    assert np.array_equal(read((RGB, {SUB: [8, 8]})), RGB)  # with smaller copies, as microscopes write them


@pytest.mark.parametrize("alpha", [0, 100, 255])
def test_transparency_is_dropped_in_any_depth(read, alpha):
    pixels = np.dstack([RGB, np.full(RGB.shape[:2], alpha, np.uint8)])
    for image in (pixels, deep(pixels)):
        for orientation in (1, 6):
            seen = read((image, {EXTRA: [2], ORIENTATION: [orientation]}))
            assert np.array_equal(seen, turned(RGB, orientation))


@pytest.mark.parametrize("kind", [np.uint8, np.uint16, np.float32])
def test_where_0_is_white(read, kind):
    white = ~GREY if kind == np.uint8 else ~deep(GREY) if kind == np.uint16 else 1 - (GREY / 255).astype(kind)
    assert read((white, {COLOURS: [0]}))[..., 0] == pytest.approx(GREY, abs=1)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_tiles_are_turned_as_the_picture_is(read, orientation):
    """OpenCV mirrors each by itself."""
    whole = RGB.repeat(2, 0).repeat(2, 1)
    tiles = np.stack([whole[y : y + 32, x : x + 32] for y in (0, 32) for x in (0, 32, 64)])
    tags = {STRIPS: None, ROWS: None, LENGTHS: None, 322: [32], 323: [32]}
    tags |= {324: [8 + 3072 * tile for tile in range(6)], 325: [3072] * 6, ORIENTATION: [orientation]}
    assert np.array_equal(read((tiles.reshape(whole.shape), tags)), turned(whole, orientation))


def test_lab_is_read_in_8_bits_alone(refusal, read):
    white = np.full((8, 8, 3), (255, 0, 0), np.uint8)  # a and b are signed
    assert read((white, {COLOURS: [8]})).min() > 250
    assert refusal((deep(RGB), {COLOURS: [8]})) == "a TIFF of 16 bits in Lab, which is not decoded. Save it in RGB"
