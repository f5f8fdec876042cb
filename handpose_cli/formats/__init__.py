"""Label and result formats, one module each.

To add a format, write a module here with

- a docstring that shows the file's layout and says what it loses,
- the joint order at the top, if it is not FreiHAND's: `JOINTS[i]` is where FreiHAND's i-th joint stands in the source,
- what `plugin.ReadableFormat` asks for (`recognises`, `read`), or `plugin.NamingFormat` if files name their classes or
  keypoints, and/or `plugin.WritableFormat` (`open_writer`, `KEEPS`; write with `files.atomic`),
- where it writes more than one file, `outputs`; where it writes a folder, `Format.files` in its line,

and a line in `BUILT_IN`: two files. Readers raise `FormatError` with the file and the place in it, and count what they
leave out with `_notes.LeftOut`. `tests/test_round_trips.py` then round-trips it.

Another package adds a format by the entry point group `handpose.formats`: each entry is a `Format` whose `module` is
the package's. In its `pyproject.toml`:

    [project.entry-points."handpose.formats"]
    my-format = "my_package.handpose_format:FORMAT"

with `FORMAT = Format("my-format", "one line for people", "my_package.reader")` in `my_package/handpose_format.py`.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from functools import cached_property

from handpose_cli.formats.errors import FormatError
from handpose_cli.formats.plugin import Format, ReadOptions

__all__ = ["BUILT_IN", "FORMATS", "Format", "FormatError", "ReadOptions", "load"]

ENTRY_POINTS = "handpose.formats"
_HERE = "handpose_cli.formats."

# in the order in which they are asked whether a file is theirs
BUILT_IN = (
    Format("handpose", "the tool's own JSON", _HERE + "handpose_json", writes=True, suffix=".json", chooses=True,
           write_options=("run",), has_classes=False),
    Format("csv", "a tidy table, one row a joint", _HERE + "csv_table", writes=True, suffix=".csv", chooses=True,
           has_classes=False),
    Format("parquet", "tables of hands and of images, for pandas, Polars, DuckDB, Spark", _HERE + "parquet",
           writes=True, suffix=".parquet", write_options=("run",), needs="pyarrow"),
    # before COCO, whose layout they share
    Format("interhand", "InterHand2.6M annotations folder", _HERE + "interhand"),
    # before COCO, which has lists of that name too
    Format("label-studio", "Label Studio tasks", _HERE + "label_studio", writes=True, suffix=".label-studio.json",
           chooses=True, write_options=("image_prefix", "place_images", "replace_images", "notes")),
    Format("coco-wholebody", "COCO-WholeBody: the persons' hands", _HERE + "coco_wholebody"),
    Format("coco", "COCO keypoint annotations", _HERE + "coco", writes=True, suffix=".coco.json", chooses=True,
           write_options=("place_images", "replace_images")),
    Format("coco-results", "COCO keypoint or detection results list", _HERE + "coco_results", writes=True,
           suffix=".coco-results.json", chooses=True),
    Format("yolo-pose", "YOLO-pose folder with data.yaml", _HERE + "yolo_pose", writes=True, images="images",
           files=("data.yaml", "labels/**/*.txt"), chooses=True, parted=True,
           write_options=("place_images", "replace_images")),
    Format("cvat", "CVAT XML 1.1 skeletons and tracks", _HERE + "cvat", writes=True, suffix=".cvat.xml",
           chooses=True, write_options=("place_images",)),
    Format("deeplabcut", "DeepLabCut tables, CSV or .h5", _HERE + "deeplabcut", writes=True,
           suffix=".deeplabcut.csv", chooses=True, has_classes=False, of_video=True),
    Format("openpose", "OpenPose JSON folder", _HERE + "openpose", writes=True, files=("**/*_keypoints.json",)),
    Format("report", "a page to look at, HTML", _HERE + "report", reads=False, writes=True, suffix=".report.html",
           shows_images=True, write_options=("run",)),
    # before the plain lists, which name images alike
    Format("mediapipe", "MediaPipe's results as JSON or CSV", _HERE + "mediapipe", chooses=True, has_classes=False,
           of_video=True),
    Format("label-list", "plain JSON list of images with keypoints or boxes", _HERE + "label_list"),
    Format("freihand", "FreiHAND folder (training_K.json, training_xyz.json)", _HERE + "freihand"),
    Format("rhd", "Rendered Handpose Dataset (anno_training.pickle)", _HERE + "rhd"),
    Format("mmpose", "OneHand10K, Panoptic and others in MMPose's COCO-like form", _HERE + "mmpose", chooses=True),
    Format("mmpose-results", "MMPose inferencer's JSON predictions", _HERE + "mmpose_results", chooses=True,
           has_classes=False),
    Format("panoptic", "CMU Panoptic hands' own JSON", _HERE + "panoptic"),
    Format("hagrid", "HaGRID annotations", _HERE + "hagrid"),
    Format("ho3d", "HO-3D folder", _HERE + "ho3d"),
    Format("dexycb", "DexYCB folder", _HERE + "dexycb"),
    Format("stb", "Stereo hand pose benchmark's .mat labels", _HERE + "stb"),
)  # fmt: skip

log = logging.getLogger(__name__)


class _Formats(Mapping[str, Format]):
    """The formats by their names, the built-in ones first, then those of installed packages, looked up at first use."""

    @cached_property
    def _all(self) -> dict[str, Format]:
        from importlib.metadata import entry_points  # scans what is installed

        found = {format.name: format for format in BUILT_IN}
        for entry in entry_points(group=ENTRY_POINTS):
            try:
                format = entry.load()
                if not isinstance(format, Format):
                    raise TypeError(f"{entry.value} is no handpose_cli.formats.Format but a {type(format).__name__}")
                if found.setdefault(format.name, format) is not format:
                    raise ValueError(f"there is already a format {format.name}")
            except Exception as error:  # another package's fault must not stop this one
                reason = " ".join(str(error).split()) or type(error).__name__
                log.warning("the format %s of an installed package is left out: %s", entry.name, reason)
        return found

    def __getitem__(self, name: str) -> Format:
        return self._all[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._all)

    def __len__(self) -> int:
        return len(self._all)


FORMATS: Mapping[str, Format] = _Formats()


def load(name: str) -> Format:
    """Return the format of a name; raise FormatError, with the names there are, if there is none."""
    if name not in FORMATS:
        raise FormatError(f"no such format: {name!r}. There are: {', '.join(FORMATS)}")
    return FORMATS[name]
