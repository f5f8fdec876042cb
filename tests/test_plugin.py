"""Formats as plug-ins: each module is what its registry entry says, and an installed package adds one of its own."""

import inspect
import os
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import SAMPLES
from labelled import image, open_hand, write

from handpose_cli.formats import BUILT_IN, Format, ReadOptions
from handpose_cli.formats.errors import FormatError
from handpose_cli.formats.plugin import NamingFormat, ReadableFormat, WritableFormat
from handpose_cli.labels.recognise import recognise
from handpose_cli.labels.source import Source

ROOT = Path(__file__).parents[1]

FORMAT = """
from handpose_cli.formats import Format

FORMAT = Format("dots", "one line a hand: file and 42 numbers", "made_up.dots", writes=True, suffix=".dots")
"""
MODULE = '''
"""`dots`: `a.jpg|x,y,x,y, ... 21 times`, a line for each hand."""

from contextlib import contextmanager

import numpy as np

from handpose_cli.files import atomic
from handpose_cli.records import Hand, ImageRecord, box_around

KEEPS = frozenset()


def recognises(path, head):
    return head.startswith(b"dots\\n")


def read(path, images=None):
    for line in path.read_text().splitlines()[1:]:
        name, numbers = line.split("|")
        points = np.array(numbers.split(","), np.float32).reshape(21, 2)
        yield ImageRecord(name, None, None, [Hand(box_around(points), keypoints=points)])


@contextmanager
def open_writer(path, images=None):
    with atomic(path) as file:
        file.write("dots\\n")

        class Writer:
            def write(self, record):
                for hand in record.hands:
                    numbers = ",".join(f"{value:.2f}" for value in hand.keypoints.ravel())
                    file.write(f"{record.file}|{numbers}\\n")

        yield Writer()
'''


@pytest.fixture
def installed(tmp_path):
    """A folder on the path with an installed package, as pip lays it out, whose entry points name formats."""
    site = tmp_path / "site"
    (site / "made_up").mkdir(parents=True)
    (site / "made_up" / "__init__.py").write_text(FORMAT)
    (site / "made_up" / "dots.py").write_text(MODULE)
    info = site / "made_up-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: made-up\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[handpose.formats]\ndots = made_up:FORMAT\n")
    return site


def call(site, *arguments):
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(site), str(ROOT)])}
    command = [sys.executable, "-c", "from handpose_cli.cli import cli; cli()", *map(str, arguments)]
    return subprocess.run(command, env=environment, capture_output=True, text=True)


def test_an_installed_package_adds_a_format_to_every_command(tmp_path, installed):
    labels = write(tmp_path / "l.json", "handpose", [image("a.jpg", open_hand(), open_hand(200)), image("b.jpg")])
    there = call(installed, "convert-labels", labels, tmp_path / "l.dots", "--to", "dots")
    assert there.returncode == 0, there.stderr
    assert f"2 images, 2 hands, from handpose to dots: {tmp_path / 'l.dots'}" in there.stderr
    assert "dots drops image sizes (in 2 images)" in there.stderr
    back = call(installed, "convert-labels", tmp_path / "l.dots", tmp_path / "back.json", "--to", "handpose")
    assert "1 images, 2 hands, from dots to handpose" in back.stderr
    (record,) = Source.parse(str(tmp_path / "back.json")).read()
    assert record.hands[0].keypoints == pytest.approx(open_hand().keypoints, abs=0.01)

    predicted = call(
        installed, "predict", SAMPLES / "two_hands.jpg", "-o", tmp_path / "out", "--format", "dots", "--views", "1"
    )
    assert predicted.returncode == 0, predicted.stderr
    assert len((tmp_path / "out" / "predictions.dots").read_text().splitlines()) == 1 + 2


def test_a_faulty_package_is_spoken_of_and_stops_nothing(tmp_path, installed):
    (installed / "made_up-1.0.dist-info" / "entry_points.txt").write_text(
        "[handpose.formats]\nlost = made_up:NOTHING\nodd = made_up.dots:KEEPS\n"
        "coco = made_up:SECOND\ndots = made_up:FORMAT\n"
    )
    with (installed / "made_up" / "__init__.py").open("a") as file:
        file.write('SECOND = Format("coco", "another", "made_up.dots")\n')
    (installed / "made_up" / "dots.py").write_text("KEEPS = frozenset()\nimport not_there\n")
    labels = write(tmp_path / "l.json", "coco", [image("a.jpg", open_hand())])
    done = call(installed, "convert-labels", labels, tmp_path / "l.csv", "--to", "csv")
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    assert done.stderr.splitlines()[:3] == [
        "the format lost of an installed package is left out: module 'made_up' has no attribute 'NOTHING'",
        "the format odd of an installed package is left out: No module named 'not_there'",
        "the format coco of an installed package is left out: there is already a format coco",
    ]
    unknown = tmp_path / "unknown.txt"
    unknown.write_text("what is this?")
    done = call(installed, "convert-labels", unknown, tmp_path / "u.csv", "--to", "csv")
    assert done.returncode == 1
    assert (
        "the format dots of an installed package is not tried: "
        "the format dots cannot be used: No module named 'not_there'" in done.stderr
    )
    assert f"Error: {unknown}: of no known label format." in done.stderr


@pytest.mark.parametrize("format", BUILT_IN, ids=lambda format: format.name)
def test_each_module_is_what_its_entry_says(format):
    module = sys.modules.get(format.module) or __import__(format.module, fromlist=["_"])
    assert isinstance(module, ReadableFormat) == format.reads
    assert isinstance(module, WritableFormat) == format.writes
    if format.reads:
        protocol = NamingFormat if format.chooses else ReadableFormat
        asked = [name for name in inspect.signature(protocol.read).parameters if name != "self"]
        assert list(inspect.signature(module.read).parameters) == asked
    if format.writes:
        assert format.outputs(Path("a"))[0] == Path("a")
        assert bool(format.suffix) != bool(format.files)  # of a folder it is known what is removed
        assert format.keeps == module.KEEPS


def test_options_that_a_format_has_no_use_for_are_refused(tmp_path):
    with pytest.raises(FormatError) as error:
        next(Source(tmp_path, "stb", ReadOptions(classes=("palm",))).read())
    assert str(error.value) == f"{tmp_path}: files of the format stb have no names of classes to choose by"


def test_what_a_format_needs_is_installed_by_our_extra_or_by_its_own_name(tmp_path):
    for module, command in (("handpose_cli.formats.csv_table", "'handpose-cli[dots]'"), ("made_up.dots", "not_there")):
        with pytest.raises(FormatError) as error:
            Format("dots", "a line a hand", module, needs="not_there").read(tmp_path)
        assert str(error.value) == f"the format dots needs not_there: pip install {command}"


def test_a_module_that_is_no_format_is_said_to_be_none(tmp_path):
    with pytest.raises(FormatError) as error:
        Format("json", "not a format", "json").read(tmp_path)
    assert str(error.value) == "the format json: the module json is no ReadableFormat"


def test_a_source_is_recognised_once(tmp_path, monkeypatch):
    path = write(tmp_path / "l.json", "coco", [image("a.jpg", open_hand())])
    calls = []
    monkeypatch.setattr("handpose_cli.labels.source.recognise", lambda path: calls.append(path) or recognise(path))
    source = Source.parse(str(path))
    assert (source.format.name, source.folder, len(list(source.read()))) == ("coco", tmp_path, 1)
    list(source.read())
    assert calls == [path]
