"""Contact sheets: small annotated copies on pages, in the inputs' order."""

import shutil

import cv2
import numpy as np
from conftest import SAMPLES, handpose

from handpose_cli.media.contact_sheets import CAPTION, COLUMNS, GAP, HEIGHT, ROWS, WIDTH, write_sheets
from handpose_cli.media.images import open_image


def place(number: int) -> tuple[slice, slice]:
    """Where a page's picture is."""
    y, x = number // COLUMNS * (HEIGHT + CAPTION + GAP) + GAP, number % COLUMNS * (WIDTH + GAP) + GAP
    return slice(y, y + HEIGHT), slice(x, x + WIDTH)


def test_pages_are_filled_and_pictures_keep_their_shape(tmp_path):
    (tmp_path / "sheets").mkdir()
    (tmp_path / "sheets" / "0009.jpg").touch()  # of an earlier run
    shapes = [(40, 10), (10, 40)] * 16
    pictures = ((f"{i}" * 60, np.full((*shape, 3), (200, 30, 30), np.uint8)) for i, shape in enumerate(shapes))
    assert write_sheets(tmp_path / "sheets", pictures) == 2
    assert sorted(path.name for path in (tmp_path / "sheets").iterdir()) == ["0001.jpg", "0002.jpg"]
    first, second = (open_image(tmp_path / "sheets" / f"000{i}.jpg").pixels.astype(int) for i in (1, 2))
    assert first.shape == (ROWS * (HEIGHT + CAPTION + GAP) + GAP, COLUMNS * (WIDTH + GAP) + GAP, 3)
    assert second.shape[0] == HEIGHT + CAPTION + 2 * GAP
    red = [(first[place(i)][..., 0] - first[place(i)][..., 1] > 100) for i in range(2)]
    assert abs(red[0].sum() - HEIGHT * HEIGHT / 4) < 500 and abs(red[1].sum() - WIDTH * WIDTH / 4) < 500
    assert first[HEIGHT + GAP : HEIGHT + GAP + CAPTION, GAP : GAP + WIDTH].min() < 120  # the name


def test_names_of_any_letters_are_written_within_their_picture_s_width(tmp_path):
    """Of letters that are not English there were question marks, and line ends led out of the caption."""
    names = ["手写.jpg", "한글.jpg", "Привет.jpg", "????.jpg", "手" * 80, "a\nb", "a?b", "W" * 80]
    write_sheets(tmp_path / "sheets", ((name, np.full((9, 9, 3), 250, np.uint8)) for name in names))
    page = open_image(tmp_path / "sheets" / "0001.jpg").pixels.astype(int)
    captions = []
    for number in range(len(names)):
        rows, columns = place(number)
        captions.append(page[rows.stop : rows.stop + CAPTION, columns])
        assert captions[-1].min() < 120
        assert captions[-1][:, -1].min() > 200 and captions[-1][-2:].min() > 200  # nothing is cut off
    apart = [[np.abs(one - other).mean() for other in captions] for one in captions]
    alike = {(i, j) for i in range(len(names)) for j in range(i) if apart[i][j] < 0.5}
    assert alike == {(6, 5)}


def test_a_run_s_copies_are_on_them(tmp_path):
    photos = tmp_path / "photos"
    photos.mkdir()
    for name in ("two_hands.jpg", "pinch_field.jpg", "moving_hand.mp4"):
        shutil.copy(SAMPLES / name, photos)
    (photos / "broken.jpg").touch()
    call = ("predict", photos, "-r", "-o", photos / "out", "--sheets", "--views", 1, "--every", 9)
    assert handpose(*call).exit_code == 3
    sheets = photos / "out" / "annotated" / "contact-sheets"
    page = open_image(sheets / "0001.jpg").pixels.astype(int)
    assert page.shape[0] == 2 * (HEIGHT + CAPTION + GAP) + GAP  # six frames and two photos
    filled = [page[place(i)].std() > 20 for i in range(2 * COLUMNS)]
    assert filled == [True] * 8 + [False] * 4
    bytes_of_first = (sheets / "0001.jpg").read_bytes()
    again = handpose(*call, "--resume")
    assert again.exit_code == 3 and "4 inputs" in again.stderr  # sheets are no inputs
    assert (sheets / "0001.jpg").read_bytes() == bytes_of_first
    (photos / "pinch_field.jpg").unlink()
    handpose("predict", photos, "-r", "-o", photos / "out", "--draw", "--views", 1, "--every", 9, "--resume", "--prune")
    assert (photos / "out" / "annotated" / "two_hands.jpg").exists()
    assert not sheets.exists(), "they would show what is not among the results"


def test_joined_runs_have_sheets_and_the_copies_of_pages_too(tmp_path):
    scans = tmp_path / "in"
    scans.mkdir()
    for name in ("two_hands.jpg", "pinch_field.jpg"):
        shutil.copy(SAMPLES / name, scans)
    pages = [cv2.imread(str(SAMPLES / name)) for name in ("two_hands.jpg", "pinch_field.jpg")]
    assert cv2.imwritemulti(str(scans / "scan.tiff"), pages)
    call = ("predict", scans, "--sheets", "--pages", "--views", 1, "-o")
    for shard in ("1/2", "2/2"):
        assert handpose(*call, tmp_path / shard[0], "--shard", shard).exit_code == 0
    assert handpose("merge", tmp_path / "1", tmp_path / "2", "-o", tmp_path / "joined").exit_code == 0
    assert handpose(*call, tmp_path / "whole").exit_code == 0

    def copies(folder):
        files = (path for path in (tmp_path / folder / "annotated").rglob("*") if path.is_file())
        return {path.relative_to(tmp_path / folder).as_posix(): path.read_bytes() for path in files}

    assert copies("joined") == copies("whole")
    assert {"annotated/scan.tiff/000001.jpg", "annotated/contact-sheets/0001.jpg"} < copies("joined").keys()
    sheet = copies("whole")["annotated/contact-sheets/0001.jpg"]
    (tmp_path / "whole" / "annotated" / "scan.tiff" / ".DS_Store").write_text("a Finder's")
    assert handpose(*call, tmp_path / "whole", "--resume").exit_code == 0
    assert copies("whole")["annotated/contact-sheets/0001.jpg"] == sheet


def test_inputs_of_that_name_are_refused(tmp_path):
    (tmp_path / "in" / "contact-sheets").mkdir(parents=True)
    shutil.copy(SAMPLES / "two_hands.jpg", tmp_path / "in" / "contact-sheets" / "a.jpg")
    done = handpose("predict", tmp_path / "in", "-r", "-o", tmp_path / "out", "--sheets")
    assert (done.exit_code, done.stderr.splitlines()[-1]) == (
        1, "Error: contact-sheets/a.jpg: its annotated copy would be in the folder of the contact sheets. "
        "Rename the folder, or leave out --sheets."
    )  # fmt: skip
    assert not (tmp_path / "out" / "annotated").exists()
