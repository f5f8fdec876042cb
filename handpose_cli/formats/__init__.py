"""Label and result formats, one module each.

To add a format, write a module here with

- a docstring that shows the file's layout and says what it loses,
- the joint order at the top, if it is not FreiHAND's: `JOINTS[i]` is where FreiHAND's i-th joint stands in the source,
- `recognises(path, head)`: is this file or folder of this format? `head` is its first 64 KB, empty for a folder,
- `read(path, images=None)`: yields `ImageRecord`s, one at a time; and/or
- `open_writer(path, images=None)`: a context manager around something with `write(record)`, whose files appear under
  their names when the block ends without an error (`files.atomic`), and `KEEPS`: what survives (see `formats.fields`);
- where it writes more than one file, `outputs(path)`: all of them; where images lie apart from labels, `IMAGES`: where,

and a line in `FORMATS`. `images` is where the user says that the images are: a folder, or None for where the labels
are. Readers raise `FormatError` with the file and the place in it. `tests/test_round_trips.py` then round-trips it.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from handpose_cli.formats.errors import FormatError


@dataclass(frozen=True)
class Format:
    """A format's entry in the registry.

    Attributes:
        module: name in `handpose_cli.formats`.
        what: one line for people.
        reads, writes: what the module can do.
        suffix: how a written file's name ends by default; empty if a folder is written.
    """

    module: str
    what: str
    reads: bool = True
    writes: bool = False
    suffix: str = ""


# in the order in which they are asked whether a file is theirs
FORMATS = {
    "handpose": Format("handpose_json", "the tool's own JSON", writes=True, suffix=".json"),
    "csv": Format("csv_table", "a tidy table, one row a joint", writes=True, suffix=".csv"),
    # before COCO, whose layout they share
    "interhand": Format("interhand", "InterHand2.6M annotations folder"),
    "coco-wholebody": Format("coco_wholebody", "COCO-WholeBody: the persons' hands"),
    "coco": Format("coco", "COCO keypoint annotations", writes=True, suffix=".coco.json"),
    "coco-results": Format("coco_results", "COCO keypoint results list", writes=True, suffix=".coco-results.json"),
    "yolo-pose": Format("yolo_pose", "YOLO-pose folder with data.yaml", writes=True),
    "cvat": Format("cvat", "CVAT XML 1.1 skeletons and tracks", writes=True, suffix=".cvat.xml"),
    "label-studio": Format("label_studio", "Label Studio tasks", writes=True, suffix=".label-studio.json"),
    "deeplabcut": Format("deeplabcut", "DeepLabCut CSV", writes=True, suffix=".deeplabcut.csv"),
    "openpose": Format("openpose", "OpenPose JSON folder", writes=True),
    "label-list": Format("label_list", "plain JSON list of images with keypoints or boxes"),
    "freihand": Format("freihand", "FreiHAND folder (training_K.json, training_xyz.json)"),
    "rhd": Format("rhd", "Rendered Handpose Dataset (anno_training.pickle)"),
    "mmpose": Format("mmpose", "OneHand10K, Panoptic and others in MMPose's COCO-like form"),
    "panoptic": Format("panoptic", "CMU Panoptic hands' own JSON"),
    "hagrid": Format("hagrid", "HaGRID annotations"),
    "ho3d": Format("ho3d", "HO-3D folder"),
    "dexycb": Format("dexycb", "DexYCB folder"),
    "stb": Format("stb", "Stereo hand pose benchmark's .mat labels"),
}

HEAD = 1 << 16


def load(name: str) -> ModuleType:
    """Import and return the module of a format; raise FormatError, with the names there are, if there is none."""
    if name not in FORMATS:
        raise FormatError(f"no such format: {name!r}. There are: {', '.join(FORMATS)}")
    return importlib.import_module(f"handpose_cli.formats.{FORMATS[name].module}")


def recognise(path: Path) -> str:
    """Return the name of the format that a file or folder is in.

    Raises:
        FormatError: if it does not exist or is of no known format.
    """
    try:
        head = b"" if path.is_dir() else path.open("rb").read(HEAD)
    except OSError as error:
        raise FormatError(f"{path}: cannot be read: {error.strerror}") from error
    for name, format in FORMATS.items():
        if format.reads and load(name).recognises(path, head):
            return name
    raise FormatError(f"{path}: of no known label format. Name it; there are: {', '.join(FORMATS)}")
