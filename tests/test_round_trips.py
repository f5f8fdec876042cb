"""Every format that is written is read back: what its `KEEPS` names is the same, the rest is gone."""

import tempfile
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from record_strategies import assert_same, kept, record_lists

from handpose_cli.formats import FORMATS, load
from handpose_cli.formats.fields import image_name


def write_images(folder: Path, records) -> None:
    """Write a black image for each record that has a size: some formats leave the sizes to the images."""
    for record in records:
        if record.width is not None:
            path = folder / image_name(record)
            path.parent.mkdir(parents=True, exist_ok=True)
            cv2.imencode(".png", np.zeros((record.height, record.width), np.uint8))[1].tofile(path)


def round_trip(name: str, records):
    module = load(name)
    with tempfile.TemporaryDirectory() as folder:
        images, path = Path(folder, "images"), Path(folder, f"labels{FORMATS[name].suffix}")
        images.mkdir()
        write_images(images, records)
        source = images
        if name == "coco-results":  # its images are those of an annotation file
            source = Path(folder, "images.json")
            with load("coco").open_writer(source) as writer:
                for record in records:
                    writer.write(record)
        with module.open_writer(path, source) as writer:
            for record in records:
                writer.write(record)
        return list(module.read(path, source))


def write_ones(hands) -> None:
    """Have scores that are not known be 1, as COCO's results have them, if any others are known."""
    for name, ones in (("score", 1.0), ("keypoint_scores", np.ones(21, np.float32))):
        if any(getattr(hand, name) is not None for hand in hands):
            for hand in hands:
                if getattr(hand, name) is None:
                    setattr(
                        hand, name, ones if name == "score" else np.isfinite(hand.keypoints[:, 0]).astype(np.float32)
                    )


@pytest.mark.parametrize("name", [name for name, format in FORMATS.items() if format.reads and format.writes])
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(records=record_lists())
def test_reading_gives_back_what_was_written(name, records):
    keeps = load(name).keeps
    expected = [left for record in records if (left := kept(record, keeps)) is not None]
    if name == "coco-results" and not expected:
        return
    if name == "coco-results":
        write_ones([hand for record in expected for hand in record.hands])
    found = round_trip(name, records)
    if name in ("deeplabcut", "cvat"):  # a video has a table or file of its own, behind the images'
        found.sort(key=lambda record: (record.file, record.frame or 0))
    assert_same(found, expected)
