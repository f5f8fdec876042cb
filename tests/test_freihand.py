"""FreiHAND as published: projection, four versions of each pose, one sample each."""

import json

import numpy as np
import pytest
from labelled import make_freihand

from handpose_cli.formats import freihand
from handpose_cli.formats.errors import FormatError
from handpose_cli.labels.recognise import recognise


def test_the_four_versions_of_a_pose_share_its_label_and_sample(tmp_path):
    cameras, xyz = make_freihand(tmp_path, poses=3)
    records = list(freihand.read(tmp_path))
    assert [record.file for record in records] == [f"training/rgb/{i:08d}.jpg" for i in range(12)]
    assert {(record.width, record.height) for record in records} == {(224, 224)}
    for i, record in enumerate(records):
        (hand,) = record.hands
        assert (hand.handedness, record.sample) == ("right", f"training {i % 3}")
        projected = xyz[i % 3] @ cameras[i % 3].T
        assert hand.keypoints == pytest.approx(projected[:, :2] / projected[:, 2:], abs=1e-4)
        assert hand.box[:2] == pytest.approx(hand.keypoints.min(axis=0))
    assert recognise(tmp_path).name == "freihand"


def test_a_joint_outside_the_image_is_not_labelled(tmp_path):
    _, xyz = make_freihand(tmp_path, poses=1)
    xyz[0, 8, 0] = 5.0  # metres to the right
    (tmp_path / "training_xyz.json").write_text(json.dumps(xyz.tolist()))
    hand = next(freihand.read(tmp_path)).hands[0]
    assert np.flatnonzero(hand.visibility == 0).tolist() == [8]
    assert np.isnan(hand.keypoints[8]).all()
    assert hand.box[:2] + hand.box[2:] == pytest.approx(np.nanmax(hand.keypoints, axis=0), abs=1e-3)


def test_the_evaluation_set_has_one_version_and_both_folder_names_work(tmp_path):
    make_freihand(tmp_path, poses=2)
    (tmp_path / "training_K.json").rename(tmp_path / "evaluation_K.json")
    (tmp_path / "training_xyz.json").rename(tmp_path / "evaluation_xyz.json")
    assert [r.file for r in freihand.read(tmp_path)] == [f"evaluation/rgb/{i:08d}.jpg" for i in range(2)]
    (tmp_path / "evaluation").mkdir()
    assert [r.file for r in freihand.read(tmp_path / "evaluation")] == [f"rgb/{i:08d}.jpg" for i in range(2)]
    assert recognise(tmp_path / "evaluation").name == "freihand"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda K, xyz: (K, xyz[:-1]), "training_xyz.json: entry 2: missing; the two files must be of one length"),
        (lambda K, xyz: (K[:-1], xyz), "training_K.json: entry 2: missing; the two files must be of one length"),
        (lambda K, xyz: (K, [*xyz[:1], xyz[1][:20], xyz[2]]),
         "training_xyz.json: entry 1: xyz must be 21 x 3 finite numbers. Received: shape (20, 3)"),
        (lambda K, xyz: (K, (np.array(xyz) * [1, 1, -1]).tolist()),
         "training_xyz.json: entry 0: a keypoint behind the camera (z <= 0)"),
        (lambda K, xyz: (K, (np.array(xyz) + np.array([100, 0, 0])).tolist()),
         "training_xyz.json: entry 0: no joint lies in the 224 px image; are these metres in the camera's frame?"),
    ],
)  # fmt: skip
def test_corrupt_labels(tmp_path, change, message):
    cameras, xyz = change(*(array.tolist() for array in make_freihand(tmp_path, poses=3)))
    (tmp_path / "training_K.json").write_text(json.dumps(cameras))
    (tmp_path / "training_xyz.json").write_text(json.dumps(xyz))
    with pytest.raises(FormatError) as error:
        list(freihand.read(tmp_path))
    assert str(error.value) == f"{tmp_path}/{message}"
