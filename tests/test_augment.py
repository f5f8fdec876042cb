"""Augmentation: new backgrounds, filled borders, things in front of the hand, changed looks."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
from labelled import open_hand

from handpose_cli.crop import crop_around
from handpose_cli.records import SKELETON, Hand, box_around
from handpose_cli.training.data.augment import change_look, cut_random_border, random_crop
from handpose_cli.training.data.backgrounds import LEAST_SIDE, PICTURES, SIDE, STAY, Backgrounds, view
from handpose_cli.training.data.cutouts import outside, without_background
from handpose_cli.training.data.occlusion import cover
from handpose_cli.training.data.samples import Sample

SKIN = (214, 160, 130)
HAND = open_hand(60, 60, 80)


def cut_out(background) -> np.ndarray:
    """An image with a hand before a background: a colour, or uint8 [200, 200, 3]."""
    image = np.empty((200, 200, 3), np.uint8)
    image[:] = background
    points = HAND.keypoints.round().astype(int).tolist()
    cv2.fillPoly(image, [np.array([points[i] for i in (0, 1, 5, 9, 13, 17)])], SKIN)
    for a, b in SKELETON:
        cv2.line(image, points[a], points[b], SKIN, 9)
    return image


def vignette() -> np.ndarray:
    x, y = np.meshgrid(np.linspace(-1, 1, 200), np.linspace(-1, 1, 200))
    return np.repeat((245 - 45 * (x**2 + y**2))[..., None], 3, axis=2).astype(np.uint8)


def noise(size: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (size, size, 3)).astype(np.uint8)


@pytest.fixture(scope="module")
def photographs(tmp_path_factory):
    """Noisy photographs with two magenta hands each, and places in another that is green."""
    folder = tmp_path_factory.mktemp("photographs")
    samples = []
    for i in range(6):
        image = noise(200, i) // 2
        for box in np.array([[10 + 20 * i, 60, 50, 60], [150, 10, 30, 30]]):
            x, y, w, h = box
            image[y : y + h, x : x + w] = (255, 0, 255)
            samples.append(Sample(folder / f"{i}.png", Hand(box), box))
        cv2.imwrite(str(folder / f"{i}.png"), image)
    green = noise(300) // 4
    green[..., 1] += 150
    cv2.imwrite(str(folder / "green.png"), green)
    return samples, [Sample(folder / "green.png", None, np.array([x, 20.0, 90, 80])) for x in (0, 100, 200)]


def test_pictures_show_no_labelled_hand_and_half_of_them_places_without(photographs):
    hands, places = photographs
    pool, rng = Backgrounds(hands + places, 0), np.random.default_rng(0)
    pictures = [pool.draw(0, rng) for _ in range(100)]
    assert all(
        p.dtype == np.uint8 and p.shape == (len(p), len(p), 3) and LEAST_SIDE <= len(p) <= SIDE for p in pictures
    )
    assert not any(((p[..., 0] > 200) & (p[..., 1] < 50)).any() for p in pictures)
    assert 25 < sum(p[..., 1].mean() > 140 for p in pictures) < 75


def test_no_picture_is_cut_beside_hands_that_may_not_be_all(photographs):
    hands, places = photographs
    pool, rng = Backgrounds([replace(hand, exhaustive=False) for hand in hands] + places, 0), np.random.default_rng(0)
    assert all(pool.draw(0, rng)[..., 1].mean() > 140 for _ in range(50))


def test_an_image_is_no_background_if_any_of_its_entries_may_lack_hands(photographs):
    hands, _ = photographs
    partial = [replace(hand, exhaustive=bool(number % 2)) for number, hand in enumerate(hands)]
    picture = Backgrounds(partial, 0).draw(0, np.random.default_rng(0))
    assert (picture == picture[0, 0]).all()


def test_a_boxed_hand_keeps_its_background():
    """It is darker than an even wall by so little that it would be cut off with it, and nobody would see that."""
    image = np.full((200, 200, 3), 200, np.uint8)
    image[60:140, 60:140] = 196
    crop, picture = crop_around(np.array([60, 60, 80, 80]), 96, 1.5), noise(256)
    for boxed, kept in ((True, 1), (False, 0)):
        cut = cut_random_border(image, crop, np.random.default_rng(1), picture, boxed=boxed)
        assert (abs(int(cut[48, 48].mean()) - 196) <= 2) == kept


def test_a_picture_depends_on_seed_and_pass_alone(photographs):
    hands, _ = photographs

    def draws(pool, number):
        rng = np.random.default_rng(5)
        return [pool.draw(number, rng) for _ in range(40)]

    def same(some, others):
        return [np.array_equal(a, b) for a, b in zip(some, others, strict=True)]

    used = Backgrounds(hands, 0)
    first, much_later = draws(used, 0), draws(used, 10 * STAY)
    assert all(same(first, draws(used, 0)))
    assert all(same(much_later, draws(Backgrounds(hands, 0), 10 * STAY)))
    assert not any(same(first, much_later))
    assert not any(same(first, draws(Backgrounds(hands, 1), 0)))
    assert 0.6 < np.mean(same(first, draws(used, 1))) < 1, "from pass to pass a few pictures are new"
    assert len(used.pool) <= PICTURES


def test_hands_without_room_beside_them_become_unrecognizable_pictures(tmp_path):
    (tmp_path / "damaged.png").write_text("hello")
    cv2.imwrite(str(tmp_path / "tight.png"), cv2.resize(noise(8), (120, 120), interpolation=cv2.INTER_NEAREST))
    box = np.array([0, 0, 120, 120])
    samples = [Sample(tmp_path / name, Hand(box), box) for name in ("tight.png", "damaged.png")]
    for sample in samples:
        picture = Backgrounds([sample], 0).draw(0, np.random.default_rng(0)).astype(int)
        assert picture.shape == (SIDE, SIDE, 3)
        assert np.abs(np.diff(picture, axis=0)).max() < 10


@pytest.mark.parametrize("background", [(128, 128, 128), (0, 0, 0), (255, 255, 255), (40, 90, 160), vignette()])
def test_an_even_background_is_found_and_the_hand_is_not_taken_with_it(background):
    image, rng = cut_out(background), np.random.default_rng(0)
    for _ in range(20):
        crop = random_crop(HAND.box, 96, rng)
        cut, share = without_background(image, crop, HAND.keypoints)
        assert (cut.shape, share.shape, share.dtype) == ((96, 96, 3), (96, 96), np.float32)
        assert share.min() >= 0 and share.max() <= 1
        hand = cv2.erode(crop.cut((cut_out((0, 255, 0)) == SKIN).all(axis=2).astype(np.uint8)), np.ones((5, 5)))
        assert share[hand > 0].max() < 0.2
        clear = cv2.dilate(crop.cut(cut_out((0, 255, 0)))[..., 2], np.ones((7, 7))) == 0
        assert share[clear].min() > 0.9
        joints = crop.to_crop(HAND.keypoints).round().astype(int)
        joints = joints[((joints >= 0) & (joints < 96)).all(axis=1)]
        assert share[joints[:, 1], joints[:, 0]].max() < 0.5


def busy() -> dict[str, np.ndarray]:
    halves, stripes, table = (np.full((200, 200, 3), 128, np.uint8) for _ in range(3))
    halves[:, 100:] = 255
    stripes[np.arange(200) % 40 < 20] = (30, 60, 220)
    table[130:] = cv2.resize(noise(20), (200, 70), interpolation=cv2.INTER_NEAREST)
    cloth = cv2.GaussianBlur(np.random.default_rng(0).normal(0, 120, (200, 200, 3)), (0, 0), 5) + 128
    alike = np.full_like(halves, SKIN)
    return {"noise": noise(200), "halves": halves, "stripes": stripes, "table": table, "cloth": cloth, "alike": alike}


@pytest.mark.parametrize("name", busy())
def test_a_background_that_is_not_even_or_like_the_hand_is_left_alone(name):
    image = cut_out(busy()[name])
    assert without_background(image, crop_around(HAND.box, 96), HAND.keypoints) is None


def test_a_joint_on_the_background_means_that_it_cannot_be_told():
    keypoints = HAND.keypoints.copy()
    crop = crop_around(HAND.box, 96)
    keypoints[8] = [30, 30]
    assert without_background(cut_out(128), crop, keypoints) is None
    keypoints[8] = HAND.keypoints[8] - [0, 8]
    assert without_background(cut_out(128), crop, keypoints) is None, "just beyond the finger's tip"
    keypoints[8] = np.nan
    assert without_background(cut_out(128), crop, keypoints) is not None
    keypoints[8] = [-20, 30]
    assert without_background(cut_out(128), crop, keypoints) is not None, "a joint beyond the image's edge"


def test_targets_are_where_the_crops_show_the_joints():
    """A dot at each joint is still under the target after turning, scaling, shifting and mirroring."""
    rng = np.random.default_rng(0)
    joints = rng.uniform(60, 140, (21, 2)).round()
    image = np.zeros((200, 200, 3), np.uint8)
    cv2.circle(image, tuple(joints[8].astype(int)), 4, (255, 255, 255), -1)
    seen = 0
    for _ in range(20):
        crop = random_crop(box_around(joints), 128, rng)
        rows, columns = np.nonzero(crop.cut(image)[..., 0] > 100)
        if len(rows):  # else the joint was shifted out of the crop
            seen += 1
            assert crop.to_crop(joints[8]) == pytest.approx([columns.mean(), rows.mean()], abs=1.0)
    assert seen > 10


def test_what_lies_outside_the_image_is_known_to_the_pixel():
    image = np.full((60, 80, 3), 255, np.uint8)
    for seed in range(10):
        crop = random_crop(np.array([-10, 20, 60, 30]), 64, np.random.default_rng(seed))
        black = 1 - crop.cut(image)[..., 0].astype(np.float32) / 255
        error = outside(image, crop) - black
        assert np.abs(error).mean() < 0.03, "the outline only"
        assert abs(error.mean()) < 0.004, "and on neither side of it"


def test_borders_and_even_backgrounds_are_filled_with_the_picture_some_of_the_time():
    picture = noise(128) // 4
    picture[..., 1] += 150
    crop = crop_around(HAND.box, 192, scale=3.0)
    border = outside(cut_out(128), crop) > 0.99
    assert border.any()

    def green(image, seed, picture):
        cut = cut_random_border(image, crop, np.random.default_rng(seed), picture, HAND.keypoints)
        assert (cut.shape, cut.dtype) == ((192, 192, 3), np.uint8)
        filled = cut[border]
        return ((filled[:, 1] >= 140) & (filled[:, 0] < 70) & (filled[:, 2] < 70)).mean() > 0.9 and filled.std(
            axis=0
        ).max() > 5

    busy, even = cut_out(noise(200, 3)), cut_out(128)
    assert 30 < sum(green(busy, seed, picture) for seed in range(200)) < 100
    assert 120 < sum(green(even, seed, picture) for seed in range(200)) < 180
    assert not any(green(even, seed, None) for seed in range(200))


def test_a_seam_brings_no_third_colour():
    stripes = np.full((200, 200, 3), 255, np.uint8)
    stripes[np.arange(200) % 40 < 20] = 180
    crop = crop_around(HAND.box, 96, scale=3.0, rotation=20)
    cuts = [cut_random_border(stripes, crop, np.random.default_rng(seed), stripes[:128, :128]) for seed in range(100)]
    dark = np.array([(cut < 170).any(axis=2).mean() for cut in cuts])
    assert (dark == 0).sum() > 20
    assert dark[dark > 0].min() > 0.2, "filled with black or a colour"


def test_the_hand_and_a_busy_background_stay_as_they_are():
    crop = crop_around(HAND.box, 96)
    for image, mask in ((cut_out(128), True), (cut_out(noise(200, 3)), False)):
        plain = crop.cut(image).astype(int)
        joints = crop.to_crop(HAND.keypoints).round().astype(int)
        for seed in range(50):
            cut = cut_random_border(image, crop, np.random.default_rng(seed), noise(128), HAND.keypoints)
            changed = np.abs(cut - plain).max(axis=2) > 60
            assert not changed[joints[:, 1], joints[:, 0]].any()
            assert mask or not changed.any()


def test_one_generator_gives_one_crop():
    image, picture = cut_out(128), noise(128)

    def crops(seed):
        rng = np.random.default_rng(seed)
        crop = random_crop(HAND.box, 96, rng)
        return change_look(cut_random_border(image, crop, rng, picture, HAND.keypoints), rng, picture)

    assert all((crops(seed) == crops(seed)).all() for seed in range(30))
    assert (crops(0) != crops(1)).any()


@pytest.mark.parametrize("picture", [None, noise(128)])
def test_things_in_front_cover_a_part_of_a_copy(picture):
    rng, image = np.random.default_rng(0), noise(64) // 4
    before = image.copy()
    covered = [cover(image, picture, rng) for _ in range(200)]
    assert (image == before).all()
    assert all((c.shape, c.dtype) == ((64, 64, 3), np.uint8) for c in covered)
    shares = np.array([(c != before).any(axis=2).mean() for c in covered])
    assert (shares > 0).mean() > 0.97
    assert 0.03 < shares.mean() < 0.2
    assert shares.max() < 0.6


def test_a_view_is_a_part_of_its_picture():
    rng = np.random.default_rng(0)
    rows = np.repeat(np.arange(100, dtype=np.uint8)[:, None, None] * 2, 100, axis=1).repeat(3, axis=2)
    views = [view(rows, 50, rng) for _ in range(20)]
    assert all((v.shape, v.dtype) == ((50, 50, 3), np.uint8) for v in views)
    assert all(48 < int(v[-1, 0, 0]) - int(v[0, 0, 0]) <= 198 for v in views)
    assert len({int(v[0, 0, 0]) for v in views}) > 5


def test_changing_the_look_keeps_shape_and_type():
    rng = np.random.default_rng(0)
    image = noise(64)
    before = image.copy()
    looks = [change_look(image, rng) for _ in range(100)]
    assert all((look.shape, look.dtype) == ((64, 64, 3), np.uint8) for look in looks)
    assert (image == before).all()
    assert sum((look != before).any() for look in looks) > 80
