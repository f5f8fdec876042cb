"""Large JPEGs are decoded only as finely as they are needed, and what is cut out of them lies where it should."""

import cv2
import numpy as np
import pytest
from PIL import Image

from handpose_cli.annotator.pose import _cut
from handpose_cli.crop import crop_around
from handpose_cli.media import images
from handpose_cli.media.errors import UnreadableError
from handpose_cli.media.images import open_image, read_image
from handpose_cli.media.picture import Picture

TURNED = {1: None, 3: cv2.ROTATE_180, 6: cv2.ROTATE_90_CLOCKWISE, 8: cv2.ROTATE_90_COUNTERCLOCKWISE}


@pytest.fixture(autouse=True)
def small_pictures_count_as_large(monkeypatch):
    monkeypatch.setattr(images, "LEAST_REDUCED", 100)


def smooth(width: int, height: int) -> np.ndarray:
    """A picture without detail, so that means of its pixels hardly depend on how they are taken."""
    y, x = np.mgrid[:height, :width]
    waves = [np.sin(x / 40 + y / 70), np.cos(x / 55), np.sin(y / 35)]
    return np.stack([127 + 100 * wave for wave in waves], axis=-1).astype(np.uint8)


def save(path, pixels, orientation=1):
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(pixels).save(path, quality=95, exif=exif)
    return path


@pytest.mark.parametrize(("size", "factor"), [((400, 240), 2), ((800, 416), 4), ((1600, 800), 8), ((3200, 1600), 8)])
def test_a_large_jpeg_is_first_decoded_small(tmp_path, size, factor):
    picture = open_image(save(tmp_path / "a.jpg", smooth(*size)))
    assert (picture.width, picture.height) == size
    pixels, found = picture.reduced(100)
    assert (found, pixels.shape) == (factor, (size[1] // factor, size[0] // factor, 3))
    whole = read_image(tmp_path / "a.jpg")
    blocks = whole.reshape(size[1] // factor, factor, size[0] // factor, factor, 3).mean(axis=(1, 3))
    assert np.abs(pixels - blocks).max() < 6
    assert np.array_equal(picture.pixels, whole)
    assert picture.reduced(100)[1] == 1  # it is there now


@pytest.mark.parametrize(("name", "size"), [("a.png", (800, 416)), ("a.jpg", (198, 198)), ("a.jpg", (801, 417))])
def test_others_are_decoded_whole(tmp_path, name, size):
    """Other formats, small pictures, and sizes that are no multiple of the factor."""
    picture = open_image(save(tmp_path / name, smooth(*size)))
    assert picture.reduced(100)[1] == 1
    assert (picture.width, picture.height) == size


def test_only_as_fine_as_asked_for(tmp_path):
    picture = open_image(save(tmp_path / "a.jpg", smooth(1600, 800)))
    assert [picture.reduced(most)[1] for most in (20, 5, 7, 3, 2, 1)] == [8, 4, 4, 2, 2, 1]


@pytest.mark.parametrize("orientation", TURNED)
def test_a_crop_is_the_same_from_any_size(tmp_path, orientation):
    pixels = smooth(1600, 800)
    path = save(tmp_path / "a.jpg", pixels, orientation)
    picture, whole = open_image(path), read_image(path)
    assert (picture.width, picture.height) == (whole.shape[1], whole.shape[0])
    crop = crop_around(np.array([300, 300, 200, 180]), 64, rotation=30)
    for most in (8, 4, 2):
        reduced, factor = picture.reduced(most)
        assert factor == most
        assert np.abs(crop.of_reduced(factor).cut(reduced).astype(int) - crop.cut(whole)).max() < 8


def test_what_cannot_be_decoded_finely_stays_coarse():
    def decode(factor: int) -> np.ndarray:
        raise UnreadableError("damaged")

    coarse = np.zeros((30, 40, 3), np.uint8)
    picture = Picture(coarse, 4, decode)
    assert (picture.width, picture.height) == (160, 120)
    assert picture.reduced(1)[0] is coarse
    assert picture.reduced(1)[1] == 4


def test_small_crops_are_cut_from_what_is_decoded_already(tmp_path):
    asked = []
    picture = Picture(smooth(400, 240), decode=lambda factor: asked.append(factor) or smooth(400, 240))
    for side in (20, 30, 63, 64, 300):
        _cut([crop_around(np.array([100.0, 60, side, side]), 64, 1.0)], [picture])
    assert asked == []


def test_what_is_a_little_coarse_is_enlarged_rather_than_decoded_again(tmp_path):
    """Crops have 64 pixels: one of 105 of the picture's pixels is cut from means of two, one of 95 from the whole."""
    path = save(tmp_path / "a.jpg", smooth(800, 416))
    picture = open_image(path)
    for side, decoded in ((150, 2), (105, 2), (95, 1)):
        crop = crop_around(np.array([200.0, 120, side, side]), 64, 1.0)
        (cut,) = _cut([crop], [picture])
        assert picture.reduced(100)[1] == decoded  # what is there
        assert np.abs(cut.astype(int) - crop.cut(read_image(path))).mean() < 2
