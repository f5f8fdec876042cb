"""PNM, PAM and BMP, as their descriptions have them: OpenCV reads other pixels from some, without an error."""

import struct

import numpy as np
import pytest

from handpose_cli.media.errors import UnreadableError
from handpose_cli.media.images import image_size, read_image

COLOURS = np.array([[(255, 0, 0), (0, 255, 0), (0, 0, 255)], [(255, 255, 255), (0, 0, 0), (102, 51, 204)]], np.uint8)
GREYS = np.array([[0, 51, 102], [153, 204, 255]], np.uint8)


@pytest.fixture
def read(tmp_path):
    def read(data):
        path = tmp_path / "a.pnm"
        path.write_bytes(data)
        image = read_image(path)
        assert image_size(path) == image.shape[1::-1]
        return image

    return read


def pam(pixels, depth, meaning=None, most=255):
    word = f"TUPLTYPE {meaning}\n" if meaning else ""
    return f"P7\n# by hand\nWIDTH 3\nHEIGHT 2\nDEPTH {depth}\nMAXVAL {most}\n{word}ENDHDR\n".encode() + pixels.tobytes()


def grey(image):
    assert (image == image[..., :1]).all()
    return image[..., 0].tolist()


@pytest.mark.parametrize("alpha", [0, 255])
@pytest.mark.parametrize("named", [True, False])
def test_pam(read, alpha, named):
    with_alpha = np.full((2, 3, 1), alpha, np.uint8)
    clear = np.dstack([COLOURS, with_alpha])
    assert read(pam(COLOURS, 3, "RGB" if named else None)).tolist() == COLOURS.tolist()
    assert read(pam(clear, 4, "RGB_ALPHA" if named else None)).tolist() == COLOURS.tolist()
    assert grey(read(pam(GREYS, 1, "GRAYSCALE" if named else None))) == GREYS.tolist()
    assert grey(read(pam(np.dstack([GREYS, with_alpha]), 2, "GRAYSCALE_ALPHA" if named else None))) == GREYS.tolist()
    deep = (clear.astype(np.uint16) * 257).astype(">u2")
    assert read(pam(deep, 4, "RGB_ALPHA" if named else None, 65535)).tolist() == COLOURS.tolist()
    assert grey(read(pam(GREYS > 100, 1, "BLACKANDWHITE", 1))) == np.where(GREYS > 100, 255, 0).tolist()


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (pam(np.zeros((2, 3, 4), np.uint8), 4, "CMYK"),
         "a PAM of 4 channels, CMYK, which is not decoded. Save it in RGB"),
        (pam(np.zeros((2, 3, 5), np.uint8), 5),
         "a PAM of 5 channels, of no name, which is not decoded. Save it in RGB"),
        (pam(COLOURS, 3)[:-1], "damaged or cut short"),
        (b"P7\nWIDTH 3\nENDHDR\n", "damaged or cut short"),
    ],
)  # fmt: skip
def test_pam_of_other_channels(read, data, message):
    with pytest.raises(UnreadableError) as error:
        read(data)
    assert str(error.value) == message


@pytest.mark.parametrize("most", [1, 5, 15, 100, 254, 255])
@pytest.mark.parametrize("end", [b"", b"\n"])
def test_pnm_is_scaled_to_its_white(read, most, end):
    for pixels, plain, raw in ((GREYS, 2, 5), (COLOURS, 3, 6)):
        fewer = np.rint(pixels / 255 * most).astype(np.uint8)
        expected = np.broadcast_to((fewer / most * 255).reshape(2, 3, -1), (2, 3, 3))
        head = b"# by hand\n3 2\n%d\n" % most
        assert read(b"P%d\n" % raw + head + fewer.tobytes()) == pytest.approx(expected, abs=1)
        text = " ".join(map(str, fewer.ravel())).encode()
        assert read(b"P%d\n" % plain + head + text + end) == pytest.approx(expected, abs=1)


@pytest.mark.parametrize(
    ("bits", "masks"),
    [
        (32, (0xFF0000, 0xFF00, 0xFF)), (32, (0xFF, 0xFF00, 0xFF0000)), (32, (0xFF000000, 0xFF0000, 0xFF00)),
        (32, (0x3FF00000, 0xFFC00, 0x3FF)), (16, (0xF800, 0x7E0, 0x1F)), (16, (0x1F, 0x7E0, 0xF800)),
        (16, (0xF00, 0xF0, 0xF)),
    ],
)  # fmt: skip
@pytest.mark.parametrize("top_down", [False, True])
def test_bmp_with_masks(read, bits, masks, top_down):
    whole = [mask // (mask & -mask) for mask in masks]
    packed = sum(
        np.rint(COLOURS[..., channel] / 255 * whole[channel]).astype(int) * (mask & -mask)
        for channel, mask in enumerate(masks)
    ).astype(f"<u{bits // 8}")
    rows = packed if top_down else packed[::-1]
    pixels = b"".join(row.tobytes() + bytes(-len(row.tobytes()) % 4) for row in rows)
    head = struct.pack("<IiiHHIIiiII", 40, 3, -2 if top_down else 2, 1, bits, 3, len(pixels), 0, 0, 0, 0)
    data = b"BM" + struct.pack("<IHHI", 66 + len(pixels), 0, 0, 66) + head + struct.pack("<3I", *masks) + pixels
    assert read(data) == pytest.approx(COLOURS, abs=9)
    if bits == 16 and masks[0] == 0x1F:
        with pytest.raises(UnreadableError, match=r"^damaged or cut short"):
            read(data[:-1])
