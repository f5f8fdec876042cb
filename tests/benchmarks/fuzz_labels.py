"""Damage label files of every format at random and read them; run by hand, it takes some minutes:

    python tests/benchmarks/fuzz_labels.py [FILES] [SEED]

Each file is recognised and read, and read as what it was, in another process. Prints what went wrong: anything but
records or a FormatError of one line, a file that takes too long or too much memory.
"""

from __future__ import annotations

import json
import random
import shutil
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))
from benchmarks.own_memory import peak_megabytes

LONGEST = 20.0  # seconds for a file
SLOW = 2.0  # seconds: it is printed
MOST_MEMORY = 1500  # MB for the process

Kind = tuple[str, Path]  # a format's name and the file or folder that is read


def healthy(folder: Path) -> list[Kind]:
    """Write small label files of each format that is a few text files into a folder; return what they are."""
    import cv2
    import numpy as np

    from handpose_cli.formats import FORMATS
    from handpose_cli.records import KEYPOINT_NAMES, Hand, ImageRecord, box_around

    rng = np.random.default_rng(0)
    kinds: list[Kind] = []

    def hand(**fields: Any) -> Hand:
        points = rng.uniform(10, 90, (21, 2)).astype(np.float32)
        return Hand(box_around(points), keypoints=points, keypoint_scores=rng.uniform(0, 1, 21), **fields)

    records = [
        ImageRecord("a.jpg", 100, 80, [hand(handedness="left", score=0.5), hand()]),
        ImageRecord("b.jpg", 100, 80),
    ]
    for name in ("a.jpg", "b.jpg", "images/a.jpg", "images/b.jpg"):
        (folder / "pictures" / name).parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(folder / "pictures" / name), np.zeros((80, 100, 3), np.uint8))
    for name, format in FORMATS.items():
        if format.writes:
            path = folder / f"written-{name}{format.suffix}"
            with format.open_writer(path) as writer:
                for record in records:
                    writer.write(record)
            kinds.append((name, path))

    def put(name: str, file: str, content: Any) -> None:
        path = folder / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content if isinstance(content, str) else json.dumps(content))
        kinds.append((name, path))

    points = rng.uniform(10, 90, (21, 2)).tolist()
    flat = [v for point in points for v in (*point, 2)]
    instance = {"keypoints": points, "keypoint_scores": [0.5] * 21, "bbox": [[1, 2, 30, 40]], "bbox_score": 0.5}
    images = [{"id": 1, "file_name": "a.jpg", "width": 100, "height": 80}]
    person = {"id": 1, "image_id": 1, "category_id": 1, "keypoints": flat[:51], "lefthand_kpts": flat, "area": 9.0,
              "lefthand_box": [1, 2, 3, 4], "lefthand_valid": True, "righthand_kpts": [0] * 63,
              "righthand_box": [0, 0, 0, 0], "righthand_valid": False}  # fmt: skip
    categories = [{"id": 1, "name": "left_hand", "keypoints": [f"left_{name}" for name in KEYPOINT_NAMES[::-1]]},
                  {"id": 2, "name": "handbag"}]  # fmt: skip
    objects = [{"id": i, "image_id": "1", "category_id": 1 + i % 2, "keypoints": flat, "bbox": [1, 2, 30, 40],
              "attributes": {"side": "left", "track_id": i}} for i in range(4)]  # fmt: skip
    put("coco", "foreign.json", {"images": images, "annotations": objects, "categories": categories})
    put("mmpose", "mmpose.json", {"images": images, "annotations": objects, "categories": categories})
    put("coco-wholebody", "body.json", {"images": images, "annotations": [person], "categories": []})
    put("coco-results", "body-results.json", [{**person, "image_id": "a.jpg", "score": 0.5}])
    put("coco-results", "boxes.json", [{"image_id": "a.jpg", "category_id": 1, "bbox": [1, 2, 3, 4], "score": 0.5}] * 3)
    put(
        "mmpose-results",
        "results_a.json",
        {"meta_info": {"keypoint_id2name": {"0": "wrist"}}, "instance_info": [instance]},
    )
    put("mmpose-results", "clip.json", [{"frame_id": i, "instances": [instance]} for i in range(2)])
    entry = {"width": 100, "height": 80}
    put("label-list", "list.json", [{"image": "a.jpg", **entry, "keypoints": points, "spread": [0.1] * 21},
                                    {"file": "b.jpg", **entry, "hands": [{"keypoints": {"4": [1, 2], "21": [3, 4]}}]},
                                    {"file": "c.mp4", **entry, "fps": 5, "frames": [{"frame": 0, "hands": []}]},
                                    {"file": "d.jpg", **entry, "boxes": [[1, 2, 3, 4]]}])  # fmt: skip
    put(
        "hagrid",
        "hagrid/a.json",
        {"a": {"bboxes": [[0.1, 0.2, 0.3, 0.4]], "labels": ["call"], "hand_landmarks": [points]}},
    )
    put("panoptic", "panoptic/a.json", {"hand_pts": [[*point, 1] for point in points], "is_left": 1})
    rows = "".join(f"a.jpg;0,0;{i};{name};1,5;2,5;NA\n" for i in range(2) for name in KEYPOINT_NAMES)
    put("csv", "excel.csv", "file;frame;hand;joint;x;y;score\n" + rows)
    shares = [[{"x": x / 100, "y": y / 80, "z": 0} for x, y in points]]
    side = [[{"category_name": "Left", "score": 0.9}]]
    put("mediapipe", "mediapipe.json", {"pictures/a.jpg": {"hand_landmarks": shares, "handedness": side}})
    put(
        "mediapipe", "mediapipe-list.json", [{"image": "a.jpg", **entry, "landmarks": [points], "handedness": ["Left"]}]
    )
    columns = ",".join(f"{axis}{number}" for number in range(21) for axis in "xy")
    values = ",".join(f"{value / 100}" for point in points for value in point)
    put("mediapipe", "wide.csv", f"file,width,height,handedness,{columns}\na.jpg,100,80,Left,{values}\n")
    rows = "".join(f"a.jpg,0,{number},{x},{y}\n" for number, (x, y) in enumerate(points))
    put("mediapipe", "long.csv", f"file,hand,landmark,x,y\n{rows}")
    xyz, camera = [[*[v / 1000 for v in point], 0.5] for point in points], [[500, 0, 112], [0, 500, 112], [0, 0, 1]]
    put("freihand", "freihand/training_xyz.json", [xyz])
    put("freihand", "freihand/training_K.json", [camera])
    kinds[-2:] = [("freihand", folder / "freihand")]
    return kinds


WORDS = (
    b"NaN", b"Infinity", b"null", b"true", b"-1", b"1e999", b"[]", b"{}", b'""', b"'", b'"hand"', b"0", b"\xef\xbb\xbf",
    b"\xff\xfe", b",", b";", b"\t", b"\n", b"99999999999999999999", b"\\u0000", b"keypoints",
    b"[" * 500, b'{"a":' * 500,
)  # fmt: skip


def _bits(data: bytearray, rng: random.Random) -> bytearray:
    for _ in range(rng.choice((1, 3, 30))):
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    return data


def _word(data: bytearray, rng: random.Random) -> bytearray:
    at = rng.randrange(len(data))
    return data[:at] + rng.choice(WORDS) + data[at + rng.choice((0, 0, 1, 5)) :]


def _value(data: bytearray, rng: random.Random) -> bytearray:
    """Put a word in the place of a number or of a text."""
    starts = [at for at in range(1, len(data)) if data[at - 1 : at] in b" :[,;>\"'" and data[at : at + 1].isalnum()]
    if not starts:
        return _word(data, rng)
    at = end = rng.choice(starts)
    while end < len(data) and data[end : end + 1] not in b" ,;:]}<\"'\n":
        end += 1
    return data[:at] + rng.choice(WORDS) + data[end:]


def _cut(data: bytearray, rng: random.Random) -> bytearray:
    return data[: rng.randrange(len(data)) + 1]


def _delete(data: bytearray, rng: random.Random) -> bytearray:
    at = rng.randrange(len(data))
    return (data[:at] + data[at + rng.choice((1, 4, 50, 1000)) :]) or bytearray(b"\0")


def _repeat(data: bytearray, rng: random.Random) -> bytearray:
    at, length = rng.randrange(len(data)), rng.choice((1, 4, 50, 1000))
    return data[:at] + data[at : at + length] * rng.choice((2, 5)) + data[at:]


MUTATIONS: tuple[Callable[[bytearray, random.Random], bytearray], ...] = (
    _bits,
    _word,
    _value,
    _value,
    _cut,
    _delete,
    _repeat,
)


def damage(path: Path, rng: random.Random) -> str:
    """Damage one text file, or one of a folder's; return what was done."""
    files = [path] if path.is_file() else sorted(file for file in path.rglob("*") if file.is_file())
    file = rng.choice(files)
    data, done = bytearray(file.read_bytes() or b"\0"), []
    for mutation in rng.choices(MUTATIONS, k=rng.choice((1, 1, 2, 4))):
        data = mutation(data, rng) or bytearray(b"\0")
        done.append(mutation.__name__.strip("_"))
    file.write_bytes(data)
    return "-".join(done)


def read(name: str, path: Path, images: Path) -> Counter[str]:
    """Read what is damaged, as the format that it was and as the one that is recognised; count records and errors."""
    from handpose_cli.formats.errors import FormatError
    from handpose_cli.labels.source import Source

    counts: Counter[str] = Counter()
    for named in (name, None):
        for place in (images, None):
            try:
                for record in Source(path, named).read(place):
                    assert isinstance(record.file, str), record.file
                    record.to_dict()
                    counts["records"] += 1
            except FormatError as error:
                assert str(error).strip(), "an error without a word"
                assert "\n" not in str(error), f"an error of several lines: {error}"
                counts["errors"] += 1
    return counts


def _work(connection: Connection) -> None:
    import logging

    logging.disable()
    while (task := connection.recv()) is not None:
        answer: Counter[str] | str
        try:
            answer = read(*task)
        except BaseException:
            answer = traceback.format_exc()
        connection.send((answer, peak_megabytes()))


def problems(folder: Path, count: int, seed: int) -> tuple[list[str], Counter[str]]:
    """Damage so many files in a folder and read them; return what went wrong, and counts over all files."""
    kinds, rng = healthy(folder / "healthy"), random.Random(seed)
    images = folder / "healthy" / "pictures"
    found: list[str] = []
    totals: Counter[str] = Counter()
    context = get_context("spawn")
    process = connection = None
    for number in range(count):
        name, original = kinds[number % len(kinds)]
        path = folder / f"{number:06d}-{original.name}"
        shutil.copytree(original, path) if original.is_dir() else shutil.copy(original, path)
        done = damage(path, rng)
        if process is None:
            connection, other = context.Pipe()
            process = context.Process(target=_work, args=(other,), daemon=True)
            process.start()
        assert connection is not None
        started = time.monotonic()
        connection.send((name, path, images))
        answer, memory = connection.recv() if connection.poll(LONGEST) else (f"longer than {LONGEST} s", 0)
        totals["files"] += 1
        totals["slowest, ms"] = max(totals["slowest, ms"], round(1000 * (time.monotonic() - started)))
        totals["memory, MB"] = max(totals["memory, MB"], memory)
        if memory > MOST_MEMORY:
            answer = f"{memory} MB"
        if time.monotonic() - started > SLOW:
            print(f"{path.name}, {name}, {done}: {time.monotonic() - started:.1f} s")
        if isinstance(answer, str):
            found.append(f"{path.name}, {name}, {done}: {answer}")
            process.kill()
            process = None
            continue
        totals.update(answer)
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    if process is not None and connection is not None:
        connection.send(None)
        process.join()
    return found, totals


def main(arguments: Iterator[int]) -> int:
    """Print what went wrong, and counts; damaged files that did are kept."""
    folder = Path(tempfile.mkdtemp(prefix="fuzz_labels"))
    found, totals = problems(folder, next(arguments, 2000), next(arguments, 0))
    print("\n".join(found))
    print(", ".join(f"{name}: {number}" for name, number in totals.items()), f"problems: {len(found)}", sep=", ")
    if not found:
        shutil.rmtree(folder)
    return bool(found)


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[2]))
    sys.exit(main(map(int, sys.argv[1:])))
